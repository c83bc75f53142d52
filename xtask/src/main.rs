//! The chores of the workspace: the same on every machine, `cargo xtask VERB`.
mod compare;
mod demo;
mod layers;
mod new;
mod new_detector;
mod new_lab;
mod new_perturbation;
mod system;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of the workspace")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install what the system lacks, build, scan the example, say where the report is
    Demo,
    /// Install what the system lacks and run every check and test
    Test,
    /// Check that no crate uses one above it
    Layers,
    /// Compare the evidence of two folders of reports; only the verdict may differ
    Compare {
        /// Reports of the program before a change
        before: std::path::PathBuf,
        /// Reports of the program after it
        after: std::path::PathBuf,
    },
    /// Lay out something new
    New {
        #[command(subcommand)]
        what: New,
    },
}

#[derive(Subcommand)]
enum New {
    /// An analyzer: its file, its word in the list, its cases
    Analyzer {
        /// Snake-case id
        id: String,
    },
    /// A perturbation: its file and its word in the list
    Perturbation {
        /// Snake-case id
        id: String,
    },
    /// A recipe of the forgery detectors: its file, its word in the list
    Recipe {
        /// Snake-case id
        id: String,
    },
    /// An experiment of `assay lab`: its file, its word in the list
    Experiment {
        /// Snake-case id
        id: String,
    },
    /// A detector: its file and its word in the list
    Detector {
        /// Snake-case id
        id: String,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().verb {
        Verb::Demo => demo::run(),
        Verb::Test => test::run(),
        Verb::Layers => layers::run(),
        Verb::Compare { before, after } => compare::run(&before, &after),
        Verb::New { what: New::Analyzer { id } } => new::analyzer(&id),
        Verb::New { what: New::Perturbation { id } } => new_perturbation::perturbation(&id),
        Verb::New { what: New::Detector { id } } => new_detector::detector(&id),
        Verb::New { what: New::Recipe { id } } => new_lab::recipe(&id),
        Verb::New { what: New::Experiment { id } } => new_lab::experiment(&id),
    }
}
