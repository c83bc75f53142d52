//! What cameras, editors and networks do to a crop: light, colour, blur, noise, compression, things
//! in the way.
//!
//! The decision that shapes it: what is done is done by the perturbations that figures measure
//! (`assay_material::perturb`); here it is drawn how much. Compression comes last, as it does in
//! the world, and every strength goes down to nothing.
use assay_material::perturb::blur::blur;
use assay_material::perturb::jpeg::compress;
use assay_material::perturb::light::{Tone, saturate};
use assay_material::perturb::noise;
use assay_material::perturb::scale::coarsen;
use assay_material::rng::Rng;

pub use assay_material::perturb::{Canvas, to_image};

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
        Tone { gamma, contrast, offset: light, tint }.apply(canvas);
    }
    if rng.chance(chance) {
        let keep = if rng.chance(0.3) { 0.0 } else { rng.range(0.3, 1.5) as f32 };
        saturate(canvas, keep);
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
        noise::add(canvas, sigma, || noise::fast_normal(rng));
    }
    if rng.chance(chance) {
        compress(canvas, side, rng.between(25, 95) as u8);
    }
    canvas.iter_mut().flatten().for_each(|v| *v = v.clamp(0.0, 255.0));
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

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn picture(seed: u64, side: usize) -> Canvas {
        let mut rng = Rng::new(seed);
        (0..side * side)
            .map(|i| {
                let (x, y) = ((i % side) as u64, (i / side) as u64);
                [0, 1, 2].map(|c| ((x * (3 + c) + y * (5 - c)) % 200) as f32 + rng.below(50) as f32)
            })
            .collect()
    }

    /// The digest is of what the shipped networks were trained with, before these degradations were
    /// perturbations.
    #[test]
    fn degradations_and_their_draws_are_those_of_the_shipped_networks() {
        let mut digest = Sha256::new();
        for seed in 0..24 {
            let mut canvas = picture(seed, 64);
            let mut rng = Rng::new(1000 + seed);
            degrade(&mut canvas, 64, Strength { chance: 0.7, cover: 0.5 }, &mut rng);
            digest.update(to_image(&canvas, 64).as_raw());
            digest.update(rng.next_u64().to_le_bytes());
        }
        let known = "d50226cb2feeab5314db9692dc3b10835934810699c013dc0c8b5237e89b8c3e";
        assert_eq!(format!("{:x}", digest.finalize()), known);
    }
}
