//! Learning the calibration tables of the analyzers that ask networks about faces.
//!
//! The decision that shapes it: an item is what the analyzer scores, one person over a stretch of three seconds or one picture. Portraits, photographs and
//! real clips come from the validation split, where no network has learned. Of swaps there are too few clips for a split: each is judged by the network
//! that held its people out, and the tables' own figures are cross-fitted by the same groups.
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assay_faces::stretches::stretches;
use assay_faces::{FaceNetworks, LOOKS_PER_SEC, Networks};
use assay_media::Progress;
use assay_workbench::calibration::{About, CalibrationTable, Condition, Item};

use crate::datasets::{Label, Manifest, Part, Row};
use crate::forgery_figures::folds::Folds;
use crate::forgery_figures::sets;
use crate::judge::{self, Detector, Look, Pace};
use crate::train::faces::data::{Split, every_kth, owner};

/// What to learn from.
pub struct Options {
    /// The labelled pictures and clips.
    pub data: PathBuf,
    /// A folder for files that are saved again, made where it is missing; without one they are thrown away.
    pub work: Option<PathBuf>,
    /// The command, for the record.
    pub made_with: String,
}

/// Six looks a second, as a scan takes them.
pub(crate) const PACE: Pace = Pace::PerSecond(LOOKS_PER_SEC, 60.0);
/// Every so many frames of a swap clip become a still.
const STILL_EVERY: u64 = 60;

/// Learns the table of swaps and the table of portraits.
///
/// # Errors
/// When the data cannot be read.
pub fn calibrate(options: &Options, progress: &dyn Progress) -> anyhow::Result<[CalibrationTable; 2]> {
    let thrown_away = tempfile::tempdir()?;
    let work = options.work.as_deref().unwrap_or(thrown_away.path());
    let networks = Networks::shipped()?;
    let ids = networks.judge_ids();
    let clips = sets::swap_clips(&options.data)?;
    let folds = Folds::of(&ids, &clips);
    let bench = Bench { data: &options.data, networks: Arc::new(networks), folds: &folds, progress };
    let mut swaps = Vec::new();
    for saving in sets::CLIPS {
        swaps.extend(bench.items(&sets::swaps(bench.data, work, saving)?, |_| Condition::Video, "face_forgery"));
        let real = sets::clips(bench.data, work, &[Split::Validation], saving)?;
        swaps.extend(bench.items(&real, |_| Condition::Video, "face_forgery"));
    }
    let stills = stills(&options.data, work, &clips)?;
    let mut portraits = Vec::new();
    for saving in sets::STILLS {
        let condition = |_: &Row| saving.condition();
        let frames = Manifest { root: work.to_owned(), rows: saving.rows_of(work, work, &stills)? };
        swaps.extend(bench.items(&frames, condition, "face_forgery"));
        for folder in sets::PHOTOGRAPH_FOLDERS {
            let real = sets::photographs(bench.data, work, folder, Split::Validation, saving)?;
            let looks = bench.look(&real);
            swaps.extend(bench.items_of(&real, &looks, condition, "face_forgery"));
            portraits.extend(bench.items_of(&real, &looks, condition, "face_synthesis"));
        }
        for names in [["stylegan256", "ffhq256"], ["gan256", "ffhq256"]] {
            let mut manifest = sets::portraits(bench.data, work, names, Split::Validation, saving)?;
            manifest.rows.retain(|r| r.label == Label::Fake);
            portraits.extend(bench.items(&manifest, condition, "face_synthesis"));
        }
    }
    let table = |id: &str, question: &str, data: &str, items: &[Item], analyzer: &str| {
        CalibrationTable::learn(About { id, question, data, made_with: &options.made_with }, items, &[analyzer])
    };
    Ok([
        table(
            "swaps",
            "was a face in it replaced or reshaped?",
            "stretches of three seconds and frames of side-by-side swap clips, judged by the network that held their people out, and of real clips and photographs of validation people; as found and saved again",
            &swaps,
            "face_forgery",
        ),
        table(
            "portraits",
            "was a face in it generated as a whole?",
            "StyleGAN and GAN portraits against photographs, validation files, all saved again alike",
            &portraits,
            "face_synthesis",
        ),
    ])
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

struct Bench<'a> {
    data: &'a Path,
    networks: Arc<dyn FaceNetworks>,
    folds: &'a Folds,
    progress: &'a dyn Progress,
}

/// One person of one part of one file.
pub(crate) type Whose<'a> = (&'a Path, Part, u32);

/// The looks of every person that some network judged, in the order of time.
pub(crate) fn by_person<'a>(
    looks: &'a [Look],
    score: impl Fn(&Look) -> Option<f64>,
) -> BTreeMap<Whose<'a>, Vec<(f64, f64)>> {
    let mut persons: BTreeMap<Whose<'a>, Vec<(f64, f64)>> = BTreeMap::new();
    for look in looks {
        if let Some(score) = score(look) {
            let (part, person) = look.whose();
            persons.entry((look.path(), part, person)).or_default().push((look.pts_secs, score));
        }
    }
    persons.values_mut().for_each(|looks| looks.sort_by(|a, b| a.0.total_cmp(&b.0)));
    persons
}

impl Bench<'_> {
    fn look(&self, manifest: &Manifest) -> Vec<Look> {
        judge::look(manifest, &self.networks, PACE, self.progress).0
    }

    fn items(&self, manifest: &Manifest, condition: impl Fn(&Row) -> Condition, analyzer: &str) -> Vec<Item> {
        self.items_of(manifest, &self.look(manifest), condition, analyzer)
    }

    /// One item a person and stretch. Of the people of a forged part only the most suspicious one counts: one of them is swapped.
    fn items_of(
        &self,
        manifest: &Manifest,
        looks: &[Look],
        condition: impl Fn(&Row) -> Condition,
        analyzer: &str,
    ) -> Vec<Item> {
        let rows: HashMap<(&Path, Part), &Row> =
            manifest.rows.iter().map(|r| ((r.path.as_path(), r.part), r)).collect();
        let score = |look: &Look| {
            let row = rows.get(&(look.path(), look.whose().0))?;
            match analyzer {
                "face_synthesis" => Detector::Synthesis.score(look),
                _ => self.folds.out_of_fold(row.source.as_ref()?, true).score(look),
            }
        };
        let persons = by_person(looks, score);
        let mean = |looks: &[(f64, f64)]| looks.iter().map(|l| l.1).sum::<f64>() / looks.len().max(1) as f64;
        let mut items = Vec::new();
        for ((path, part, person), own) in &persons {
            let Some(row) = rows.get(&(*path, *part)) else { continue };
            let others = persons.iter().filter(|((p, q, _), _)| p == path && q == part);
            let most = others.max_by(|a, b| mean(a.1).total_cmp(&mean(b.1))).map(|(whose, _)| whose.2);
            if row.label == Label::Fake && most != Some(*person) {
                continue;
            }
            items.extend(stretches(own).into_iter().map(|stretch| Item {
                group: row.group.clone().unwrap_or_else(|| owner(&path.display().to_string())),
                forged: row.label == Label::Fake,
                condition: condition(row),
                scores: [(analyzer.to_owned(), stretch.logit)].into(),
            }));
        }
        items
    }
}
