//! The binary `assay`: one file a subcommand; libraries do the work, this crate talks to the user.
/// As `print!`, but ends with exit code 2 where standard output cannot be written (a closed pipe, a
/// full disk) instead of panicking.
macro_rules! out {
    ($($text:tt)*) => { $crate::files::say(&format!($($text)*)) };
}

/// As `println!`, see [`out`].
macro_rules! outln {
    ($($text:tt)*) => { $crate::files::say(&(format!($($text)*) + "\n")) };
}

mod commands;
mod files;
mod generated;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// What a command came to; the process exits with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// All done, nothing above the threshold.
    Clear = 0,
    /// All done, something above the threshold (or, for comparisons, something differs).
    Found = 1,
    /// Something could not be done.
    Failed = 2,
}

#[derive(Parser)]
#[command(
    name = "assay",
    version,
    long_version = concat!(
        env!("CARGO_PKG_VERSION"),
        "\ncode: ",
        env!("CARGO_PKG_LICENSE"),
        "\nweights: each under terms of its own, most of them for non-commercial research; `assay models list` names them"
    ),
    about = "Forensics of face media: has this picture or clip been altered, what speaks for it, what was not tested?",
    after_help = "Exit codes: 0 all done and nothing above a threshold, 1 all done and something above one, 2 something could not be done.\nNothing is ever sent anywhere: Assay works without a network.",
    max_term_width = 120
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// A command that reads folders of data. Not a doc comment: clap would show it in place of the
// command's own.
#[derive(clap::Args)]
struct Described<A: clap::Args> {
    /// What the folders of data hold, where they have no collection.toml of their own
    /// (docs/data.md); without it, the folders of the project's own networks
    #[arg(long, value_name = "FILE", global = true)]
    collection: Option<PathBuf>,
    #[command(flatten)]
    args: A,
}

impl<A: clap::Args> Described<A> {
    fn then(self, run: fn(A) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
        self.collection.as_deref().map_or(Ok(()), assay_bench::collections::describe_by)?;
        run(self.args)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Examine pictures and videos and report what speaks for or against an alteration
    Scan(commands::scan::Args),
    /// List the analyzers, or show what one does, needs, is fooled by, and how well it was measured
    /// to work
    Analyzers(commands::analyzers::Args),
    /// List the questions that a file is asked, or show one with its propositions, analyzers,
    /// thresholds and recorded items
    Questions(commands::questions::Args),
    /// Render a report again from its JSON
    Report(commands::report::Args),
    /// Run a report's scan again and say what differs
    Reproduce(commands::reproduce::Args),
    /// Show and check the hash-chained log of an output folder
    Log(commands::log::Args),
    /// List, import, check and export the weights of networks
    Models(commands::models::Args),
    /// Make planted forgeries, learn the calibration from them, measure the analyzers
    Lab(Described<commands::lab::Args>),
    /// Read, divide and check data sets of real and fake media
    Data(Described<commands::data::Args>),
    /// Measure a detector on a data set
    Evaluate(commands::evaluate::Args),
    /// Train a network of this project
    Train(Described<commands::train::Args>),
    /// Move a picture of a face as the face in a clip moves; the result carries label, watermark
    /// and signed manifest
    Animate(commands::animate::Args),
    /// Put parts of one face into another; the result carries label, watermark and signed manifest
    Partswap(commands::partswap::Args),
    /// Swap faces with an autoencoder trained on two people: take faces out, train, convert (every
    /// output is marked)
    Swap(commands::swap::Args),
    /// Make faces of people who do not exist, marked as such
    Synthesize(commands::synthesize::Args),
    /// Read what files say about where they come from: signed manifest, invisible watermark,
    /// visible label
    Verify(commands::verify::Args),
    /// Sign a picture or clip of your own with your claim
    Mark(commands::mark::Args),
    /// Say whether this machine has what Assay calls upon: programs, weights, disk
    Doctor(commands::doctor::Args),
    /// Write the completions of a shell to standard output
    Completions(commands::shell::Completions),
    /// Write the manual pages into a folder
    Man(commands::shell::Man),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Scan(args) => commands::scan::run(&args),
        Command::Analyzers(args) => commands::analyzers::run(&args),
        Command::Questions(args) => commands::questions::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Reproduce(args) => commands::reproduce::run(&args),
        Command::Log(args) => commands::log::run(&args),
        Command::Models(args) => commands::models::run(&args),
        Command::Lab(args) => args.then(|args| commands::lab::run(&args)),
        Command::Data(args) => args.then(commands::data::run),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Train(args) => args.then(commands::train::run),
        Command::Animate(args) => commands::animate::run(args),
        Command::Partswap(args) => commands::partswap::run(args),
        Command::Swap(args) => commands::swap::run(args),
        Command::Synthesize(args) => commands::synthesize::run(args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Mark(args) => commands::mark::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Completions(args) => commands::shell::completions(&args, Cli::command()),
        Command::Man(args) => commands::shell::man(&args, Cli::command()),
    };
    let exit = outcome.unwrap_or_else(|error| {
        eprintln!("assay: {error:#}");
        Exit::Failed
    });
    ExitCode::from(exit as u8)
}
