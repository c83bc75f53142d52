//! How often the mark is seen where there is none, beside the bound of theory.
use std::path::PathBuf;

use assay_provenance::{PixelMarks, watermark};
use assay_random::Rng;
use image::imageops::{self, FilterType};
use rayon::prelude::*;

use crate::open;

/// Windows that one picture gives at most, at places and scales of their own.
const PER_PICTURE: usize = 64;

/// Files that are looked at for a label.
const LABELS: usize = 1000;

/// Numbers that depend on the seed only, from 0 to 1.
fn draws(seed: u64) -> impl FnMut() -> f32 {
    let mut rng = Rng::new(seed);
    move || (rng.next_u64() >> 40) as f32 / (1u64 << 24) as f32
}

/// `count` windows of `side` pixels from unmarked files.
pub(crate) fn false_positives(side: u32, count: usize, files: &[PathBuf]) -> anyhow::Result<()> {
    let each = count.div_ceil(files.len().max(1)).min(PER_PICTURE);
    let of_picture = |(at, file): (usize, &PathBuf)| {
        let Ok(picture) = open(file) else { return Vec::new() };
        let mut draw = draws(at as u64);
        let window = |_| {
            let least = side as f32 / picture.width().min(picture.height()) as f32;
            let taken = (side as f32 / (least.max(0.5) * (1.0 + draw()))) as u32;
            let place = |room: u32, share: f32| (room.saturating_sub(taken) as f32 * share) as u32;
            let (x, y) = (place(picture.width(), draw()), place(picture.height(), draw()));
            let window = imageops::crop_imm(&picture, x, y, taken, taken);
            watermark::read(&imageops::resize(&*window, side, side, FilterType::CatmullRom))
        };
        (0..each).filter_map(window).collect()
    };
    let readings: Vec<_> = files.par_iter().enumerate().flat_map_iter(of_picture).collect();
    let Some(first) = readings.first() else { anyhow::bail!("no picture could be read") };
    // The threshold is where hypotheses * exp(-t^2 / 2) is half the stated rate.
    let threshold = f64::from(first.threshold);
    let hypotheses = watermark::FALSE_POSITIVE_RATE / 2.0 * (threshold * threshold / 2.0f64).exp();
    let found = readings.iter().filter(|r| r.found).count();
    println!(
        "{found} of {} windows of {side} px from {} files said to carry the mark (threshold {threshold:.2})\n",
        readings.len(),
        files.len()
    );
    println!("| statistic above | windows | bound by theory |\n|---|---|---|");
    for t in [5.0, 5.5, 6.0, 6.25, 6.5, 6.75, 7.0, 7.25, 7.5] {
        let above = readings.iter().filter(|r| f64::from(r.statistic) >= t).count();
        let bound = (hypotheses * (-t * t / 2.0).exp()).min(1.0) * readings.len() as f64;
        println!("| {t} | {above} | {bound:.1} |");
    }
    println!();
    let labels = |file: &PathBuf| open(file).ok().map(|picture| PixelMarks::of_picture(&picture).label);
    let labels: Vec<_> = files.par_iter().step_by(files.len().div_ceil(LABELS)).filter_map(labels).collect();
    let most = labels.iter().map(|label| label.score).fold(0.0, f32::max);
    let found = labels.iter().filter(|label| label.found).count();
    println!("Visible label: found in {found} of {} unmarked pictures, highest correlation {most:.2}\n", labels.len());
    Ok(())
}
