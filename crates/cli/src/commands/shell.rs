//! `assay completions` and `assay man`: what a shell and a reader of manual pages want.
use std::path::PathBuf;

use anyhow::Context as _;
use clap_complete::Shell;

use crate::Exit;

#[derive(clap::Args)]
#[command(after_help = "Example: assay completions bash > ~/.local/share/bash-completion/completions/assay")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

#[derive(clap::Args)]
#[command(after_help = "Example: assay man ~/.local/share/man/man1 && man assay-scan")]
pub(crate) struct Man {
    /// Folder of the pages, one a command; made where it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn completions(args: &Completions, mut command: clap::Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "assay", &mut script);
    out!("{}", String::from_utf8(script).context("the script is not UTF-8")?);
    Ok(Exit::Clear)
}

pub(crate) fn man(args: &Man, command: clap::Command) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    clap_mangen::generate_to(command, folder).with_context(|| format!("cannot write into {}", folder.display()))?;
    outln!("written: {}", folder.display());
    Ok(Exit::Clear)
}
