//! The four edits of pictures, on decoded RGB.
use super::region::{Edge, Region, Shape};
use crate::rng::Rng;
use crate::saving::{decode_jpeg, jpeg_bytes};
use image::{Rgb, RgbImage};
use serde::{Deserialize, Serialize};

/// What was done, with every drawn parameter. Lengths in pixels, angles in degrees, times in
/// seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Edit {
    /// See [`super::Kind::Splice`].
    Splice {
        /// Outline.
        shape: Shape,
        /// Fade.
        #[serde(flatten)]
        edge: Edge,
        /// Added to a target pixel to find its donor pixel.
        donor_shift: [i64; 2],
        /// `donor_shift` modulo 8: where the donor's 8x8 grid lies against the target's; `[0, 0]`
        /// is aligned.
        grid_offset: [u8; 2],
    },
    /// See [`super::Kind::CopyMove`].
    CopyMove {
        /// Outline.
        shape: Shape,
        /// Fade.
        #[serde(flatten)]
        edge: Edge,
        /// From the copied place to the pasted place.
        shift: [i64; 2],
        /// Size of the pasted region over that of the copied one.
        scale: f64,
        /// Turn of the pasted region.
        rotation_deg: f64,
    },
    /// See [`super::Kind::LocalResave`].
    LocalResave {
        /// Outline.
        shape: Shape,
        /// Fade.
        #[serde(flatten)]
        edge: Edge,
        /// JPEG quality of the region's own save.
        region_quality: u8,
        /// Origin of the region's own 8x8 grid in the picture, modulo 8; `[0, 0]` is aligned with
        /// the final grid.
        grid_offset: [u8; 2],
    },
    /// See [`super::Kind::ResampledInsert`].
    ResampledInsert {
        /// Outline.
        shape: Shape,
        /// Fade.
        #[serde(flatten)]
        edge: Edge,
        /// Pasted size over donor size.
        scale: f64,
        /// Turn of the pasted region.
        rotation_deg: f64,
        /// Donor point that comes to lie in the middle of the region.
        donor_centre: [f64; 2],
    },
    /// See [`super::Kind::FrameDrop`].
    FrameDrop {
        /// First frame that is missing, counted in the source segment.
        first_frame: u32,
        /// How many are missing.
        frames: u32,
    },
    /// See [`super::Kind::FrameDuplicate`].
    FrameDuplicate {
        /// Frame that is shown again, or the first of the repeated run.
        first_frame: u32,
        /// How many frames were inserted.
        frames: u32,
        /// True when one frame is held, false when a run is repeated.
        frozen: bool,
    },
    /// See [`super::Kind::SpliceInTime`].
    SpliceInTime {
        /// Frame before which the foreign frames stand.
        first_frame: u32,
        /// How many frames were inserted.
        frames: u32,
        /// Start of the inserted frames in their own clip.
        donor_start_secs: f64,
    },
}

/// A changed picture, the region, and where a copied region came from relative to it.
pub(super) struct Made {
    pub(super) picture: RgbImage,
    pub(super) region: Region,
    pub(super) edit: Edit,
    /// Set for copies: the shift from the pasted place back to the copied place.
    pub(super) copied_from: Option<(i64, i64)>,
}

/// What the region looks like and how much it covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection {
    pub(super) shape: Shape,
    pub(super) edge: Edge,
    pub(super) share: f64,
    pub(super) centre: Option<(f64, f64)>,
}

/// Smallest and largest share of the picture's area that is edited.
pub(super) const SHARES: (f64, f64) = (0.03, 0.25);

/// Mean change in grey levels below which an edit changes too little to count (black corners pasted
/// on black corners).
const LEAST_CHANGE: f64 = 6.0;
/// The same for a region's own save, which is a small change by nature.
const LEAST_RESAVE_CHANGE: f64 = 0.4;
/// Bicubic kernel half width in source samples at scales of 1 and above.
const CUBIC_SUPPORT: f64 = 2.0;

impl Selection {
    pub(super) fn draw(rng: &mut Rng, shape: Shape, largest: f64, centre: Option<(f64, f64)>) -> Self {
        let edge = if rng.chance(0.5) { Edge::Hard } else { Edge::Soft { sigma: tenths(rng.range(0.6, 2.5)) } };
        let (low, high) = (SHARES.0 * 1.03, (SHARES.1 * 0.97).min(largest));
        // Uniform in the logarithm: small regions are as frequent as large ones.
        let share = (low.ln() + (high / low).ln() * rng.unit()).exp();
        Self { shape, edge, share, centre }
    }

    fn region(self, rng: &mut Rng, size: (u32, u32)) -> Option<Region> {
        let region = Region::draw(rng, self.shape, self.edge, self.share, size, self.centre)?;
        let share = region.pixels() as f64 / (f64::from(size.0) * f64::from(size.1));
        (SHARES.0..=SHARES.1).contains(&share).then_some(region)
    }
}

/// Each `try_` function makes one attempt; `None` means that this draw does not fit the pictures.
pub(super) fn try_splice(rng: &mut Rng, base: &RgbImage, donor: &RgbImage, chosen: Selection) -> Option<Made> {
    let region = chosen.region(rng, base.dimensions())?;
    let (free_x, free_y) = (donor.width().checked_sub(region.width)?, donor.height().checked_sub(region.height)?);
    let mut place = |free: u32, length: u32, total: u32, centre: Option<f64>| match centre {
        None => rng.between(0, i64::from(free)),
        // A face goes where a face was, give or take a few pixels, so the grids do not line up by
        // design.
        Some(c) => {
            ((c * f64::from(total) - f64::from(length) / 2.0) as i64 + rng.between(-5, 5)).clamp(0, i64::from(free))
        }
    };
    let from_x = place(free_x, region.width, donor.width(), chosen.centre.map(|c| c.0));
    let from_y = place(free_y, region.height, donor.height(), chosen.centre.map(|c| c.1));
    let shift = [from_x - i64::from(region.x), from_y - i64::from(region.y)];
    let picture = blend(base, &region, |x, y| {
        donor.get_pixel((i64::from(x) + shift[0]) as u32, (i64::from(y) + shift[1]) as u32).0.map(f32::from)
    });
    let edit = Edit::Splice {
        shape: chosen.shape,
        edge: chosen.edge,
        donor_shift: shift,
        grid_offset: shift.map(|s| s.rem_euclid(8) as u8),
    };
    changed_enough(base, &picture, &region, LEAST_CHANGE).then_some(Made { picture, region, edit, copied_from: None })
}

/// Copies within the picture; `warped` asks for a scale and turn besides the shift.
pub(super) fn try_copy_move(rng: &mut Rng, base: &RgbImage, chosen: Selection, warped: bool) -> Option<Made> {
    let region = chosen.region(rng, base.dimensions())?;
    let (width, height) = base.dimensions();
    let from_x = rng.between(0, i64::from(width - region.width));
    let from_y = rng.between(0, i64::from(height - region.height));
    let shift = [i64::from(region.x) - from_x, i64::from(region.y) - from_y];
    let (scale, rotation_deg) =
        if warped { (hundredths(rng.range(0.8, 1.25)), tenths(rng.range(-30.0, 30.0))) } else { (1.0, 0.0) };
    // The copied place stays as it was: no covered pixel of the one may be covered in the other.
    let overlap = |x: u32, y: u32| {
        let (sx, sy) = (i64::from(x) + shift[0], i64::from(y) + shift[1]);
        u32::try_from(sx).ok().zip(u32::try_from(sy).ok()).is_some_and(|(sx, sy)| region.at(sx, sy) > 0.0)
    };
    for y in region.y..region.y + region.height {
        for x in region.x..region.x + region.width {
            if region.at(x, y) > 0.0 && overlap(x, y) {
                return None;
            }
        }
    }
    let picture = if warped {
        let centre = [from_x as f64 + f64::from(region.width) / 2.0, from_y as f64 + f64::from(region.height) / 2.0];
        let warp = Warp::new(&region, scale, rotation_deg, centre);
        if !warp.fits(base.dimensions()) {
            return None;
        }
        blend(base, &region, |x, y| warp.sample(base, x, y))
    } else {
        blend(base, &region, |x, y| {
            base.get_pixel((i64::from(x) - shift[0]) as u32, (i64::from(y) - shift[1]) as u32).0.map(f32::from)
        })
    };
    let edit = Edit::CopyMove { shape: chosen.shape, edge: chosen.edge, shift, scale, rotation_deg };
    changed_enough(base, &picture, &region, LEAST_CHANGE).then_some(Made {
        picture,
        region,
        edit,
        copied_from: Some((-shift[0], -shift[1])),
    })
}

/// Saves the region's box (or, aligned, the whole picture) at another quality and puts the region
/// back.
pub(super) fn try_local_resave(rng: &mut Rng, base: &RgbImage, final_quality: u8, chosen: Selection) -> Option<Made> {
    let region = chosen.region(rng, base.dimensions())?;
    let choices: Vec<u8> = (30..=90).step_by(5).filter(|q| final_quality.abs_diff(*q) > 5).collect();
    let region_quality = *rng.pick(&choices)?;
    let aligned = rng.chance(0.5);
    let (left, top) = if aligned {
        (0, 0)
    } else {
        let margin = |low: u32, rng: &mut Rng| low.saturating_sub(rng.below(8) as u32);
        (margin(region.x, rng), margin(region.y, rng))
    };
    let (right, bottom) = if aligned { base.dimensions() } else { (region.x + region.width, region.y + region.height) };
    let cut = image::imageops::crop_imm(base, left, top, right - left, bottom - top).to_image();
    let saved = jpeg_bytes(&cut, region_quality).and_then(|bytes| decode_jpeg(&bytes)).ok()?;
    let picture = blend(base, &region, |x, y| saved.get_pixel(x - left, y - top).0.map(f32::from));
    let edit = Edit::LocalResave {
        shape: chosen.shape,
        edge: chosen.edge,
        region_quality,
        grid_offset: [(left % 8) as u8, (top % 8) as u8],
    };
    changed_enough(base, &picture, &region, LEAST_RESAVE_CHANGE).then_some(Made {
        picture,
        region,
        edit,
        copied_from: None,
    })
}

pub(super) fn try_resampled_insert(
    rng: &mut Rng,
    base: &RgbImage,
    donor: &RgbImage,
    chosen: Selection,
) -> Option<Made> {
    let region = chosen.region(rng, base.dimensions())?;
    // A third is scaled only, a third turned only, a third both; never so little that nothing is
    // interpolated.
    let way = rng.below(3);
    let scale = match (way, rng.chance(0.5)) {
        (1, _) => 1.0,
        (_, false) => hundredths(rng.range(0.6, 0.95)),
        (_, true) => hundredths(rng.range(1.05, 1.8)),
    };
    let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
    let rotation_deg = if way == 0 { 0.0 } else { sign * tenths(rng.range(3.0, 45.0)) };
    let (dw, dh) = (f64::from(donor.width()), f64::from(donor.height()));
    let donor_centre = match chosen.centre {
        Some((cx, cy)) => [cx * dw + rng.range(-6.0, 6.0), cy * dh + rng.range(-6.0, 6.0)],
        None => [rng.range(0.0, dw), rng.range(0.0, dh)],
    };
    let warp = Warp::new(&region, scale, rotation_deg, donor_centre);
    if !warp.fits(donor.dimensions()) {
        return None;
    }
    let picture = blend(base, &region, |x, y| warp.sample(donor, x, y));
    let donor_centre = donor_centre.map(recorded);
    let edit = Edit::ResampledInsert { shape: chosen.shape, edge: chosen.edge, scale, rotation_deg, donor_centre };
    changed_enough(base, &picture, &region, LEAST_CHANGE).then_some(Made { picture, region, edit, copied_from: None })
}

/// Where a pixel of the region lies in the donor: turned and scaled about the region's middle.
struct Warp<'a> {
    region: &'a Region,
    middle: [f64; 2],
    donor_centre: [f64; 2],
    cos: f64,
    sin: f64,
    scale: f64,
}

impl<'a> Warp<'a> {
    fn new(region: &'a Region, scale: f64, rotation_deg: f64, donor_centre: [f64; 2]) -> Self {
        let (sin, cos) = rotation_deg.to_radians().sin_cos();
        let middle =
            [f64::from(region.x) + f64::from(region.width) / 2.0, f64::from(region.y) + f64::from(region.height) / 2.0];
        Self { region, middle, donor_centre, cos, sin, scale }
    }

    /// Donor coordinates (pixel centres at halves) of a target pixel.
    fn donor_point(&self, x: u32, y: u32) -> (f64, f64) {
        let (u, v) = (f64::from(x) + 0.5 - self.middle[0], f64::from(y) + 0.5 - self.middle[1]);
        (
            self.donor_centre[0] + (self.cos * u + self.sin * v) / self.scale,
            self.donor_centre[1] + (self.cos * v - self.sin * u) / self.scale,
        )
    }

    fn fits(&self, (width, height): (u32, u32)) -> bool {
        (self.region.y..self.region.y + self.region.height).all(|y| {
            (self.region.x..self.region.x + self.region.width).filter(|x| self.region.at(*x, y) > 0.0).all(|x| {
                let (dx, dy) = self.donor_point(x, y);
                dx >= 0.5 && dy >= 0.5 && dx <= f64::from(width) - 0.5 && dy <= f64::from(height) - 0.5
            })
        })
    }

    /// Bicubic (Keys, a = -0.5), widened when the donor is made smaller, as image editors do.
    fn sample(&self, donor: &RgbImage, x: u32, y: u32) -> [f32; 3] {
        let (dx, dy) = self.donor_point(x, y);
        let stretch = self.scale.recip().max(1.0);
        let reach = CUBIC_SUPPORT * stretch;
        let (left, right) = ((dx - 0.5 - reach).ceil() as i64, (dx - 0.5 + reach).floor() as i64);
        let (top, bottom) = ((dy - 0.5 - reach).ceil() as i64, (dy - 0.5 + reach).floor() as i64);
        let mut total = [0.0f64; 3];
        let mut weights = 0.0;
        for sy in top..=bottom {
            let wy = cubic((sy as f64 + 0.5 - dy) / stretch);
            for sx in left..=right {
                let weight = wy * cubic((sx as f64 + 0.5 - dx) / stretch);
                let pixel = donor.get_pixel(
                    sx.clamp(0, i64::from(donor.width()) - 1) as u32,
                    sy.clamp(0, i64::from(donor.height()) - 1) as u32,
                );
                for (sum, value) in total.iter_mut().zip(pixel.0) {
                    *sum += weight * f64::from(value);
                }
                weights += weight;
            }
        }
        total.map(|sum| (sum / weights) as f32)
    }
}

fn cubic(t: f64) -> f64 {
    let t = t.abs();
    if t < 1.0 {
        (1.5 * t - 2.5) * t * t + 1.0
    } else if t < 2.0 {
        ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    } else {
        0.0
    }
}

/// Puts `patch` over the base by the region's coverage.
fn blend(base: &RgbImage, region: &Region, patch: impl Fn(u32, u32) -> [f32; 3]) -> RgbImage {
    let mut picture = base.clone();
    for y in region.y..region.y + region.height {
        for x in region.x..region.x + region.width {
            let alpha = region.at(x, y);
            if alpha > 0.0 {
                let new = patch(x, y);
                let old = base.get_pixel(x, y).0;
                let mixed: [u8; 3] = std::array::from_fn(|c| {
                    (f32::from(old[c]) + alpha * (new[c] - f32::from(old[c]))).round().clamp(0.0, 255.0) as u8
                });
                picture.put_pixel(x, y, Rgb(mixed));
            }
        }
    }
    picture
}

fn changed_enough(base: &RgbImage, picture: &RgbImage, region: &Region, least: f64) -> bool {
    let mut change = 0u64;
    for y in region.y..region.y + region.height {
        for x in region.x..region.x + region.width {
            if region.at(x, y) >= 0.5 {
                let (a, b) = (base.get_pixel(x, y).0, picture.get_pixel(x, y).0);
                change += a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>();
            }
        }
    }
    change as f64 / (3.0 * region.pixels() as f64) >= least
}

/// To six places: a decimal that short reads back as the same number, so an index equals what was
/// written.
pub(super) fn recorded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32, seed: u64) -> RgbImage {
        let mut rng = Rng::new(seed);
        RgbImage::from_fn(width, height, |_, _| Rgb(std::array::from_fn(|_| rng.below(256) as u8)))
    }

    fn first<T>(mut attempt: impl FnMut(&mut Rng) -> Option<T>) -> T {
        let mut rng = Rng::new(11);
        (0..500).find_map(|_| attempt(&mut rng)).expect("one of many draws fits")
    }

    fn selection(rng: &mut Rng) -> Selection {
        Selection::draw(rng, Shape::Blob, 0.15, None)
    }

    fn unchanged_outside(base: &RgbImage, made: &Made) -> bool {
        base.enumerate_pixels().all(|(x, y, p)| made.region.at(x, y) > 0.0 || made.picture.get_pixel(x, y) == p)
    }

    #[test]
    fn every_edit_leaves_the_rest_alone() {
        let (base, donor) = (noise(160, 120, 1), noise(200, 180, 2));
        for made in [
            first(|rng| {
                let chosen = selection(rng);
                try_splice(rng, &base, &donor, chosen)
            }),
            first(|rng| {
                let chosen = selection(rng);
                try_copy_move(rng, &base, chosen, false)
            }),
            first(|rng| {
                let chosen = selection(rng);
                try_copy_move(rng, &base, chosen, true)
            }),
            first(|rng| {
                let chosen = selection(rng);
                try_local_resave(rng, &base, 85, chosen)
            }),
            first(|rng| {
                let chosen = selection(rng);
                try_resampled_insert(rng, &base, &donor, chosen)
            }),
        ] {
            assert!(unchanged_outside(&base, &made), "{:?}", made.edit);
            assert_ne!(base, made.picture, "{:?}", made.edit);
        }
    }

    #[test]
    fn a_copied_region_equals_the_place_it_names() {
        let base = noise(160, 120, 3);
        let made = first(|rng| {
            let mut chosen = selection(rng);
            chosen.edge = Edge::Hard;
            try_copy_move(rng, &base, chosen, false)
        });
        let (dx, dy) = made.copied_from.unwrap();
        for (x, y, pixel) in made.picture.enumerate_pixels() {
            if made.region.at(x, y) == 1.0 {
                let from = base.get_pixel((i64::from(x) + dx) as u32, (i64::from(y) + dy) as u32);
                assert_eq!(pixel, from);
            }
        }
    }

    #[test]
    fn a_warp_of_nothing_is_the_identity_and_a_doubling_interpolates() {
        let picture = noise(64, 64, 4);
        let region = Region { x: 16, y: 16, width: 32, height: 32, alpha: vec![1.0; 1024] };
        let still = Warp::new(&region, 1.0, 0.0, [32.0, 32.0]);
        assert_eq!(still.sample(&picture, 20, 25), picture.get_pixel(20, 25).0.map(f32::from));
        let ramp = RgbImage::from_fn(64, 64, |x, _| Rgb([(2 * x) as u8; 3]));
        let doubled = Warp::new(&region, 2.0, 0.0, [32.0, 32.0]);
        // Pixel centre 40.5 lies 8.5 right of the middle, so 4.25 right of 32: sample position
        // 35.75, ramp value 71.5.
        assert!((doubled.sample(&ramp, 40, 32)[0] - 71.5).abs() < 0.01);
    }
}
