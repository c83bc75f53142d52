//! Learning the calibration table that ships with the binary.
//!
//! From the calibration split of a planted set: forged items, their pristine twins, the untouched source photos of that split (usual
//! processing includes never having been saved again) and the stretches of its clips that became no twin. The test split is not opened.
use std::collections::BTreeMap;
use std::path::PathBuf;

use assay_media::Progress;
use assay_workbench::calibration::{About, CalibrationTable, Item};
use assay_workbench::questions::{self, Question};

use assay_bench::collect::collect;
use assay_bench::planted::real_segments;
use assay_material::planted::{Index, Split};

/// Folder below a planted set for untouched stretches of real clips.
pub(crate) const SEGMENTS: &str = "segments";

/// What to learn from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the planted set.
    pub set: PathBuf,
    /// Folder of the source photos, as given to the maker.
    pub sources: PathBuf,
    /// Folder of kept answers to read and to add to; asking is the slow part.
    pub kept: Option<PathBuf>,
    /// One line for the reader of a report.
    pub data: String,
    /// The command, for the record.
    pub made_with: String,
}

/// The question that planted alterations are items of.
pub const QUESTION: &str = "part_altered";

/// Ids of the analyzers that have a score for planted alterations; faces have items of their own.
pub fn scored_analyzers() -> Vec<&'static str> {
    questions::find(QUESTION).map(Question::analyzers).unwrap_or_default()
}

/// Asks the analyzers about the calibration split and learns a table.
///
/// # Errors
/// When the set or a file of it cannot be read.
pub fn calibrate(options: &Options, progress: &dyn Progress) -> anyhow::Result<CalibrationTable> {
    let mut truths: BTreeMap<PathBuf, (String, bool)> = BTreeMap::new();
    let pictures = Index::load(&options.set)?;
    let clips = Index::load_clips(&options.set).ok();
    // What gets an abstention for its size must not shape the maps either.
    for item in pictures.of(Split::Calibration).filter(|i| i.width.min(i.height) >= assay_workbench::MIN_SIDE) {
        truths.insert(options.set.join(&item.file), (item.group.clone(), item.forged));
        truths.insert(options.sources.join(&item.source), (item.group.clone(), false));
    }
    for item in clips.iter().flat_map(|c| c.of(Split::Calibration)) {
        truths.insert(options.set.join(&item.file), (item.group.clone(), item.forged));
    }
    if clips.is_some() {
        let segments = real_segments(&options.sources, &options.set.join(SEGMENTS), progress)?;
        for segment in segments.into_iter().filter(|s| s.split == Split::Calibration && !s.is_twin) {
            truths.insert(segment.path, (segment.group, false));
        }
    }
    let files: Vec<PathBuf> = truths.keys().cloned().collect();
    let ids = scored_analyzers();
    let owned: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let records = collect(&files, &owned, false, options.kept.as_deref(), progress)?;
    let items: Vec<Item> = records
        .iter()
        .zip(truths.into_values())
        .filter_map(|(record, (group, forged))| {
            Some(Item { group, forged, condition: record.condition.clone()?, scores: record.scores() })
        })
        .collect();
    Ok(CalibrationTable::learn(
        About { id: "planted", question: QUESTION, data: &options.data, made_with: &options.made_with },
        &items,
        &ids,
    ))
}
