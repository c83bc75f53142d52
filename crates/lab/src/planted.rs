//! `assay lab planted`: planted forgeries and their pristine twins.
use std::path::PathBuf;

use assay_bench::planted::{Options, make, make_clips};

use crate::experiment::{Maker, Stage};

/// What is made, of what.
#[derive(Debug, clap::Args)]
pub struct Arguments {
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
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "planted";
    const ABOUT: &'static str = "Make planted forgeries and their pristine twins from a folder of photos and clips";
    type Args = Arguments;

    fn run(args: Arguments, stage: &Stage<'_>) -> anyhow::Result<String> {
        let Arguments { sources, out, seed, pairs_calibration, pairs_test, pictures_only } = args;
        let options = Options { sources, out, seed, pairs_calibration, pairs_test };
        let pictures = make(&options, stage.progress)?;
        let clips = if pictures_only { None } else { Some(make_clips(&options, stage.progress)?) };
        let (pictures, clips) = (pictures.items.len(), clips.map_or(0, |c| c.items.len()));
        Ok(format!("{pictures} pictures and {clips} clips: {}\n", options.out.display()))
    }
}
