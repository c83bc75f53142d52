//! A made face put into its frame: colours, sharpness, mask, edge.
//!
//! The decision that shapes it: everything happens in the square of the aligned face at about the
//! frame's own resolution, and one resampling brings it back. Pixels outside the mask stay the
//! frame's, byte for byte.
use assay_faces::hull::{blur, fill, hull, swollen};
use assay_faces::template::Placement;
use image::RgbImage;
use image::imageops::{self, FilterType};
use serde::{Deserialize, Serialize};

use super::colour::{self, Transfer};
use super::poisson::membrane;

/// What happens at the edge of a made face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blend {
    /// It fades into the frame.
    #[default]
    Feather,
    /// It takes the frame's level at its edge and keeps its own detail (Poisson).
    Seamless,
}

/// Where the mask comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskKind {
    /// The hull of the face's mesh in the frame.
    #[default]
    Mesh,
    /// What the network takes for face.
    Network,
}

/// How a made face is put in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Colours.
    pub colour: Transfer,
    /// Edge.
    pub blend: Blend,
    /// Mask.
    pub mask: MaskKind,
    /// How much of what a blur takes away is added; 0 is nothing.
    pub sharpen: f32,
    /// Softness of the edge as a share of the square's side.
    pub feather: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { colour: Transfer::Reinhard, blend: Blend::Feather, mask: MaskKind::Mesh, sharpen: 0.0, feather: 0.04 }
    }
}

/// Side of the square in which a face is put together, for a face whose square spans so many pixels
/// of the frame.
pub(super) fn working_side(net_side: usize, extent: f64) -> usize {
    // An even number of pixels, so that the same face does not change its square from frame to
    // frame by rounding alone.
    ((extent / 16.0).round() as usize * 16).clamp(net_side.min(512), 512)
}

type Colour = [f32; 3];

/// A made face with its mask, both `side` squared.
pub(super) struct Face<'a> {
    pub(super) picture: &'a RgbImage,
    /// Of the network, with its own side.
    pub(super) mask: Option<(&'a [f32], usize)>,
    /// The mesh of the face in the frame, in pixels of the frame.
    pub(super) mesh: &'a [[f32; 2]],
}

/// Puts the face into the frame.
pub(super) fn put(frame: &mut RgbImage, placed: &Placement, face: &Face<'_>, settings: Settings) {
    let side = placed.size.0 as usize;
    let own = placed.crop(frame);
    let made = imageops::resize(face.picture, side as u32, side as u32, FilterType::CatmullRom);
    let enlarged = side as f32 / face.picture.width().max(1) as f32;
    let (target, mut made) = (colours(&own), colours(&made));
    let mask = mask(placed, face, settings, side);
    colour::transfer(&mut made, &target, &mask, settings.colour);
    if settings.sharpen > 0.0 {
        sharpen(&mut made, side, enlarged.max(1.0), settings.sharpen);
    }
    if settings.blend == Blend::Seamless {
        seamless(&mut made, &target, &mask, side);
    }
    let bytes = |v: f32| (v * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
    let pixels: Vec<u8> = made.iter().flat_map(|p| p.map(bytes)).collect();
    if let Some(picture) = RgbImage::from_raw(side as u32, side as u32, pixels) {
        placed.paste(frame, &picture, &mask);
    }
}

fn colours(picture: &RgbImage) -> Vec<Colour> {
    picture.pixels().map(|p| p.0.map(|v| f32::from(v) / 255.0)).collect()
}

/// Soft, and nothing at the square's edge.
fn mask(placed: &Placement, face: &Face<'_>, settings: Settings, side: usize) -> Vec<f32> {
    let mut mask = vec![0.0; side * side];
    match (settings.mask, face.mask) {
        (MaskKind::Network, Some((values, own))) => {
            let step = own as f32 / side as f32;
            for (i, m) in mask.iter_mut().enumerate() {
                let at = |v: usize| ((v as f32 + 0.5) * step) as usize;
                let value = values.get(at(i / side) * own + at(i % side)).copied().unwrap_or(0.0);
                *m = f32::from(value > 0.5);
            }
        }
        _ => {
            if let Some(crop_from_frame) = placed.crop_from_frame() {
                let points: Vec<[f32; 2]> = face.mesh.iter().map(|p| crop_from_frame.apply(*p)).collect();
                // The made face need not reach to the very edge of the mesh, where the skin turns
                // away.
                fill(&swollen(&hull(&points), 0.97), side, &mut mask);
            }
        }
    }
    let soft = settings.feather.max(0.0) * side as f32;
    let border = (soft.ceil() as usize).max(1);
    for (i, m) in mask.iter_mut().enumerate() {
        let (x, y) = (i % side, i / side);
        if x.min(y) < border || x.max(y) + border >= side {
            *m = 0.0;
        }
    }
    if soft > 0.3 {
        // Blurred inwards: twice what is over one half, so that the edge of before is where nothing
        // is left.
        blur(&mut mask, side, soft);
        mask.iter_mut().for_each(|m| *m = (2.0 * *m - 1.0).clamp(0.0, 1.0));
    }
    mask
}

fn sharpen(pixels: &mut [Colour], side: usize, sigma: f32, strength: f32) {
    for c in 0..3 {
        let mut plane: Vec<f32> = pixels.iter().map(|p| p[c]).collect();
        blur(&mut plane, side, sigma);
        for (pixel, soft) in pixels.iter_mut().zip(plane) {
            pixel[c] = (pixel[c] + strength * (pixel[c] - soft)).clamp(0.0, 1.0);
        }
    }
}

fn seamless(made: &mut [Colour], target: &[Colour], mask: &[f32], side: usize) {
    let mut correction: Vec<Colour> =
        target.iter().zip(made.iter()).map(|(t, m)| std::array::from_fn(|c| t[c] - m[c])).collect();
    let known: Vec<bool> = mask.iter().map(|m| *m <= 0.0).collect();
    membrane(&mut correction, &known, side);
    for ((pixel, plus), is_known) in made.iter_mut().zip(&correction).zip(&known) {
        if !is_known {
            (0..3).for_each(|c| pixel[c] = (pixel[c] + plus[c]).clamp(0.0, 1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_faces::geometry::Affine;
    use assay_faces::warp::Border;

    use super::*;

    fn ring() -> Vec<[f32; 2]> {
        (0..468).map(|i| [100.0 + 40.0 * (i as f32).cos(), 90.0 + 50.0 * (i as f32).sin()]).collect()
    }

    fn placed() -> Placement {
        let frame_from_crop = Affine::scale_shift([1.0; 2], [36.0, 26.0]);
        Placement { frame_from_crop, size: (128, 128), border: Border::Nearest }
    }

    #[test]
    fn only_the_face_changes_and_a_seamless_edge_has_no_step() {
        let frame = RgbImage::from_fn(200, 180, |x, _| image::Rgb([(60 + x / 2) as u8, 90, 70]));
        let red = RgbImage::from_pixel(64, 64, image::Rgb([220, 40, 40]));
        let mesh = ring();
        let face = Face { picture: &red, mask: None, mesh: &mesh };
        for blend in [Blend::Feather, Blend::Seamless] {
            let settings = Settings { colour: Transfer::None, blend, ..Settings::default() };
            let mut out = frame.clone();
            put(&mut out, &placed(), &face, settings);
            for (x, y) in [(20, 20), (100, 25), (180, 90), (100, 150)] {
                assert_eq!(out.get_pixel(x, y), frame.get_pixel(x, y), "{blend:?}");
            }
            let middle = out.get_pixel(100, 90).0;
            if blend == Blend::Feather {
                assert_eq!(middle, [220, 40, 40]);
            } else {
                // One colour all over keeps no detail of its own: the frame's slope goes through.
                assert!(middle.iter().zip(frame.get_pixel(100, 90).0).all(|(a, b)| a.abs_diff(b) < 4), "{middle:?}");
            }
        }
    }

    #[test]
    fn the_networks_mask_says_where() {
        let frame = RgbImage::from_pixel(200, 180, image::Rgb([100; 3]));
        let white = RgbImage::from_pixel(64, 64, image::Rgb([255; 3]));
        let values: Vec<f32> = (0..64 * 64).map(|i| f32::from(i % 64 > 32)).collect();
        let mesh = ring();
        let face = Face { picture: &white, mask: Some((&values, 64)), mesh: &mesh };
        let settings = Settings { colour: Transfer::None, mask: MaskKind::Network, ..Settings::default() };
        let mut out = frame.clone();
        put(&mut out, &placed(), &face, settings);
        assert_eq!(out.get_pixel(36 + 100, 26 + 64).0, [255; 3]);
        assert_eq!(out.get_pixel(36 + 20, 26 + 64).0, [100; 3]);
    }

    #[test]
    fn sharpening_raises_an_edge_and_leaves_a_plain() {
        let mut pixels: Vec<Colour> = (0..32 * 32).map(|i| [if i % 32 < 16 { 0.3 } else { 0.7 }; 3]).collect();
        sharpen(&mut pixels, 32, 1.5, 1.0);
        assert!(pixels[16 * 32 + 15][0] < 0.28 && pixels[16 * 32 + 16][0] > 0.72);
        assert!((pixels[16 * 32 + 2][0] - 0.3).abs() < 1e-3);
        assert_eq!((working_side(64, 10.0), working_side(64, 203.0), working_side(64, 9e9)), (64, 208, 512));
    }
}
