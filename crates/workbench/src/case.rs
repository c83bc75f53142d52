//! Reading an examiner's record.
//!
//! The decision that shapes it: a likelihood ratio compares the propositions that its items were
//! recorded for and no others. So propositions in words of one's own are taken only together with
//! the question whose ratio they get; free text without one is refused.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use assay_evidence::Case;

use crate::questions;

/// Why a case file is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// It cannot be read.
    #[error("cannot read the case file: {}: {source}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Reason.
        source: std::io::Error,
    },
    /// It does not parse, or something in it cannot be meant.
    #[error("the case file is broken: {}: {reason}", path.display())]
    Broken {
        /// File.
        path: PathBuf,
        /// Reason.
        reason: String,
    },
}

/// Reads a record from TOML, or from JSON where the name ends so.
///
/// # Errors
/// [`CaseError`].
pub fn read_case(path: &Path) -> Result<Case, CaseError> {
    let text = std::fs::read_to_string(path).map_err(|source| CaseError::Read { path: path.to_owned(), source })?;
    let is_json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    parse(&text, is_json).map_err(|reason| CaseError::Broken { path: path.to_owned(), reason })
}

fn parse(text: &str, is_json: bool) -> Result<Case, String> {
    let case: Case = if is_json {
        serde_json::from_str(text).map_err(|e| e.to_string())?
    } else {
        toml::from_str(text).map_err(|e: toml::de::Error| {
            let line = e.span().map_or(1, |s| 1 + text[..s.start.min(text.len())].matches('\n').count());
            format!("line {line}: {}", e.message())
        })?
    };
    let mut seen = BTreeSet::new();
    for proposition in &case.propositions {
        let id = proposition.question.as_str();
        if id.is_empty() {
            return Err(format!(
                "a proposition names no question, so no likelihood ratio belongs to it: add question = \"ID\" with one of {} (`assay questions list`)",
                questions::ids()
            ));
        }
        if questions::find(id).is_none() {
            return Err(format!("there is no question {id:?}; questions are: {}", questions::ids()));
        }
        if !seen.insert(id) {
            return Err(format!("two propositions name the question {id:?}"));
        }
        if let Some(prior) = &proposition.prior
            && !(prior.probability > 0.0 && prior.probability < 1.0)
        {
            return Err("a prior probability lies between 0 and 1, both excluded".into());
        }
    }
    Ok(case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn propositions_belong_to_questions() {
        let one = "[propositions]\nquestion = \"part_altered\"\nforged = \"A cup was put in.\"\n";
        let case = parse(one, false).unwrap();
        assert_eq!(case.propositions.len(), 1);
        assert_eq!(
            (case.propositions[0].question.as_str(), case.propositions[0].genuine.as_str()),
            ("part_altered", "")
        );
        let two = "[[propositions]]\nquestion = \"part_altered\"\n[[propositions]]\nquestion = \"face_replaced\"\n\
                   [propositions.prior]\nprobability = 0.1\nsource = \"the court\"\n";
        assert_eq!(parse(two, false).unwrap().propositions[1].prior.as_ref().unwrap().probability, 0.1);
        let json = r#"{"propositions":[{"question":"face_generated"}]}"#;
        assert_eq!(parse(json, true).unwrap().propositions.len(), 1);
        assert!(parse("number = \"7\"\n", false).unwrap().propositions.is_empty(), "a case needs none");
    }

    #[test]
    fn free_text_without_a_question_is_refused_with_the_list() {
        for text in [
            "[propositions]\nforged = \"It is fake.\"\ngenuine = \"It is not.\"\n",
            "[[propositions]]\nforged = \"x\"\n",
        ] {
            let reason = parse(text, false).unwrap_err();
            for question in questions::QUESTIONS {
                assert!(reason.contains(question.id), "{reason}");
            }
        }
        let unknown = parse("[propositions]\nquestion = \"fake\"\n", false).unwrap_err();
        assert!(unknown.contains("\"fake\"") && unknown.contains("part_altered"), "{unknown}");
        let twice = "[[propositions]]\nquestion = \"part_altered\"\n[[propositions]]\nquestion = \"part_altered\"\n";
        assert!(parse(twice, false).unwrap_err().contains("two propositions"));
        let prior =
            "[propositions]\nquestion = \"part_altered\"\n[propositions.prior]\nprobability = 1.0\nsource = \"\"\n";
        assert!(parse(prior, false).unwrap_err().contains("between 0 and 1"));
        assert!(
            parse("[propositions]\nquestion = \"part_altered\"\nforgd = \"x\"\n", false).unwrap_err().contains("forgd")
        );
    }
}
