//! The questions that a file is asked, as data.
//!
//! The decision that shapes it: a file can be forged in ways that leave nothing in common, so each
//! way is a question with recorded items, propositions and words of its own, and everything that
//! the verdict has to know of it stands in its file here. A new question is one file and one word
//! in the list; nothing in the verdict names a question or an analyzer.
use assay_analyzers::{ANALYZERS, Need};
use assay_evidence::{MediaKind, Propositions, Status};

use crate::calibration::CalibrationTable;

/// Words for a picture and for a clip.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// Of a picture.
    pub picture: &'static str,
    /// Of a clip.
    pub clip: &'static str,
}

impl Words {
    /// Those that fit.
    pub fn of(&self, kind: MediaKind) -> &'static str {
        if kind == MediaKind::Image { self.picture } else { self.clip }
    }
}

/// Which analyzers bear on a question.
#[derive(Debug, Clone, Copy)]
pub enum Bearing {
    /// These, by id.
    Only(&'static [&'static str]),
    /// Every calibrated analyzer that does not look at faces and that no other question names.
    Rest,
}

/// What is said of something that is not tested.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    /// What.
    pub what: &'static str,
    /// Why.
    pub why: &'static str,
    /// Said of pictures or of clips only.
    pub only: Option<MediaKind>,
}

impl Gap {
    /// Whether it is said of this kind of file.
    pub fn is_of(&self, kind: MediaKind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }
}

/// One question.
#[derive(Debug)]
pub struct Question {
    /// Stable id, shown and written into case files.
    pub id: &'static str,
    /// What is asked, as it stands in tables: "was a part of it altered?".
    pub asked: &'static str,
    /// What the question is about, in the plural, to follow "nothing is said about".
    pub subject: &'static str,
    /// H1, a full sentence.
    pub forged: &'static str,
    /// H2, a full sentence.
    pub genuine: &'static str,
    /// What a lay person reads when the statement is above its threshold; no full stop.
    pub found: Words,
    /// The same as a clause, to follow "there are weak signs that".
    pub signs: Words,
    /// What is said when the evidence speaks against it; no full stop.
    pub against: Words,
    /// Which analyzers bear on it.
    pub bearing: Bearing,
    /// It can be asked only where a face is seen. Its analyzers score stretches and persons
    /// themselves and pay for their number there.
    pub needs_face: bool,
    /// Its calibration table, JSON.
    pub table: &'static str,
    /// What stays untested where it got a value.
    pub leaves: &'static [Gap],
    /// What stays untested where it got none.
    pub unanswered: &'static [Gap],
}

impl Question {
    /// Its propositions.
    pub fn propositions(&self) -> Propositions {
        Propositions { forged: self.forged.into(), genuine: self.genuine.into() }
    }

    /// The embedded calibration table.
    ///
    /// # Errors
    /// When it does not parse, which a test rules out.
    pub fn calibration(&self) -> Result<CalibrationTable, serde_json::Error> {
        serde_json::from_str(self.table)
    }

    /// Ids of the analyzers that bear on it, in list order.
    pub fn analyzers(&self) -> Vec<&'static str> {
        let bears = |about: &assay_analyzers::About| match self.bearing {
            Bearing::Only(ids) => ids.contains(&about.id),
            Bearing::Rest => {
                about.status == Status::Calibrated
                    && !about.needs.contains(&Need::Faces)
                    && !QUESTIONS.iter().any(|q| matches!(q.bearing, Bearing::Only(ids) if ids.contains(&about.id)))
            }
        };
        ANALYZERS.iter().map(|a| a.about()).filter(|a| bears(a)).map(|a| a.id).collect()
    }
}

/// Declares the modules and the list.
macro_rules! questions {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// All questions, in the order of reports.
        pub static QUESTIONS: &[&Question] = &[$(&$name::QUESTION),+];
    };
}

questions! { part_altered, face_replaced, face_generated }

/// The question with this id.
pub fn find(id: &str) -> Option<&'static Question> {
    QUESTIONS.iter().copied().find(|q| q.id == id)
}

/// The embedded calibration tables, in the order of the questions.
///
/// # Errors
/// When one does not parse, which a test rules out.
pub fn tables() -> Result<Vec<CalibrationTable>, serde_json::Error> {
    QUESTIONS.iter().map(|q| q.calibration()).collect()
}

/// The embedded calibration table of a question.
///
/// # Errors
/// The reason in a sentence where there is no such question, or its table does not parse, which a
/// test rules out.
pub fn table(id: &str) -> Result<CalibrationTable, String> {
    let question = find(id).ok_or_else(|| format!("there is no question {id:?}; questions are: {}", ids()))?;
    question.calibration().map_err(|e| e.to_string())
}

/// All ids, for messages.
pub fn ids() -> String {
    QUESTIONS.iter().map(|q| q.id).collect::<Vec<_>>().join(", ")
}

/// What no question of this version covers.
pub(crate) const UNCOVERED: &[Gap] = &[
    Gap { what: "Pictures without a face that were generated as a whole", why: NO_ANALYZER, only: None },
    Gap {
        what: "Staging, wrong captions, or a picture taken of a screen",
        why: "These leave no trace that this version looks for.",
        only: None,
    },
    Gap { what: "Generated video", why: NO_ANALYZER, only: Some(MediaKind::Video) },
    Gap { what: "The sound: cloned or edited voices", why: NO_ANALYZER, only: Some(MediaKind::Video) },
];

const NO_ANALYZER: &str = "No analyzer with measured figures exists in this version.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_question_is_whole() {
        let ids: BTreeSet<&str> = QUESTIONS.iter().map(|q| q.id).collect();
        assert_eq!(ids.len(), QUESTIONS.len());
        for question in QUESTIONS {
            assert!(std::ptr::eq(*question, find(question.id).unwrap()));
            let table = question.calibration().unwrap();
            assert_eq!(table.question, question.id);
            assert!(!table.conditions.is_empty());
            let bearing = question.analyzers();
            assert!(!bearing.is_empty(), "{}", question.id);
            if let Bearing::Only(ids) = question.bearing {
                assert_eq!(bearing, ids, "every analyzer that it names exists");
            }
            for part in &table.conditions {
                assert!(part.analyzers.iter().all(|a| bearing.contains(&a.analyzer.as_str())), "{}", question.id);
                let (cap, _, floor) = crate::calibration::bounds::tightest(&part.bounds);
                assert_eq!((cap, floor), (part.cap_log10, part.floor_log10), "the smallest bound holds");
                let sources = f64::from(part.forged_sources.min(part.genuine_sources)).log10();
                assert!(part.cap_log10 <= sources && -part.floor_log10 <= sources, "{}", question.id);
                assert!(!part.interval.is_empty() && part.interval.iter().all(|d| d.low <= 0.0 && d.high >= 0.0));
            }
            for text in [question.forged, question.genuine] {
                assert!(text.ends_with('.') && text.chars().next().is_some_and(char::is_uppercase), "{text}");
            }
            for words in [question.found, question.signs, question.against] {
                assert!([words.picture, words.clip].iter().all(|w| !w.is_empty() && !w.ends_with('.')));
            }
            let faces = |id: &str| assay_analyzers::find(id).unwrap().about().needs.contains(&Need::Faces);
            assert!(bearing.iter().all(|id| faces(id) == question.needs_face), "{}", question.id);
        }
    }

    #[test]
    fn no_analyzer_bears_on_two_questions_and_every_calibrated_one_on_one() {
        let all: Vec<&str> = QUESTIONS.iter().flat_map(|q| q.analyzers()).collect();
        let calibrated = ANALYZERS.iter().map(|a| a.about()).filter(|a| a.status == Status::Calibrated).map(|a| a.id);
        assert_eq!(all.iter().copied().collect::<BTreeSet<_>>(), calibrated.collect());
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
