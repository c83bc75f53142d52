//! `cargo xtask new analyzer ID`: the file, the word, the cases and their recipe.
use std::fs;

use anyhow::Context as _;

use crate::system::root;

pub(crate) fn analyzer(id: &str) -> anyhow::Result<()> {
    check_id(id)?;
    let analyzers = root().join("crates/analyzers");
    let file = analyzers.join("src").join(format!("{id}.rs"));
    anyhow::ensure!(!file.exists(), "it exists already: {}", file.display());
    let recipe = root().join(format!("crates/material/src/cases/{id}.rs"));
    add_word(&analyzers.join("src/lib.rs"), "analyzers!", id)?;
    add_word(&root().join("crates/material/src/cases/mod.rs"), "cases!", id)?;
    fs::write(&file, TEMPLATE.replace("ID", id))?;
    fs::write(&recipe, RECIPE.replace("ID", id))?;
    fs::create_dir_all(analyzers.join("cases").join(id))?;
    println!(
        "{}\n{}\ncrates/analyzers/cases/{id}/\nNext: CONTRIBUTING.md, \"Add an analyzer\"; the family test will not pass before there are cases.",
        file.strip_prefix(root()).unwrap_or(&file).display(),
        recipe.strip_prefix(root()).unwrap_or(&recipe).display()
    );
    Ok(())
}

/// Refuses what is no snake_case id.
pub(crate) fn check_id(id: &str) -> anyhow::Result<()> {
    let plain = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    anyhow::ensure!(plain && id.starts_with(|c: char| c.is_ascii_lowercase()), "an id is snake_case: {id}");
    Ok(())
}

/// Adds the id to the list in the last call of the macro.
pub(crate) fn add_word(path: &std::path::Path, call: &str, id: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    fs::write(path, with_word(&text, call, id).with_context(|| format!("no list of {call} in {}", path.display()))?)?;
    Ok(())
}

pub(crate) fn with_word(text: &str, call: &str, id: &str) -> Option<String> {
    let start = text.rfind(&format!("\n{call} {{"))?;
    let end = start + text[start..].find('}')?;
    let head = text[..end].trim_end();
    let comma = if head.ends_with(['{', ',']) { "" } else { "," };
    Some(format!("{head}{comma}\n    {id},\n{}", &text[end..]))
}

const TEMPLATE: &str = r#"//! What it looks for, in words for the examiner. This header is what `assay analyzers show ID` prints.
//!
//! How it works, how to read its map, what fools it, when it does not apply, papers.
use assay_evidence::{Family, Outcome, Status};

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};

pub(crate) struct Id;

pub(crate) static THE: Id = Id;

static ABOUT: About = About {
    id: "ID",
    title: "",
    summary: "",
    family: Family::Spatial,
    status: Status::DisplayOnly,
    needs: &[Need::Pixels { min_side: 64 }],
    fooled_by: &[],
    not_applicable_when: &[],
    references: &[],
};

impl Analyzer for Id {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        let _luma = sample.luma()?;
        Ok(Outcome::not_applicable("This method is not written yet."))
    }
}
"#;

const RECIPE: &str = r"//! The golden cases of `ID`.
use std::path::Path;

/// Writes `positive_*`, `negative_*` and `not_applicable_*` from the drawn scene.
pub(super) fn make(_folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_goes_into_the_last_call() {
        let text = "macro_rules! x {}\n\nanalyzers! {\n    a,\n    b,\n}\n\nfn f() {}\n";
        assert_eq!(
            with_word(text, "analyzers!", "c").unwrap(),
            "macro_rules! x {}\n\nanalyzers! {\n    a,\n    b,\n    c,\n}\n\nfn f() {}\n"
        );
        assert_eq!(with_word("\ncases! {}\n", "cases!", "a").unwrap(), "\ncases! {\n    a,\n}\n");
        assert!(with_word("nothing", "cases!", "a").is_none());
    }
}
