//! The crop that the forgery networks see, and what they said of it.
//!
//! The decision that shapes it: the crop is judged while the frame is at hand, as everything else that needs pixels, and what is kept of it is small: the
//! logits, the map, and a JPEG for the reader. Nothing is weighed here.
use assay_models::face_forgery::{CELL, Input, SIDE, SYNTHESIS_MARGIN, append};
use assay_models::shipped_faces::{Crop, Judges};
use image::{ExtendedColorType, RgbImage};

use crate::FacesError;
use crate::geometry::{Affine, Rect};
use crate::warp::{self, Border};

/// Mesh size in pixels (the longer side of its tight box) below which no grain is left to judge.
pub const SMALLEST_PX: f32 = 48.0;
/// Sharpness (of [`crate::Quality`]) below which a face is too blurred to be judged.
pub const LEAST_SHARPNESS: f32 = 0.15;
/// JPEG quality of the kept crop.
const JPEG_QUALITY: u8 = 90;

/// What can be asked about a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Whether it was laid over or reshaped.
    Manipulated,
    /// Whether it was generated as a whole.
    Generated,
    /// How unusual it is among real faces.
    Unusual,
}

/// What the forgery networks say of one face in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicion {
    /// One logit a network that tells manipulated faces, above zero where it takes the face for one; not calibrated.
    pub forgery: Vec<f32>,
    /// The same of the networks that tell wholly generated faces.
    pub synthesis: Vec<f32>,
    /// Share of real faces that are more usual, 0 to 1; `None` without a measure of that.
    pub anomaly: Option<f32>,
    /// Shares 0..=1 of what was laid over, row by row over the crop: the networks' mean.
    pub map: Vec<f32>,
    /// What each place of the crop adds to the mean logit of a manipulation.
    pub forgery_places: Vec<f32>,
    /// The same of a generated face; 0 where those networks do not look.
    pub synthesis_places: Vec<f32>,
    /// The crop, in pixels of the frame.
    pub crop_in_frame: Rect,
    /// The crop as the networks saw it.
    pub jpeg: Vec<u8>,
}

/// Side of [`Suspicion::map`].
pub const MAP_SIDE: usize = 20;

/// The maps of a [`Suspicion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// What was laid over: [`Suspicion::map`].
    LaidOver,
    /// What speaks for a manipulation: [`Suspicion::forgery_places`].
    Manipulated,
    /// What speaks for a generated face: [`Suspicion::synthesis_places`].
    Generated,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LaidOver, Self::Manipulated, Self::Generated];
}

impl Suspicion {
    /// One of its maps, row by row over the crop.
    pub fn layer(&self, layer: Layer) -> &[f32] {
        match layer {
            Layer::LaidOver => &self.map,
            Layer::Manipulated => &self.forgery_places,
            Layer::Generated => &self.synthesis_places,
        }
    }

    /// The mean logit of a manipulation; `None` where no network looks for one.
    pub fn forgery_logit(&self) -> Option<f32> {
        mean(&self.forgery)
    }

    /// The rank among real faces as log odds: 0 for the middle one.
    pub fn anomaly_logit(&self) -> Option<f32> {
        self.anomaly.map(|rank| (rank / (1.0 - rank)).ln())
    }

    /// The mean logit of a wholly generated face; `None` where no network looks for one.
    pub fn synthesis_logit(&self) -> Option<f32> {
        mean(&self.synthesis)
    }
}

fn mean(logits: &[f32]) -> Option<f32> {
    (!logits.is_empty()).then(|| logits.iter().sum::<f32>() / logits.len() as f32)
}

/// The square that is cut out around a mesh, `margin` times its longer extent; `None` where the mesh has no extent or is too small.
pub fn square(mesh: &[[f32; 2]], margin: f32) -> Option<Rect> {
    let tight = Rect::around(mesh)?;
    let extent = tight.width.max(tight.height);
    let side = extent * margin;
    let [x, y] = tight.centre();
    (extent >= SMALLEST_PX).then(|| Rect::new(x - side / 2.0, y - side / 2.0, side, side))
}

/// The crop of a square as `side` pixels, black beyond the frame's edge; values 0..=255.
pub fn cut(frame: &RgbImage, square: &Rect, side: u32) -> RgbImage {
    let scale = [f64::from(square.width) / f64::from(side), f64::from(square.height) / f64::from(side)];
    let frame_from_crop = Affine::scale_shift(scale, [f64::from(square.x), f64::from(square.y)]);
    warp::crop(frame, &frame_from_crop, (side, side), Border::Black)
}

/// The row or column of the close crop that a row or column of the wide one lies in.
fn in_close(at: usize, margin: f32) -> Option<usize> {
    let side = MAP_SIDE as f32;
    let place = ((at as f32 + 0.5) / side - 0.5) * margin / SYNTHESIS_MARGIN + 0.5;
    (0.0..1.0).contains(&place).then_some((place * side) as usize)
}

/// A square map as means over [`MAP_SIDE`] x [`MAP_SIDE`] places of equal size, whatever its own side.
fn pooled(map: &[f32]) -> Vec<f32> {
    let side = map.len().isqrt();
    let step = side as f32 / MAP_SIDE as f32;
    let share = |to: usize, from: usize| {
        let [start, end] = [to, to + 1].map(|v| v as f32 * step);
        (end.min(from as f32 + 1.0) - start.max(from as f32)).max(0.0) / step
    };
    let rows: Vec<f32> =
        (0..MAP_SIDE * side).map(|i| (0..side).map(|y| share(i / side, y) * map[y * side + i % side]).sum()).collect();
    (0..MAP_SIDE * MAP_SIDE)
        .map(|i| (0..side).map(|x| share(i % MAP_SIDE, x) * rows[i / MAP_SIDE * side + x]).sum())
        .collect()
}

/// Asks every network of one crop.
pub(crate) fn judge(judges: &Judges, frame: &RgbImage, mesh: &[[f32; 2]]) -> Result<Option<Suspicion>, FacesError> {
    let Crop { side, margin } = judges.crop();
    let Some(around) = square(mesh, margin).filter(|_| !judges.entries.is_empty()) else { return Ok(None) };
    let planes = |crop: &RgbImage| -> Vec<f32> {
        let pixels: Vec<[f32; 3]> = crop.pixels().map(|p| p.0.map(f32::from)).collect();
        let mut planes = Vec::new();
        append(&mut planes, &pixels, Input::default());
        planes
    };
    let mut found = Suspicion {
        forgery: Vec::new(),
        synthesis: Vec::new(),
        anomaly: None,
        map: vec![0.0; MAP_SIDE * MAP_SIDE],
        forgery_places: vec![0.0; MAP_SIDE * MAP_SIDE],
        synthesis_places: vec![0.0; MAP_SIDE * MAP_SIDE],
        crop_in_frame: around,
        jpeg: Vec::new(),
    };
    let crop = cut(frame, &around, side as u32);
    let wide = if judges.forgery.is_empty() { Vec::new() } else { planes(&crop) };
    let share = 1.0 / judges.forgery.len().max(1) as f32;
    for (at, network) in judges.forgery.iter().enumerate() {
        for judgement in network.judge_planes(wide.clone(), 1) {
            if at == 0 {
                found.anomaly = judges.anomaly.as_ref().map(|a| a.rank(&judgement.features));
            }
            found.forgery.push(judgement.logit);
            found.map.iter_mut().zip(pooled(&judgement.map)).for_each(|(sum, v)| *sum += share * v);
            found.forgery_places.iter_mut().zip(pooled(&judgement.places)).for_each(|(sum, v)| *sum += share * v);
        }
    }
    if let Some(close) = square(mesh, SYNTHESIS_MARGIN).filter(|_| !judges.synthesis.is_empty()) {
        let close = planes(&cut(frame, &close, SIDE as u32));
        for network in &judges.synthesis {
            for judgement in network.judge_planes(close.clone(), 1) {
                found.synthesis.push(judgement.logit);
                for (at, place) in found.synthesis_places.iter_mut().enumerate() {
                    let [x, y] = [at % MAP_SIDE, at / MAP_SIDE].map(|v| in_close(v, margin));
                    if let (Some(x), Some(y)) = (x, y) {
                        *place += judgement.places[y * SIDE / CELL + x] / judges.synthesis.len() as f32;
                    }
                }
            }
        }
    }
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut found.jpeg, JPEG_QUALITY);
    encoder.encode(crop.as_raw(), crop.width(), crop.height(), ExtendedColorType::Rgb8)?;
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use assay_models::face_forgery::MARGIN;

    use super::*;

    #[test]
    fn the_square_holds_the_mesh_in_its_middle_and_small_faces_have_none() {
        let mesh = [[100.0, 50.0], [200.0, 90.0], [150.0, 170.0]];
        let found = square(&mesh, MARGIN).unwrap();
        assert_eq!((found.width, found.centre()), (180.0, [150.0, 110.0]));
        assert!(square(&[[0.0, 0.0], [20.0, 30.0]], MARGIN).is_none() && square(&[], MARGIN).is_none());
    }

    #[test]
    fn maps_of_any_side_are_pooled_by_area() {
        let of = |side: usize| -> Vec<f32> { (0..side * side).map(|i| (i % side) as f32 / side as f32).collect() };
        assert!(pooled(&of(MAP_SIDE)).iter().zip(of(MAP_SIDE)).all(|(a, b)| (a - b).abs() < 1e-6));
        let found = pooled(&of(30));
        // A place of 1.5 columns of 1/30 each: the first is one whole column of 0 and half of one of 1/30.
        assert!((found[0] - 0.5 / 1.5 / 30.0).abs() < 1e-6 && (found[MAP_SIDE] - found[0]).abs() < 1e-6);
        let mean = |map: &[f32]| map.iter().sum::<f32>() / map.len() as f32;
        assert!((mean(&found) - mean(&of(30))).abs() < 1e-5);
    }

    #[test]
    fn the_crop_is_the_part_of_the_frame_and_black_beyond_it() {
        let frame = RgbImage::from_fn(320, 320, |x, _| image::Rgb([(x / 2) as u8, 80, 9]));
        let crop = cut(&frame, &Rect::new(240.0, 100.0, 160.0, 160.0), 160);
        assert_eq!(crop.get_pixel(0, 0).0, [120, 80, 9]);
        assert_eq!(crop.get_pixel(120, 50).0, [0, 0, 0]);
    }
}
