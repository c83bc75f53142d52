//! Learning the calibration table that ships with the binary.
//!
//! From the calibration split of a planted set: forged items, their pristine twins, the untouched
//! source photos of that split (usual processing includes never having been saved again) and the
//! stretches of its clips that became no twin. The test split is not opened.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_media::Progress;
use assay_workbench::calibration::{About, CalibrationTable, Item};
use assay_workbench::questions::{self, Question};

use crate::experiment::{Maker, Stage, write};
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

/// How the table is made.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the planted set
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    /// Folder of the source photos
    #[arg(long, value_name = "DIR")]
    sources: PathBuf,
    /// Where the table is written
    #[arg(long, value_name = "FILE", default_value = "crates/workbench/calibration/planted.json")]
    out: PathBuf,
    /// Folder where the analyzers' answers are kept and used again; delete ID.json in it when that
    /// analyzer changed
    #[arg(long, value_name = "DIR")]
    kept: Option<PathBuf>,
    /// One line on the data for the reader of a report
    #[arg(
        long,
        default_value = "planted splices, copies, local resaves and resampled inserts in web photos, with twins and untouched originals; frames dropped, repeated and put in in clips, with twins and untouched stretches"
    )]
    data: String,
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "calibrate";
    const ABOUT: &'static str = "Learn the calibration table from the calibration split of a planted set";
    type Args = Arguments;

    fn run(args: Arguments, stage: &Stage<'_>) -> anyhow::Result<String> {
        make_kept(args.kept.as_deref())?;
        let made_with = format!("assay lab calibrate --set {} --sources {}", base(&args.set), base(&args.sources));
        let Arguments { set, sources, out, kept, data } = args;
        let table = calibrate(&Options { set, sources, kept, data, made_with }, stage.progress)?;
        write(&out, &(serde_json::to_string_pretty(&table)? + "\n"))?;
        Ok(shown(&table) + &written(&out))
    }
}

/// What is said of a file that belongs into the program.
pub(crate) fn written(path: &Path) -> String {
    format!("written: {} (build again to embed it)\n", path.display())
}

/// A table in a few lines.
pub(crate) fn shown(table: &CalibrationTable) -> String {
    let mut text = String::new();
    for part in &table.conditions {
        text += &format!(
            "{:<28} {:>4} forged of {:>3} sources {:>4} genuine of {:>3}  Cllr {:.3} (least {:.3})  cap {:.2} by {}\n",
            part.condition.words(),
            part.forged,
            part.forged_sources,
            part.genuine,
            part.genuine_sources,
            part.cllr,
            part.cllr_min,
            part.cap_log10,
            table.reference(part).cap_by.words()
        );
        for (map, weight) in part.analyzers.iter().zip(&part.fusion.weights) {
            let weight = weight / std::f64::consts::LN_10;
            text += &format!("    {:<22} Cllr {:.3}  weight {weight:.2}\n", map.analyzer, map.cllr);
        }
        let points = part
            .operating_points
            .iter()
            .map(|p| format!("LR {}: {} forged, {} genuine", p.threshold_lr, p.forged, p.genuine));
        text += &format!("    at or above, out of fold: {}\n", points.collect::<Vec<_>>().join(" · "));
    }
    text
}

/// Makes the folder of kept answers.
pub(crate) fn make_kept(folder: Option<&Path>) -> anyhow::Result<()> {
    folder.map_or(Ok(()), |f| {
        std::fs::create_dir_all(f).with_context(|| format!("cannot make the folder {}", f.display()))
    })
}

/// The last part of a folder's path: what a stranger can make sense of.
pub(crate) fn base(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

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
