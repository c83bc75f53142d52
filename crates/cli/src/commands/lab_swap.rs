//! `assay lab swap`: a face swap of two clips, measured.
use std::path::PathBuf;

use assay_models::device::DeviceChoice;

use crate::files::write_whole;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(super) struct Args {
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
    #[arg(long, default_value_t = super::swap::RATE)]
    learning_rate: f64,
    /// How the face is blended in: `feather` or `seamless`
    #[arg(long, default_value = "feather", value_parser = ["feather", "seamless"])]
    blend: String,
    /// A Python with PyTorch, to time the same step there
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Where the Markdown tables are written; the sheet with faces stays in the working folder
    #[arg(long, value_name = "FILE", default_value = "docs/swap.md")]
    out: PathBuf,
}

pub(super) fn run(args: Args, bars: &Bars) -> anyhow::Result<()> {
    use assay_generators::swap::{Blend, Settings};
    use assay_lab::{swap_figures, train};
    use assay_train::swap::{Choice, speed};
    let choice = Choice { held_out: 0.25, ..Choice::small(64) };
    let blend = if args.blend == "feather" { Blend::Feather } else { Blend::Seamless };
    let plan = swap_figures::Plan {
        a: args.a,
        b: args.b,
        options: train::Options {
            budget: train::Budget::Minutes(args.minutes),
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
    let progress = bars.worker();
    let figures = swap_figures::measure(&plan, progress.as_ref())?;
    let script = PathBuf::from("crates/train/reference/swap_speed.py");
    let timed = speed::Options { rounds: 5, steps: 12, threads: 1, python: args.python, script };
    let speed = speed::measure(&timed, progress.as_ref())?;
    bars.clear();
    let network = format!("The small network at 64 pixels (`df`, {:.2} GMAC a face)", plan.choice.work() / 1e9);
    let page = swap_figures::markdown(&figures, Some(&speed), &network);
    write_whole(&args.out, page.as_bytes())?;
    out!("{page}");
    Ok(())
}
