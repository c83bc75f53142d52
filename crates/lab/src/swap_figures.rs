//! A face swap from two clips to figures: crops, training, conversion, and how like whom the result
//! is.
//!
//! The decision that shapes it: the end of both clips is never learned from, and figures of the
//! target's learned and unlearned part stand side by side. Identity is asked of the shipped network
//! with the crops that were trained on as both people's means, so it says what a face matcher of
//! this kind would; the landmarks say whether the face still moves as the target's. What is made is
//! written by the marked writer, and measured as it was read back from there.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_faces::track::{cosine, unit};
use assay_faces::{Face, landmarks68};
use assay_generators::swap::{self, Blend, Choice, Convert, Extraction, FaceTable, Order, Request, Settings};
use assay_generators::{ClipFacts, Finder, Outcome, each_frame, write};
use assay_media::{FramePlan, Progress};
use assay_models::face_swap::Person;
use assay_provenance::{Making, MarkedWriter, Record, Signer, Synthetic};
use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::experiment::{Experiment, Markdown, Stage};
use assay_models::device::DeviceChoice;
use assay_train::swap::RATE;
use assay_train::swap::speed::{self, Speed};
use assay_train::{self as train, Budget, Options};

/// What to make, of whom.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Clip of the person whose face is put in
    #[arg(long, value_name = "CLIP")]
    a: PathBuf,
    /// Clip of the person in whose place it is put
    #[arg(long, value_name = "CLIP")]
    b: PathBuf,
    /// Folder of everything that is made; crops and run that are there already are used again
    #[arg(long, value_name = "DIR")]
    work: PathBuf,
    /// Minutes of training
    #[arg(long, default_value_t = 40.0)]
    minutes: f64,
    /// Seed of all draws
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Highest learning rate
    #[arg(long, default_value_t = RATE)]
    learning_rate: f64,
    /// How the face is blended in: `feather` or `seamless`
    #[arg(long, default_value = "feather", value_parser = ["feather", "seamless"])]
    blend: String,
    /// A Python with PyTorch, to time the same step there
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "swap";
    const ABOUT: &'static str = "Make a face swap from two clips and measure it: likeness to both people, landmarks, \
                                 curves, speed beside PyTorch; the sheet with faces stays in the working folder";
    const PAGE: Option<&'static str> = Some("docs/swap.md");
    type Args = Arguments;
    type Figures = Figures;

    fn run(args: Arguments, stage: &Stage<'_>) -> anyhow::Result<Figures> {
        let blend = if args.blend == "feather" { Blend::Feather } else { Blend::Seamless };
        let choice = train::swap::Choice { held_out: 0.25, ..train::swap::Choice::small(64) };
        let plan = Plan {
            a: args.a,
            b: args.b,
            options: Options {
                budget: Budget::Minutes(args.minutes),
                out: args.work.join("run"),
                seed: args.seed,
                learning_rate: args.learning_rate,
                from: None,
                device: DeviceChoice::Cpu,
            },
            work: args.work,
            choice,
            settings: Settings { blend, ..Settings::default() },
        };
        let figures = measure(&plan, stage.progress)?;
        let script = PathBuf::from("crates/train/reference/swap_speed.py");
        let timed = speed::Options { rounds: 5, steps: 12, threads: 1, python: args.python, script };
        let speed = Some(speed::measure(&timed, stage.progress)?);
        Ok(Figures { speed, ..figures })
    }
}

impl Markdown for Figures {
    fn page(&self, _: &str) -> String {
        markdown(self, self.speed.as_ref(), &self.network)
    }
}

/// What to make and measure.
struct Plan {
    /// Clip of the person whose face is put in.
    a: PathBuf,
    /// Clip of the person in whose place it is put.
    b: PathBuf,
    /// Folder of everything that is made; what is there already is used again.
    work: PathBuf,
    /// How the network is trained.
    choice: train::swap::Choice,
    /// How long, and where; its folder is `run` in the working folder.
    options: Options,
    /// How the face is put in.
    settings: Settings,
}

/// Measures over some frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Measures {
    /// Frames in which both faces were found.
    pub frames: u32,
    /// Mean cosine of the target's own face to A.
    pub before_to_a: f64,
    /// The same to B, whom it shows.
    pub before_to_b: f64,
    /// Mean cosine of the made face to A, whose face was put in.
    pub after_to_a: f64,
    /// The same to B.
    pub after_to_b: f64,
    /// Mean distance of the 68 points from the target's, in distances of the outer eye corners.
    pub points: f64,
    /// The same of the inner points alone (brows, eyes, nose, mouth).
    pub inner_points: f64,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Faces of A and B that were learned from or kept apart.
    pub faces: [usize; 2],
    /// Mean cosine of A's unlearned faces to the mean of A's learned ones: what a perfect swap
    /// would have.
    pub a_to_a: f64,
    /// The stretch that was learned from.
    pub seen: Measures,
    /// The stretch that was not.
    pub unseen: Measures,
    /// Frames that were converted.
    pub converted: u64,
    /// Frames in which something could not be done.
    pub failures: std::collections::BTreeMap<String, u64>,
    /// Whether `verify` read manifest, watermark and label from the written clip.
    pub is_marked: bool,
    /// Steps of training.
    pub steps: u64,
    /// Minutes of training on the clock.
    pub minutes: f64,
    /// Speed of a step, where it was timed.
    pub speed: Option<Speed>,
    /// The network, in words.
    pub network: String,
    /// Lines of the training's log.
    #[serde(skip)]
    pub log: Vec<serde_json::Value>,
}

/// Frames a second that are measured.
const MEASURED_PER_SEC: f64 = 5.0;
/// Side of a picture in the sheet.
const TILE: u32 = 256;
/// Frames in the sheet.
const SHOWN: usize = 6;

/// Makes and measures. The working folder then holds `before_after.png` and the marked clip.
///
/// # Errors
/// When a clip shows no face, training fails or a file cannot be written.
fn measure(plan: &Plan, progress: &dyn Progress) -> anyhow::Result<Figures> {
    std::fs::create_dir_all(&plan.work).with_context(|| format!("cannot make {}", plan.work.display()))?;
    let folders = [plan.work.join("faces_a"), plan.work.join("faces_b")];
    for (clip, folder) in [&plan.a, &plan.b].into_iter().zip(&folders) {
        if !folder.join(swap::TABLE_FILE).exists() {
            let wanted = Extraction {
                inputs: vec![clip.clone()],
                out: folder.clone(),
                person: Some(1),
                order: Order::Time,
                drops_doubles: false,
                side: 320,
            };
            swap::extract(&wanted, progress)?;
        }
    }
    train::swap::run(&plan.choice, [&folders[0], &folders[1]], &plan.options, progress)?;
    let tables = [FaceTable::read(&folders[0])?, FaceTable::read(&folders[1])?];
    let learned = 1.0 - plan.choice.held_out;
    let [(a, a_rest), (b, _)] = tables.each_ref().map(|table| mean_identity(table, learned));
    let out = plan.work.join("swapped.mp4");
    let request = Request {
        weights: plan.options.out.display().to_string(),
        input: plan.b.clone(),
        to: Person::A,
        choice: Choice::Number(1),
        settings: plan.settings,
        smooth_secs: 0.04,
        most_secs: None,
    };
    let Outcome { tally, written } = write(&mut Convert::open(request, progress)?, &out, Signer::own(None)?, progress)?;
    let looks = looks(&plan.b, &out, progress)?;
    let end = looks.last().map_or(0.0, |l| l.at_secs) * learned;
    let part = |unseen: bool| measured(looks.iter().filter(|l| (l.at_secs > end) == unseen), [&a, &b]);
    sheet(looks.iter().filter(|l| l.at_secs > end), &plan.work.join("before_after.png"))?;
    let log = std::fs::read_to_string(plan.options.out.join("log.jsonl")).unwrap_or_default();
    let log: Vec<serde_json::Value> = log.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let last = |key: &str| log.last().and_then(|l| l.get(key)?.as_f64()).unwrap_or(0.0);
    Ok(Figures {
        faces: tables.each_ref().map(|t| t.faces.len()),
        a_to_a: a_rest.iter().map(|v| f64::from(cosine(v, &a))).sum::<f64>() / a_rest.len().max(1) as f64,
        seen: part(false),
        unseen: part(true),
        converted: tally.frames,
        failures: tally.failures,
        is_marked: written.verification.marks.generated.is_some()
            && written.verification.marks.contradictions.is_empty(),
        steps: last("steps") as u64,
        minutes: last("secs") / 60.0,
        speed: None,
        network: format!("The small network at 64 pixels (`df`, {:.2} GMAC a face)", plan.choice.work() / 1e9),
        log,
    })
}

/// The mean identity of the learned part of a folder's faces, and the vectors of the rest.
fn mean_identity(table: &FaceTable, learned: f64) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut faces: Vec<&swap::FaceRow> = table.faces.iter().filter(|f| !f.identity.is_empty()).collect();
    faces.sort_by(|x, y| x.source.cmp(&y.source).then(x.at_secs.total_cmp(&y.at_secs)));
    let split = (faces.len() as f64 * learned) as usize;
    let (first, rest) = faces.split_at(split.min(faces.len()));
    let mut sum = vec![0.0; first.first().map_or(0, |f| f.identity.len())];
    for face in first {
        sum.iter_mut().zip(&face.identity).for_each(|(s, v)| *s += v);
    }
    (unit(&sum).unwrap_or_default(), rest.iter().map(|f| f.identity.clone()).collect())
}

/// One moment of the target and of what was made of it.
struct Look {
    at_secs: f64,
    pictures: [RgbImage; 2],
    faces: [Option<Face>; 2],
}

/// The same frames of both clips.
fn looks(before: &Path, after: &Path, progress: &dyn Progress) -> anyhow::Result<Vec<Look>> {
    let finder = Finder::open()?;
    let facts = ClipFacts::open(before)?;
    let step = ((1.0 / MEASURED_PER_SEC / facts.frame_secs).round() as u32).max(1);
    let read = |facts: &ClipFacts| -> anyhow::Result<Vec<(f64, RgbImage, Option<Face>)>> {
        let mut found = Vec::new();
        each_frame(&facts.source, FramePlan::EveryKth(step), progress, &mut |frame, at_secs| {
            found.push((at_secs, frame.clone(), finder.largest(frame)?));
            Ok(())
        })?;
        Ok(found)
    };
    let (first, second) = (read(&facts)?, read(&ClipFacts::open(after)?)?);
    let both = first.into_iter().zip(second);
    Ok(both.map(|((at_secs, p, f), (_, q, g))| Look { at_secs, pictures: [p, q], faces: [f, g] }).collect())
}

fn measured<'a>(looks: impl Iterator<Item = &'a Look>, [a, b]: [&[f32]; 2]) -> Measures {
    let mut m = Measures::default();
    for look in looks {
        let [Some(before), Some(after)] = &look.faces else { continue };
        let (Some(own), Some(made)) = (&before.embedding, &after.embedding) else { continue };
        m.frames += 1;
        let like = |x: &[f32], y: &[f32]| f64::from(cosine(x, y));
        m.before_to_a += like(own, a);
        m.before_to_b += like(own, b);
        m.after_to_a += like(made, a);
        m.after_to_b += like(made, b);
        let (p, q) = (&before.observation.points68, &after.observation.points68);
        let unit = f64::from((p[45][0] - p[36][0]).hypot(p[45][1] - p[36][1])).max(1e-6);
        let off = |i: usize| f64::from((p[i][0] - q[i][0]).hypot(p[i][1] - q[i][1])) / unit;
        m.points += (0..landmarks68::POINTS).map(off).sum::<f64>() / landmarks68::POINTS as f64;
        m.inner_points += (17..landmarks68::POINTS).map(off).sum::<f64>() / (landmarks68::POINTS - 17) as f64;
    }
    let n = f64::from(m.frames.max(1));
    for sum in [
        &mut m.before_to_a,
        &mut m.before_to_b,
        &mut m.after_to_a,
        &mut m.after_to_b,
        &mut m.points,
        &mut m.inner_points,
    ] {
        *sum /= n;
    }
    m
}

/// Target above, result below, evenly spaced; marked.
fn sheet<'a>(looks: impl Iterator<Item = &'a Look>, path: &Path) -> anyhow::Result<()> {
    let looks: Vec<&Look> = looks.collect();
    let mut sheet = RgbImage::new(TILE * SHOWN as u32, 2 * TILE);
    for (i, look) in looks.iter().step_by((looks.len() / SHOWN).max(1)).take(SHOWN).enumerate() {
        for (j, picture) in look.pictures.iter().enumerate() {
            let small = imageops::resize(picture, TILE, TILE, FilterType::Triangle);
            imageops::replace(&mut sheet, &small, i64::from(TILE) * i as i64, i64::from(TILE) * j as i64);
        }
    }
    let record = Record {
        making: Making::Altered,
        generator: swap::ABOUT.id.into(),
        weights: Vec::new(),
        settings: serde_json::Value::Null,
        seed: None,
        sources: Vec::new(),
    };
    let marked = MarkedWriter::preview(Synthetic::new(sheet), &record)?;
    marked.save(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Words of the page that no measurement changes.
const HEADER: &str = include_str!("swap_page.md");

/// The page.
fn markdown(figures: &Figures, speed: Option<&Speed>, network: &str) -> String {
    let mut page = format!("{HEADER}\n");
    let f = figures;
    let _ = writeln!(page, "## One pair, {:.0} minutes\n", f.minutes);
    let _ = writeln!(
        page,
        "{network}; {} faces of A and {} of B, the last part of both clips never learned from; {} steps in {:.0} minutes on the clock. {} frames converted, {}.\n",
        f.faces[0],
        f.faces[1],
        f.steps,
        f.minutes,
        f.converted,
        if f.failures.is_empty() { "none failed".into() } else { format!("failures: {:?}", f.failures) }
    );
    page.push_str("| frames of the target | n | own face to A | own face to B | result to A | result to B | 68 points off | inner 51 off |\n|---|---|---|---|---|---|---|---|\n");
    for (name, m) in [("learned from", &f.seen), ("not learned from", &f.unseen)] {
        let _ = writeln!(
            page,
            "| {name} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} % | {:.1} % |",
            m.frames,
            m.before_to_a,
            m.before_to_b,
            m.after_to_a,
            m.after_to_b,
            100.0 * m.points,
            100.0 * m.inner_points
        );
    }
    let _ = writeln!(
        page,
        "\nCosines are the shipped identity network's, to the mean of each person's learned faces; A's own unlearned faces have {:.2} to A. Points are in distances of the outer eye corners.\n",
        f.a_to_a
    );
    page.push_str("## Curves\n\n| minutes | steps | loss | reconstruction A | reconstruction B | likeness of swaps to A |\n|---|---|---|---|---|---|\n");
    let every = (f.log.len() / 12).max(1);
    for (_, line) in f.log.iter().enumerate().filter(|(at, _)| at % every == 0 || at + 1 == f.log.len()) {
        let number = |key: &str| line.get(key).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
        let figure = |key: &str| {
            line.get("validation").and_then(|v| v.get(key)).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN)
        };
        let _ = writeln!(
            page,
            "| {:.0} | {:.0} | {:.3} | {:.2} | {:.2} | {:.2} |",
            number("secs") / 60.0,
            number("steps"),
            number("loss"),
            figure("reconstruction_of_a_grey_levels"),
            figure("reconstruction_of_b_grey_levels"),
            figure("likeness_of_swaps_to_a")
        );
    }
    if let Some(s) = speed {
        let _ = writeln!(page, "\n## Speed\n");
        let hours = |rate: f64| 50_000.0 / rate / 3600.0;
        let _ = writeln!(
            page,
            "A step of {} faces on {} thread(s), median of {} turns: {:.2} steps a second here{}. 50,000 steps would take {:.1} hours here.",
            s.faces,
            s.threads,
            s.rounds,
            s.steps_per_sec,
            match (s.pytorch_steps_per_sec, s.ratio) {
                (Some(theirs), Some(ratio)) =>
                    format!(", {theirs:.2} in PyTorch ({:.1} hours); the median ratio is {ratio:.2}", hours(theirs)),
                _ => String::new(),
            },
            hours(s.steps_per_sec)
        );
    }
    page
}
