//! Reading the mark back.
//!
//! The decision that shapes it: every picture or frame is brought to a working plane of bounded
//! size and *whitened*: band by band divided by what is going on there and limited, so that no part
//! of it outweighs the others. Frames of a clip carry the same pattern at the same place, so their
//! whitened planes are added up first, and search and decoding happen once. Two statements are kept
//! apart: that the pattern is there (a statistic with a bounded rate of false positives), and which
//! number it carries (the code's checksum besides).
use rustfft::num_complex::Complex32;

use super::code::{self, CODE_BITS};
use super::pattern::{RADII, lines};
use super::perception::Field;
use super::spectrum::Spectrum;
use super::{CANONICAL, LONGEST_SIDE, sync};

/// Chance at most that a picture without mark is said to carry one.
pub const FALSE_POSITIVE_RATE: f64 = 1e-6;
/// Added to the activity before dividing by it, in grey levels: below it lie rounding and coding
/// noise.
const FLOOR: f32 = 0.5;
/// Where a whitened band is cut off.
const LIMIT: f32 = 2.5;
/// From this statistic of the known lines on, decoding is tried: less is chance, and what it would
/// take from the other lines is there, too.
const WORTH_DECODING: f32 = 5.5;
/// Rings on which the reliability of lines is estimated from the known ones.
const RINGS: usize = 8;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// True when the pattern is there.
    pub found: bool,
    /// The number that it carries; `None` when it cannot be read or nothing is there.
    pub id: Option<u32>,
    /// Agreement with the known lines, in standard deviations of chance.
    pub statistic: f32,
    /// From which statistic on the pattern counts as found.
    pub threshold: f32,
    /// Agreement with all lines under the decoded number; `None` without one.
    pub full_statistic: Option<f32>,
    /// From which on that agreement counts.
    pub full_threshold: f32,
    /// Scale of the pattern relative to that in a picture of this size as it was marked.
    pub scale: f32,
    /// True when the picture was turned left for right since.
    pub mirrored: bool,
}

/// Collects the frames of a clip, or one picture.
#[derive(Debug, Default)]
pub(crate) struct Detector {
    sum: Option<Field>,
    frames: u32,
}

/// The part of a picture that is looked at, reduced to the working plane.
fn working_plane(luma: &Field) -> Field {
    let step = (luma.width.min(luma.height) as f32 / CANONICAL as f32).max(1.0);
    let small = |side: usize| ((side as f32 / step).floor() as usize).max(1);
    let plane = if step > 1.0 { luma.resampled(step, small(luma.width), small(luma.height)) } else { luma.clone() };
    let (width, height) = (plane.width.min(LONGEST_SIDE), plane.height.min(LONGEST_SIDE));
    if (width, height) == (plane.width, plane.height) {
        return plane;
    }
    let (left, top) = ((plane.width - width) / 2, (plane.height - height) / 2);
    let rows = plane.data.chunks_exact(plane.width).skip(top).take(height);
    Field { width, height, data: rows.flat_map(|row| &row[left..left + width]).copied().collect() }
}

fn whitened(plane: &Field) -> Field {
    let mut white = Field::zeros(plane.width, plane.height);
    for band in plane.bands() {
        let activity = band.activity();
        for ((to, v), a) in white.data.iter_mut().zip(&band.data).zip(&activity.data) {
            *to += (v / (a + FLOOR)).clamp(-LIMIT, LIMIT);
        }
    }
    white
}

impl Detector {
    /// Adds a picture or the next frame; frames of another size than the first are left out.
    pub(crate) fn add(&mut self, luma: &Field) {
        let white = whitened(&working_plane(luma));
        match &mut self.sum {
            None => self.sum = Some(white),
            Some(sum) if (sum.width, sum.height) == (white.width, white.height) => {
                sum.data.iter_mut().zip(&white.data).for_each(|(s, w)| *s += w);
            }
            Some(_) => return,
        }
        self.frames += 1;
    }

    /// Searches and decodes; `None` when nothing was added or it is too small for a search.
    pub(crate) fn finish(&self) -> Option<Reading> {
        let sum = self.sum.as_ref().filter(|s| s.width.min(s.height) >= super::SMALLEST_SEARCHED)?;
        let plane = if self.frames > 1 { settled(sum) } else { sum.clone() };
        let spectrum = Spectrum::of(&plane);
        let candidates = sync::search(&plane, &spectrum);
        let hypotheses = sync::hypotheses((plane.width, plane.height));
        let threshold = (2.0 * (hypotheses / (FALSE_POSITIVE_RATE / 2.0)).ln()).sqrt() as f32;
        let numbers = 2f64.powi(32);
        let full_threshold = (2.0 * (hypotheses * numbers / (FALSE_POSITIVE_RATE / 2.0)).ln()).sqrt() as f32;
        let best = candidates.first()?;
        let mut reading = Reading {
            found: false,
            id: None,
            statistic: best.statistic,
            threshold,
            full_statistic: None,
            full_threshold,
            scale: sync::scale(&best.pose),
            mirrored: best.pose.mirrored,
        };
        for candidate in candidates.iter().filter(|c| c.statistic >= WORTH_DECODING) {
            let values = sync::values(&plane, &spectrum, &candidate.pose);
            let weighting = candidate.weighting;
            let pairs = || lines().iter().zip(&values);
            let known = pairs().filter(|(l, _)| l.bits.is_none()).map(|(l, v)| (l.phase, *v, weighting.of(l)));
            reading.statistic = reading.statistic.max(sync::agreement(known));
            let Some(id) = code::decode(&soft_bits(&values)) else { continue };
            let code = code::encode(id);
            let full = sync::agreement(pairs().map(|(l, v)| (l.value(&code), *v, weighting.of(l))));
            if full >= full_threshold {
                reading.full_statistic = Some(full);
                reading.id = Some(id);
                reading.scale = sync::scale(&candidate.pose);
                reading.mirrored = candidate.pose.mirrored;
                break;
            }
        }
        reading.found = reading.statistic >= threshold || reading.id.is_some();
        Some(reading)
    }
}

/// The mean of frames whitened once more: what stood still in the clip was added up with the mark.
fn settled(sum: &Field) -> Field {
    let power = sum.data.iter().map(|v| v * v).sum::<f32>() / sum.data.len() as f32;
    let scale = 8.0 / power.max(1e-12).sqrt();
    let data = sum.data.iter().map(|v| v * scale).collect();
    whitened(&Field { data, ..*sum })
}

/// Soft code bits, each line weighted by how well the known lines around its frequency came
/// through.
fn soft_bits(values: &[Complex32]) -> [f32; CODE_BITS] {
    let place = |radius: f32| (radius - RADII.0) / (RADII.1 - RADII.0) * RINGS as f32;
    let mut rings = [(0.0f32, 0.0f32); RINGS];
    for (line, value) in lines().iter().zip(values).filter(|(l, _)| l.bits.is_none()) {
        let agreement = (line.phase.conj() * value).re;
        for (at, (sum, count)) in rings.iter_mut().enumerate() {
            let near = (1.0 - (place(line.radius()) - at as f32 - 0.5).abs() / 1.5).max(0.0);
            *sum += near * agreement;
            *count += near;
        }
    }
    let reliability = rings.map(|(sum, count)| (sum / count.max(1e-6)).max(0.01));
    let mut soft = [0.0; CODE_BITS];
    for (line, value) in lines().iter().zip(values) {
        let Some([re, im]) = line.bits else { continue };
        let weight = reliability[(place(line.radius()) as usize).min(RINGS - 1)];
        let chip = line.phase.conj() * value * weight;
        soft[re] += chip.re;
        soft[im] += chip.im;
    }
    soft
}
