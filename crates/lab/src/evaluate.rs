//! The figures of the documents: what the analyzers and the fused verdict are worth on items that
//! nothing was tuned on.
//!
//! Rules: the test split only; one threshold for all pictures and one for all clips, the defaults
//! of the question; an abstention on a forged item is a miss (it ranks below every value), an
//! abstention on a genuine one ranks as neutral; every rate comes with its n and a 95 % interval.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use assay_analyzers::ANALYZERS;
use assay_evidence::MediaKind;
use assay_media::Progress;
use assay_workbench::calibration::{CalibrationTable, Condition, Thresholds, cllr};
use assay_workbench::{questions, reaches, weigh};

use crate::calibrate::QUESTION;
use image::GrayImage;
use serde::{Deserialize, Serialize};

use crate::calibrate::make_kept;
use crate::experiment::{Experiment, Markdown, Stage};
use assay_bench::collect::{Record, collect};
use assay_bench::collections::{Collection, Use};
use assay_bench::metrics::{
    Cells, Interval, Judged, Localisation as MapJudge, Rate, auc, auc_interval, mean_localisation,
};
use assay_bench::planted::real_segments;
use assay_material::planted::{Index, Item, Kind, QUALITIES, Split};

/// What is measured, and where.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of the planted set
    #[arg(long, value_name = "DIR")]
    pub set: PathBuf,
    /// Folder of the source photos and clips; with it false positives on all real ones are counted
    /// too
    #[arg(long, value_name = "DIR")]
    pub sources: Option<PathBuf>,
    /// Only every n-th photo of the large folders when false positives are counted
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub every: usize,
    /// Folder where the analyzers' answers are kept and used again; delete ID.json in it when that
    /// analyzer changed
    #[arg(long, value_name = "DIR")]
    pub kept: Option<PathBuf>,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "evaluate";
    const ABOUT: &'static str = "Measure the analyzers and the fused verdict on the test split, and false positives on \
                                 untouched photos and clips";
    const PAGE: Option<&'static str> = Some("docs/figures.md");
    const KEEPS_JSON: bool = true;
    type Args = Options;
    type Figures = Figures;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Figures> {
        make_kept(options.kept.as_deref())?;
        let sources = options.sources.as_deref();
        evaluate(&options.set, sources, options.every, options.kept.as_deref(), stage.progress)
    }
}

impl Markdown for Figures {
    fn page(&self, _: &str) -> String {
        markdown(self)
    }
}

/// Detection by the fused verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Kind of edit, or `all`.
    pub kind: String,
    /// Final JPEG quality; 0 for clips.
    pub quality: u8,
    /// Forged items without a value.
    pub abstained_forged: usize,
    /// Genuine items without a value.
    pub abstained_genuine: usize,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Its 95 % interval (bootstrap over source photos).
    pub auc_interval: Interval,
    /// Cost of the values in bits, an abstention being neutral.
    pub cllr: f64,
    /// Forged items at or above the threshold, of all forged items.
    pub detected: Rate,
    /// Genuine twins at or above the threshold.
    pub false_positives: usize,
}

/// One analyzer on one kind at one quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Localisation {
    /// Analyzer id.
    pub analyzer: String,
    /// Kind of edit.
    pub kind: String,
    /// Final JPEG quality; 0 for clips.
    pub quality: u8,
    /// Forged items.
    pub items: usize,
    /// Forged items to which it applied.
    pub applied: usize,
    /// AUC of its raw score, forged against twins; absent without a score.
    pub detection_auc: Option<f64>,
    /// Mean over pictures of the AUC of map against mask; absent without maps.
    pub map_auc: Option<f64>,
    /// Mean over pictures of F1 at the fixed level of half the map's range.
    pub map_f1: Option<f64>,
    /// Mean over pictures of F1 at each picture's best level (an upper bound; the literature's
    /// figure).
    pub map_f1_best: Option<f64>,
}

/// False positives on untouched files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FalsePositives {
    /// Which files.
    pub set: String,
    /// Without a value.
    pub abstained: usize,
    /// At or above the threshold, of all files.
    pub false_positives: Rate,
    /// The same of those that neither the calibration table was learned from nor show a person of
    /// whom it was.
    pub unseen: Rate,
}

/// One false positive on an untouched file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FalsePositive {
    /// The file, relative to the folder of sources.
    pub file: String,
    /// Fused value.
    pub log10_lr: f64,
    /// What raised it, largest first.
    pub contributions: Vec<(String, f64)>,
}

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Version of the program.
    pub version: String,
    /// Threshold of pictures as a likelihood ratio; absent where none is supported.
    pub threshold_lr: Option<f64>,
    /// Threshold of clips.
    pub threshold_clips_lr: Option<f64>,
    /// Items of the calibration by condition:
    /// `(condition, forged, genuine, Cllr out of fold, cap)`.
    pub calibration: Vec<(String, u32, u32, f64, f64)>,
    /// Fused verdict.
    pub detection: Vec<Detection>,
    /// Analyzers.
    pub analyzers: Vec<Localisation>,
    /// Untouched files.
    pub false_positives: Vec<FalsePositives>,
    /// Every false positive on an untouched file.
    pub false_positive_list: Vec<FalsePositive>,
    /// Median wall seconds of all analyzers on a planted picture, as many files at a time as
    /// processors.
    pub median_secs: f64,
}

/// A record with the fused value that the shipped table gives it.
struct Judgement {
    record: Record,
    log10_lr: Option<f64>,
    contributions: Vec<(String, f64)>,
    above: bool,
}

/// The question's table and default thresholds.
struct Learned {
    table: CalibrationTable,
    thresholds: Thresholds,
}

impl Learned {
    fn shipped() -> anyhow::Result<Self> {
        let table = questions::table(QUESTION).map_err(anyhow::Error::msg)?;
        Ok(Self { table, thresholds: Thresholds::shipped()? })
    }

    fn threshold(&self, kind: MediaKind) -> Option<f64> {
        self.thresholds.of(QUESTION, kind).lr
    }
}

impl Judgement {
    fn new(record: Record, learned: &Learned) -> Self {
        let weighed = weigh(&learned.table, record.condition.as_ref(), record.size, &record.scores()).ok();
        let log10_lr = weighed.as_ref().map(|w| w.0.log10);
        let parts = weighed.into_iter().flat_map(|w| w.1);
        let threshold = record.condition.as_ref().and_then(|c: &Condition| learned.threshold(c.kind()));
        let above = log10_lr.zip(threshold).is_some_and(|(v, t)| reaches(v, t));
        Self { record, log10_lr, above, contributions: parts.map(|c| (c.analyzer, c.contribution_log10)).collect() }
    }

    fn above(&self) -> bool {
        self.above
    }

    fn applied(&self, id: &str) -> bool {
        self.record.answers.get(id).is_some_and(|a| a.silent.is_none())
    }

    fn score(&self, id: &str) -> Option<f64> {
        self.record.answers.get(id)?.score
    }
}

struct Pair<'a> {
    item: &'a Item,
    forged: &'a Judgement,
    genuine: &'a Judgement,
}

fn detection(kind: &str, quality: u8, pairs: &[&Pair]) -> Detection {
    let judged: Vec<Judged> = pairs
        .iter()
        .flat_map(|p| {
            let source = p.item.group.clone();
            [
                Judged { score: p.forged.log10_lr, forged: true, source: source.clone() },
                Judged { score: Some(p.genuine.log10_lr.unwrap_or(0.0)), forged: false, source },
            ]
        })
        .collect();
    let (area, interval) = auc_interval(&judged, 1000, 1).unwrap_or((0.5, Interval { low: 0.0, high: 1.0 }));
    let values: Vec<f64> =
        pairs.iter().flat_map(|p| [p.forged.log10_lr, p.genuine.log10_lr]).map(Option::unwrap_or_default).collect();
    let truths: Vec<bool> = pairs.iter().flat_map(|_| [true, false]).collect();
    let count = |test: &dyn Fn(&Pair) -> bool| pairs.iter().filter(|p| test(p)).count();
    Detection {
        kind: kind.into(),
        quality,
        abstained_forged: count(&|p| p.forged.log10_lr.is_none()),
        abstained_genuine: count(&|p| p.genuine.log10_lr.is_none()),
        auc: area,
        auc_interval: interval,
        cllr: cllr(&values, &truths),
        detected: Rate::new(count(&|p| p.forged.above()), pairs.len()),
        // A clip is the twin of several forgeries.
        false_positives: pairs
            .iter()
            .filter(|p| p.genuine.above())
            .map(|p| p.item.twin.as_str())
            .collect::<BTreeSet<_>>()
            .len(),
    }
}

/// Level at which a map is cut for the fixed F1.
const HALF_RANGE: u8 = 128;

/// An abstention counts as in every figure: on a forged item it is a miss, on a twin it stands with
/// the lowest score, and a picture without a map counts as one whose map tells nothing.
fn analyzer_row(set: &Path, id: &str, kind: Kind, quality: u8, pairs: &[&Pair]) -> anyhow::Result<Localisation> {
    let scores = |of: &dyn Fn(&Pair) -> Option<f64>| -> Vec<Option<f64>> { pairs.iter().map(|p| of(p)).collect() };
    let (forged, genuine) = (scores(&|p| p.forged.score(id)), scores(&|p| p.genuine.score(id)));
    let lowest = forged.iter().chain(&genuine).flatten().copied().fold(f64::INFINITY, f64::min);
    let with = |list: &[Option<f64>], silent: f64| -> Vec<f64> { list.iter().map(|s| s.unwrap_or(silent)).collect() };
    let mut maps: Vec<Option<MapJudge>> = Vec::new();
    for pair in pairs {
        let map = pair.forged.record.answers.get(id).and_then(|a| a.map.as_ref());
        maps.push(match (map, &pair.item.mask) {
            (Some(map), Some(mask)) => {
                let mask: GrayImage = image::open(set.join(mask))?.into_luma8();
                let [x, y, width, height] = map.covers;
                let covered = image::imageops::crop_imm(&mask, x, y, width, height).to_image();
                let values: Vec<f32> = map.cells.iter().map(|v| f32::from(*v)).collect();
                let cells = Cells { columns: map.columns as usize, rows: map.rows as usize, values: &values };
                MapJudge::new(cells, &covered)
            }
            _ => None,
        });
    }
    let located = if maps.iter().any(Option::is_some) { mean_localisation(&maps, f64::from(HALF_RANGE)) } else { None };
    Ok(Localisation {
        analyzer: id.into(),
        kind: kind.name().into(),
        quality,
        items: pairs.len(),
        applied: pairs.iter().filter(|p| p.forged.applied(id)).count(),
        detection_auc: if lowest.is_finite() {
            auc(&with(&forged, f64::NEG_INFINITY), &with(&genuine, lowest))
        } else {
            None
        },
        map_auc: located.map(|l| l[0]),
        map_f1: located.map(|l| l[1]),
        map_f1_best: located.map(|l| l[2]),
    })
}

/// Measures on the test split of the set below `set`; with `sources`, counts false positives on
/// every `every`-th real photo and on every real clip cut into three-second segments.
///
/// # Errors
/// When a file cannot be read or examined.
fn evaluate(
    set: &Path,
    sources: Option<&Path>,
    every: usize,
    kept: Option<&Path>,
    progress: &dyn Progress,
) -> anyhow::Result<Figures> {
    let learned = Learned::shipped()?;
    let pictures = Index::load(set)?;
    let clips = Index::load_clips(set).ok();
    let ids: Vec<String> = ANALYZERS.iter().map(|a| a.about().id.to_owned()).collect();
    let mut figures = Figures {
        version: env!("CARGO_PKG_VERSION").into(),
        threshold_lr: learned.threshold(MediaKind::Image),
        threshold_clips_lr: learned.threshold(MediaKind::Video),
        calibration: learned
            .table
            .conditions
            .iter()
            .map(|c| (c.condition.words(), c.forged, c.genuine, c.cllr, c.cap_log10))
            .collect(),
        detection: Vec::new(),
        analyzers: Vec::new(),
        false_positives: Vec::new(),
        false_positive_list: Vec::new(),
        median_secs: 0.0,
    };
    for (index, kinds, qualities) in
        [(Some(&pictures), &Kind::PICTURES[..], &QUALITIES[..]), (clips.as_ref(), &Kind::CLIPS[..], &[0u8][..])]
    {
        let Some(index) = index else { continue };
        let items: Vec<&Item> = index.of(Split::Test).collect();
        let files: Vec<PathBuf> = items.iter().map(|i| set.join(&i.file)).collect();
        let records = collect(&files, &ids, true, kept, progress)?;
        let judged: Vec<Judgement> = records.into_iter().map(|r| Judgement::new(r, &learned)).collect();
        let by_id: BTreeMap<&str, &Judgement> = items.iter().map(|i| i.id.as_str()).zip(&judged).collect();
        let pairs: Vec<Pair> = items
            .iter()
            .filter(|i| i.forged)
            .filter_map(|item| {
                Some(Pair { item, forged: by_id.get(item.id.as_str())?, genuine: by_id.get(item.twin.as_str())? })
            })
            .collect();
        let is_clip = kinds == Kind::CLIPS;
        for &quality in qualities {
            let of = |kind: Option<Kind>| -> Vec<&Pair> {
                pairs
                    .iter()
                    .filter(|p| (is_clip || p.item.quality == quality) && kind.is_none_or(|k| p.item.kind == k))
                    .collect()
            };
            figures.detection.push(detection(if is_clip { "all clips" } else { "all" }, quality, &of(None)));
            for &kind in kinds {
                let chosen = of(Some(kind));
                figures.detection.push(detection(kind.name(), quality, &chosen));
                for id in &ids {
                    if chosen.iter().any(|p| p.forged.applied(id)) {
                        figures.analyzers.push(analyzer_row(set, id, kind, quality, &chosen)?);
                    }
                }
            }
        }
        if !is_clip {
            let all = |j: &Judgement| j.record.answers.values().map(|a| a.secs).sum::<f64>();
            let mut secs: Vec<f64> = judged.iter().map(all).collect();
            secs.sort_by(f64::total_cmp);
            figures.median_secs = secs.get(secs.len() / 2).copied().unwrap_or(0.0);
        }
    }
    if let Some(sources) = sources {
        untouched(set, sources, every, &learned, kept, &mut figures, progress)?;
    }
    Ok(figures)
}

fn untouched(
    set: &Path,
    sources: &Path,
    every: usize,
    shipped: &Learned,
    kept: Option<&Path>,
    figures: &mut Figures,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    let data = Collection::of(sources)?;
    let pictures = Index::load(set)?;
    let mut learned: BTreeSet<String> = BTreeSet::new();
    for item in pictures.of(Split::Calibration) {
        learned.insert(item.group.clone());
        learned.extend(item.donor.as_deref().map(|donor| data.owner(donor)));
    }
    let ids: Vec<String> = crate::calibrate::scored_analyzers().into_iter().map(str::to_owned).collect();
    let mut count = |name: &str, files: &[PathBuf], root: &Path, seen: &dyn Fn(&Path, &str) -> bool| {
        let records: Vec<Judgement> =
            collect(files, &ids, false, kept, progress)?.into_iter().map(|r| Judgement::new(r, shipped)).collect();
        let relative = |j: &Judgement| {
            let path = &j.record.path;
            path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
        };
        let unseen: Vec<&Judgement> = records.iter().filter(|j| !seen(&j.record.path, &relative(j))).collect();
        let above: Vec<&Judgement> = records.iter().filter(|r| r.above()).collect();
        figures.false_positives.push(FalsePositives {
            set: name.into(),
            abstained: records.iter().filter(|r| r.log10_lr.is_none()).count(),
            false_positives: Rate::new(above.len(), records.len()),
            unseen: Rate::new(unseen.iter().filter(|r| r.above()).count(), unseen.len()),
        });
        figures.false_positive_list.extend(above.iter().map(|r| FalsePositive {
            file: relative(r),
            log10_lr: r.log10_lr.unwrap_or(0.0),
            contributions: r.contributions.iter().take(3).cloned().collect(),
        }));
        anyhow::Ok(())
    };
    for folder in data.folders(Use::Untouched).filter(|folder| sources.join(&folder.path).is_dir()) {
        let files = data.files_for(folder, Use::Untouched)?;
        let files: Vec<PathBuf> = files.into_iter().map(|file| sources.join(file)).collect();
        // A sample is spread evenly over the sorted names; small folders are always taken whole.
        let step = if files.len() <= 100 { 1 } else { every.max(1) };
        let files: Vec<PathBuf> = files.into_iter().step_by(step).collect();
        count(&folder.path, &files, sources, &|_, relative| learned.contains(&data.owner(relative)))?;
    }
    let folder = set.join(crate::calibrate::SEGMENTS);
    let segments = real_segments(sources, &folder, progress)?;
    let files: Vec<PathBuf> = segments.iter().map(|s| s.path.clone()).collect();
    let calibration: BTreeSet<&Path> =
        segments.iter().filter(|s| s.split == Split::Calibration).map(|s| s.path.as_path()).collect();
    count("real clips, segments of 3 s", &files, &folder, &|path, _| calibration.contains(path))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn lr(threshold: Option<f64>) -> String {
    threshold.map_or_else(|| "none".into(), |lr| lr.to_string())
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |v| format!("{v:.2}"))
}

/// The tables as Markdown.
fn markdown(figures: &Figures) -> String {
    let mut text = String::from(
        "# Measured figures\n\n\
         Made by `assay lab planted`, `assay lab calibrate` and `assay lab evaluate`; see the README for the whole commands. Calibration and test \
         come from disjoint source photos (disjoint people where names are known). Nothing was tuned on the test split. An abstention \
         on a forged item counts as a miss.\n\n",
    );
    text += &format!(
        "Thresholds: LR {} for pictures, {} for clips (the defaults). Version {}. Median time of all analyzers: {:.2} s a picture (as many files at a time as processors).\n\n## Calibration\n\n\
         | condition | forged | genuine | Cllr out of fold | cap of log10 LR |\n|---|---|---|---|---|\n",
        lr(figures.threshold_lr),
        lr(figures.threshold_clips_lr),
        figures.version,
        figures.median_secs
    );
    for (condition, forged, genuine, cllr, cap) in &figures.calibration {
        let threshold =
            if *condition == Condition::Video.words() { figures.threshold_clips_lr } else { figures.threshold_lr };
        let note = if threshold.is_some_and(|t| reaches(*cap, t)) {
            ""
        } else {
            ": below the threshold, no such file can be above it"
        };
        text += &format!("| {condition} | {forged} | {genuine} | {cllr:.3} | {cap:.2}{note} |\n");
    }
    text += "\n## Fused verdict on planted forgeries against their pristine twins (test split)\n\n\
             | final quality | kind | pairs | AUC (95 %) | Cllr | detected at the threshold (95 %) | false positives on twins | no value: forged / twins |\n\
             |---|---|---|---|---|---|---|---|\n";
    for d in &figures.detection {
        let quality = if d.quality == 0 { "video".to_owned() } else { d.quality.to_string() };
        text += &format!(
            "| {quality} | {} | {} | {:.3} ({:.3} to {:.3}) | {:.3} | {} ({:.0} to {:.0} %) | {} | {} / {} |\n",
            d.kind,
            d.detected.total,
            d.auc,
            d.auc_interval.low,
            d.auc_interval.high,
            d.cllr,
            percent(d.detected.rate),
            100.0 * d.detected.interval.low,
            100.0 * d.detected.interval.high,
            d.false_positives,
            d.abstained_forged,
            d.abstained_genuine
        );
    }
    text += "\n## Analyzers by kind of edit (test split)\n\n\
             Cells: detection AUC / localisation AUC / F1 at half of the map's range / best F1. `blind` where the detection AUC (or, without a score, the \
             localisation AUC) is below 0.55. A number in brackets: to how many of the items it applied.\n";
    let mut kinds: Vec<&str> = Vec::new();
    for row in &figures.analyzers {
        if !kinds.contains(&row.kind.as_str()) {
            kinds.push(&row.kind);
        }
    }
    for kind in kinds {
        let rows: Vec<&Localisation> = figures.analyzers.iter().filter(|r| r.kind == kind).collect();
        let mut qualities: Vec<u8> = rows.iter().map(|r| r.quality).collect();
        qualities.sort_unstable_by(|a, b| b.cmp(a));
        qualities.dedup();
        text += &format!("\n### {kind}\n\n| analyzer |");
        for q in &qualities {
            text += &if *q == 0 { " clips |".to_owned() } else { format!(" quality {q} |") };
        }
        text += &format!("\n|---|{}\n", "---|".repeat(qualities.len()));
        let mut ids: Vec<&str> = Vec::new();
        for row in &rows {
            if !ids.contains(&row.analyzer.as_str()) {
                ids.push(&row.analyzer);
            }
        }
        for id in ids {
            text += &format!("| {id} |");
            for q in &qualities {
                text += &match rows.iter().find(|r| r.analyzer == id && r.quality == *q) {
                    None => " does not apply |".to_owned(),
                    Some(r) => cell(r),
                };
            }
            text.push('\n');
        }
    }
    if !figures.false_positives.is_empty() {
        text += "\n## False positives on untouched photos and clips\n\n\
                 Unseen: files that the calibration table was not learned from, of persons of whom it was not.\n\n\
                 | set | files | no value | false positives on all (95 %) | unseen files | false positives on unseen (95 %) |\n|---|---|---|---|---|---|\n";
        let rate = |r: &Rate| {
            let (low, high) = (100.0 * r.interval.low, 100.0 * r.interval.high);
            format!("{} = {} ({low:.2} to {high:.2} %)", r.count, percent(r.rate))
        };
        for a in &figures.false_positives {
            text += &format!(
                "| {} | {} | {} = {} | {} | {} | {} |\n",
                a.set,
                a.false_positives.total,
                a.abstained,
                percent(a.abstained as f64 / a.false_positives.total.max(1) as f64),
                rate(&a.false_positives),
                a.unseen.total,
                rate(&a.unseen)
            );
        }
        let photos = || figures.false_positives.iter().filter(|a| !a.set.starts_with("real clips"));
        let sum = |of: &dyn Fn(&FalsePositives) -> usize| photos().map(of).sum::<usize>();
        let all = Rate::new(sum(&|a| a.false_positives.count), sum(&|a| a.false_positives.total));
        let unseen = Rate::new(sum(&|a| a.unseen.count), sum(&|a| a.unseen.total));
        let abstained = sum(&|a| a.abstained);
        text += &format!(
            "| **all photos** | {} | {abstained} = {} | {} | {} | {} |\n",
            all.total,
            percent(abstained as f64 / all.total.max(1) as f64),
            rate(&all),
            unseen.total,
            rate(&unseen)
        );
        text += "\n### Every false positive\n\n";
        for found in &figures.false_positive_list {
            let parts: Vec<String> = found.contributions.iter().map(|(id, v)| format!("{id} {v:+.2}")).collect();
            text += &format!("- `{}`: log10 LR {:.2} ({})\n", found.file, found.log10_lr, parts.join(", "));
        }
    }
    text
}

fn cell(r: &Localisation) -> String {
    let leading = r.detection_auc.or(r.map_auc);
    if leading.is_some_and(|v| v < 0.55) && r.map_auc.is_none_or(|v| v < 0.55) {
        return format!(" blind ({}) |", optional(leading));
    }
    let applied = if r.applied < r.items { format!(" ({} of {})", r.applied, r.items) } else { String::new() };
    format!(
        " {} / {} / {} / {}{applied} |",
        optional(r.detection_auc),
        optional(r.map_auc),
        optional(r.map_f1),
        optional(r.map_f1_best)
    )
}
