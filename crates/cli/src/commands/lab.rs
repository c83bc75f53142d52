//! `assay lab`: planted sets, calibration, figures.
use std::path::PathBuf;

use anyhow::Context as _;
use assay_lab::face_calibration::Learn;
use assay_material::planted::{Options, make, make_clips};
use assay_workbench::calibration::CalibrationTable;
use clap::{Subcommand, ValueEnum};

use super::lab_swap;
use crate::Exit;
use crate::files::{JsonTarget, write_whole};
use crate::generated::write_picture;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What `assay lab calibrate-faces` can learn by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Learned {
    /// Tables of scores
    Tables,
    /// What maps show on genuine faces
    Maps,
    /// What thresholds on the whole verdict do to genuine files
    Verdict,
}

impl Learned {
    fn part(self) -> Learn {
        match self {
            Self::Tables => Learn::Tables,
            Self::Maps => Learn::Maps,
            Self::Verdict => Learn::Verdict,
        }
    }
}

/// The chapters of `assay lab forgery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Chapter {
    Swaps,
    Portraits,
    Alarms,
    Scans,
    Regions,
}

impl Chapter {
    fn part(self) -> assay_lab::forgery_figures::Chapter {
        use assay_lab::forgery_figures::Chapter as Of;
        match self {
            Self::Swaps => Of::Swaps,
            Self::Portraits => Of::Portraits,
            Self::Alarms => Of::Alarms,
            Self::Scans => Of::Scans,
            Self::Regions => Of::Regions,
        }
    }
}

#[derive(Subcommand)]
enum Command {
    /// Make planted forgeries and their pristine twins from a folder of photos and clips
    Planted {
        /// Folder of source photos and clips
        #[arg(long, value_name = "DIR")]
        sources: PathBuf,
        /// Where the set is written
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Seed of all draws
        #[arg(long, default_value_t = 2026)]
        seed: u64,
        /// Pairs of the calibration split
        #[arg(long, default_value_t = 1200)]
        pairs_calibration: usize,
        /// Pairs of the test split
        #[arg(long, default_value_t = 320)]
        pairs_test: usize,
        /// Only pictures, no clips
        #[arg(long)]
        pictures_only: bool,
    },
    /// Learn the calibration table from the calibration split of a planted set
    Calibrate {
        /// Folder of the planted set
        #[arg(long, value_name = "DIR")]
        set: PathBuf,
        /// Folder of the source photos
        #[arg(long, value_name = "DIR")]
        sources: PathBuf,
        /// Where the table is written
        #[arg(long, value_name = "FILE", default_value = "crates/workbench/calibration/planted.json")]
        out: PathBuf,
        /// Folder where the analyzers' answers are kept and used again; delete ID.json in it when that analyzer changed
        #[arg(long, value_name = "DIR")]
        kept: Option<PathBuf>,
        /// One line on the data for the reader of a report
        #[arg(
            long,
            default_value = "planted splices, copies, local resaves and resampled inserts in web photos, with twins and untouched originals; frames dropped, repeated and put in in clips, with twins and untouched stretches"
        )]
        data: String,
    },
    /// Measure the analyzers and the fused verdict on the test split, and false alarms on untouched photos and clips
    Evaluate {
        /// Folder of the planted set
        #[arg(long, value_name = "DIR")]
        set: PathBuf,
        /// Folder of the source photos and clips; with it false alarms on all real ones are counted too
        #[arg(long, value_name = "DIR")]
        sources: Option<PathBuf>,
        /// Only every n-th photo of the large folders when false alarms are counted
        #[arg(long, default_value_t = 1, value_name = "N")]
        every: usize,
        /// Folder where the analyzers' answers are kept and used again; delete ID.json in it when that analyzer changed
        #[arg(long, value_name = "DIR")]
        kept: Option<PathBuf>,
        /// Where the Markdown tables are written
        #[arg(long, value_name = "FILE", default_value = "docs/figures.md")]
        out: PathBuf,
        /// The figures as JSON; `-` is standard output
        #[arg(long, value_name = "FILE", value_parser = |s: &str| Ok::<_, String>(JsonTarget::from(s)))]
        json: Option<JsonTarget>,
    },
    /// Time scans beside ffmpeg's bare decode, and measure their memory, on clips that it makes
    Speed {
        /// Where the clips are made, and taken from the next time
        #[arg(long, value_name = "DIR", default_value = "target/speed")]
        folder: PathBuf,
        /// Rounds of decode and scan
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Length of the clip for the memory, in seconds
        #[arg(long, default_value_t = 3600)]
        long_secs: u32,
        /// Where the Markdown tables are written
        #[arg(long, value_name = "FILE", default_value = "docs/speed.md")]
        out: PathBuf,
    },
    /// Measure the face networks on held-out people: finding, points, identity, following
    Faces {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Weights of BlazeFace (.pth) to measure beside the detector
        #[arg(long, value_name = "FILE")]
        blazeface: Option<PathBuf>,
        /// Where a sheet of 40 faces with their points is written, to be looked at
        #[arg(long, value_name = "FILE")]
        overlays: Option<PathBuf>,
        /// Measure the validation split, to choose operating points by
        #[arg(long)]
        validation: bool,
        /// Where the Markdown tables are written; the figures as JSON lie beside them
        #[arg(long, value_name = "FILE", default_value = "docs/faces.md")]
        out: PathBuf,
        /// The figures as JSON; `-` is standard output
        #[arg(long, value_name = "FILE", value_parser = |s: &str| Ok::<_, String>(JsonTarget::from(s)))]
        json: Option<JsonTarget>,
    },
    /// Learn the calibration tables of the analyzers that ask networks about faces
    CalibrateFaces {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Where files that are saved again are kept; a temporary folder when not given
        #[arg(long, value_name = "DIR")]
        work: Option<PathBuf>,
        /// Only these
        #[arg(long, value_delimiter = ',', value_name = "PART")]
        only: Vec<Learned>,
        /// Folder of the tables
        #[arg(long, value_name = "DIR", default_value = "crates/workbench/calibration")]
        out: PathBuf,
        /// Where it is written what maps show on genuine faces
        #[arg(long, value_name = "FILE", default_value = "crates/faces/src/usual.json")]
        usual: PathBuf,
    },
    /// Measure the forgery networks on swaps, generated portraits and real photographs that they never saw
    Forgery {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Where pictures that are saved again are kept; a temporary folder when not given
        #[arg(long, value_name = "DIR")]
        work: Option<PathBuf>,
        /// Evenly spaced frames of a clip
        #[arg(long, default_value_t = assay_bench::judge::FRAMES)]
        frames: u32,
        /// Of the photographs that are scanned as a whole, every so many
        #[arg(long, default_value_t = 1, value_name = "N")]
        every: usize,
        /// Only these chapters; the others of the document stay as they are
        #[arg(long, value_delimiter = ',', value_name = "CHAPTER")]
        only: Vec<Chapter>,
        /// Where the Markdown tables are written
        #[arg(long, value_name = "FILE", default_value = "docs/forgery.md")]
        out: PathBuf,
    },
    /// Learn to tell drawn pictures (screenshots, slides, charts, memes) from photographs, and measure it on the test side
    ScreenContent {
        /// Folder of photographs and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Folder of screenshots to be judged besides; nothing is learned from them
        #[arg(long, value_name = "DIR")]
        screens: Option<PathBuf>,
        /// Drawings of each kind
        #[arg(long, default_value_t = 48, value_name = "N")]
        per_kind: usize,
        /// Only every n-th photograph of the large folders
        #[arg(long, default_value_t = 1, value_name = "N")]
        every: usize,
        /// Where the table is written
        #[arg(long, value_name = "FILE", default_value = "crates/analyzers/src/screen_content/table.json")]
        table: PathBuf,
        /// Where the Markdown tables are written; the figures as JSON lie beside them
        #[arg(long, value_name = "FILE", default_value = "docs/screen-content.md")]
        out: PathBuf,
    },
    /// Train the self-blending recipe without each of its parts and compare
    Ablations {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Folder of the runs; those that are there already go on
        #[arg(long, value_name = "DIR", default_value = "ablations")]
        runs: PathBuf,
        /// Steps of each run
        #[arg(long, default_value_t = 500)]
        steps: u64,
        /// Where the Markdown table is written
        #[arg(long, value_name = "FILE", default_value = "docs/ablations.md")]
        out: PathBuf,
    },
    /// Judge windows of frames of the side-by-side clips by temporal networks, each clip by the run that held its people out
    Temporal {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Folder of a run of `assay train detector --recipe temporal` (repeatable)
        #[arg(long = "run", value_name = "DIR", required = true)]
        runs: Vec<PathBuf>,
        /// Where the Markdown table is written
        #[arg(long, value_name = "FILE", default_value = "docs/temporal.md")]
        out: PathBuf,
    },
    /// Rebuild clips of test people from their first frame, and move photographs of them: L1, points, identity, and a sheet to look at
    Animation {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Weights of the animator, by id or file; the shipped ones when not given
        #[arg(long, value_name = "ID|FILE")]
        animator: Option<String>,
        /// Clip to rebuild instead of those of the test split (repeatable)
        #[arg(long = "clip", value_name = "FILE")]
        clips: Vec<PathBuf>,
        /// Where drivers, photographs and results are shown side by side, marked (.png)
        #[arg(long, value_name = "PNG")]
        sheet: Option<PathBuf>,
        /// Where the Markdown tables are written
        #[arg(long, value_name = "FILE", default_value = "docs/animation.md")]
        out: PathBuf,
    },
    /// Ask every analyzer about what the generators make of test people, and about recorded pictures through the same chain
    Generators {
        /// Folder of labelled pictures and clips
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Weights of the animator, by id or file; the shipped ones when not given
        #[arg(long, value_name = "ID|FILE")]
        animator: Option<String>,
        /// Weights of the part swap, by id or file; the shipped ones when not given
        #[arg(long, value_name = "ID|FILE")]
        partswap: Option<String>,
        /// A clip that `assay swap convert` wrote, to be judged too
        #[arg(long, value_name = "CLIP", requires = "swapped_from")]
        swapped: Option<PathBuf>,
        /// The clip that it was made from
        #[arg(long, value_name = "CLIP", requires = "swapped")]
        swapped_from: Option<PathBuf>,
        /// Weights that `assay train detector --recipe reenactment` wrote, to be asked too
        #[arg(long, value_name = "FILE")]
        detector: Option<PathBuf>,
        /// Pairs of a made and a recorded picture, of each generator
        #[arg(long, value_name = "N", default_value_t = 200)]
        pairs: u64,
        /// Where the Markdown table is written
        #[arg(long, value_name = "FILE", default_value = "docs/generators.md")]
        out: PathBuf,
    },
    /// Look for training pictures among the faces of a generator
    Memorisation {
        /// Folder of the labelled pictures that it was trained on
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Weights by id or file; the shipped ones when not given
        #[arg(long, value_name = "ID|FILE")]
        weights: Option<String>,
        /// Generated faces
        #[arg(long, value_name = "N", default_value_t = 1000)]
        count: u64,
        /// Seed of the faces
        #[arg(long, default_value_t = 11)]
        seed: u64,
        /// Factor on what is drawn, as in `assay synthesize`
        #[arg(long, value_name = "X", default_value_t = 1.0)]
        truncation: f32,
        /// Where the faces that come nearest are shown above the training pictures, to be looked at and not to be passed on
        #[arg(long, value_name = "FILE")]
        sheet: Option<PathBuf>,
        /// Where the Markdown table is written
        #[arg(long, value_name = "FILE", default_value = "docs/memorisation.md")]
        out: PathBuf,
    },
    /// Time training steps of the face-forgery network beside the same in PyTorch
    TrainSpeed {
        /// Turns
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Steps of a turn
        #[arg(long, default_value_t = 15)]
        steps: u32,
        /// Threads of both
        #[arg(long, default_value_t = 2)]
        threads: usize,
        /// A Python with PyTorch; without one only our own steps are timed
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
        /// The script with the same step in PyTorch
        #[arg(long, value_name = "FILE", default_value = "crates/train/reference/forgery_speed.py")]
        script: PathBuf,
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Make a face swap from two clips and measure it: likeness to both people, landmarks, curves, speed beside PyTorch
    Swap(Box<lab_swap::Args>),
    /// Draw the example files of the demo
    Example {
        /// Where they are written
        #[arg(long, value_name = "DIR", default_value = "examples")]
        out: PathBuf,
    },
    /// Make the golden cases of the analyzers again
    Cases {
        /// Where they are written
        #[arg(long, value_name = "DIR", default_value = "crates/analyzers/cases")]
        out: PathBuf,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let bars = Bars::new(1);
    let progress = bars.worker();
    match args.command {
        Command::Planted { sources, out, seed, pairs_calibration, pairs_test, pictures_only } => {
            let options = Options { sources, out, seed, pairs_calibration, pairs_test };
            let pictures = make(&options, progress.as_ref())?;
            let clips = if pictures_only { None } else { Some(make_clips(&options, progress.as_ref())?) };
            bars.clear();
            outln!(
                "{} pictures and {} clips: {}",
                pictures.items.len(),
                clips.map_or(0, |c| c.items.len()),
                options.out.display()
            );
        }
        Command::Calibrate { set, sources, out, kept, data } => {
            make_kept(kept.as_deref())?;
            let made_with = format!("assay lab calibrate --set {} --sources {}", base(&set), base(&sources));
            let options = assay_lab::calibrate::Options { set, sources, kept, data, made_with };
            let table = assay_lab::calibrate::calibrate(&options, progress.as_ref())?;
            bars.clear();
            show(&table);
            write_whole(&out, (serde_json::to_string_pretty(&table)? + "\n").as_bytes())?;
            outln!("written: {} (build again to embed it)", out.display());
        }
        Command::Evaluate { set, sources, every, kept, out, json } => {
            make_kept(kept.as_deref())?;
            let figures =
                assay_lab::evaluate::evaluate(&set, sources.as_deref(), every, kept.as_deref(), progress.as_ref())?;
            bars.clear();
            let text = assay_lab::evaluate::markdown(&figures);
            write_whole(&out, text.as_bytes())?;
            let table = out.with_extension("json");
            write_whole(&table, (serde_json::to_string_pretty(&figures)? + "\n").as_bytes())
                .with_context(|| format!("cannot write {}", table.display()))?;
            match json {
                Some(target) => target.write(&figures)?,
                None => out!("{text}"),
            }
        }
        Command::Speed { folder, rounds, long_secs, out } => {
            let program = std::env::current_exe()?;
            let options = assay_lab::speed::Options { program, folder, rounds: rounds.max(1), long_secs };
            let text = assay_lab::speed::markdown(&assay_lab::speed::measure(&options, progress.as_ref())?);
            bars.clear();
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::Faces { data, blazeface, overlays, validation, out, json } => {
            let options = assay_lab::face_figures::Options { data, blazeface, overlays, validation };
            let figures = assay_lab::face_figures::measure(&options, progress.as_ref())?;
            bars.clear();
            let text = assay_lab::face_figures::markdown(&figures);
            write_whole(&out, text.as_bytes())?;
            write_whole(&out.with_extension("json"), (serde_json::to_string_pretty(&figures)? + "\n").as_bytes())?;
            match json {
                Some(target) => target.write(&figures)?,
                None => out!("{text}"),
            }
        }
        Command::CalibrateFaces { data, work, only, out, usual } => {
            let made_with = format!("assay lab calibrate-faces --data {}", base(&data));
            let parts = only.into_iter().map(Learned::part).collect();
            let options = assay_lab::face_calibration::Options { data, work, made_with, parts };
            let learned = assay_lab::face_calibration::calibrate(&options, progress.as_ref())?;
            bars.clear();
            if let Some(found) = learned.usual {
                write_whole(&usual, (serde_json::to_string(&found)? + "\n").as_bytes())?;
                outln!("written: {} (build again to embed it)", usual.display());
            }
            if let Some(whole) = learned.whole {
                for (threshold, above) in whole.above() {
                    outln!("verdict LR {threshold}: {above} of {} genuine files", whole.files());
                }
                let path = out.join("verdict.json");
                write_whole(&path, (serde_json::to_string_pretty(&whole)? + "\n").as_bytes())?;
                outln!("written: {} (build again to embed it)", path.display());
            }
            for table in learned.tables {
                show(&table);
                let path = out.join(format!("{}.json", table.id));
                write_whole(&path, (serde_json::to_string_pretty(&table)? + "\n").as_bytes())?;
                outln!("written: {} (build again to embed it)", path.display());
            }
        }
        Command::Forgery { data, work, frames, every, only, out } => {
            let parts = only.into_iter().map(Chapter::part).collect();
            let options = assay_lab::forgery_figures::Options { data, work, frames, every, parts };
            let old = std::fs::read_to_string(&out).unwrap_or_default();
            let text = assay_lab::forgery_figures::run(&options, &old, progress.as_ref())?;
            bars.clear();
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::ScreenContent { data, screens, per_kind, every, table, out } => {
            let made_with =
                format!("assay lab screen-content --data {} --every {every} --per-kind {per_kind}", base(&data));
            let options = assay_lab::screen_content::Options { data, screens, per_kind, every, made_with };
            let (learned, figures) = assay_lab::screen_content::run(&options, progress.as_ref())?;
            bars.clear();
            write_whole(&table, (serde_json::to_string_pretty(&learned)? + "\n").as_bytes())?;
            let text = assay_lab::screen_content::markdown(&learned, &figures);
            write_whole(&out, text.as_bytes())?;
            write_whole(&out.with_extension("json"), (serde_json::to_string_pretty(&figures)? + "\n").as_bytes())?;
            out!("{text}");
            outln!("written: {} (build again to embed it)", table.display());
        }
        Command::Ablations { data, runs, steps, out } => {
            let options = assay_lab::ablations::Options { data, out: runs, steps };
            let text = assay_lab::ablations::run(&options, progress.as_ref())?;
            bars.clear();
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::Temporal { data, runs, out } => {
            let options = assay_lab::temporal_figures::Options { data, runs };
            let text = assay_lab::temporal_figures::run(&options, progress.as_ref())?;
            bars.clear();
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::Animation { data, animator, clips, sheet, out } => {
            let options = assay_lab::animation_figures::Options { data, animator, clips };
            let (text, pictures) = assay_lab::animation_figures::run(&options, progress.as_ref())?;
            bars.clear();
            if let Some(path) = sheet {
                write_picture(&path, &pictures)?;
            }
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::Generators { data, animator, partswap, swapped, swapped_from, detector, pairs, out } => {
            let swapped = swapped.zip(swapped_from).map(|(made, from)| [made, from]);
            let options = assay_lab::generator_figures::Options { data, animator, partswap, swapped, detector, pairs };
            let text = assay_lab::generator_figures::run(&options, progress.as_ref())?;
            bars.clear();
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::Memorisation { data, weights, count, seed, truncation, sheet, out } => {
            let options = assay_lab::memorisation::Options { data, weights, count, seed, truncation };
            let (found, pairs) = assay_lab::memorisation::measure(&options, progress.as_ref())?;
            bars.clear();
            if let Some(path) = sheet {
                write_picture(&path, &pairs)?;
            }
            let text = assay_lab::memorisation::markdown(&found);
            write_whole(&out, text.as_bytes())?;
            out!("{text}");
        }
        Command::TrainSpeed { rounds, steps, threads, python, script, json } => {
            let options = assay_lab::train_speed::Options { rounds, steps, threads, python, script };
            let speed = assay_lab::train_speed::measure(&options, progress.as_ref())?;
            bars.clear();
            match (json, speed.pytorch_images_per_sec, speed.ratio) {
                (Some(target), ..) => target.write(&speed)?,
                (None, Some(theirs), Some(ratio)) => outln!(
                    "{:.1} images/s, PyTorch {theirs:.1}: {ratio:.2} times as fast ({rounds} turns of {steps} steps, {threads} threads)",
                    speed.images_per_sec
                ),
                _ => {
                    outln!("{:.1} images/s ({rounds} turns of {steps} steps, {threads} threads)", speed.images_per_sec);
                }
            }
        }
        Command::Swap(args) => lab_swap::run(*args, &bars)?,
        Command::Example { out } => {
            std::fs::create_dir_all(&out)?;
            assay_material::example::write(&out, progress.as_ref())?;
            bars.clear();
            outln!("written: {}", out.display());
        }
        Command::Cases { out } => {
            assay_material::cases::make_all(&out)?;
            bars.clear();
            outln!("written: {}", out.display());
        }
    }
    Ok(Exit::Clear)
}

fn show(table: &CalibrationTable) {
    for part in &table.conditions {
        outln!(
            "{:<28} {:>4} forged {:>4} genuine  Cllr {:.3}  cap {:.2}",
            part.condition.words(),
            part.forged,
            part.genuine,
            part.cllr,
            part.cap_log10
        );
        for (map, weight) in part.analyzers.iter().zip(&part.fusion.weights) {
            outln!("    {:<22} Cllr {:.3}  weight {:.2}", map.analyzer, map.cllr, weight / std::f64::consts::LN_10);
        }
        let points = part
            .operating_points
            .iter()
            .map(|p| format!("LR {}: {} forged, {} genuine", p.threshold_lr, p.forged, p.genuine));
        outln!("    at or above, out of fold: {}", points.collect::<Vec<_>>().join(" · "));
    }
}

fn make_kept(folder: Option<&std::path::Path>) -> anyhow::Result<()> {
    folder.map_or(Ok(()), |f| {
        std::fs::create_dir_all(f).with_context(|| format!("cannot make the folder {}", f.display()))
    })
}

/// The last part of a folder's path: what a stranger can make sense of.
fn base(path: &std::path::Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}
