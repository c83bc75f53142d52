//! An experiment, and what else `assay lab` does: one file each, in one list each.
//!
//! The decision that shapes it: an experiment answers with figures, never with a file. Where its
//! page lies, whether its figures are wanted as JSON and what is printed is decided once, here, for
//! all of them. What makes files instead (planted sets, tables, cases) is a [`Maker`] and says what
//! it wrote.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_material::saving::write_whole;
use assay_media::Progress;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use image::RgbImage;
use serde::Serialize;

use crate::LISTS;

/// What every experiment and maker is given beside its own arguments.
pub struct Stage<'a> {
    /// Where it says how far it is.
    pub progress: &'a dyn Progress,
    /// The program that runs it, for those that measure whole scans.
    pub program: &'a Path,
}

/// Figures as a page of Markdown.
pub trait Markdown {
    /// The page. `former` is the page so far, empty where there is none: figures that are measured
    /// a chapter at a time leave the other chapters as they are.
    fn page(&self, former: &str) -> String;
}

/// Something that is measured.
pub trait Experiment {
    /// Its word on the command line.
    const ID: &'static str;
    /// What it measures, in one line.
    const ABOUT: &'static str;
    /// Where the page is written; `None`: only where `--out` says, and then nothing is kept of it.
    const PAGE: Option<&'static str>;
    /// Whether the figures always lie beside the page as JSON, for the program to read.
    const KEEPS_JSON: bool = false;
    /// Its own arguments.
    type Args: Args;
    /// What it measures.
    type Figures: Serialize + Markdown;

    /// Measures.
    ///
    /// # Errors
    /// When data, weights or a program that it measures cannot be used.
    fn run(args: Self::Args, stage: &Stage<'_>) -> anyhow::Result<Self::Figures>;
}

/// Something that is made: files.
pub trait Maker {
    /// Its word on the command line.
    const ID: &'static str;
    /// What it makes, in one line.
    const ABOUT: &'static str;
    /// Its own arguments.
    type Args: Args;

    /// Makes it and says what was written, in lines.
    ///
    /// # Errors
    /// When data cannot be read or a file cannot be written.
    fn run(args: Self::Args, stage: &Stage<'_>) -> anyhow::Result<String>;
}

/// Where figures go.
#[derive(Debug, Args)]
struct Output {
    /// Where the page with the figures is written, in Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The figures as JSON instead of the page on standard output; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One entry of a list.
pub struct Listed {
    /// Its word on the command line.
    pub id: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    arguments: fn(Command) -> Command,
    run: fn(&ArgMatches, &Stage<'_>) -> anyhow::Result<String>,
}

impl Listed {
    /// An experiment.
    pub const fn experiment<E: Experiment>() -> Self {
        Self { id: E::ID, about: E::ABOUT, arguments: arguments_of::<E>, run: run_of::<E> }
    }

    /// Something that makes files.
    pub const fn maker<M: Maker>() -> Self {
        Self { id: M::ID, about: M::ABOUT, arguments: M::Args::augment_args, run: make::<M> }
    }

    fn command(&self) -> Command {
        (self.arguments)(Command::new(self.id).about(self.about))
    }
}

fn arguments_of<E: Experiment>(command: Command) -> Command {
    let command = Output::augment_args(E::Args::augment_args(command));
    match E::PAGE {
        Some(page) => command.mut_arg("out", |out| out.default_value(page)),
        None => command,
    }
}

fn run_of<E: Experiment>(matches: &ArgMatches, stage: &Stage<'_>) -> anyhow::Result<String> {
    let output = Output::from_arg_matches(matches)?;
    let figures = E::run(E::Args::from_arg_matches(matches)?, stage)?;
    // Read once everything is measured: another run may have written it in the meantime.
    let former = output.out.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let page = figures.page(&former);
    let json = serde_json::to_string_pretty(&figures)? + "\n";
    if let Some(path) = &output.out {
        write(path, &page)?;
        if E::KEEPS_JSON {
            write(&path.with_extension("json"), &json)?;
        }
    }
    match output.json {
        None => Ok(page),
        Some(target) if target.as_os_str() == "-" => Ok(json),
        Some(target) => write(&target, &json).map(|()| String::new()),
    }
}

fn make<M: Maker>(matches: &ArgMatches, stage: &Stage<'_>) -> anyhow::Result<String> {
    M::run(M::Args::from_arg_matches(matches)?, stage)
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_whole(path, text.as_bytes())
}

/// The name of a sheet, as the command line takes it: it must end in `.png`.
pub(crate) fn sheet_name(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    if is_png { Ok(path) } else { Err("this picture is written as .png".into()) }
}

/// Writes a sheet to be looked at, which is marked already, as PNG.
pub(crate) fn write_sheet(path: &Path, sheet: &RgbImage) -> anyhow::Result<()> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    sheet.write_to(&mut bytes, image::ImageFormat::Png).context("cannot encode the picture")?;
    write_whole(path, bytes.get_ref())
}

/// What was chosen on the command line, with its arguments.
#[derive(Debug, Clone)]
pub struct Chosen {
    id: String,
    matches: ArgMatches,
}

impl Chosen {
    /// Does it and returns what belongs on standard output.
    ///
    /// # Errors
    /// What it says itself.
    pub fn run(&self, stage: &Stage<'_>) -> anyhow::Result<String> {
        let listed = listed().find(|l| l.id == self.id);
        (listed.with_context(|| format!("there is no experiment {}", self.id))?.run)(&self.matches, stage)
    }
}

/// Everything, in the order of the lists.
pub fn listed() -> impl Iterator<Item = &'static Listed> {
    LISTS.iter().copied().flatten()
}

impl FromArgMatches for Chosen {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (id, matches) = matches.subcommand().ok_or_else(missing)?;
        Ok(Self { id: id.to_owned(), matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Chosen {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(listed().map(Listed::command))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        listed().any(|l| l.id == name)
    }
}

#[cfg(test)]
mod tests {
    use assay_media::NoProgress;

    use super::*;

    #[derive(Debug, Args)]
    struct Numbers {
        /// How many
        #[arg(long, default_value_t = 3)]
        count: u32,
    }

    #[derive(Serialize)]
    struct Sum {
        sum: u32,
    }

    impl Markdown for Sum {
        fn page(&self, former: &str) -> String {
            format!("{former}{}\n", self.sum)
        }
    }

    struct Adding;

    impl Experiment for Adding {
        const ID: &'static str = "adding";
        const ABOUT: &'static str = "Adds numbers";
        const PAGE: Option<&'static str> = Some("docs/adding.md");
        const KEEPS_JSON: bool = true;
        type Args = Numbers;
        type Figures = Sum;

        fn run(args: Numbers, _: &Stage<'_>) -> anyhow::Result<Sum> {
            Ok(Sum { sum: (0..=args.count).sum() })
        }
    }

    fn said(arguments: &[&str]) -> anyhow::Result<String> {
        let listed = Listed::experiment::<Adding>();
        let words = std::iter::once("adding").chain(arguments.iter().copied());
        let matches = listed.command().try_get_matches_from(words)?;
        (listed.run)(&matches, &Stage { progress: &NoProgress, program: Path::new("assay") })
    }

    #[test]
    fn page_and_figures_go_where_the_list_says_and_only_there() {
        let folder = tempfile::tempdir().unwrap();
        let [page, json] = ["page.md", "own.json"].map(|name| folder.path().join(name));
        let [out, own] = [&page, &json].map(|p| p.to_str().unwrap());
        assert_eq!(said(&["--out", out]).unwrap(), "6\n");
        assert_eq!(said(&["--out", out, "--count", "4"]).unwrap(), "6\n10\n", "the page so far is handed on");
        assert_eq!(std::fs::read_to_string(&page).unwrap(), "6\n10\n");
        let beside = folder.path().join("page.json");
        assert_eq!(std::fs::read_to_string(&beside).unwrap(), "{\n  \"sum\": 10\n}\n");
        assert_eq!(said(&["--out", out, "--json", own]).unwrap(), "");
        assert_eq!(std::fs::read_to_string(&json).unwrap(), "{\n  \"sum\": 6\n}\n");
        assert_eq!(said(&["--out", out, "--json", "-"]).unwrap(), "{\n  \"sum\": 6\n}\n");
        assert!(said(&["--out", "/dev/null/none/page.md"]).unwrap_err().to_string().contains("cannot write"));
        assert!(said(&["--nothing"]).is_err());
    }

    #[test]
    fn a_page_lies_where_it_is_committed_unless_told_otherwise() {
        let listed = Listed::experiment::<Adding>();
        let matches = listed.command().try_get_matches_from(["adding"]).unwrap();
        assert_eq!(Output::from_arg_matches(&matches).unwrap().out, Some("docs/adding.md".into()));
    }

    #[test]
    fn everything_on_the_lists_has_a_name_of_its_own_and_arguments_that_fit_together() {
        let mut ids: Vec<&str> = listed().map(|l| l.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(count > 10 && ids.len() == count, "{ids:?}");
        for listed in listed() {
            assert!(!listed.about.is_empty(), "{}", listed.id);
            listed.command().debug_assert();
        }
    }
}
