//! A detector's scores measured against a data set.
//!
//! The decision that shapes it: the table decides what is measured, not the scores. A row without a
//! score stands in `files` with none and is counted, one for which nothing at all was handed in
//! too; a score for a file that is not in the table is an error.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, bail, ensure};

use super::manifest::{Label, Manifest, Part};
use super::results::{Counts, Curves, Drawn, Failure, FailureKind, FileResult, FrameScore, Results, Slice};
use super::tally::{Face, Level, Tally};
use crate::metrics::{self, BINS, DRAWS, Estimate, Ranked, Scored, bootstrap};

/// Measures the scores against the table.
///
/// # Errors
/// When a score or failure is of a file and part that the table has not, a score is given twice or
/// is not finite, or frames of one video have two labels.
pub fn evaluate(
    manifest: &Manifest,
    scores: &[FrameScore],
    failures: &[Failure],
    seed: u64,
) -> anyhow::Result<Results> {
    let places: HashMap<(&Path, Part), usize> =
        manifest.rows.iter().enumerate().map(|(i, r)| ((r.path.as_path(), r.part), i)).collect();
    ensure!(places.len() == manifest.rows.len(), "the table has one file and part twice");
    let place = |path: &Path, part: Part| {
        let row = places.get(&(path, part)).copied();
        row.with_context(|| format!("{}, part {}, is not in the table", path.display(), part.name()))
    };
    let mut faces = Vec::with_capacity(scores.len());
    for (i, score) in scores.iter().enumerate() {
        let row = place(&score.path, score.part)?;
        ensure!(score.log_odds.is_finite(), "{}, frame {}: the score is not finite", score.path.display(), score.frame);
        faces.push((i, Face { row, person: score.person, frame: score.frame, log_odds: score.log_odds }));
    }
    // Sums must not depend on the order in which threads handed the scores in.
    faces.sort_by_key(|(_, f)| (f.row, f.person, f.frame));
    let key = |f: &Face| (f.row, f.person, f.frame);
    if let Some(twice) = faces.windows(2).find(|w| key(&w[0].1) == key(&w[1].1)) {
        let score = &scores[twice[0].0];
        bail!("{}, person {}, frame {} is scored twice", score.path.display(), score.person, score.frame);
    }
    let measured = Measured { manifest, scores, faces, seed };
    let all = measured.tally(|_| true)?;
    let (files, counts) = files(manifest, &all, failures, place)?;

    let [frame_auc, person_auc, video_auc, paired, eer, ap, log_loss, fpr95, tpr01, brier, ece] = figures(&all, seed);
    Ok(Results {
        frame_auc,
        person_auc,
        video_auc,
        paired_accuracy: paired,
        eer,
        average_precision: ap,
        log_loss,
        fpr_at_tpr95: fpr95,
        tpr_at_fpr01: tpr01,
        brier,
        ece,
        files,
        by_source: measured.by_source()?,
        by_compression: measured.by_compression()?,
        by_size: measured.by_range(&SIZES, "px", |s| s.face_px)?,
        by_pose: measured.by_range(&POSES, "deg", |s| s.yaw_deg.map(f64::abs))?,
        failures: counts,
        curves: curves(&all.videos),
        bootstrap: Drawn { draws: DRAWS, seed, over: "videos".into() },
    })
}

/// Lower ends of the classes of face size.
const SIZES: [f64; 4] = [0.0, 64.0, 128.0, 256.0];

/// Lower ends of the classes of the head's turn.
const POSES: [f64; 3] = [0.0, 20.0, 45.0];

/// Odds to probability.
fn probabilities(level: &Level) -> Vec<Scored> {
    level.items.iter().map(|i| Scored { score: 1.0 / (1.0 + (-i.score).exp()), fake: i.fake }).collect()
}

fn figures(tally: &Tally, seed: u64) -> [Estimate; 11] {
    let chances = probabilities(&tally.videos);
    let mut list = bootstrap(tally.units, seed, |w| {
        let roc = tally.videos.roc(w);
        let of = |figure: &dyn Fn(&metrics::Roc) -> f64| roc.as_ref().map(figure);
        let weight = |i: usize| tally.videos.weight(w, i);
        [
            tally.frames.auc(w),
            tally.persons.auc(w),
            of(&metrics::Roc::auc),
            tally.paired(w),
            of(&metrics::Roc::eer),
            of(&metrics::Roc::average_precision),
            metrics::weighted_log_loss(&chances, weight),
            of(&|r| r.fpr_at_tpr(0.95)),
            of(&|r| r.tpr_at_fpr(0.01)),
            metrics::weighted_brier(&chances, weight),
            metrics::weighted_ece(&chances, weight),
        ]
    });
    for (i, interval) in list.iter_mut().enumerate() {
        let (level, name) = match i {
            0 => (&tally.frames, "frame"),
            1 => (&tally.persons, "person"),
            _ => (&tally.videos, "video"),
        };
        let pairs = i == 3;
        let missing =
            if pairs { "no file has a real and a fake part with scores".to_owned() } else { lacking(level, name) };
        complete(interval, if pairs { tally.pairs.len() } else { level.items.len() }, missing);
    }
    list
}

fn complete(interval: &mut Estimate, n: usize, missing: String) {
    interval.n = n;
    if interval.value.is_none() {
        interval.reason = Some(missing);
    }
}

fn lacking(level: &Level, name: &str) -> String {
    match (level.count(Label::Real), level.count(Label::Fake)) {
        (0, 0) => format!("no {name} has a score"),
        (0, _) => format!("no real {name} has a score"),
        _ => format!("no fake {name} has a score"),
    }
}

fn curves(videos: &Level) -> Curves {
    let chances = probabilities(videos);
    let bins = metrics::reliability(&chances, |_| 1.0);
    let curve = Ranked::new(&videos.items).and_then(|ranked| ranked.roc(|_| 1.0));
    let points = curve.map(|curve| curve.points()).unwrap_or_default();
    let mut roc: Vec<[f64; 2]> = Vec::new();
    for point in points {
        // A corner is enough; the steps between two corners lie on the line.
        if let [.., a, b] = roc[..]
            && (b[0] - a[0]) * (point.tpr - a[1]) == (point.fpr - a[0]) * (b[1] - a[1])
        {
            roc.pop();
        }
        roc.push([point.fpr, point.tpr]);
    }
    let empty = chances.is_empty();
    let reliability = bins.iter().take(if empty { 0 } else { BINS }).map(|b| (b.mean, b.fakes, b.weight as usize));
    Curves { roc, reliability: reliability.collect() }
}

fn files(
    manifest: &Manifest,
    tally: &Tally,
    failures: &[Failure],
    place: impl Fn(&Path, Part) -> anyhow::Result<usize>,
) -> anyhow::Result<(Vec<FileResult>, Counts)> {
    let mut counts = Counts { files: manifest.rows.len(), ..Counts::default() };
    let mut failed: BTreeMap<usize, Vec<(FailureKind, String)>> = BTreeMap::new();
    for failure in failures {
        let row = place(&failure.path, failure.part)?;
        failed.entry(row).or_default().push((failure.kind, failure.reason.clone()));
    }
    let (mut videos, mut scored) = (HashSet::new(), HashSet::new());
    let mut files = Vec::with_capacity(manifest.rows.len());
    for (i, row) in manifest.rows.iter().enumerate() {
        let mut failures = failed.remove(&i).unwrap_or_default();
        failures.sort();
        let found = tally.files.get(&i);
        if found.is_none() && failures.is_empty() {
            failures.push((FailureKind::NotReported, "neither a score nor a failure was handed in".into()));
        }
        for (kind, _) in &failures {
            *match kind {
                FailureKind::Decode => &mut counts.decode,
                FailureKind::NoFace => &mut counts.no_face,
                FailureKind::Abstained => &mut counts.abstained,
                FailureKind::NotReported => &mut counts.not_reported,
            } += 1;
        }
        let video = (manifest.video(row), row.part);
        if found.is_some() {
            scored.insert(video.clone());
        } else if row.label == Label::Real {
            counts.real_without_score += 1;
        } else {
            counts.fake_without_score += 1;
        }
        videos.insert(video);
        let (score, persons, frames) = found.map_or((None, 0, 0), |(s, p, f)| (Some(*s), *p, *f));
        let path = manifest.name(&row.path);
        files.push(FileResult { path, part: row.part, label: row.label, score, persons, frames, failures });
    }
    counts.videos_without_score = videos.len() - scored.len();
    Ok((files, counts))
}

struct Measured<'a> {
    manifest: &'a Manifest,
    scores: &'a [FrameScore],
    /// With the place of its score, in order of row, person and frame.
    faces: Vec<(usize, Face)>,
    seed: u64,
}

const NOT_GIVEN: &str = "not given";

impl Measured<'_> {
    fn tally(&self, keep: impl Fn(&(usize, Face)) -> bool) -> anyhow::Result<Tally> {
        let faces: Vec<Face> = self.faces.iter().filter(|f| keep(f)).map(|(_, face)| *face).collect();
        Tally::new(self.manifest, &faces)
    }

    fn slice(
        &self,
        name: String,
        against: Option<String>,
        keep: impl Fn(&(usize, Face)) -> bool,
    ) -> anyhow::Result<Slice> {
        let tally = self.tally(keep)?;
        let [mut video_auc, mut frame_auc] =
            bootstrap(tally.units, self.seed, |w| [tally.videos.auc(w), tally.frames.auc(w)]);
        complete(&mut video_auc, tally.videos.items.len(), lacking(&tally.videos, "video"));
        complete(&mut frame_auc, tally.frames.items.len(), lacking(&tally.frames, "frame"));
        let (real, fake) = (tally.videos.count(Label::Real), tally.videos.count(Label::Fake));
        Ok(Slice { name, against, video_auc, frame_auc, real, fake })
    }

    fn by_source(&self) -> anyhow::Result<Vec<Slice>> {
        let source = |row: usize| self.manifest.rows[row].source.as_deref().unwrap_or(NOT_GIVEN);
        let mut labels: BTreeMap<&str, BTreeSet<Label>> = BTreeMap::new();
        for (i, row) in self.manifest.rows.iter().enumerate() {
            labels.entry(source(i)).or_default().insert(row.label);
        }
        let slice = |(name, labels): (&str, BTreeSet<Label>)| {
            let only = if labels.len() == 1 { labels.first().copied() } else { None };
            let against = only.map(|label| if label == Label::Fake { "all real" } else { "all fake" }.to_owned());
            let other = |row: usize| only.is_some_and(|label| self.manifest.rows[row].label != label);
            self.slice(name.to_owned(), against, |(_, f)| source(f.row) == name || other(f.row))
        };
        labels.into_iter().map(slice).collect()
    }

    fn by_compression(&self) -> anyhow::Result<Vec<Slice>> {
        let rows = &self.manifest.rows;
        if rows.iter().all(|r| r.compression.is_none()) {
            return Ok(Vec::new());
        }
        let of = |row: usize| rows[row].compression.as_deref().unwrap_or(NOT_GIVEN);
        let names: BTreeSet<&str> = (0..rows.len()).map(of).collect();
        names.into_iter().map(|n| self.slice(n.to_owned(), None, |(_, f)| of(f.row) == n)).collect()
    }

    /// A class a range, and one for faces of which the quantity is not known, where there are such.
    fn by_range(
        &self,
        lows: &[f64],
        unit: &str,
        of: impl Fn(&FrameScore) -> Option<f64>,
    ) -> anyhow::Result<Vec<Slice>> {
        let class = |score: &FrameScore| {
            of(score).filter(|v| v.is_finite()).map(|v| lows.iter().rposition(|l| v >= *l).unwrap_or(0))
        };
        let mut slices = Vec::new();
        for (i, low) in lows.iter().enumerate() {
            let name = match (i, lows.get(i + 1)) {
                (0, Some(high)) => format!("below {high} {unit}"),
                (_, Some(high)) => format!("{low} to {high} {unit}"),
                (_, None) => format!("{low} {unit} and above"),
            };
            slices.push(self.slice(name, None, |(s, _)| class(&self.scores[*s]) == Some(i))?);
        }
        if self.scores.iter().any(|s| class(s).is_none()) {
            slices.push(self.slice(NOT_GIVEN.to_owned(), None, |(s, _)| class(&self.scores[*s]).is_none())?);
        }
        Ok(slices)
    }
}

#[cfg(test)]
mod tests;
