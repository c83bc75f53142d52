//! What cameras, editors and networks do to a crop: light, colour, blur, noise, compression, things in the way.
//!
//! The decision that shapes it: compression comes last, as it does in the world, and every strength goes down to nothing.
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};

use assay_material::rng::Rng;

/// A square crop while it is being made: `side * side` pixels, RGB in `0.0..=255.0`.
pub type Canvas = Vec<[f32; 3]>;

/// How much is done to a crop.
#[derive(Debug, Clone, Copy)]
pub struct Strength {
    /// Chance of each kind of change, 0 to 1.
    pub chance: f64,
    /// Chance that something covers a part.
    pub cover: f64,
}

/// Light, colour, blur, noise, a cover, compression.
pub fn degrade(canvas: &mut Canvas, side: usize, strength: Strength, rng: &mut Rng) {
    let Strength { chance, cover } = strength;
    if rng.chance(chance) {
        let gamma = rng.range(0.6, 1.6) as f32;
        let (contrast, light) = (rng.range(0.6, 1.4) as f32, rng.range(-35.0, 35.0) as f32);
        let tint: [f32; 3] = std::array::from_fn(|_| rng.range(0.85, 1.15) as f32);
        for p in canvas.iter_mut() {
            for c in 0..3 {
                let v = 255.0 * (p[c].max(0.0) / 255.0).powf(gamma);
                p[c] = ((v - 128.0) * contrast + 128.0 + light) * tint[c];
            }
        }
    }
    if rng.chance(chance) {
        let keep = if rng.chance(0.3) { 0.0 } else { rng.range(0.3, 1.5) as f32 };
        for p in canvas.iter_mut() {
            let grey = 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
            *p = p.map(|v| grey + (v - grey) * keep);
        }
    }
    if rng.chance(cover) {
        cover_part(canvas, side, rng);
    }
    if rng.chance(chance * 0.6) {
        blur(canvas, side, rng.range(0.3, 1.6) as f32);
    }
    if rng.chance(chance * 0.4) {
        coarsen(canvas, side, rng.range(1.2, 2.5) as f32);
    }
    if rng.chance(chance * 0.5) {
        let sigma = rng.range(1.0, 12.0) as f32;
        canvas.iter_mut().flatten().for_each(|v| *v += sigma * fast_normal(rng));
    }
    if rng.chance(chance) {
        compress(canvas, side, rng.between(25, 95) as u8);
    }
    canvas.iter_mut().flatten().for_each(|v| *v = v.clamp(0.0, 255.0));
}

/// Sum of four uniform draws: near enough to a normal one for grain, and cheap.
pub(crate) fn fast_normal(rng: &mut Rng) -> f32 {
    let bits = rng.next_u64();
    let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xFFFF).sum();
    (sum as f32 / 65536.0 - 2.0) * 1.732
}

fn cover_part(canvas: &mut Canvas, side: usize, rng: &mut Rng) {
    let extent = |rng: &mut Rng| (rng.range(0.1, 0.4) * side as f64) as usize;
    let (width, height) = (extent(rng), extent(rng));
    let (left, top) = (rng.below(side - width), rng.below(side - height));
    let colour: [f32; 3] = std::array::from_fn(|_| rng.range(0.0, 255.0) as f32);
    // Either one colour or another part of the same crop.
    let shift = rng.chance(0.5).then(|| (rng.below(side - width), rng.below(side - height)));
    let before = canvas.clone();
    let round = rng.chance(0.5);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (2.0 * x as f32 / width as f32 - 1.0, 2.0 * y as f32 / height as f32 - 1.0);
            if round && u * u + v * v > 1.0 {
                continue;
            }
            let from = shift.map(|(sx, sy)| before[(sy + y) * side + sx + x]);
            canvas[(top + y) * side + left + x] = from.unwrap_or(colour);
        }
    }
}

pub(crate) fn blur(canvas: &mut Canvas, side: usize, sigma: f32) {
    let radius = (2.5 * sigma).ceil() as i64;
    let kernel: Vec<f32> = (-radius..=radius).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
    let total: f32 = kernel.iter().sum();
    for stride in [1usize, side] {
        let before = canvas.clone();
        for at in 0..side * side {
            let along = if stride == 1 { at % side } else { at / side } as i64;
            let mut sum = [0.0f32; 3];
            for (i, k) in kernel.iter().enumerate() {
                let to = (along + i as i64 - radius).clamp(0, side as i64 - 1);
                let p = before[(at as i64 + (to - along) * stride as i64) as usize];
                (0..3).for_each(|c| sum[c] += k * p[c]);
            }
            canvas[at] = sum.map(|v| v / total);
        }
    }
}

/// Makes the crop smaller and larger again.
pub(crate) fn coarsen(canvas: &mut Canvas, side: usize, factor: f32) {
    let small = ((side as f32 / factor) as u32).max(8);
    let picture = to_image(canvas, side);
    let down = image::imageops::thumbnail(&picture, small, small);
    let up = image::imageops::resize(&down, side as u32, side as u32, image::imageops::FilterType::Triangle);
    *canvas = from_bytes(up.as_raw());
}

pub(crate) fn compress(canvas: &mut Canvas, side: usize, quality: u8) {
    let bytes = to_image(canvas, side);
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    if encoder.encode(bytes.as_raw(), side as u32, side as u32, ExtendedColorType::Rgb8).is_err() {
        return;
    }
    if let Ok(back) = image::load_from_memory_with_format(&file, ImageFormat::Jpeg) {
        *canvas = from_bytes(back.into_rgb8().as_raw());
    }
}

fn from_bytes(bytes: &[u8]) -> Canvas {
    bytes.as_chunks::<3>().0.iter().map(|p| p.map(f32::from)).collect()
}

/// The crop as an 8-bit picture.
pub fn to_image(canvas: &[[f32; 3]], side: usize) -> image::RgbImage {
    let mut picture = image::RgbImage::new(side as u32, side as u32);
    for (p, q) in picture.pixels_mut().zip(canvas) {
        p.0 = q.map(|v| (v + 0.5) as u8);
    }
    picture
}

/// Turns the crop around its vertical middle.
pub fn mirror(canvas: &mut Canvas, side: usize) {
    canvas.chunks_exact_mut(side).for_each(<[_]>::reverse);
}

/// Appends the crop to a batch in the networks' layout: colour planes, `value / 127.5 - 1`.
pub fn append(batch: &mut Vec<f32>, canvas: &Canvas) {
    for c in 0..3 {
        batch.extend(canvas.iter().map(|p| p[c] / 127.5 - 1.0));
    }
}
