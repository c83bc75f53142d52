//! The expectation-maximisation of Popescu and Farid (2005): which pixels are a linear combination
//! of their neighbours, and of which.
//!
//! The decision that shapes it: the coefficients are a property of the whole picture and need only
//! a sample of its pixels, so the iterations run on at most [`SAMPLE`] of them and one filter pass
//! over the picture makes the probability map. Sums run per chunk of fixed size and are added in
//! order, so the result does not depend on the number of threads.
use assay_media::Plane;
use rayon::prelude::*;

/// Half side of the neighbourhood: 2 is the 5x5 of the paper's examples.
const REACH: usize = 2;
/// Neighbours without the centre.
pub(super) const NEIGHBOURS: usize = (2 * REACH + 1) * (2 * REACH + 1) - 1;
/// Pixels that the iterations use at most.
const SAMPLE: usize = 40_000;
/// Samples summed at a time.
const CHUNK: usize = 4_000;
/// Density of the outlier model: uniform over the grey levels.
const OUTLIER_DENSITY: f64 = 1.0 / 256.0;
/// Largest change of a coefficient at which the iterations stop.
const SETTLED: f64 = 1e-3;
/// Iterations at most.
const MOST_ROUNDS: usize = 40;
/// Least standard deviation of the predictor's error in grey levels: that of rounding, roughly, so
/// that a drawn picture does not collapse to a point mass.
const LEAST_SIGMA: f64 = 0.5;

/// The fitted predictor.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// Weights of the neighbours, row-major without the centre.
    pub(super) weights: [f64; NEIGHBOURS],
    /// Standard deviation of the error of pixels that follow the model, in grey levels.
    pub(super) sigma: f64,
    /// Share of the sampled pixels that follow the model.
    pub(super) share: f64,
    /// Rounds that it took.
    pub(super) rounds: usize,
}

/// Offsets of the neighbours, row-major without the centre.
fn offsets() -> [(usize, usize); NEIGHBOURS] {
    let side = 2 * REACH + 1;
    std::array::from_fn(|k| {
        let i = if k < NEIGHBOURS / 2 { k } else { k + 1 };
        (i % side, i / side)
    })
}

struct Pixel {
    value: f32,
    around: [f32; NEIGHBOURS],
}

/// Pixels spread over the picture, without those whose neighbourhood is one value (any weights fit
/// those) or at the ends of the scale.
fn sample(luma: &Plane) -> Vec<Pixel> {
    let offsets = offsets();
    let (wide, high) = (luma.width - 2 * REACH, luma.height - 2 * REACH);
    // An odd step visits all residues of the 8x8 grid alike.
    let step = ((wide * high) / (2 * SAMPLE)).max(1) | 1;
    let take = |place: usize| {
        let (x, y) = (place % wide, place / wide);
        let value = luma.at(x + REACH, y + REACH);
        let around = offsets.map(|(dx, dy)| luma.at(x + dx, y + dy));
        let (low, high) = around.iter().fold((value, value), |(l, h), v| (l.min(*v), h.max(*v)));
        (low > 2.0 && high < 253.0 && high > low).then_some(Pixel { value, around })
    };
    (0..wide * high).step_by(step).filter_map(take).take(SAMPLE).collect()
}

#[derive(Clone)]
struct Sums {
    normal: Vec<f64>,
    right: Vec<f64>,
    weight: f64,
    error: f64,
}

/// Fits the predictor; `None` when the picture has too few pixels that are not flat, or the
/// equations are singular.
pub(super) fn fit(luma: &Plane) -> Option<Model> {
    if luma.width < 16 || luma.height < 16 {
        return None;
    }
    let pixels = sample(luma);
    if pixels.len() < 40 * NEIGHBOURS {
        return None;
    }
    // The paper starts at random; a plain mean of the neighbours is a start that every run shares.
    let mut weights = [1.0 / NEIGHBOURS as f64; NEIGHBOURS];
    let mut sigma = 8.0f64;
    let mut share = 1.0;
    let mut rounds = 0;
    while rounds < MOST_ROUNDS {
        rounds += 1;
        let sums = accumulate(&pixels, &weights, sigma);
        share = sums.weight / pixels.len() as f64;
        sigma = (sums.error / sums.weight.max(1e-9)).sqrt().max(LEAST_SIGMA);
        let next: [f64; NEIGHBOURS] = crate::cholesky::solve(sums.normal, sums.right)?.try_into().ok()?;
        let change = weights.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        weights = next;
        if change < SETTLED {
            break;
        }
    }
    Some(Model { weights, sigma, share, rounds })
}

/// Expectation and the sums of the maximisation in one pass. The probabilities weigh the squares
/// once (not squared, as some code does).
fn accumulate(pixels: &[Pixel], weights: &[f64; NEIGHBOURS], sigma: f64) -> Sums {
    let peak = 1.0 / (sigma * (2.0 * std::f64::consts::PI).sqrt());
    let parts: Vec<Sums> = pixels
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut s = Sums {
                normal: vec![0.0; NEIGHBOURS * NEIGHBOURS],
                right: vec![0.0; NEIGHBOURS],
                weight: 0.0,
                error: 0.0,
            };
            for pixel in chunk {
                let around = pixel.around.map(f64::from);
                let value = f64::from(pixel.value);
                let residual = value - around.iter().zip(weights).map(|(a, w)| a * w).sum::<f64>();
                let density = peak * (-residual * residual / (2.0 * sigma * sigma)).exp();
                let p = density / (density + OUTLIER_DENSITY);
                s.weight += p;
                s.error += p * residual * residual;
                for i in 0..NEIGHBOURS {
                    let scaled = p * around[i];
                    s.right[i] += scaled * value;
                    for (sum, a) in s.normal[i * NEIGHBOURS..=i * NEIGHBOURS + i].iter_mut().zip(&around) {
                        *sum += scaled * a;
                    }
                }
            }
            s
        })
        .collect();
    let mut total =
        Sums { normal: vec![0.0; NEIGHBOURS * NEIGHBOURS], right: vec![0.0; NEIGHBOURS], weight: 0.0, error: 0.0 };
    for part in parts {
        total.weight += part.weight;
        total.error += part.error;
        total.normal.iter_mut().zip(&part.normal).for_each(|(t, p)| *t += p);
        total.right.iter_mut().zip(&part.right).for_each(|(t, p)| *t += p);
    }
    let trace: f64 = (0..NEIGHBOURS).map(|i| total.normal[i * NEIGHBOURS + i]).sum();
    for i in 0..NEIGHBOURS {
        // Neighbours of smooth pictures are nearly collinear; the ridge is far below the data and
        // decides only what they leave open.
        total.normal[i * NEIGHBOURS + i] += 1e-7 * trace / NEIGHBOURS as f64;
    }
    total
}

/// The probability of every pixel under the model; NaN where it cannot be judged (border, flat or
/// clipped neighbourhood).
pub(super) fn map(luma: &Plane, model: &Model) -> Plane {
    let offsets = offsets();
    let weights = model.weights.map(|w| w as f32);
    let peak = (1.0 / (model.sigma * (2.0 * std::f64::consts::PI).sqrt())) as f32;
    let exponent = (-1.0 / (2.0 * model.sigma * model.sigma)) as f32;
    let mut probability = Plane::filled(luma.width, luma.height, f32::NAN);
    let width = luma.width;
    probability.data.par_chunks_mut(width).enumerate().for_each(|(y, out)| {
        if y < REACH || y + REACH >= luma.height || width <= 2 * REACH {
            return;
        }
        let mut predicted = vec![0.0f32; width - 2 * REACH];
        let mut low = luma.row(y)[REACH..width - REACH].to_vec();
        let mut high = low.clone();
        for ((dx, dy), weight) in offsets.iter().zip(weights) {
            let line = &luma.row(y + dy - REACH)[*dx..*dx + width - 2 * REACH];
            for (x, value) in line.iter().enumerate() {
                predicted[x] += weight * value;
                low[x] = low[x].min(*value);
                high[x] = high[x].max(*value);
            }
        }
        for (x, centre) in luma.row(y)[REACH..width - REACH].iter().enumerate() {
            if low[x] > 2.0 && high[x] < 253.0 && high[x] > low[x] {
                let residual = centre - predicted[x];
                let density = peak * (residual * residual * exponent).exp();
                out[x + REACH] = density / (density + OUTLIER_DENSITY as f32);
            }
        }
    });
    probability
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every second column is the mean of its neighbours, the others are noise.
    fn interpolated(width: usize, height: usize) -> Plane {
        let noise = |i: usize| (hash(i) % 160) as f32 + 40.0;
        let mut plane = Plane::filled(width, height, 0.0);
        for y in 0..height {
            for x in (0..width).step_by(2) {
                plane.data[y * width + x] = noise(y * width + x);
            }
            for x in (1..width - 1).step_by(2) {
                plane.data[y * width + x] = 0.5 * (plane.at(x - 1, y) + plane.at(x + 1, y));
            }
        }
        plane
    }

    fn hash(i: usize) -> u64 {
        let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^ (z >> 31)
    }

    #[test]
    fn one_phase_of_an_interpolation_is_predicted_and_the_other_is_not() {
        // Two predictors are exact: (1/2, 1/2) of the neighbours for the interpolated columns, and
        // its inverse (-1/2, 1, 1, -1/2) for the others. Either tells the columns apart.
        let plane = interpolated(160, 120);
        let p = map(&plane, &fit(&plane).unwrap());
        let mean = |first: usize| {
            let values: Vec<f32> = (first..150).step_by(2).map(|x| p.at(x, 60)).filter(|v| !v.is_nan()).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        let (odd, even) = (mean(11), mean(10));
        assert!(odd.max(even) > 0.9 && odd.min(even) < 0.2, "{odd} {even}");
    }

    #[test]
    fn flat_pictures_have_no_model() {
        assert!(fit(&Plane::filled(200, 200, 90.0)).is_none());
        assert!(fit(&Plane::filled(8, 8, 90.0)).is_none());
    }
}
