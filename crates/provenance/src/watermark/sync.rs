//! Finding the mark: at which scale, shifted by how much, turned left for right or not.
//!
//! The decision that shapes it: the statistic's false-positive rate does not depend on what
//! pictures are like. For one place and scale it is T = sqrt(2) * sum of Re(conj(s_k) c_k) /
//! sqrt(sum of |c_k|^2) over the lines k, where c_k is what the picture has there, limited in size,
//! and s_k are unit vectors with phases drawn at random and independently of the picture. Since E
//! exp(a cos(phase)) = I0(a) <= exp(a^2 / 4), P(T > t) <= exp(-t^2 / 2) for *any* picture, and with
//! M places and scales P(any T > t) <= M exp(-t^2 / 2). What this does not cover is somebody who
//! knows the pattern and draws it in: the key is public.
use rustfft::FftDirection;
use rustfft::num_complex::Complex32;

use super::pattern::{Line, MOST, PERIOD, lines};
use super::perception::Field;
use super::spectrum::{Multiples, Spectrum, Transform};

/// Periods that are searched, in samples of the working plane.
const PERIODS: (f32, f32) = (50.0, 212.0);
/// Steps of place in one period in either direction.
const PLACES: usize = 64;
/// Between neighbouring scales, lines shift by this many samples at most at the plane's edge.
const EDGE_STEP: f32 = 0.75;
/// Candidates that are refined.
const CANDIDATES: usize = 8;
/// Radius, in cycles a period, at which [`Weighting::Low`] has fallen to 1/e.
const LOW_RADIUS: f32 = 11.0;
/// How many times more hypotheses than grid points: refinement moves between them.
const REFINEMENT: f64 = 16.0;

/// How the pattern lies in the working plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pose {
    /// Period in samples, across and down.
    pub(super) period: [f32; 2],
    /// Place of the pattern's origin from the plane's centre, in periods.
    pub(super) origin: [f32; 2],
    /// True when the picture was turned left for right.
    pub(super) mirrored: bool,
}

impl Pose {
    fn side(&self) -> f32 {
        if self.mirrored { -1.0 } else { 1.0 }
    }

    /// Tables for all lines: a search turns hundreds of them a pose, by a few dozen angles.
    fn turns(&self) -> Turns {
        let turn = |cycles: f32| Complex32::from_polar(1.0, std::f32::consts::TAU * cycles.fract());
        let across = self.side() * self.origin[0];
        Turns {
            across: std::array::from_fn(|at| turn((at as f32 - MOST as f32) * across)),
            down: std::array::from_fn(|at| turn(at as f32 * self.origin[1])),
        }
    }
}

/// What turns lines of the plane back to the pattern's own origin, by cycles across and down.
struct Turns {
    across: [Complex32; 2 * MOST + 1],
    down: [Complex32; MOST + 1],
}

impl Turns {
    fn of(&self, line: &Line) -> Complex32 {
        self.across[(line.x + MOST as i32) as usize] * self.down[line.y as usize]
    }
}

/// How much each line counts, by its radius. Weights are fixed beforehand, so the bound holds for
/// each; what is tried costs hypotheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weighting {
    /// All alike: little was lost.
    Even,
    /// The lower ones: a codec took the higher.
    Low,
}

impl Weighting {
    pub(super) const ALL: [Self; 2] = [Self::Even, Self::Low];

    pub(super) fn of(self, line: &Line) -> f32 {
        match self {
            Self::Even => 1.0,
            Self::Low => (-(line.radius() / LOW_RADIUS).powi(2)).exp(),
        }
    }
}

/// A line whose phase is known, with its weight under each weighting in the order of
/// [`Weighting::ALL`].
struct Known {
    line: Line,
    weights: [f32; Weighting::ALL.len()],
}

/// A pose with its statistic over the known lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) pose: Pose,
    pub(super) weighting: Weighting,
    pub(super) statistic: f32,
}

/// Values larger than usual count as usual: a strong edge is one piece of evidence, not many.
fn limited(value: Complex32, usual: f32) -> Complex32 {
    value / value.norm_sqr().sqrt().max(usual)
}

/// The scales that are tried for a plane of this size.
fn periods(plane: (usize, usize)) -> Vec<f32> {
    // Half the extent times the relative step is how far the edge moves.
    let ratio = 1.0 + 2.0 * EDGE_STEP / plane.0.max(plane.1) as f32;
    let most = PERIODS.1.min(plane.0.min(plane.1) as f32 * 1.25);
    let count = ((most / PERIODS.0).ln() / ratio.ln()).ceil().max(0.0) as i32;
    (0..=count).map(|at| PERIODS.0 * ratio.powi(at)).collect()
}

/// How many hypotheses a search over a plane of this size stands for.
pub(super) fn hypotheses(plane: (usize, usize)) -> f64 {
    periods(plane).len() as f64 * (2 * Weighting::ALL.len()) as f64 * (PLACES * PLACES) as f64 * REFINEMENT
}

/// The statistic at a pose from interpolated values.
fn statistic(spectrum: &Spectrum, known: &[Known], pose: &Pose, weighting: Weighting) -> f32 {
    let turns = pose.turns();
    let base = [pose.side() / pose.period[0], 1.0 / pose.period[1]];
    let (mut sum, mut power) = (0.0, 0.0);
    for Known { line, weights } in known {
        let f = [line.x as f32 * base[0], line.y as f32 * base[1]];
        let value = limited(spectrum.at(f[0], f[1]), spectrum.usual(f[0], f[1])) * weights[weighting as usize];
        sum += (line.phase.conj() * value * turns.of(line)).re;
        power += value.norm_sqr();
    }
    std::f32::consts::SQRT_2 * sum / power.max(1e-9).sqrt()
}

/// The highest real and imaginary part of a grid, each with its place.
fn highest(grid: &[Complex32]) -> [(usize, f32); 2] {
    const LANES: usize = 8;
    let (mut re, mut im) = ([f32::NEG_INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    for values in grid.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            re[lane] = if values[lane].re > re[lane] { values[lane].re } else { re[lane] };
            im[lane] = if values[lane].im > im[lane] { values[lane].im } else { im[lane] };
        }
    }
    let [re, im] = [re, im].map(|lanes| lanes.into_iter().fold(f32::NEG_INFINITY, f32::max));
    let places = [grid.iter().position(|v| v.re == re), grid.iter().position(|v| v.im == im)];
    [(places[0].unwrap_or_default(), re), (places[1].unwrap_or_default(), im)]
}

/// The best poses for a whitened plane, best first.
pub(super) fn search(plane: &Field, spectrum: &Spectrum) -> Vec<Candidate> {
    let with_weights = |line: &Line| Known { line: *line, weights: Weighting::ALL.map(|w| w.of(line)) };
    let known: Vec<Known> = lines().iter().filter(|l| l.bits.is_none()).map(with_weights).collect();
    let mut transform = Transform::new(PLACES, PLACES, FftDirection::Inverse);
    let mut grid = vec![Complex32::new(0.0, 0.0); PLACES * PLACES];
    let mut found: Vec<Candidate> = Vec::new();
    let i = Complex32::new(0.0, 1.0);
    for period in periods((plane.width, plane.height)) {
        let there: Vec<[Complex32; 2]> = (known.iter())
            .map(|Known { line, .. }| {
                let f = [line.x as f32 / period, line.y as f32 / period];
                let usual = spectrum.usual(f[0], f[1]);
                [f[0], -f[0]].map(|fx| limited(spectrum.at(fx, f[1]), usual))
            })
            .collect();
        for weighting in Weighting::ALL {
            grid.fill(Complex32::new(0.0, 0.0));
            let mut power = [0.0f32; 2];
            for (Known { line, weights }, values) in known.iter().zip(&there) {
                let [here, mirrored] = values.map(|v| v * weights[weighting as usize]);
                power[0] += here.norm_sqr();
                power[1] += mirrored.norm_sqr();
                // A real surface for either hand, both in one transform: one as the real part, one
                // as the imaginary.
                let [a, b] = [here, mirrored].map(|v| line.phase.conj() * v);
                let wrap = |v: i32| v.rem_euclid(PLACES as i32) as usize;
                grid[wrap(line.y) * PLACES + wrap(line.x)] += a + i * b;
                grid[wrap(-line.y) * PLACES + wrap(-line.x)] += a.conj() + i * b.conj();
            }
            transform.run(&mut grid);
            for ((mirrored, power), (at, best)) in [false, true].into_iter().zip(power).zip(highest(&grid)) {
                let statistic = best / (2.0 * power.max(1e-9)).sqrt();
                let place = [at % PLACES, at / PLACES].map(|v| v as f32 / PLACES as f32);
                let origin = [if mirrored { -place[0] } else { place[0] }, place[1]];
                let pose = Pose { period: [period; 2], origin, mirrored };
                found.push(Candidate { pose, weighting, statistic });
            }
        }
    }
    found.sort_by(|a, b| b.statistic.total_cmp(&a.statistic));
    found.truncate(CANDIDATES);
    let extent = [plane.width as f32, plane.height as f32];
    for candidate in &mut found {
        refine(candidate, spectrum, &known, extent);
    }
    found.sort_by(|a, b| b.statistic.total_cmp(&a.statistic));
    found
}

/// Climbs along scale and place with steps that are halved where nothing is gained.
fn refine(candidate: &mut Candidate, spectrum: &Spectrum, known: &[Known], extent: [f32; 2]) {
    candidate.statistic = statistic(spectrum, known, &candidate.pose, candidate.weighting);
    let mut size = 1.0f32;
    while size > 0.1 {
        let before = candidate.statistic;
        for which in 0..5 {
            for sign in [-1.0, 1.0] {
                let mut pose = candidate.pose;
                let step = sign * size;
                let scaled = |axis: usize, period: f32| period * (1.0 + step * EDGE_STEP / extent[axis]);
                match which {
                    0 => pose.origin[0] += step * 0.5 / PLACES as f32,
                    1 => pose.origin[1] += step * 0.5 / PLACES as f32,
                    2 => pose.period = [scaled(0, pose.period[0]), scaled(0, pose.period[1])],
                    3 => pose.period[0] = scaled(0, pose.period[0]),
                    _ => pose.period[1] = scaled(1, pose.period[1]),
                }
                let other = statistic(spectrum, known, &pose, candidate.weighting);
                if other > candidate.statistic {
                    *candidate = Candidate { pose, statistic: other, ..*candidate };
                }
            }
        }
        if candidate.statistic <= before + 1e-4 {
            size /= 2.0;
        }
    }
}

/// All lines at a pose, exactly, limited, and turned to the pattern's origin, in the order of
/// [`lines`].
pub(super) fn values(plane: &Field, spectrum: &Spectrum, pose: &Pose) -> Vec<Complex32> {
    let base = pose.period.map(|p| 1.0 / p);
    let exact = Multiples::of(plane, base, MOST);
    let turns = pose.turns();
    let side = if pose.mirrored { -1 } else { 1 };
    (lines().iter())
        .map(|line| {
            let usual = spectrum.usual(line.x as f32 * base[0], line.y as f32 * base[1]);
            limited(exact.value(line.x * side, line.y), usual) * turns.of(line)
        })
        .collect()
}

/// Statistic of some lines against what they should be, each with its weight.
pub(super) fn agreement(lines: impl Iterator<Item = (Complex32, Complex32, f32)>) -> f32 {
    let (sum, power) = lines.fold((0.0, 0.0), |(s, p), (should, is, weight)| {
        (s + weight * (should.conj() * is).re, p + weight * weight * is.norm_sqr())
    });
    std::f32::consts::SQRT_2 * sum / power.max(1e-9).sqrt()
}

/// Samples of the working plane that one sample of the pattern covers.
pub(super) fn scale(pose: &Pose) -> f32 {
    (pose.period[0] + pose.period[1]) / 2.0 / PERIOD as f32
}
