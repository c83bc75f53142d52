//! Figures of the face networks, on people and pictures that they were not trained on.
//!
//! The decision that shapes it: the program's own path is measured (detector over every scale, two
//! passes of the mesh, the tracker in the decode pass), against truths that no detector made. What
//! a machine labelled is given apart, as agreement.
use std::path::{Path, PathBuf};

use assay_faces::geometry::Rect;
use assay_faces::{FaceNetworks, Networks};
use assay_media::Progress;
use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;

use crate::experiment::{Experiment, Markdown, Stage};
use assay_bench::collections::{Collection, Folder, Split, Use};
use assay_bench::datasets::{Label, Part};
use assay_train::faces::data::{self, Picture, hand_points};
use assay_train::faces::points::tight_box;
use detection::{Detection, SIZES};
use truth::{Geometry, Known, shows_nobody};

pub mod detection;
pub mod measures;
mod peer;
pub mod tracking;
pub mod truth;

/// What to measure with.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Weights of BlazeFace (.pth) to measure beside the detector
    #[arg(long, value_name = "FILE")]
    pub blazeface: Option<PathBuf>,
    /// Where a sheet of 40 faces with their points is written, to be looked at
    #[arg(long, value_name = "FILE")]
    pub overlays: Option<PathBuf>,
    /// Measure the validation split, to choose operating points by
    #[arg(long)]
    pub validation: bool,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "faces";
    const ABOUT: &'static str = "Measure the face networks on held-out people: finding, points, identity, following";
    const PAGE: Option<&'static str> = Some("docs/faces.md");
    const KEEPS_JSON: bool = true;
    type Args = Options;
    type Figures = Figures;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Figures> {
        measure(&options, stage.progress)
    }
}

impl Markdown for Figures {
    fn page(&self, _: &str) -> String {
        markdown(self)
    }
}

/// All figures.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Which split of the people and files.
    pub split: String,
    /// Detectors at one false face in a hundred pictures without faces, and the shipped one at its
    /// shipped score.
    pub detection: Vec<Detection>,
    /// Share of the machine's boxes that the shipped detector finds at its shipped score, by
    /// source.
    pub agreement: Vec<detection::Row>,
    /// Errors of the points.
    pub points: Vec<measures::PointErrors>,
    /// Verification.
    pub identity: Vec<measures::Identity>,
    /// Tracking.
    pub tracking: Vec<tracking::Tracking>,
}

/// Measures everything.
///
/// # Errors
/// When the data cannot be read or a network breaks.
fn measure(options: &Options, progress: &dyn Progress) -> anyhow::Result<Figures> {
    progress.update("reading pictures", 0, 0);
    let split = if options.validation { Split::Validation } else { Split::Test };
    let networks = Networks::shipped()?;
    let pictures = data::load(&options.data, Some(data::ClipFrames::SHAPES))?;
    let hand = hand_points(&options.data)?;
    let geometry = Geometry::learn(&pictures, &hand);
    let collection = Collection::of(&options.data)?;
    let mut known = geometry.known(&pictures, &hand, split);
    let empty: Vec<&Picture> = pictures.iter().filter(|p| p.split != Split::Train && shows_nobody(&collection, p)).collect();
    known.extend(geometry.pasted(&pictures, &hand, &empty, split, 1000));
    if split == Split::Test {
        for (picture, faces) in truth::dlib(&options.data)? {
            known.push(Known { source: "dlib", picture, boxes: faces.iter().map(|f| geometry.box_of(f)).collect() });
        }
    }
    let empty: Vec<&RgbImage> = empty.iter().map(|p| p.levels.full()).collect();
    progress.update("finding faces", 0, 0);
    let own = |p: &RgbImage| -> Vec<(Rect, f32)> {
        let found = networks.find(p, SIZES[0].1, 0.02).unwrap_or_default();
        found.into_iter().map(|d| (d.box_in_frame, d.score)).collect()
    };
    let mut detection = vec![detection::measure("assay", &own, &known, &empty, None)];
    if let Some(path) = &options.blazeface {
        let blazeface = peer::blazeface(path, &pictures)?;
        detection.push(detection::measure("BlazeFace (published weights, tiled)", &*blazeface, &known, &empty, None));
    }
    let shipped = networks.operating_points().face_score;
    detection.push(detection::measure("assay at its shipped score", &own, &known, &empty, Some(shipped)));
    progress.update("placing points", 0, 0);
    let agreement = agreement(&own, &pictures, split, shipped);
    let points = measures::points(&networks, &pictures, &hand, &geometry, split);
    progress.update("telling people apart", 0, 0);
    let identity = measures::identity(&networks, &pictures, split);
    if let Some(path) = &options.overlays {
        measures::overlays(&networks, &pictures, split, 40, 8).save(path)?;
    }
    let tracking = if options.validation { Vec::new() } else { clips(&networks, &options.data, progress)? };
    let split = if options.validation { "validation" } else { "test" };
    Ok(Figures { split: split.into(), detection, agreement, points, identity, tracking })
}

/// Machine-made boxes of held-out pictures that are found.
fn agreement(
    detector: &detection::Detector<'_>,
    pictures: &[Picture],
    split: Split,
    least: f32,
) -> Vec<detection::Row> {
    let held: Vec<&Picture> =
        pictures.iter().filter(|p| p.split == split && !p.is_scene() && !p.faces.is_empty()).collect();
    let found: Vec<(&str, usize, usize, usize)> = held
        .par_iter()
        .map(|p| {
            let found = detector(p.levels.full());
            let hit = |least: f32| {
                let fits = |mesh: &[[f32; 2]]| {
                    let [x, y, w, h] = tight_box(mesh);
                    found.iter().any(|(b, score)| *score >= least && b.iou(&Rect::new(x, y, w, h)) >= 0.5)
                };
                p.faces.iter().filter(|f| fits(&f.mesh)).count()
            };
            (p.source.as_str(), p.faces.len(), hit(least), hit(0.0))
        })
        .collect();
    let mut sources: Vec<&str> = found.iter().map(|f| f.0).collect();
    sources.sort_unstable();
    sources.dedup();
    let row = |source: &str| {
        let mut row = detection::Row { source: source.into(), size: "all".into(), ..detection::Row::default() };
        for (_, wanted, hits, ever) in found.iter().filter(|f| f.0 == source) {
            (row.wanted, row.found, row.found_ever) = (row.wanted + wanted, row.found + hits, row.found_ever + ever);
        }
        row
    };
    sources.into_iter().map(row).collect()
}

fn clips(networks: &Networks, data: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<tracking::Tracking>> {
    let mut all = Vec::new();
    let collection = Collection::of(data)?;
    let of = |folder: &&Folder| folder.uses.contains(&Use::Clips) || folder.uses.contains(&Use::Swaps);
    for folder in collection.descriptor().folders.iter().filter(of) {
        for name in collection.files_in(folder)? {
            progress.update("following faces", all.len() as u64, 0);
            let halves = collection.label(&name, Part::Left) == Some(Label::Real);
            all.push(tracking::recorded(networks, data, &name, halves)?);
        }
    }
    let folder = tempfile::tempdir()?;
    let heads = [
        ["video/talking/lp_d10.mp4", "video/talking/lp_d13.mp4"],
        ["video/talking/lp_d3.mp4", "drive256/driving1.mp4"],
    ];
    // Only where these clips are.
    for pair in heads.into_iter().filter(|pair| pair.iter().all(|clip| data.join(clip).is_file())) {
        all.push(tracking::crossing(networks, data, pair, folder.path())?);
    }
    Ok(all)
}

/// The figures as Markdown tables.
fn markdown(figures: &Figures) -> String {
    let mut out = String::from(
        "# Faces\n\nMade by `assay lab faces --data DIR --blazeface FILE`. People and files of the test split were used neither for training nor for \
         choosing a number.\n\n## Finding faces\n\nTruth: boxes from 68 hand-made points (`ytfaces68`, `dlib`), the fixed geometry of aligned pictures \
         (`celeba178`), and faces laid at a known place, size and turn into pictures that were looked at and show nobody (`pasted`). Found: overlap of at \
         least 0.5. The score is the lowest at which at most one face in a hundred pictures without faces is reported.\n\n",
    );
    for d in &figures.detection {
        out += &format!(
            "**{}**: score {:.3}, {} false faces in {} pictures without faces.\n\n| source | size in px | faces | found | at any score |\n|---|---|---|---|---|\n",
            d.name, d.threshold, d.false_faces, d.empty_pictures
        );
        for r in &d.rows {
            let ever = r.found_ever as f64 / r.wanted.max(1) as f64;
            out += &format!("| {} | {} | {} | {:.3} | {ever:.3} |\n", r.source, r.size, r.wanted, r.recall());
        }
        out += "\n";
    }
    out += "Agreement with machine-made boxes (BlazeFace's, so no truth), at the shipped score:\n\n| source | boxes | found |\n|---|---|---|\n";
    for r in &figures.agreement {
        out += &format!("| {} | {} | {:.3} |\n", r.source, r.wanted, r.recall());
    }
    out += "\n## Points\n\nMean distance over the distance of the outer eye corners.\n\n| against | faces | not found | mean | median | share over 0.1 |\n|---|---|---|---|---|---|\n";
    for p in &figures.points {
        out += &format!(
            "| {} | {} | {} | {:.4} | {:.4} | {:.3} |\n",
            p.against, p.faces, p.not_found, p.mean, p.median, p.over_tenth
        );
    }
    out += "\n## Identity\n\nAll pairs of held-out people's pictures.\n\n| pictures | people | pictures | AUC | cosine at 1 % false | same person above it |\n|---|---|---|---|---|---|\n";
    for i in &figures.identity {
        out += &format!(
            "| {} | {} | {} | {:.3} | {:.2} | {:.3} |\n",
            i.pictures, i.people, i.count, i.auc, i.cosine_at_1_percent, i.same_above
        );
    }
    if !figures.tracking.is_empty() {
        out += "\n## Following\n\nSwitches: a track goes over to another face, or a face in view gets a new track without a cut.\n\n| clip | secs | faces in view | cuts | tracks | persons | switches | lost looks | looks |\n|---|---|---|---|---|---|---|---|---|\n";
        for t in &figures.tracking {
            out += &format!(
                "| {} | {:.1} | {} | {} | {} | {} | {} | {} | {} |\n",
                t.clip, t.secs, t.expected, t.cuts, t.tracks, t.persons, t.switches, t.lost, t.looks
            );
        }
    }
    out
}
