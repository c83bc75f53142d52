//! `assay lab cases`: make the golden cases of the analyzers again.
use std::path::PathBuf;

use crate::experiment::{Maker, Stage};

/// Where they go.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where they are written
    #[arg(long, value_name = "DIR", default_value = "crates/analyzers/cases")]
    out: PathBuf,
}

/// The maker.
pub struct The;

impl Maker for The {
    const ID: &'static str = "cases";
    const ABOUT: &'static str = "Make the golden cases of the analyzers again";
    type Args = Arguments;

    fn run(args: Arguments, _: &Stage<'_>) -> anyhow::Result<String> {
        assay_material::cases::make_all(&args.out)?;
        Ok(format!("written: {}\n", args.out.display()))
    }
}
