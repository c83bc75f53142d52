//! `assay lab example`: draw the example files of the demo.
use std::path::PathBuf;

use crate::experiment::{Maker, Stage};

/// Where they go.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where they are written
    #[arg(long, value_name = "DIR", default_value = "examples")]
    out: PathBuf,
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "example";
    const ABOUT: &'static str = "Draw the example files of the demo";
    type Args = Arguments;

    fn run(args: Arguments, stage: &Stage<'_>) -> anyhow::Result<String> {
        std::fs::create_dir_all(&args.out)?;
        assay_material::example::write(&args.out, stage.progress)?;
        Ok(format!("written: {}\n", args.out.display()))
    }
}
