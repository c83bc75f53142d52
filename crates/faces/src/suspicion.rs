//! The crop that the forgery networks see, and what they said of it.
//!
//! The decision that shapes it: the crop is judged while the frame is at hand, as everything else that needs pixels, and what is kept of it is small: the
//! logits, the map, and a JPEG for the reader. Nothing is weighed here.
use assay_models::face_forgery::{Input, MAP, MARGIN, SIDE, SYNTHESIS_MARGIN, append};
use assay_models::shipped_faces::Judges;
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
pub const MAP_SIDE: usize = MAP;

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
fn in_close(at: usize) -> Option<usize> {
    let side = MAP as f32;
    let place = ((at as f32 + 0.5) / side - 0.5) * MARGIN / SYNTHESIS_MARGIN + 0.5;
    (0.0..1.0).contains(&place).then_some((place * side) as usize)
}

/// Asks every network of one crop.
pub(crate) fn judge(judges: &Judges, frame: &RgbImage, mesh: &[[f32; 2]]) -> Result<Option<Suspicion>, FacesError> {
    let Some(around) = square(mesh, MARGIN).filter(|_| !judges.entries.is_empty()) else { return Ok(None) };
    let crop = cut(frame, &around, SIDE as u32);
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
        map: vec![0.0; MAP * MAP],
        forgery_places: vec![0.0; MAP * MAP],
        synthesis_places: vec![0.0; MAP * MAP],
        crop_in_frame: around,
        jpeg: Vec::new(),
    };
    let wide = planes(&crop);
    for (at, network) in judges.forgery.iter().enumerate() {
        for judgement in network.judge_planes(wide.clone()) {
            if at == 0 {
                found.anomaly = judges.anomaly.as_ref().map(|a| a.rank(&judgement.features));
            }
            found.forgery.push(judgement.logit);
            let share = judges.share(at);
            found.map.iter_mut().zip(judgement.map).for_each(|(sum, v)| *sum += share * v);
            found.forgery_places.iter_mut().zip(judgement.places).for_each(|(sum, v)| *sum += share * v);
        }
    }
    if let Some(close) = square(mesh, SYNTHESIS_MARGIN).filter(|_| !judges.synthesis.is_empty()) {
        let close = planes(&cut(frame, &close, SIDE as u32));
        for network in &judges.synthesis {
            for judgement in network.judge_planes(close.clone()) {
                found.synthesis.push(judgement.logit);
                for (at, place) in found.synthesis_places.iter_mut().enumerate() {
                    let [x, y] = [at % MAP, at / MAP].map(in_close);
                    if let (Some(x), Some(y)) = (x, y) {
                        *place += judgement.places[y * MAP + x] / judges.synthesis.len() as f32;
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
    use super::*;

    #[test]
    fn the_square_holds_the_mesh_in_its_middle_and_small_faces_have_none() {
        let mesh = [[100.0, 50.0], [200.0, 90.0], [150.0, 170.0]];
        let found = square(&mesh, MARGIN).unwrap();
        assert_eq!((found.width, found.centre()), (180.0, [150.0, 110.0]));
        assert!(square(&[[0.0, 0.0], [20.0, 30.0]], MARGIN).is_none() && square(&[], MARGIN).is_none());
    }

    #[test]
    fn the_crop_is_the_part_of_the_frame_and_black_beyond_it() {
        let frame = RgbImage::from_fn(320, 320, |x, _| image::Rgb([(x / 2) as u8, 80, 9]));
        let crop = cut(&frame, &Rect::new(240.0, 100.0, 160.0, 160.0), 160);
        assert_eq!(crop.get_pixel(0, 0).0, [120, 80, 9]);
        assert_eq!(crop.get_pixel(120, 50).0, [0, 0, 0]);
    }
}
