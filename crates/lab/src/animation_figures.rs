//! An animator on people whom nobody trained on: reconstruction of clips from their first frame,
//! and photographs moved by other people.
//!
//! The decision that shapes it: in reconstruction the driver is the truth, so every figure stands
//! beside that of the unmoved source, which a network that learned nothing would reach. Distances
//! are those of First Order Motion Model's section 4 (L1, AKD, MKR, AED) with this project's 68
//! points and identity network.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_faces::Face;
use assay_faces::landmarks68::POINTS;
use assay_faces::track::cosine;
use assay_generators::{ClipFacts, Crop, Finder, each_frame};
use assay_media::{FramePlan, Progress};
use assay_models::first_order::{Animator, Pointed, Transfer};
use image::imageops::{self, FilterType};
use image::{RgbImage, imageops::crop_imm};
use rayon::prelude::*;

use crate::experiment::{Experiment, Stage, sheet_name, write_sheet};
use crate::tables::Tables;
use assay_bench::collections::Split;
use assay_material::rng::Rng;
use assay_train::animator::heads::{self, ROOM};
use assay_train::forgery::reenactment::{animator, borrowed, marked_sheet};

/// Side at which points are measured, in pixels: that of the published figures.
const MEASURED: u32 = 256;
/// Frames of a stretch that are rebuilt at most.
const MOST: usize = 40;
/// Photographs that every driver moves, and frames of each.
const MOVED: [usize; 2] = [8, 4];
/// Rows and columns of pictures in the sheet.
const SHOWN: [usize; 2] = [5, 7];

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Weights of the animator, by id or file; the shipped ones when not given
    #[arg(long, value_name = "ID|FILE")]
    pub animator: Option<String>,
    /// Clip to rebuild instead of those of the test split (repeatable)
    #[arg(long = "clip", value_name = "FILE")]
    pub clips: Vec<PathBuf>,
    /// Where drivers, photographs and results are shown side by side, marked (.png)
    #[arg(long, value_name = "PNG", value_parser = sheet_name)]
    pub sheet: Option<PathBuf>,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "animation";
    const ABOUT: &'static str = "Rebuild clips of test people from their first frame, and move photographs of them: \
                                 L1, points, identity, and a sheet to look at";
    const PAGE: Option<&'static str> = Some("docs/animation.md");
    type Args = Options;
    type Figures = Tables;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Tables> {
        let (page, pictures) = run(&options, stage.progress)?;
        if let Some(path) = &options.sheet {
            write_sheet(path, &pictures)?;
        }
        Ok(Tables(page))
    }
}

/// One person's head over time, as large as the animator takes it.
struct Clip {
    name: String,
    frames: Vec<RgbImage>,
}

/// Means over the frames of a clip.
#[derive(Debug, Default)]
struct Rebuilt {
    name: String,
    frames: usize,
    /// Mean absolute difference from the driver, 0 to 1, of the rebuilt frame and of the source as
    /// it is.
    l1: [f64; 2],
    /// Mean distance of the 68 points in pixels of 256, likewise.
    points: [f64; 2],
    /// One less the cosine of identities, likewise.
    identity: [f64; 2],
    /// Frames in which a face is found in the driver and not in what was made, likewise.
    lost: [usize; 2],
    /// Frames that have both faces, likewise.
    found: [usize; 2],
}

/// Measures and writes: the page, and a marked sheet of moved photographs to be looked at.
///
/// # Errors
/// When data or weights cannot be read, or there is nobody to look at.
fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<(String, RgbImage)> {
    let animator = animator(options.animator.as_deref())?;
    let finder = Finder::open()?;
    let side = animator.side() as u32;
    let room = (side as f32 * ROOM).round() as u32;
    let middle = |picture: &RgbImage| {
        let corner = picture.width().saturating_sub(side) / 2;
        crop_imm(picture, corner, corner, side, side).to_image()
    };
    let tested = |all: Vec<heads::Stretch>| -> Vec<Clip> {
        let all = all.into_iter().filter(|s| s.split == Split::Test);
        all.map(|s| Clip { name: s.name, frames: s.frames.iter().map(|f| middle(&f.picture)).collect() }).collect()
    };
    let clips = if options.clips.is_empty() {
        tested(heads::clips(&options.data, room, progress)?)
    } else {
        options.clips.iter().map(|path| clip(path, &finder, side, progress)).collect::<anyhow::Result<_>>()?
    };
    anyhow::ensure!(!clips.is_empty(), "{} holds no clip of the test split", options.data.display());
    let photographs = tested(heads::photographs(&options.data, room, progress)?);
    anyhow::ensure!(!photographs.is_empty(), "{} holds no photograph of the test split", options.data.display());
    let rebuilt: Vec<Rebuilt> =
        clips.iter().map(|clip| rebuild(&animator, &finder, clip, progress)).collect::<anyhow::Result<_>>()?;
    let entry = animator.entry();
    let mut page = format!(
        "# Animated heads\n\nMade by `assay lab animation --data DIR` with {} (SHA-256 {}, {side} pixels), on people whom it never saw. \
         Points are in pixels of a {MEASURED}-pixel head, identity is one less the cosine of the shipped identity network. \
         Beside each figure stands that of the source as it is, unmoved.\n\n",
        entry.id, entry.sha256
    );
    reconstruction(&rebuilt, &mut page);
    let sheet = moved(&animator, &finder, &clips, &photographs, &mut page, progress)?;
    Ok((page, sheet))
}

/// The largest head of any clip.
fn clip(path: &Path, finder: &Finder, side: u32, progress: &dyn Progress) -> anyhow::Result<Clip> {
    let facts = ClipFacts::open(path)?;
    let mut meshes = Vec::new();
    each_frame(&facts.source, FramePlan::EvenlySpaced(16), progress, &mut |frame, _| {
        meshes.extend(finder.largest(frame)?.map(|f| f.observation.landmarks.mesh));
        Ok(())
    })?;
    let crop = Crop::around(meshes.iter().map(Vec::as_slice))
        .with_context(|| format!("{}: there is no face in this clip", path.display()))?;
    let mut frames = Vec::new();
    each_frame(&facts.source, FramePlan::EveryKth(5), progress, &mut |frame, _| {
        frames.push(crop.cut(frame, side));
        Ok(())
    })?;
    Ok(Clip { name: path.display().to_string(), frames })
}

fn made(animator: &Animator, source: &RgbImage, driving: &Pointed, initial: &Pointed, transfer: Transfer) -> RgbImage {
    let portrait = animator.portrait(&borrowed(source));
    let made = animator.animate(&portrait, driving, initial, transfer).picture;
    RgbImage::from_raw(made.width as u32, made.height as u32, made.pixels).unwrap_or_default()
}

fn face(finder: &Finder, picture: &RgbImage) -> anyhow::Result<Option<Face>> {
    Ok(finder.largest(&imageops::resize(picture, MEASURED, MEASURED, FilterType::CatmullRom))?)
}

/// Every frame from the first one.
fn rebuild(animator: &Animator, finder: &Finder, clip: &Clip, progress: &dyn Progress) -> anyhow::Result<Rebuilt> {
    progress.update("rebuilding clips", 0, 0);
    let (first, rest) = clip.frames.split_first().context("a clip without a frame")?;
    let absolute = Transfer { relative_movement: false, relative_jacobian: false, adapt_scale: false };
    let source = face(finder, first)?;
    let step = rest.len().div_ceil(MOST).max(1);
    let chosen: Vec<&RgbImage> = rest.iter().step_by(step).collect();
    let one = |driving: &&RgbImage| -> anyhow::Result<Rebuilt> {
        let points = animator.points(&borrowed(driving));
        let rebuilt = made(animator, first, &points, &points, absolute);
        let mut row =
            Rebuilt { frames: 1, l1: [&rebuilt, first].map(|p| difference(p, driving)), ..Rebuilt::default() };
        let Some(truth) = face(finder, driving)? else { return Ok(row) };
        for (i, found) in [face(finder, &rebuilt)?, source.clone()].into_iter().enumerate() {
            let Some(found) = found else {
                row.lost[i] += 1;
                continue;
            };
            row.found[i] += 1;
            row.points[i] = apart(&found, &truth);
            row.identity[i] = 1.0 - alike(&found, &truth);
        }
        Ok(row)
    };
    let rows: Vec<Rebuilt> = chosen.par_iter().map(one).collect::<anyhow::Result<_>>()?;
    Ok(total(clip.name.clone(), &rows))
}

/// Means of rows, each as heavy as the frames behind it.
fn total(name: String, rows: &[Rebuilt]) -> Rebuilt {
    let sum = |of: &dyn Fn(&Rebuilt) -> usize| rows.iter().map(of).sum::<usize>();
    let mean = |of: &dyn Fn(&Rebuilt) -> (f64, usize)| {
        let (total, count) = rows.iter().map(of).fold((0.0, 0), |(t, c), (v, n)| (t + v * n as f64, c + n));
        total / count.max(1) as f64
    };
    Rebuilt {
        name,
        frames: sum(&|r| r.frames),
        l1: [0, 1].map(|i| mean(&|r| (r.l1[i], r.frames))),
        points: [0, 1].map(|i| mean(&|r| (r.points[i], r.found[i]))),
        identity: [0, 1].map(|i| mean(&|r| (r.identity[i], r.found[i]))),
        lost: [0, 1].map(|i| sum(&|r| r.lost[i])),
        found: [0, 1].map(|i| sum(&|r| r.found[i])),
    }
}

fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(p, q)| u64::from(p.abs_diff(*q))).sum();
    sum as f64 / (a.as_raw().len().max(1) as f64 * 255.0)
}

fn apart(a: &Face, b: &Face) -> f64 {
    let pairs = a.observation.points68.iter().zip(&b.observation.points68);
    pairs.map(|(p, q)| f64::from((p[0] - q[0]).hypot(p[1] - q[1]))).sum::<f64>() / POINTS as f64
}

fn alike(a: &Face, b: &Face) -> f64 {
    match (&a.embedding, &b.embedding) {
        (Some(a), Some(b)) => f64::from(cosine(a, b)),
        _ => 0.0,
    }
}

fn reconstruction(rows: &[Rebuilt], page: &mut String) {
    page.push_str(
        "## Reconstruction\n\nEvery fifth frame rebuilt from the first one of its stretch with absolute motion.\n\n\
         | clip | frames | L1 | unmoved | points (AKD) | unmoved | identity | unmoved | faces lost (MKR) |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let all = total(format!("**all {} stretches**", rows.len()), rows);
    for r in rows.iter().chain([&all]) {
        let _ = writeln!(
            page,
            "| {} | {} | {:.4} | {:.4} | {:.2} | {:.2} | {:.3} | {:.3} | {} of {} |",
            r.name,
            r.frames,
            r.l1[0],
            r.l1[1],
            r.points[0],
            r.points[1],
            r.identity[0],
            r.identity[1],
            r.lost[0],
            r.lost[0] + r.found[0]
        );
    }
}

/// Photographs with the motion of other people's clips.
fn moved(
    animator: &Animator,
    finder: &Finder,
    clips: &[Clip],
    photographs: &[Clip],
    page: &mut String,
    progress: &dyn Progress,
) -> anyhow::Result<RgbImage> {
    let mut rng = Rng::new(7);
    let relative = Transfer { relative_movement: true, relative_jacobian: true, adapt_scale: true };
    let side = animator.side() as u32;
    let mut sheet = RgbImage::new(side * SHOWN[1] as u32, side * 2 * SHOWN[0] as u32);
    let (mut own, mut other, mut turned, mut count, mut lost) = (0.0, 0.0, Vec::new(), 0usize, 0usize);
    for (at, clip) in clips.iter().enumerate() {
        progress.update("moving photographs", at as u64, clips.len() as u64);
        let Some(first) = clip.frames.first() else { continue };
        let initial = animator.points(&borrowed(first));
        for n in 0..MOVED[0] {
            let Some(still) = rng.pick(photographs).and_then(|p| p.frames.first()) else { continue };
            let frames: Vec<&RgbImage> = (0..MOVED[1]).filter_map(|_| rng.pick(&clip.frames)).collect();
            let Some(who) = face(finder, still)? else { continue };
            let Some(start) = face(finder, first)? else { continue };
            for driving in frames {
                let picture = made(animator, still, &animator.points(&borrowed(driving)), &initial, relative);
                let Some(driver) = face(finder, driving)? else { continue };
                let Some(found) = face(finder, &picture)? else {
                    lost += 1;
                    continue;
                };
                count += 1;
                own += alike(&found, &who);
                other += alike(&found, &driver);
                turned.push([yaw(&driver) - yaw(&start), yaw(&found) - yaw(&who)]);
            }
            if n == 0 && at < SHOWN[0] {
                let places = (0..SHOWN[1] - 1).map(|i| i * clip.frames.len() / (SHOWN[1] - 1));
                imageops::replace(&mut sheet, still, 0, i64::from(side) * (2 * at as i64 + 1));
                for (column, driving) in places.filter_map(|i| clip.frames.get(i)).enumerate() {
                    let picture = made(animator, still, &animator.points(&borrowed(driving)), &initial, relative);
                    let x = i64::from(side) * (column as i64 + 1);
                    imageops::replace(&mut sheet, driving, x, i64::from(side) * 2 * at as i64);
                    imageops::replace(&mut sheet, &picture, x, i64::from(side) * (2 * at as i64 + 1));
                }
            }
        }
    }
    let n = count.max(1) as f64;
    let _ = writeln!(
        page,
        "\n## Moved by others\n\n{count} frames: photographs of the test split with the relative motion of other people's clips, {lost} more in which no face was found. \
         Likeness (cosine) to the photograph {:.2}, to the driver {:.2}. Sideways turns of driver and result, each from its own start, correlate by {:.2}.",
        own / n,
        other / n,
        correlation(&turned)
    );
    marked_sheet(sheet)
}

/// How far the nose lies to one side between the outer eye corners, in their distance: a turn
/// without a head model.
fn yaw(face: &Face) -> f64 {
    let p = &face.observation.points68;
    let axis = [p[45][0] - p[36][0], p[45][1] - p[36][1]];
    let length = axis[0].mul_add(axis[0], axis[1] * axis[1]).max(1e-6);
    let nose = [p[30][0] - p[36][0], p[30][1] - p[36][1]];
    f64::from((nose[0] * axis[0] + nose[1] * axis[1]) / length) - 0.5
}

fn correlation(pairs: &[[f64; 2]]) -> f64 {
    let n = pairs.len().max(1) as f64;
    let mean = [0, 1].map(|i| pairs.iter().map(|p| p[i]).sum::<f64>() / n);
    let moment = |i: usize, j: usize| pairs.iter().map(|p| (p[i] - mean[i]) * (p[j] - mean[j])).sum::<f64>();
    moment(0, 1) / (moment(0, 0) * moment(1, 1)).sqrt().max(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_weigh_by_frames_and_turns_that_agree_correlate() {
        let row = |frames: usize, l1: f64, found: usize, points: f64| Rebuilt {
            frames,
            l1: [l1, 0.0],
            found: [found, 0],
            points: [points, 0.0],
            ..Rebuilt::default()
        };
        let all = total("all".into(), &[row(1, 0.4, 0, 9.0), row(3, 0.2, 2, 1.0)]);
        assert_eq!((all.frames, all.found[0]), (4, 2));
        assert!((all.l1[0] - 0.25).abs() < 1e-9 && (all.points[0] - 1.0).abs() < 1e-9);
        assert!((correlation(&[[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]) - 1.0).abs() < 1e-9);
        assert!((correlation(&[[0.0, 5.0], [1.0, 3.0], [2.0, 1.0]]) + 1.0).abs() < 1e-9);
        let white = RgbImage::from_pixel(4, 4, image::Rgb([255; 3]));
        assert!((difference(&white, &RgbImage::new(4, 4)) - 1.0).abs() < 1e-9);
    }
}
