//! The faces that the generator learns from, and their codes.
//!
//! The decision that shapes it: the code of a face is not learnt. It is the face's place among the
//! principal components of all training faces, in units of each component's spread (as Bojanowski
//! et al., "Optimizing the Latent Space of Generative Networks", ICML 2018, begin theirs), so codes
//! are uncorrelated with unit variance and a standard normal vector is a code that nobody has.
//! Components are looked for at half size with the middle of the crop counting most: what is behind
//! a head should not use them up.
use assay_faces::geometry::Affine;
use assay_faces::template::Placement;
use assay_faces::warp::Border;
use assay_models::face_embedding::{self, FaceEmbedding};
use assay_models::face_mesh::{TEMPLATE, five};
use assay_models::rgb::Rgb;
use image::{RgbImage, imageops};

use crate::faces::data::Picture;
use crate::faces::points::tight_box;
use crate::faces::shapes::Shapes;
use assay_bench::collections::{Split, Use};

/// A face must be as large as its crop, nearly.
const LEAST_EXTENT_PX: f32 = 48.0;
/// How far the five points may be from the template, root mean square in sides: a profile's are
/// farther.
const FRONTAL: f32 = 0.032;
/// How much of the crop may lie outside the picture, along one axis.
const OUTSIDE: f64 = 0.06;
/// Side of the pictures that components are learnt of.
const SMALL: u32 = 32;

/// A face in its crop.
pub struct Cropped<'a> {
    /// Where it comes from.
    pub picture: &'a Picture,
    /// Eyes, nose and mouth at the template's places.
    pub face: RgbImage,
}

/// The upright crop of the face with this mesh; `None` where it reaches out of the picture or the
/// face is turned away.
pub fn crop(picture: &RgbImage, mesh: &[[f32; 2]], side: u32) -> Option<RgbImage> {
    let points = five(mesh)?;
    let target = TEMPLATE.map(|p| p.map(|v| v * side as f32));
    let frame_from_crop = Affine::target_from_source(&points, &target)?;
    let back = frame_from_crop.inverse()?;
    let off = points.iter().zip(&target).map(|(p, t)| {
        let [x, y] = back.apply(*p);
        (x - t[0]).powi(2) + (y - t[1]).powi(2)
    });
    let off = (off.sum::<f32>() / points.len() as f32).sqrt() / side as f32;
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let slack = OUTSIDE * frame_from_crop.scale() * f64::from(side);
    let end = side as f32;
    let inside = [[0.0, 0.0], [end, 0.0], [0.0, end], [end, end]].iter().all(|corner| {
        let [x, y] = frame_from_crop.apply(*corner).map(f64::from);
        x >= -slack && y >= -slack && x <= width + slack && y <= height + slack
    });
    let placed = Placement { frame_from_crop, size: (side, side), border: Border::Nearest };
    (off < FRONTAL && inside).then(|| placed.crop(picture))
}

/// The crops of every suitable real face of a split: photographs of one face each. Frames of clips
/// would weigh a few people more than all others.
pub fn cropped(pictures: &[Picture], split: Split, side: u32) -> Vec<Cropped<'_>> {
    let fits = |p: &&Picture| p.split == split && p.told.uses.contains(&Use::Generator) && p.faces.len() == 1;
    let large = |mesh: &[[f32; 2]]| {
        let [_, _, width, height] = tight_box(mesh);
        width.max(height) >= LEAST_EXTENT_PX
    };
    let one = |picture| {
        let picture: &Picture = picture;
        let mesh = &picture.faces.first()?.mesh;
        let face = large(mesh).then(|| crop(picture.levels.full(), mesh, side))??;
        Some(Cropped { picture, face })
    };
    pictures.iter().filter(fits).filter_map(one).collect()
}

/// The identity vector of a face in this crop, recorded or made; empty for a picture without
/// pixels.
pub fn identity(embedding: &FaceEmbedding, face: &RgbImage) -> Vec<f32> {
    let side = face_embedding::SIDE as u32;
    let [from, to] = [(TEMPLATE, face.width()), (face_embedding::TEMPLATE, side)]
        .map(|(template, side)| template.map(|p| p.map(|v| v * side as f32)));
    let Some(frame_from_crop) = Affine::target_from_source(&from, &to) else { return Vec::new() };
    let aligned = Placement { frame_from_crop, size: (side, side), border: Border::Nearest }.crop(face);
    let pixels = Rgb::new(aligned.as_raw(), side as usize, side as usize);
    pixels.map_or_else(Vec::new, |pixels| embedding.identify(&pixels))
}

/// The principal components of faces.
pub struct Codes {
    shapes: Shapes,
    spreads: Vec<f32>,
}

impl Codes {
    /// Learns `length` components.
    pub fn learn(faces: &[RgbImage], length: usize) -> Self {
        let vectors: Vec<Vec<f32>> = faces.iter().map(weighed).collect();
        let shapes = Shapes::learn(&vectors, length);
        let spreads = shapes.rows.iter().map(|row| row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6)).collect();
        Self { shapes, spreads }
    }

    /// The code of a face.
    pub fn of(&self, face: &RgbImage) -> Vec<f32> {
        let off: Vec<f32> = weighed(face).iter().zip(&self.shapes.mean).map(|(v, m)| v - m).collect();
        let along = |(row, spread): (&Vec<f32>, &f32)| {
            // A row is its direction times its spread.
            row.iter().zip(&off).map(|(r, v)| r * v).sum::<f32>() / (spread * spread)
        };
        self.shapes.rows.iter().zip(&self.spreads).map(along).collect()
    }
}

/// The small face with the middle counting most.
fn weighed(face: &RgbImage) -> Vec<f32> {
    let small = imageops::thumbnail(face, SMALL, SMALL);
    let middle = SMALL as f32 / 2.0;
    let mut out = Vec::with_capacity((3 * SMALL * SMALL) as usize);
    for (x, y, pixel) in small.enumerate_pixels() {
        let (dx, dy) = ((x as f32 + 0.5 - middle) / middle, (y as f32 + 0.5 - 1.08 * middle) / middle);
        let weight = 0.3 + 0.7 * (-1.6 * (dx * dx + 0.8 * dy * dy).powi(2)).exp();
        out.extend(pixel.0.map(|v| weight * (f32::from(v) / 127.5 - 1.0)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::rng::Rng;

    #[test]
    fn codes_of_the_faces_they_were_learnt_from_have_unit_variance() {
        let mut rng = Rng::new(4);
        let faces: Vec<RgbImage> = (0..200)
            .map(|_| {
                let (a, b) = (rng.range(40.0, 200.0), rng.range(0.2, 1.0));
                RgbImage::from_fn(64, 64, |x, y| image::Rgb([a as u8, (a * b) as u8, (x + y) as u8]))
            })
            .collect();
        let codes = Codes::learn(&faces, 2);
        let all: Vec<Vec<f32>> = faces.iter().map(|f| codes.of(f)).collect();
        for i in 0..2 {
            let mean = all.iter().map(|c| c[i]).sum::<f32>() / 200.0;
            let variance = all.iter().map(|c| (c[i] - mean).powi(2)).sum::<f32>() / 200.0;
            assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.1, "{i}: {mean} {variance}");
        }
        let product = all.iter().map(|c| c[0] * c[1]).sum::<f32>() / 200.0;
        assert!(product.abs() < 0.1, "{product}");
    }

    #[test]
    fn a_crop_puts_the_points_where_the_template_says_or_is_refused() {
        let picture = RgbImage::from_fn(200, 200, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let mut mesh = vec![[0.0f32; 2]; assay_models::face_mesh::POINTS];
        let place = |t: [f32; 2]| [40.0 + 120.0 * t[0], 30.0 + 120.0 * t[1]];
        for (at, point) in [([33, 133, 159, 145], 0), ([263, 362, 386, 374], 1)] {
            at.iter().for_each(|i| mesh[*i] = place(TEMPLATE[point]));
        }
        mesh[1] = place(TEMPLATE[2]);
        (mesh[61], mesh[291]) = (place(TEMPLATE[3]), place(TEMPLATE[4]));
        let face = crop(&picture, &mesh, 64).unwrap();
        let [x, y] = place([0.5, 0.5]);
        let middle = face.get_pixel(32, 32).0;
        assert!((f32::from(middle[0]) - x).abs() < 2.5 && (f32::from(middle[1]) - y).abs() < 2.5, "{middle:?}");
        mesh[1][0] += 25.0;
        assert!(crop(&picture, &mesh, 64).is_none(), "a nose far to one side");
        mesh[1][0] -= 25.0;
        mesh.iter_mut().for_each(|p| p[0] -= 60.0);
        assert!(crop(&picture, &mesh, 64).is_none(), "half outside");
    }
}
