//! How often a real face reaches the default threshold.
//!
//! The decision that shapes it: photographs and clips are those of the test split, weighed by the
//! shipped tables. The real halves of the side-by-side clips are judged by the network that held
//! their people out; the tables have seen their scores, so they stand in a row of their own.
use std::fmt::Write as _;

use assay_faces::stretches::stretches;
use assay_workbench::calibration::{CalibrationTable, Condition, OperatingPoint, Thresholds};
use assay_workbench::questions;

use super::{Bench, sets};
use assay_bench::collections::Split;
use assay_bench::collections::folds::{Folds, look_unseen};
use assay_bench::datasets::Label;
use assay_bench::judge::{self, Look, PACE, Score, by_person};
use assay_bench::metrics::Rate;

/// Smallest face whose missing judgement counts as an abstention, in pixels.
const COUNTED_PX: f64 = 64.0;

/// How many of what reached the threshold by either kind of network.
#[derive(Default)]
struct FalsePositives {
    units: usize,
    forgery: usize,
    synthesis: usize,
    faces: usize,
    unjudged: usize,
}

impl FalsePositives {
    fn row(&self, what: &str, saved: &str) -> String {
        let share = |count: usize| {
            let Rate { rate, interval, .. } = Rate::new(count, self.units);
            format!("{rate:.3} ({:.3} to {:.3})", interval.low, interval.high)
        };
        format!(
            "| {what} | {saved} | {} | {} | {} | {:.3} of {} |\n",
            self.units,
            share(self.forgery),
            share(self.synthesis),
            self.unjudged as f64 / self.faces.max(1) as f64,
            self.faces
        )
    }
}

/// The table of false positives.
pub(super) fn table(bench: &Bench<'_>, ids: &[String]) -> anyhow::Result<String> {
    let unseen = Folds::of(ids, &sets::swap_clips(bench.data)?).unseen(ids)?;
    let asked = Asked { tables: questions::tables()?, thresholds: Thresholds::shipped()? };
    let mut text = format!(
        "## False positives\n\nReal faces whose likelihood ratio for \"replaced or reshaped\" (face_forgery) or \"generated\" (face_synthesis) reaches the question's default threshold, with 95 % Wilson intervals. \
         Photographs and clips are of the test split, clips cut into stretches of three seconds; n counts photographs or stretches. The last column: faces of at least {COUNTED_PX} px on the shorter side that no network judged, being too blurred.\n\n\
         | what | saved as | n | face_forgery | face_synthesis | not judged |\n|---|---|---|---|---|---|\n"
    );
    for saving in sets::PHOTOGRAPHS {
        for folder in &sets::photograph_folders(bench.data)? {
            let manifest = sets::photographs(bench.data, bench.work, folder, Split::Test, saving)?;
            let (looks, _) = judge::look(&manifest, &bench.networks, PACE, bench.progress);
            let condition = match saving.condition() {
                Condition::Lossless => Condition::Jpeg { from: 90, to: 100 },
                other => other,
            };
            let mut found = FalsePositives::default();
            found.count(&asked, &condition, &looks);
            text += &found.row(folder, saving.name);
        }
    }
    for saving in sets::CLIPS {
        let manifest = sets::clips(bench.data, bench.work, &[Split::Test], saving)?;
        let (looks, _) = judge::look(&manifest, &bench.networks, PACE, bench.progress);
        let mut found = FalsePositives::default();
        found.count(&asked, &Condition::Video, &looks);
        text += &found.row("test clips", saving.name);
        let mut manifest = sets::swaps(bench.data, bench.work, saving)?;
        manifest.rows.retain(|r| r.label == Label::Real);
        let mut found = FalsePositives::default();
        let (looks, _) = look_unseen(&manifest, &unseen, PACE, bench.progress);
        found.count(&asked, &Condition::Video, &looks);
        text += &found.row("real halves, out of fold", saving.name);
    }
    let _ = writeln!(
        text,
        "\nThe tables' own counts, cross-fitted by groups: {}.",
        asked.tables.iter().skip(1).flat_map(|t| own_counts(t, &asked.thresholds)).collect::<Vec<_>>().join("; ")
    );
    Ok(text + "\n")
}

/// What a table says of itself at its highest operating point that is no higher than the default
/// threshold.
fn own_counts(table: &CalibrationTable, thresholds: &Thresholds) -> Vec<String> {
    let at = |t: &assay_workbench::calibration::ConditionTable| {
        let threshold = thresholds.of(&table.question, t.condition.kind()).lr?;
        let is_low = |p: &&OperatingPoint| p.threshold_lr <= threshold;
        let point = t.operating_points.iter().rfind(is_low)?;
        Some(format!(
            "{}, {}: {} of {} genuine and {} of {} forged reach LR {}, Cllr {:.3}",
            table.id,
            t.condition.words(),
            point.genuine,
            t.genuine,
            point.forged,
            t.forged,
            point.threshold_lr,
            t.cllr
        ))
    };
    table.conditions.iter().filter_map(at).collect()
}

/// What is weighed with.
struct Asked {
    tables: Vec<CalibrationTable>,
    thresholds: Thresholds,
}

impl FalsePositives {
    /// Adds what these looks come to.
    fn count(&mut self, asked: &Asked, condition: &Condition, looks: &[Look]) {
        let reaches = |analyzer: &str, score: f64| {
            asked.tables.iter().any(|table| {
                let part = table.of(condition).filter(|t| t.analyzers.iter().any(|a| a.analyzer == analyzer));
                let value = part.map(|t| t.fuse(&[(analyzer.to_owned(), score)].into()).llr.log10);
                let threshold = asked.thresholds.of(&table.question, condition.kind()).lr;
                value.zip(threshold).is_some_and(|(v, t)| assay_workbench::reaches(v, t))
            })
        };
        for look in looks.iter().filter(|l| l.face_px() >= COUNTED_PX) {
            self.faces += 1;
            self.unjudged += usize::from(look.logits.is_empty());
        }
        let [forgery, synthesis] = ["face_manipulation", "face_synthesis"].map(Score::of);
        for own in by_person(looks, |look| forgery.score(look)).values() {
            for stretch in stretches(own) {
                self.units += 1;
                self.forgery += usize::from(reaches("face_manipulation", stretch.logit));
            }
        }
        for own in by_person(looks, |look| synthesis.score(look)).values() {
            self.synthesis += stretches(own).iter().filter(|s| reaches("face_synthesis", s.logit)).count();
        }
    }
}
