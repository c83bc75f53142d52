//! Learning what the analyzers that ask networks about faces are calibrated by: tables of their
//! scores, levels of their maps, the default thresholds of all questions.
//!
//! The decision that shapes it: an item is what the analyzer scores, one person over a stretch of
//! three seconds or one picture. Portraits, photographs and real clips come from the validation
//! split, where no network has learned. Of swaps there are too few clips for a split: each is
//! judged by the network that held its people out, and the tables' own figures are cross-fitted by
//! the same groups.
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assay_detect::null_levels::{Kind, NullLevels};
use assay_evidence::MediaKind;
use assay_faces::stretches::stretches;
use assay_faces::FaceNetworks;
use assay_media::Progress;
use assay_workbench::calibration::{About, CalibrationTable, Condition, Counted, GenuineFile, Item, Thresholds};
use assay_workbench::{questions, weigh};

use crate::calibrate::{QUESTION as ALTERED, base, scored_analyzers, shown, written};
use crate::experiment::{Maker, Stage, write};
use crate::forgery_figures::weight_ids;
use assay_bench::collect::collect;
use assay_bench::collections::folds::{Folds, Unseen, look_unseen};
use assay_bench::collections::sets::{self, Derived, SwapClip};
use assay_bench::collections::{Collection, Split};
use assay_bench::datasets::{Label, Manifest, Part, Row};
use assay_bench::judge::{self, Look, PACE, Score, by_person};
use assay_bench::map_units::{self, Unit};
use assay_bench::planted;
use assay_material::frames::every_kth;

/// What to learn from.
pub struct Options {
    /// The labelled pictures and clips.
    pub data: PathBuf,
    /// A folder for files that are saved again, made where it is missing; without one they are
    /// thrown away.
    pub work: Option<PathBuf>,
    /// The command, for the record.
    pub made_with: String,
    /// What to learn; everything when empty.
    pub parts: Vec<Learn>,
}

/// What can be learned by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Learn {
    /// The tables of swaps and of portraits.
    Tables,
    /// What maps show on genuine faces.
    Maps,
    /// What thresholds do to genuine files under every question.
    Verdict,
}

/// How the tables are made.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where files that are saved again are kept; a temporary folder when not given
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Only these
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<Learn>,
    /// Folder of the tables
    #[arg(long, value_name = "DIR", default_value = "crates/workbench/calibration")]
    out: PathBuf,
    /// Where it is written what maps show on genuine faces
    #[arg(long, value_name = "FILE", default_value = "crates/detect/src/null_levels.json")]
    null_levels: PathBuf,
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "calibrate-faces";
    const ABOUT: &'static str = "Learn the calibration tables of the analyzers that ask networks about faces";
    type Args = Arguments;

    fn run(args: Arguments, stage: &Stage<'_>) -> anyhow::Result<String> {
        let made_with = format!("assay lab calibrate-faces --data {}", base(&args.data));
        let Arguments { data, work, only, out, null_levels } = args;
        let learned = calibrate(&Options { data, work, made_with, parts: only }, stage.progress)?;
        let mut text = String::new();
        if let Some(found) = learned.null_levels {
            write(&null_levels, &(serde_json::to_string(&found)? + "\n"))?;
            text += &written(&null_levels);
        }
        if let Some(thresholds) = learned.thresholds {
            for question in questions::QUESTIONS {
                for kind in [MediaKind::Image, MediaKind::Video] {
                    let threshold = thresholds.of(question.id, kind).threshold(kind);
                    text += &format!("{:<16} {kind:?}: {:?} ({})\n", question.id, threshold.lr, threshold.basis);
                }
            }
            for part in &thresholds.together {
                let words = part.condition.words();
                text += &format!("any question, {words}: {} of {} {}\n", part.above, part.files, part.what);
            }
            let path = out.join("thresholds.json");
            write(&path, &(serde_json::to_string_pretty(&thresholds)? + "\n"))?;
            text += &written(&path);
        }
        for table in learned.tables {
            let path = out.join(format!("{}.json", table.id));
            write(&path, &(serde_json::to_string_pretty(&table)? + "\n"))?;
            text += &shown(&table);
            text += &written(&path);
        }
        Ok(text)
    }
}

/// What was learned, as far as it was asked for.
#[derive(Default)]
pub struct Learned {
    /// The table of swaps and that of portraits.
    pub tables: Vec<CalibrationTable>,
    /// What maps show on genuine faces.
    pub null_levels: Option<NullLevels>,
    /// What thresholds do, and so the defaults.
    pub thresholds: Option<Thresholds>,
}

/// Every so many frames of a swap clip become a still.
const STILL_EVERY: u64 = 60;

/// What the stretches of real clips, photographs, swaps and portraits are, for the record.
const SWAPS: &str = "stretches of three seconds and frames of side-by-side swap clips, judged by the network that held their people out, and of real clips and photographs of validation people; as found and saved again";
const PORTRAITS: &str = "StyleGAN and GAN portraits against photographs, validation files, all saved again alike";
const GENUINE: &str = "photographs of validation people (stills) and stretches of three seconds of real clips (validation clips, and real halves of side-by-side clips by the networks that held their people out), saved again in every way; \
     the level is that of the way of saving where it is highest";
const WHOLE: &str = "photographs of validation people, saved again in every way, that no table of altered parts was learned from: altered parts by the shipped table, replaced and generated faces by values fitted without the photograph's \
     person, a photograph without a value counting as one that reaches nothing; and the stretches of real clips behind the tables, with their own cross-fitted counts at the next lower operating point";

/// The questions about faces, each with the analyzer that it is learned of.
const REPLACED: (&str, &str) = ("face_replaced", "face_manipulation");
const GENERATED: (&str, &str) = ("face_generated", "face_synthesis");

/// Learns what is asked for.
///
/// # Errors
/// When the data cannot be read.
pub fn calibrate(options: &Options, progress: &dyn Progress) -> anyhow::Result<Learned> {
    let thrown_away = tempfile::tempdir()?;
    let work = options.work.as_deref().unwrap_or(thrown_away.path());
    let networks = assay_detect::all_networks()?;
    let ids = weight_ids(&networks);
    let weights = networks.detectors().map(assay_faces::Detecting::weights).unwrap_or_default();
    let clips = sets::swap_clips(&options.data)?;
    let unseen = Folds::of(&ids, &clips).unseen(&ids)?;
    let bench = Bench { data: &options.data, work, networks: Arc::new(networks), unseen: &unseen, progress };
    let asked = |part: Learn| options.parts.is_empty() || options.parts.contains(&part);
    let mut learned = Learned::default();
    if asked(Learn::Maps) {
        let groups = [genuine_faces(&bench)?, genuine_stretches(&bench)?];
        let learn = |(kind, groups): (Kind, &Vec<Vec<Unit>>)| {
            let groups: Vec<Vec<&Unit>> = groups.iter().map(|g| g.iter().collect()).collect();
            map_units::learn(kind, &groups)
        };
        let maps = [Kind::Still, Kind::Clip].into_iter().zip(&groups).flat_map(learn).collect();
        learned.null_levels = Some(NullLevels::new(GENUINE, &options.made_with, &weights, maps));
    }
    if !asked(Learn::Tables) && !asked(Learn::Verdict) {
        return Ok(learned);
    }
    let mut swaps = if asked(Learn::Tables) { bench.stretches()? } else { Vec::new() };
    let mut portraits = Vec::new();
    bench.stills(&stills(&options.data, work, &clips)?, &mut swaps, &mut portraits)?;
    let fit = |id: &str, (question, analyzer): (&str, &str), data: &str, items: &[Told]| {
        let items: Vec<Item> = items.iter().map(|told| told.item.clone()).collect();
        CalibrationTable::cross_fitted(About { id, question, data, made_with: &options.made_with }, &items, &[analyzer])
    };
    let (swap_table, swap_values) = fit("swaps", REPLACED, SWAPS, &swaps);
    let (portrait_table, portrait_values) = fit("portraits", GENERATED, PORTRAITS, &portraits);
    if asked(Learn::Verdict) {
        let values = [
            (REPLACED.0, worst_values(&swaps, &swap_values)),
            (GENERATED.0, worst_values(&portraits, &portrait_values)),
        ];
        let files = bench.whole_verdicts(&values)?;
        let mut thresholds = Thresholds::count(WHOLE, &options.made_with, &files);
        let mut tables = questions::tables()?;
        // Clips were looked at only where the tables were to be learned.
        if asked(Learn::Tables) {
            tables.retain(|t| t.question == ALTERED);
            tables.extend([swap_table.clone(), portrait_table.clone()]);
        }
        thresholds.parts.extend(tables.iter().filter_map(|t| stretches_of(t, &thresholds.grid_lr)));
        thresholds.count_together(&files);
        learned.thresholds = Some(thresholds);
    }
    if asked(Learn::Tables) {
        learned.tables = vec![swap_table, portrait_table];
    }
    Ok(learned)
}

/// The highest of the values of a file's people.
fn worst_values(told: &[Told], values: &[Option<f64>]) -> BTreeMap<PathBuf, f64> {
    let mut worst = BTreeMap::new();
    for (told, value) in told.iter().zip(values) {
        if let (false, Some(value)) = (told.item.forged, value) {
            let place = worst.entry(told.path.clone()).or_insert(f64::NEG_INFINITY);
            *place = place.max(*value);
        }
    }
    worst
}

/// Stretches of real clips: a table's cross-fitted counts at its next lower operating point.
fn stretches_of(table: &CalibrationTable, thresholds_lr: &[f64]) -> Option<Counted> {
    let part = table.of(&Condition::Video)?;
    let above = |threshold: &f64| {
        let lower = part.operating_points.iter().filter(|p| p.threshold_lr <= *threshold);
        lower.map(|p| p.genuine).next_back().unwrap_or(part.genuine)
    };
    Some(Counted {
        question: table.question.clone(),
        what: "stretches of real clips".into(),
        condition: Condition::Video,
        files: part.genuine,
        above: thresholds_lr.iter().map(above).collect(),
    })
}

/// Faces of photographs of validation people, apart for every way of saving.
fn genuine_faces(bench: &Bench<'_>) -> anyhow::Result<Vec<Vec<Unit>>> {
    let mut groups = Vec::new();
    for saving in sets::STILLS {
        let mut group = Vec::new();
        for folder in sets::photograph_folders(bench.data)? {
            let real = sets::photographs(bench.data, bench.work, &folder, Split::Validation, saving)?;
            group.extend(map_units::of(&real, &bench.networks, &Score::of("face_manipulation"), bench.progress));
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Stretches of real clips, apart for every way of saving; of side-by-side clips by networks that
/// did not see their people.
pub(crate) fn genuine_stretches(bench: &Bench<'_>) -> anyhow::Result<Vec<Vec<Unit>>> {
    let mut groups = Vec::new();
    for saving in sets::CLIPS {
        let real = sets::clips(bench.data, bench.work, &[Split::Validation], saving)?;
        let mut group = map_units::of(&real, &bench.networks, &Score::of("face_manipulation"), bench.progress);
        let mut halves = sets::swaps(bench.data, bench.work, saving)?;
        halves.rows.retain(|row| row.label == Label::Real);
        group.extend(map_units::of_unseen(&halves, bench.unseen, bench.progress));
        groups.push(group);
    }
    Ok(groups)
}

/// Frames of the halves of the swap clips as lossless stills below `work`.
fn stills(data: &Path, work: &Path, clips: &[SwapClip]) -> anyhow::Result<Vec<Derived>> {
    let folder = work.join("stills");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut out = Vec::new();
    for clip in clips.iter().filter(|clip| clip.is_pair()) {
        for (index, frame) in every_kth(&data.join(&clip.file), STILL_EVERY)? {
            let half = frame.width() / 2;
            for (part, label) in &clip.parts {
                let x = if *part == Part::Left { 0 } else { half };
                let file = format!("stills/{}_{index}_{}.png", clip.file.replace(['/', '.'], "_"), part.name());
                image::imageops::crop_imm(&frame, x, 0, half, frame.height()).to_image().save(work.join(&file))?;
                out.push(Derived { file, label: *label, source: clip.file.clone(), owner: clip.owner.clone() });
            }
        }
    }
    Ok(out)
}

/// An item, and the file that it is of.
struct Told {
    path: PathBuf,
    item: Item,
}

pub(crate) struct Bench<'a> {
    pub(crate) data: &'a Path,
    pub(crate) work: &'a Path,
    pub(crate) networks: Arc<dyn FaceNetworks>,
    /// For side-by-side clips.
    pub(crate) unseen: &'a [Unseen],
    pub(crate) progress: &'a dyn Progress,
}

impl Bench<'_> {
    fn look(&self, manifest: &Manifest) -> Vec<Look> {
        judge::look(manifest, &self.networks, PACE, self.progress).0
    }

    /// Stretches of clips, for the table of swaps.
    fn stretches(&self) -> anyhow::Result<Vec<Told>> {
        let mut swaps = Vec::new();
        for saving in sets::CLIPS {
            let clips = sets::swaps(self.data, self.work, saving)?;
            swaps.extend(self.items_of_unseen(&clips, |_| Condition::Video));
            let real = sets::clips(self.data, self.work, &[Split::Validation], saving)?;
            swaps.extend(self.items(&real, |_| Condition::Video, "face_manipulation"));
        }
        Ok(swaps)
    }

    /// Stills for both tables; `frames` are those of side-by-side clips.
    fn stills(
        &self,
        frames: &[Derived],
        swaps: &mut Vec<Told>,
        portraits: &mut Vec<Told>,
    ) -> anyhow::Result<()> {
        for saving in sets::STILLS {
            let condition = |_: &Row| saving.condition();
            let frames = Manifest { root: self.work.to_owned(), rows: saving.rows_of(self.work, self.work, frames)? };
            swaps.extend(self.items_of_unseen(&frames, condition));
            for folder in sets::photograph_folders(self.data)? {
                let real = sets::photographs(self.data, self.work, &folder, Split::Validation, saving)?;
                let looks = self.look(&real);
                swaps.extend(items_of(&real, &looks, condition, "face_manipulation"));
                portraits.extend(items_of(&real, &looks, condition, "face_synthesis"));
            }
            for names in sets::generated(self.data)? {
                let mut manifest = sets::portraits(self.data, self.work, &names, Split::Validation, saving)?;
                manifest.rows.retain(|r| r.label == Label::Fake);
                portraits.extend(self.items(&manifest, condition, "face_synthesis"));
            }
        }
        Ok(())
    }

    /// What every question says of the photographs of both tables. `values` are what the questions
    /// about faces say of a file; a photograph without a face is in neither.
    fn whole_verdicts(&self, values: &[(&str, BTreeMap<PathBuf, f64>); 2]) -> anyhow::Result<Vec<GenuineFile>> {
        let altered = questions::table(ALTERED).map_err(anyhow::Error::msg)?;
        let known = planted::known_groups(self.data)?;
        let collection = Collection::of(self.data)?;
        let analyzers: Vec<String> = scored_analyzers().iter().map(ToString::to_string).collect();
        let mut files = Vec::new();
        for saving in sets::STILLS {
            for folder in sets::photograph_folders(self.data)? {
                let real = sets::photographs(self.data, self.work, &folder, Split::Validation, saving)?;
                let is_new = |row: &&Row| {
                    let source = row.source.as_deref().unwrap_or_default();
                    !known.contains(&collection.owner(source))
                };
                let paths: Vec<PathBuf> = real.rows.iter().filter(is_new).map(|row| row.path.clone()).collect();
                for record in collect(&paths, &analyzers, false, None, self.progress)? {
                    let own = weigh(&altered, record.condition.as_ref(), record.size, &record.scores());
                    let own = own.ok().map(|(llr, _)| (ALTERED.to_owned(), llr.log10));
                    let about_faces =
                        values.iter().filter_map(|(id, of)| Some(((*id).to_owned(), *of.get(&record.path)?)));
                    files.push(GenuineFile {
                        what: "photographs".into(),
                        condition: saving.condition(),
                        values: own.into_iter().chain(about_faces).collect(),
                    });
                }
            }
        }
        Ok(files)
    }

    fn items(&self, manifest: &Manifest, condition: impl Fn(&Row) -> Condition, analyzer: &str) -> Vec<Told> {
        items_of(manifest, &self.look(manifest), condition, analyzer)
    }

    /// Of side-by-side clips, by the networks that did not see their people.
    fn items_of_unseen(&self, manifest: &Manifest, condition: impl Fn(&Row) -> Condition + Copy) -> Vec<Told> {
        let (looks, _) = look_unseen(manifest, self.unseen, PACE, self.progress);
        items_of(manifest, &looks, condition, "face_manipulation")
    }
}

/// One item a person and stretch. Of the people of a forged part only the most suspicious one
/// counts: one of them is swapped.
fn items_of(manifest: &Manifest, looks: &[Look], condition: impl Fn(&Row) -> Condition, analyzer: &str) -> Vec<Told> {
    let rows: HashMap<(&Path, Part), &Row> = manifest.rows.iter().map(|r| ((r.path.as_path(), r.part), r)).collect();
    // The analyzers of both questions ask the detector of their own id.
    let score = Score::of(analyzer);
    let persons = by_person(looks, |look| score.score(look));
    let mean = |looks: &[(f64, f64)]| looks.iter().map(|l| l.1).sum::<f64>() / looks.len().max(1) as f64;
    let mut items = Vec::new();
    for ((path, part, person), own) in &persons {
        let Some(row) = rows.get(&(*path, *part)) else { continue };
        let others = persons.iter().filter(|((p, q, _), _)| p == path && q == part);
        let most = others.max_by(|a, b| mean(a.1).total_cmp(&mean(b.1))).map(|(whose, _)| whose.2);
        if row.label == Label::Fake && most != Some(*person) {
            continue;
        }
        items.extend(stretches(own).into_iter().map(|stretch| Told {
            path: row.path.clone(),
            item: Item {
                group: row.group.clone().unwrap_or_else(|| path.display().to_string()),
                forged: row.label == Label::Fake,
                condition: condition(row),
                scores: [(analyzer.to_owned(), stretch.logit)].into(),
            },
        }));
    }
    items
}
