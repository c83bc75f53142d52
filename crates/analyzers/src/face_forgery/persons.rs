//! From looks to stretches, from stretches to a person.
use assay_faces::{Faces, Observation, Suspicion};

/// Length of a stretch in seconds.
const STRETCH_SECS: f64 = 3.0;
/// Face size in pixels from which the networks see all that they were trained on.
const ENOUGH_PX: f32 = 100.0;

/// One look at one face.
pub(super) struct Look<'a> {
    pub(super) pts_secs: f64,
    pub(super) logit: f64,
    pub(super) suspicion: &'a Suspicion,
}

/// Looks of one person in three seconds.
pub(super) struct Stretch {
    pub(super) start_secs: f64,
    pub(super) end_secs: f64,
    /// Mean of the looks.
    pub(super) logit: f64,
}

/// One person.
pub(super) struct Judged<'a> {
    pub(super) id: String,
    pub(super) looks: Vec<Look<'a>>,
    pub(super) stretches: Vec<Stretch>,
    /// `ln` of the mean over stretches of `exp(logit)`.
    pub(super) score: f64,
    pub(super) reliability: f64,
}

/// Every person whom the networks judged at least once, in the order of the report.
pub(super) fn judged(faces: &Faces) -> Vec<Judged<'_>> {
    faces.persons.iter().enumerate().filter_map(|(at, who)| person(faces, at, who)).collect()
}

fn person<'a>(faces: &'a Faces, at: usize, who: &'a assay_faces::Person) -> Option<Judged<'a>> {
    let mut all: Vec<&Observation> = faces.observations(who).filter(|o| o.suspicion.is_some()).collect();
    all.sort_by(|a, b| a.pts_secs.total_cmp(&b.pts_secs));
    let look = |o: &&'a Observation| {
        let suspicion = o.suspicion.as_ref()?;
        Some(Look { pts_secs: o.pts_secs, logit: f64::from(suspicion.logit()), suspicion })
    };
    let looks: Vec<Look<'a>> = all.iter().filter_map(look).collect();
    if looks.is_empty() {
        return None;
    }
    let fit = |o: &&Observation| (o.box_in_frame.size() / ENOUGH_PX).min(1.0) * o.quality.sharpness;
    let reliability = f64::from(all.iter().map(fit).sum::<f32>()) / all.len() as f64;
    let stretches = stretches(&looks);
    let logits: Vec<f64> = stretches.iter().map(|s| s.logit).collect();
    Some(Judged {
        id: format!("P{}", at + 1),
        score: log_mean(&logits),
        reliability: (reliability * 100.0).round() / 100.0,
        stretches,
        looks,
    })
}

fn stretches(looks: &[Look<'_>]) -> Vec<Stretch> {
    let first = looks.first().map_or(0.0, |l| l.pts_secs);
    looks
        .chunk_by(|a, b| ((a.pts_secs - first) / STRETCH_SECS) as u64 == ((b.pts_secs - first) / STRETCH_SECS) as u64)
        .filter_map(|chunk| {
            let (start, end) = (chunk.first()?, chunk.last()?);
            let logit = chunk.iter().map(|l| l.logit).sum::<f64>() / chunk.len() as f64;
            Some(Stretch { start_secs: start.pts_secs, end_secs: end.pts_secs, logit })
        })
        .collect()
}

/// `ln(mean(exp(x)))`: the likelihood of a mixture in which any one of the stretches may be the manipulated one.
fn log_mean(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + (values.iter().map(|v| (v - most).exp()).sum::<f64>() / values.len().max(1) as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_stretch_carries_a_long_clip_but_pays_for_its_length() {
        let short = log_mean(&[8.0]);
        let long = log_mean(&[[8.0].as_slice(), &[-3.0; 99]].concat());
        assert!((short - 8.0).abs() < 1e-12);
        assert!((long - (8.0 - 100f64.ln())).abs() < 0.01, "{long}");
        assert!(log_mean(&[-3.0; 50]) < -2.9);
    }

    #[test]
    fn stretches_are_three_seconds_from_the_first_look() {
        let suspicion = Suspicion {
            logits: vec![1.0],
            map: vec![],
            crop_in_frame: assay_faces::geometry::Rect::default(),
            jpeg: vec![],
        };
        let looks: Vec<Look<'_>> = (0..40)
            .map(|i| Look { pts_secs: 1.0 + f64::from(i) / 6.0, logit: f64::from(i / 18), suspicion: &suspicion })
            .collect();
        let found = stretches(&looks);
        assert_eq!(found.len(), 3);
        assert!((found[1].start_secs - 4.0).abs() < 1e-9 && (found[1].logit - 1.0).abs() < 1e-9);
    }
}
