//! `cargo xtask new recipe ID` and `cargo xtask new experiment ID`: the file and the word in the
//! list.
use std::fs;
use std::path::{Path, PathBuf};

use crate::new::add_word;
use crate::system::root;

pub(crate) fn recipe(id: &str) -> anyhow::Result<()> {
    lay_out("crates/train/src/forgery", "mod.rs", "recipes!", id, RECIPE)
}

pub(crate) fn experiment(id: &str) -> anyhow::Result<()> {
    lay_out("crates/lab/src", "lib.rs", "experiments!", id, EXPERIMENT)
}

fn lay_out(folder: &str, list: &str, call: &str, id: &str, template: &str) -> anyhow::Result<()> {
    let plain = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    anyhow::ensure!(plain && id.starts_with(|c: char| c.is_ascii_lowercase()), "an id is snake_case: {id}");
    let folder = root().join(folder);
    let file = folder.join(format!("{id}.rs"));
    let taken = file.exists() || folder.join(id).exists();
    anyhow::ensure!(!taken, "it exists already: {}", file.display());
    add_word(&folder.join(list), call, id)?;
    fs::write(&file, template.replace("SNAKE", id).replace("KEBAB", &id.replace('_', "-")))?;
    println!("{}\n{}", shown(&file).display(), shown(&folder.join(list)).display());
    Ok(())
}

fn shown(path: &Path) -> PathBuf {
    path.strip_prefix(root()).unwrap_or(path).to_owned()
}

const RECIPE: &str = r#"//! How forged faces come about, in words.
//!
//! The decision that shapes it: what the draws have in common with those of real faces, and what
//! not.
use super::examples::{Draws, Example, Reals};
use super::recipe::{About, Material, Recipe};
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About::new("SNAKE", "How forged faces come about, in one line");

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn draws<'a>(&self, _material: &'a Material, _reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        Box::new(Drawn)
    }
}

struct Drawn;

impl Draws for Drawn {
    /// A real crop and a forged one; until it is written, a real face laid over itself.
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, share: f64) -> [Example; 2] {
        reals.any_blended(rng, share)
    }
}
"#;

const EXPERIMENT: &str = r##"//! What is measured, in words.
//!
//! The decision that shapes it: on which files, and what they must not have been used for before.
use std::path::PathBuf;

use crate::experiment::{Experiment, Markdown, Stage};

/// What is measured.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of labelled pictures and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// The figures.
#[derive(Debug, serde::Serialize)]
pub struct Figures {
    /// Files that were looked at.
    pub files: usize,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "KEBAB";
    const ABOUT: &'static str = "What it measures, in one line";
    const PAGE: Option<&'static str> = Some("docs/KEBAB.md");
    type Args = Options;
    type Figures = Figures;

    fn run(options: Options, _stage: &Stage<'_>) -> anyhow::Result<Figures> {
        anyhow::bail!("nothing is measured yet of {}", options.data.display())
    }
}

impl Markdown for Figures {
    fn page(&self, _former: &str) -> String {
        format!("# What is measured\n\nMade by `assay lab KEBAB --data DIR`: {} files.\n", self.files)
    }
}
"##;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new::with_word;

    #[test]
    fn the_lists_are_where_the_words_go_and_the_files_name_themselves() {
        for (list, call, template) in [
            ("crates/train/src/forgery/mod.rs", "recipes!", RECIPE),
            ("crates/lab/src/lib.rs", "experiments!", EXPERIMENT),
        ] {
            let text = fs::read_to_string(root().join(list)).unwrap();
            let with = with_word(&text, call, "own_word").unwrap();
            assert!(with.contains("\n    own_word,\n}"), "{list}");
            assert!(template.contains("SNAKE") || template.contains("KEBAB"), "{list}");
        }
    }
}
