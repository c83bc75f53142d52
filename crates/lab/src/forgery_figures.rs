//! What the shipped forgery networks are worth on people and files that they never saw, as a document.
//!
//! The decision that shapes it: every figure goes through `judge` and `datasets::evaluate`, the same as `assay evaluate`. Files of the training and validation
//! split are left out, except in the side-by-side clips for networks that saw no swap at all. Portraits are saved again before they are compared, because the
//! files of the generators share a compression.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assay_faces::{FaceNetworks, Networks};
use assay_media::Progress;
use image::imageops::FilterType;
use rayon::prelude::*;

use crate::datasets::{self, Interval, Label, Manifest, Part, Results, Row};
use crate::judge::{self, Detector};
use crate::saving::jpeg_bytes;
use crate::train::faces::data::{Split, split_of_file};

/// What to measure, and where the re-encoded pictures go.
pub struct Options {
    /// The labelled pictures.
    pub data: PathBuf,
    /// A folder for pictures that are saved again, made where it is missing; without one they are thrown away.
    pub work: Option<PathBuf>,
    /// Frames of a clip.
    pub frames: u32,
}

/// One way of saving a picture again.
#[derive(Clone, Copy)]
struct Saving {
    name: &'static str,
    quality: u8,
    halves: bool,
}

const SAVINGS: [Saving; 4] = [
    Saving { name: "JPEG 95", quality: 95, halves: false },
    Saving { name: "JPEG 75", quality: 75, halves: false },
    Saving { name: "JPEG 50", quality: 50, halves: false },
    Saving { name: "half size, JPEG 95", quality: 95, halves: true },
];

/// Real pictures of each folder that are judged for false alarms.
const REAL_FOLDERS: [&str; 4] = ["lfw250", "celeba178", "ffhq256", "selfies"];

struct Asked {
    name: String,
    detector: Detector,
}

/// Measures everything and writes the document.
///
/// # Errors
/// When the data cannot be read or the folder cannot be written.
pub fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<String> {
    let thrown_away = tempfile::tempdir()?;
    let work = options.work.as_deref().unwrap_or(thrown_away.path());
    let networks = Networks::shipped()?;
    let ids = networks.forgery_ids();
    anyhow::ensure!(!ids.is_empty(), "this build has no forgery networks");
    let mut asked: Vec<Asked> =
        ids.iter().enumerate().map(|(i, id)| Asked { name: id.clone(), detector: Detector::One(i) }).collect();
    if asked.len() > 1 {
        asked.push(Asked { name: "ensemble (mean of logits)".into(), detector: Detector::Ensemble });
    }
    let networks: Arc<dyn FaceNetworks> = Arc::new(networks);
    let mut text = String::from(
        "# Forgery networks\n\nMade by `assay lab forgery --data DIR`. Areas under the ROC curve with 95 % bootstrap intervals over files; a file's score is the mean logit of its frames, of \
         the most suspicious person. People and files of the test split were used neither for training nor for choosing a number.\n\n",
    );
    let measure = |manifest: &Manifest, asked: &Asked| -> anyhow::Result<Results> {
        let (scores, failures) = judge::judge(manifest, &networks, asked.detector, options.frames, progress);
        datasets::evaluate(manifest, &scores, &failures, 1)
    };
    text += "## Face swaps\n\nSide-by-side clips: the left half as recorded, the right half with another face. Networks that learn from no swap are measured on all \
             clips; `test groups` are the clips of people whom no network saw in any clip.\n\n";
    text += "| network | clips | video AUC | frame AUC | paired | real, fake |\n|---|---|---|---|---|---|\n";
    for who in &asked {
        for (name, tests_only) in [("all", false), ("test groups", true)] {
            let manifest = swaps(&options.data, tests_only)?;
            let results = measure(&manifest, who)?;
            let (real, fake) = counts(&results);
            let _ = writeln!(
                text,
                "| {} | {name} | {} | {} | {} | {real}, {fake} |",
                who.name,
                shown(&results.video_auc),
                shown(&results.frame_auc),
                shown(&results.paired_accuracy)
            );
        }
    }
    text += "\n## Generated portraits\n\nPortraits of the test split, saved again in the same way.\n\n| network | against | saved as | AUC | real, fake | without a usable face |\n|---|---|---|---|---|---|\n";
    for (fakes, reals) in [("stylegan256", "ffhq256"), ("gan256", "ffhq256")] {
        for saving in SAVINGS {
            let manifest = portraits(&options.data, work, fakes, reals, saving)?;
            for who in &asked {
                let results = measure(&manifest, who)?;
                let (real, fake) = counts(&results);
                let _ = writeln!(
                    text,
                    "| {} | {fakes} and {reals} | {} | {} | {real}, {fake} | {} |",
                    who.name,
                    saving.name,
                    shown(&results.video_auc),
                    results.failures.real_without_score + results.failures.fake_without_score
                );
            }
        }
    }
    text += "\n## Real photographs\n\nShare of real photographs of the test split whose most suspicious face has a logit above 0 and above 2 (from where a report says `lean clearly`).\n\n| network | folder | photographs | above 0 | above 2 | without a usable face |\n|---|---|---|---|---|---|\n";
    for folder in REAL_FOLDERS {
        let manifest = photographs(&options.data, folder)?;
        for who in &asked {
            let (scores, failures) = judge::judge(&manifest, &networks, who.detector, options.frames, progress);
            let most = |row: &Row| {
                let own = scores.iter().filter(|s| s.path == row.path).map(|s| s.log_odds);
                own.max_by(f64::total_cmp)
            };
            let found: Vec<f64> = manifest.rows.iter().filter_map(most).collect();
            let above = |least: f64| found.iter().filter(|s| **s > least).count() as f64 / found.len().max(1) as f64;
            let _ = writeln!(
                text,
                "| {} | {folder} | {} | {:.3} | {:.3} | {} |",
                who.name,
                found.len(),
                above(0.0),
                above(2.0),
                failures.len()
            );
        }
    }
    Ok(text)
}

fn counts(results: &Results) -> (usize, usize) {
    let of = |label: Label| results.files.iter().filter(|f| f.label == label && f.score.is_some()).count();
    (of(Label::Real), of(Label::Fake))
}

fn shown(interval: &Interval) -> String {
    match (interval.value, interval.low, interval.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        _ => interval.reason.clone().unwrap_or_else(|| "not defined".into()),
    }
}

/// The halves of the side-by-side clips; all, or those of test groups.
fn swaps(data: &Path, tests_only: bool) -> anyhow::Result<Manifest> {
    let mut rows = Vec::new();
    for file in files(data, "pairs/faceswap_sbs", "mp4")? {
        if tests_only && split_of_file(&file) != Split::Test {
            continue;
        }
        // This clip shows the swap alone.
        let halves: &[(Part, Label)] = if file.contains("Dean_Wiesel_2") {
            &[(Part::Whole, Label::Fake)]
        } else {
            &[(Part::Left, Label::Real), (Part::Right, Label::Fake)]
        };
        rows.extend(halves.iter().map(|(part, label)| Row { part: *part, ..Row::new(data.join(&file), *label) }));
    }
    Ok(Manifest { root: data.to_owned(), rows })
}

fn portraits(data: &Path, work: &Path, fakes: &str, reals: &str, saving: Saving) -> anyhow::Result<Manifest> {
    let folder = work.join(saving.name.replace([' ', ','], "_"));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut rows = Vec::new();
    for (name, label) in [(reals, Label::Real), (fakes, Label::Fake)] {
        let all = files(data, &format!("faces/{name}"), "")?;
        let tests: Vec<String> = all.into_iter().filter(|f| split_of_file(f) == Split::Test).collect();
        let saved: Vec<Row> = tests
            .par_iter()
            .map(|file| {
                let target = folder.join(file.replace('/', "_")).with_extension("jpg");
                let from = data.join(file);
                let mut picture = image::ImageReader::open(&from)?.with_guessed_format()?.decode()?.into_rgb8();
                if saving.halves {
                    let half = (picture.width() / 2, picture.height() / 2);
                    picture = image::imageops::resize(&picture, half.0, half.1, FilterType::CatmullRom);
                }
                std::fs::write(&target, jpeg_bytes(&picture, saving.quality)?)?;
                Ok(Row::new(target, label))
            })
            .collect::<anyhow::Result<_>>()
            .context("cannot save the portraits again")?;
        rows.extend(saved);
    }
    Ok(Manifest { root: work.to_owned(), rows })
}

fn photographs(data: &Path, folder: &str) -> anyhow::Result<Manifest> {
    let all = files(data, &format!("faces/{folder}"), "")?;
    let tests = all.into_iter().filter(|f| split_of_file(f) == Split::Test);
    let rows = tests.map(|f| Row::new(data.join(f), Label::Real)).collect();
    Ok(Manifest { root: data.to_owned(), rows })
}

/// Files of a folder below `data`, sorted, named from there.
fn files(data: &Path, folder: &str, ending: &str) -> anyhow::Result<Vec<String>> {
    let place = data.join(folder);
    let entries = std::fs::read_dir(&place).with_context(|| format!("cannot read {}", place.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort();
    Ok(names)
}
