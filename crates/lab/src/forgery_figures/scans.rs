//! How often a whole scan finds something in genuine files: any statement at or above its default
//! threshold.
//!
//! The decision that shapes it: a reader of a report meets all statements together, so here the
//! whole program is asked, file by file. Photographs are those of the networks' test split;
//! stretches of clips are those that the calibration of altered clips did not see. A scan is slow,
//! so only every so many photographs are taken, and the document says how many.
use std::fmt::Write as _;

use super::{Bench, sets};
use assay_bench::collections::Split;
use assay_bench::collections::sets::Derived;
use assay_bench::datasets::{FailureKind, Label, Manifest, Row};
use assay_bench::judge;
use assay_bench::metrics::{Interval, Rate};
use assay_bench::planted::{RealSegment, real_segments};

/// The table; of the photographs every `every`th is scanned.
pub(super) fn table(bench: &Bench<'_>, every: usize) -> anyhow::Result<String> {
    let mut text = format!(
        "## False positives of whole scans\n\nGenuine files of which any statement reaches its default threshold, with 95 % Wilson intervals. Photographs of the test split, one in \
         {every} of each folder; real clips cut into stretches of three seconds, of people that the calibration of altered clips did not see. A file without a value counts as one that does not reach it and stands in the last column.\n\n\
         | what | saved as | n | any above | largest LR | no value |\n|---|---|---|---|---|---|\n"
    );
    for saving in sets::PHOTOGRAPHS {
        let mut all = Count::default();
        for folder in &sets::photograph_folders(bench.data)? {
            let mut manifest = sets::photographs(bench.data, bench.work, folder, Split::Test, saving)?;
            manifest.rows = manifest.rows.into_iter().step_by(every.max(1)).collect();
            let count = Count::of(&manifest, bench)?;
            text += &count.row(folder, saving.name);
            all.add(&count);
        }
        text += &all.row("all photographs", saving.name);
    }
    let segments = real_segments(bench.data, &bench.work.join("segments"), bench.progress)?;
    let unseen: Vec<Derived> = segments
        .iter()
        .filter(|s| s.split == assay_material::planted::Split::Test)
        .map(|s| {
            let file = s.path.strip_prefix(bench.work).unwrap_or(&s.path).display().to_string();
            Derived { source: file.clone(), file, label: Label::Real, owner: s.group.clone() }
        })
        .collect();
    for saving in sets::CLIPS {
        let manifest = Manifest { root: bench.work.to_owned(), rows: saving.rows_of(bench.work, bench.work, &unseen)? };
        let name = if saving == sets::CLIPS[0] { "H.264 CRF 20, as cut" } else { saving.name };
        text += &Count::of(&manifest, bench)?.row("stretches of clips, unseen", name);
    }
    let row = |s: &RealSegment| Row::new(&s.path, Label::Real);
    let manifest = Manifest { root: bench.work.to_owned(), rows: segments.iter().map(row).collect() };
    text += &Count::of(&manifest, bench)?.row("stretches of clips, all", "H.264 CRF 20, as cut");
    Ok(text + "\n")
}

/// What came of scanning some genuine files.
#[derive(Default)]
struct Count {
    files: usize,
    above: usize,
    without_value: usize,
    largest: f64,
}

impl Count {
    fn of(manifest: &Manifest, bench: &Bench<'_>) -> anyhow::Result<Self> {
        let (verdicts, failures) = judge::verdicts(manifest, bench.networks.clone(), bench.progress)?;
        if let Some(broken) = failures.iter().find(|f| f.kind != FailureKind::Abstained) {
            anyhow::bail!("{}: {}", broken.reason, broken.path.display());
        }
        let values = verdicts.iter().flat_map(|(_, v)| v.statements.iter().filter_map(|s| s.llr));
        Ok(Self {
            files: verdicts.len() + failures.len(),
            above: verdicts.iter().filter(|(_, v)| v.above_threshold).count(),
            without_value: failures.len(),
            largest: values.map(|llr| 10f64.powf(llr.log10)).fold(0.0, f64::max),
        })
    }

    fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.above += other.above;
        self.without_value += other.without_value;
        self.largest = self.largest.max(other.largest);
    }

    fn row(&self, what: &str, saved: &str) -> String {
        let Interval { low, high } = Rate::new(self.above, self.files).interval;
        let of = self.files.max(1) as f64;
        let mut row = String::new();
        let _ = writeln!(
            row,
            "| {what} | {saved} | {} | {} = {:.3} ({low:.3} to {high:.3}) | {:.1} | {:.3} |",
            self.files,
            self.above,
            self.above as f64 / of,
            self.largest,
            self.without_value as f64 / of
        );
        row
    }
}
