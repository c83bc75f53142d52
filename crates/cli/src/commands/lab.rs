//! `assay lab`: the experiments and what they need, as their lists have them.
use assay_lab::experiment::{Chosen, Stage};

use crate::Exit;
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    chosen: Chosen,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let bars = Bars::new(1);
    let progress = bars.worker();
    let program = std::env::current_exe()?;
    let said = args.chosen.run(&Stage { progress: progress.as_ref(), program: &program })?;
    bars.clear();
    out!("{said}");
    Ok(Exit::Clear)
}
