//! Learning what the analyzers that ask networks about faces are calibrated by: tables of their scores, levels of their maps, the threshold of the verdict that
//! they have a part in.
//!
//! The decision that shapes it: an item is what the analyzer scores, one person over a stretch of three seconds or one picture. Portraits, photographs and
//! real clips come from the validation split, where no network has learned. Of swaps there are too few clips for a split: each is judged by the network
//! that held its people out, and the tables' own figures are cross-fitted by the same groups.
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assay_evidence::Llr;
use assay_faces::stretches::stretches;
use assay_faces::usual::{Kind, Usual};
use assay_faces::{FaceNetworks, Networks};
use assay_media::Progress;
use assay_workbench::calibration::{About, CalibrationTable, Condition, GenuineFile, GenuineFiles, Item, Whole};
use assay_workbench::{NOTHING_LEARNED, mixture, weigh};

use crate::calibrate::{base, scored_analyzers, shown, written};
use crate::experiment::{Maker, Stage, write};
use assay_bench::collect::collect;
use assay_bench::collections::folds::{Folds, Unseen, look_unseen};
use assay_bench::collections::sets;
use assay_bench::collections::{Split, owner};
use assay_bench::datasets::{Label, Manifest, Part, Row};
use assay_bench::judge::{self, Detector, Look, PACE, by_person};
use assay_bench::map_units::{self, Unit};
use assay_material::frames::every_kth;
use assay_material::planted;

/// What to learn from.
pub struct Options {
    /// The labelled pictures and clips.
    pub data: PathBuf,
    /// A folder for files that are saved again, made where it is missing; without one they are thrown away.
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
    /// What thresholds on the whole verdict do to genuine files.
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
    #[arg(long, value_name = "FILE", default_value = "crates/faces/src/usual.json")]
    usual: PathBuf,
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "calibrate-faces";
    const ABOUT: &'static str = "Learn the calibration tables of the analyzers that ask networks about faces";
    type Args = Arguments;

    fn run(args: Arguments, stage: &Stage<'_>) -> anyhow::Result<String> {
        let made_with = format!("assay lab calibrate-faces --data {}", base(&args.data));
        let Arguments { data, work, only, out, usual } = args;
        let learned = calibrate(&Options { data, work, made_with, parts: only }, stage.progress)?;
        let mut text = String::new();
        if let Some(found) = learned.usual {
            write(&usual, &(serde_json::to_string(&found)? + "\n"))?;
            text += &written(&usual);
        }
        if let Some(whole) = learned.whole {
            for (threshold, above) in whole.above() {
                text += &format!("verdict LR {threshold}: {above} of {} genuine files\n", whole.files());
            }
            let path = out.join("verdict.json");
            write(&path, &(serde_json::to_string_pretty(&whole)? + "\n"))?;
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
    pub usual: Option<Usual>,
    /// What thresholds do.
    pub whole: Option<Whole>,
}

/// Every so many frames of a swap clip become a still.
const STILL_EVERY: u64 = 60;

/// What the stretches of real clips, photographs, swaps and portraits are, for the record.
const SWAPS: &str = "stretches of three seconds and frames of side-by-side swap clips, judged by the network that held their people out, and of real clips and photographs of validation people; as found and saved again";
const PORTRAITS: &str = "StyleGAN and GAN portraits against photographs, validation files, all saved again alike";
const GENUINE: &str = "photographs of validation people (stills) and stretches of three seconds of real clips (validation clips, and real halves of side-by-side clips by the networks that held their people out), saved again in every way; \
     the level is that of the way of saving where it is highest";
const WHOLE: &str = "photographs of validation people, saved again in every way, that no table of altered parts was learned from: altered parts by the shipped table, replaced and generated faces by values fitted without the photograph's \
     person; and the stretches of real clips behind the table of altered parts, with its own cross-fitted counts at the next lower operating point";

/// Learns what is asked for.
///
/// # Errors
/// When the data cannot be read.
pub fn calibrate(options: &Options, progress: &dyn Progress) -> anyhow::Result<Learned> {
    let thrown_away = tempfile::tempdir()?;
    let work = options.work.as_deref().unwrap_or(thrown_away.path());
    let networks = Networks::shipped()?;
    let (ids, behind_maps) = (networks.judge_ids(), networks.behind_maps());
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
        let places = [Kind::Still, Kind::Clip].into_iter().zip(&groups).flat_map(learn).collect();
        learned.usual = Some(Usual::new(GENUINE, &options.made_with, behind_maps, places));
    }
    if !asked(Learn::Tables) && !asked(Learn::Verdict) {
        return Ok(learned);
    }
    let mut swaps = if asked(Learn::Tables) { bench.stretches()? } else { Vec::new() };
    let mut portraits = Vec::new();
    bench.stills(&stills(&options.data, work, &clips)?, &mut swaps, &mut portraits)?;
    let fit = |id: &str, question: &str, data: &str, items: &[Told], analyzer: &str| {
        let items: Vec<Item> = items.iter().map(|told| told.item.clone()).collect();
        CalibrationTable::cross_fitted(About { id, question, data, made_with: &options.made_with }, &items, &[analyzer])
    };
    let (swap_table, swap_values) =
        fit("swaps", "was a face in it replaced or reshaped?", SWAPS, &swaps, "face_forgery");
    let (portrait_table, portrait_values) =
        fit("portraits", "was a face in it generated as a whole?", PORTRAITS, &portraits, "face_synthesis");
    if asked(Learn::Verdict) {
        let values = [worst_values(&swaps, &swap_values), worst_values(&portraits, &portrait_values)];
        let mut whole = Whole::count(WHOLE, &options.made_with, &bench.whole_verdicts(&values)?);
        whole.parts.extend(stretches_of(&CalibrationTable::planted()?, &whole.thresholds_lr));
        learned.whole = Some(whole);
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

/// Real clips, of which no value about faces exists: their verdict lies at or below that about altered parts, whose cross-fitted counts are known at a table's
/// operating points.
fn stretches_of(planted: &CalibrationTable, thresholds_lr: &[f64]) -> Option<GenuineFiles> {
    let table = planted.of(&Condition::Video)?;
    let above = |threshold: &f64| {
        let lower = table.operating_points.iter().filter(|p| p.threshold_lr <= *threshold);
        lower.map(|p| p.genuine).next_back().unwrap_or(table.genuine)
    };
    Some(GenuineFiles {
        what: "stretches of real clips".into(),
        condition: Condition::Video,
        files: table.genuine,
        above: thresholds_lr.iter().map(above).collect(),
    })
}

/// Faces of photographs of validation people, apart for every way of saving.
fn genuine_faces(bench: &Bench<'_>) -> anyhow::Result<Vec<Vec<Unit>>> {
    let mut groups = Vec::new();
    for saving in sets::STILLS {
        let mut group = Vec::new();
        for folder in sets::PHOTOGRAPH_FOLDERS {
            let real = sets::photographs(bench.data, bench.work, folder, Split::Validation, saving)?;
            group.extend(map_units::of(&real, &bench.networks, &Detector::Forgery, bench.progress));
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Stretches of real clips, apart for every way of saving; of side-by-side clips by networks that did not see their people.
pub(crate) fn genuine_stretches(bench: &Bench<'_>) -> anyhow::Result<Vec<Vec<Unit>>> {
    let mut groups = Vec::new();
    for saving in sets::CLIPS {
        let real = sets::clips(bench.data, bench.work, &[Split::Validation], saving)?;
        let mut group = map_units::of(&real, &bench.networks, &Detector::Forgery, bench.progress);
        let mut halves = sets::swaps(bench.data, bench.work, saving)?;
        halves.rows.retain(|row| row.label == Label::Real);
        group.extend(map_units::of_unseen(&halves, bench.unseen, bench.progress));
        groups.push(group);
    }
    Ok(groups)
}

/// Frames of the halves of the swap clips as lossless stills below `work`, with what they are: file below `work`, label.
fn stills(data: &Path, work: &Path, clips: &[String]) -> anyhow::Result<Vec<(String, Label, String)>> {
    let folder = work.join("stills");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut out = Vec::new();
    for clip in clips.iter().filter(|c| !c.contains("Dean_Wiesel_2")) {
        for (index, frame) in every_kth(&data.join(clip), STILL_EVERY)? {
            let half = frame.width() / 2;
            for (x, label, side) in [(0, Label::Real, "left"), (half, Label::Fake, "right")] {
                let name = format!("stills/{}_{index}_{side}.png", clip.replace(['/', '.'], "_"));
                image::imageops::crop_imm(&frame, x, 0, half, frame.height()).to_image().save(work.join(&name))?;
                out.push((name, label, clip.clone()));
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

/// A value of which only the middle counts.
fn at(log10: f64) -> Llr {
    Llr { log10, low: log10, high: log10 }
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
            swaps.extend(self.items(&real, |_| Condition::Video, "face_forgery"));
        }
        Ok(swaps)
    }

    /// Stills for both tables; `frames` are those of side-by-side clips.
    fn stills(
        &self,
        frames: &[(String, Label, String)],
        swaps: &mut Vec<Told>,
        portraits: &mut Vec<Told>,
    ) -> anyhow::Result<()> {
        for saving in sets::STILLS {
            let condition = |_: &Row| saving.condition();
            let frames = Manifest { root: self.work.to_owned(), rows: saving.rows_of(self.work, self.work, frames)? };
            swaps.extend(self.items_of_unseen(&frames, condition));
            for folder in sets::PHOTOGRAPH_FOLDERS {
                let real = sets::photographs(self.data, self.work, folder, Split::Validation, saving)?;
                let looks = self.look(&real);
                swaps.extend(items_of(&real, &looks, condition, "face_forgery"));
                portraits.extend(items_of(&real, &looks, condition, "face_synthesis"));
            }
            for names in [["stylegan256", "ffhq256"], ["gan256", "ffhq256"]] {
                let mut manifest = sets::portraits(self.data, self.work, names, Split::Validation, saving)?;
                manifest.rows.retain(|r| r.label == Label::Fake);
                portraits.extend(self.items(&manifest, condition, "face_synthesis"));
            }
        }
        Ok(())
    }

    /// The whole verdict on the photographs of both tables. `values` are what they say of a file; a photograph without a face is in neither.
    fn whole_verdicts(&self, values: &[BTreeMap<PathBuf, f64>; 2]) -> anyhow::Result<Vec<GenuineFile>> {
        let planted = CalibrationTable::planted()?;
        let known = planted::known_groups(self.data)?;
        let analyzers: Vec<String> = scored_analyzers().iter().map(ToString::to_string).collect();
        let mut files = Vec::new();
        for saving in sets::STILLS {
            for folder in sets::PHOTOGRAPH_FOLDERS {
                let real = sets::photographs(self.data, self.work, folder, Split::Validation, saving)?;
                let is_new = |row: &&Row| {
                    let source = row.source.as_deref().unwrap_or_default();
                    !known.contains(&planted::group_below(source))
                };
                let paths: Vec<PathBuf> = real.rows.iter().filter(is_new).map(|row| row.path.clone()).collect();
                for record in collect(&paths, &analyzers, false, None, self.progress)? {
                    let altered = weigh(&planted, record.condition.as_ref(), record.size, &record.scores());
                    let about_faces = values.iter().filter_map(|of| of.get(&record.path)).map(|log10| at(*log10));
                    let told: Vec<Llr> =
                        std::iter::once(altered.map_or(NOTHING_LEARNED, |(llr, _)| llr)).chain(about_faces).collect();
                    files.push(GenuineFile {
                        what: "photographs".into(),
                        condition: saving.condition(),
                        log10_lr: mixture(&told).log10,
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
        items_of(manifest, &looks, condition, "face_forgery")
    }
}

/// One item a person and stretch. Of the people of a forged part only the most suspicious one counts: one of them is swapped.
fn items_of(manifest: &Manifest, looks: &[Look], condition: impl Fn(&Row) -> Condition, analyzer: &str) -> Vec<Told> {
    let rows: HashMap<(&Path, Part), &Row> = manifest.rows.iter().map(|r| ((r.path.as_path(), r.part), r)).collect();
    let detector = if analyzer == "face_synthesis" { Detector::Synthesis } else { Detector::Forgery };
    let persons = by_person(looks, |look| detector.score(look));
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
                group: row.group.clone().unwrap_or_else(|| owner(&path.display().to_string())),
                forged: row.label == Label::Fake,
                condition: condition(row),
                scores: [(analyzer.to_owned(), stretch.logit)].into(),
            },
        }));
    }
    items
}
