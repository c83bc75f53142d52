//! The figures of a run on its validation crops.
use assay_bench::metrics::{auc, credit};

use super::examples::{Example, Sort};
use super::masks::Mask;

/// What a network says of a crop.
pub(super) struct Said {
    /// Positive speaks for a forgery.
    pub(super) logit: f32,
    /// Place by place.
    pub(super) map: Vec<f32>,
    /// Its mean where the face is.
    pub(super) middle: f32,
}

/// Figures sort by sort, in the order of the crops. `truth` brings a mask to the places of a map.
pub(super) fn figures(
    examples: &[&Example],
    said: &[Said],
    truth: impl Fn(&Example, &Mask) -> Vec<f32>,
) -> Vec<(&'static str, f64)> {
    let mut sorts: Vec<&'static Sort> = Vec::new();
    for example in examples {
        if !sorts.iter().any(|s| s.name == example.sort.name) {
            sorts.push(example.sort);
        }
    }
    let mut figures = Vec::new();
    for sort in sorts {
        let (mut fakes, mut reals, mut inside, mut outside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut fake_maps, mut real_maps) = (Vec::new(), Vec::new());
        for (example, said) in examples.iter().zip(said).filter(|(e, _)| e.sort.name == sort.name) {
            if example.is_fake() { &mut fakes } else { &mut reals }.push(f64::from(said.logit));
            if example.is_fake() { &mut fake_maps } else { &mut real_maps }.push(f64::from(said.middle));
            let Some(mask) = &example.mask else { continue };
            for (share, place) in truth(example, mask).iter().zip(&said.map) {
                if *share > 0.5 { &mut inside } else { &mut outside }.push(f64::from(*place));
            }
        }
        let higher: f64 = fakes.iter().zip(&reals).map(|(f, r)| credit(*r, *f)).sum();
        let Some(area) = auc(&fakes, &reals) else { continue };
        figures.push((sort.name, area));
        figures.extend(sort.paired.map(|name| (name, higher / fakes.len() as f64)));
        figures.extend(sort.map_auc.zip(auc(&inside, &outside)));
        figures.extend(sort.by_map.zip(auc(&fake_maps, &real_maps)));
    }
    figures
}
