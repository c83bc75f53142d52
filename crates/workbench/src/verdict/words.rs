//! The sentences of a verdict.
//!
//! The decision that shapes it: everything that a lay reader meets first is put together here from
//! the words of the questions, so that the strength of a sentence follows from its number alone.
//! Nothing is said more strongly than the least certain question allows.
use assay_evidence::{FaceSearch, Headline, Llr, MediaKind, Propositions, Statement, VerbalBand};

use crate::questions::Question;

/// The formal sentence on two propositions.
pub(super) fn evaluative(band: VerbalBand, llr: Llr, compared: &Propositions) -> String {
    if band == VerbalBand::Neutral {
        return format!("The evidence {}.", band.words());
    }
    let (supported, other) =
        if llr.log10 > 0.0 { (&compared.forged, &compared.genuine) } else { (&compared.genuine, &compared.forged) };
    let strip = |s: &str| s.trim_end_matches('.').to_owned();
    format!(
        "The evidence {} the proposition \u{201c}{}\u{201d} over \u{201c}{}\u{201d}.",
        band.words(),
        strip(supported),
        strip(other)
    )
}

fn strength(band: VerbalBand) -> &'static str {
    match band {
        VerbalBand::Neutral => "no",
        VerbalBand::Weak => "weak",
        VerbalBand::Moderate => "moderate",
        VerbalBand::ModeratelyStrong => "moderately strong",
        VerbalBand::Strong => "strong",
        VerbalBand::VeryStrong => "very strong",
    }
}

/// The lay sentence of one statement.
pub(super) fn lay(question: &Question, kind: MediaKind, said: &Statement) -> String {
    let Some((llr, band)) = said.llr.zip(said.band) else {
        let reason = said.abstained.as_deref().unwrap_or("no value was found.");
        return format!("Nothing is said about {}: {reason}", question.subject);
    };
    match band {
        _ if said.above && !said.marked_by.is_empty() => format!("{}: the marked region.", question.found.of(kind)),
        _ if said.above => format!("{}.", question.found.of(kind)),
        VerbalBand::Neutral => format!("Nothing speaks clearly for or against {}.", question.subject),
        _ if llr.log10 > 0.0 => format!(
            "There are {} signs that {}, but not enough to count as found.",
            strength(band),
            question.signs.of(kind)
        ),
        _ => format!("{}.", question.against.of(kind)),
    }
}

/// The strongest statement. What speaks for a genuine recording is never stronger than the least
/// certain of all questions; one without a value says nothing.
pub(super) fn headline(kind: MediaKind, statements: &[Statement]) -> Headline {
    let valued = || statements.iter().filter_map(|s| Some((s, s.llr?, s.band?)));
    // The first of equals leads.
    let largest = |list: &mut dyn Iterator<Item = (&Statement, Llr, VerbalBand)>| {
        list.fold(None::<(String, String, Llr, VerbalBand)>, |best, (s, llr, band)| match best {
            Some(b) if b.2.log10 >= llr.log10 => Some(b),
            _ => Some((s.question.clone(), s.sentence.clone(), llr, band)),
        })
    };
    let above = largest(&mut valued().filter(|(s, ..)| s.above));
    let any = largest(&mut valued());
    if let Some((question, sentence, llr, band)) = above {
        return Headline { question: Some(question), sentence, llr: Some(llr), band: Some(band) };
    }
    let Some((question, sentence, llr, band)) = any else {
        let reason = statements.iter().find_map(|s| s.abstained.as_deref());
        let reason = reason.unwrap_or("this build has no calibration table.");
        return Headline { question: None, sentence: format!("No value is given: {reason}"), llr: None, band: None };
    };
    let item = if kind == MediaKind::Image { "picture" } else { "clip" };
    match band {
        VerbalBand::Neutral => Headline {
            question: None,
            sentence: format!("Nothing was found that speaks clearly for or against an alteration of this {item}."),
            llr: Some(llr),
            band: Some(band),
        },
        _ if llr.log10 > 0.0 => Headline { question: Some(question), sentence, llr: Some(llr), band: Some(band) },
        _ if statements.iter().any(|s| s.llr.is_none()) => Headline {
            question: None,
            sentence: format!(
                "Nothing that was examined speaks for an alteration, but not every question could be answered: whether this {item} is a genuine recording stays open."
            ),
            llr: None,
            band: Some(VerbalBand::Neutral),
        },
        _ => Headline {
            question: None,
            sentence: format!(
                "No sign of an alteration was found; the evidence {} that a camera recorded this {item}.",
                band.words()
            ),
            llr: Some(llr),
            band: Some(band),
        },
    }
}

/// Why a question about faces cannot be asked; `None` where faces were found.
pub(super) fn without_faces(faces: &FaceSearch) -> Option<String> {
    match faces {
        FaceSearch::NotSearched { .. } => Some("faces were not looked for in this run.".into()),
        FaceSearch::Failed { reason } => {
            Some(format!("the search for faces failed: {}.", reason.trim_end_matches('.')))
        }
        FaceSearch::Searched(found) if found.persons.is_empty() => {
            Some(format!("no face was found (faces from {:.0} px can be found).", found.smallest_face_px))
        }
        FaceSearch::Searched(_) => None,
    }
}

/// What must be read before anything else: which questions about faces are not answered, and why.
pub(super) fn first(faces: &FaceSearch, unanswered: &[(&Question, &Statement)]) -> Vec<String> {
    let subjects = unanswered.iter().map(|(q, _)| q.subject).collect::<Vec<_>>().join(" or ");
    if subjects.is_empty() {
        return Vec::new();
    }
    let therefore = format!("so nothing is said about {subjects}.");
    match faces {
        FaceSearch::NotSearched { .. } => vec![format!("Faces were not looked for, {therefore}")],
        FaceSearch::Failed { .. } => vec![format!("The search for faces failed, {therefore}")],
        FaceSearch::Searched(found) if found.persons.is_empty() => {
            vec![format!("No face was found (faces from {:.0} px can be found), {therefore}", found.smallest_face_px)]
        }
        FaceSearch::Searched(_) => {
            // Questions that share a reason share a sentence.
            let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
            for (question, said) in unanswered {
                let reason = said.abstained.as_deref().unwrap_or("no value was found.");
                match told.iter_mut().find(|(r, _)| *r == reason) {
                    Some((_, subjects)) => subjects.push(question.subject),
                    None => told.push((reason, vec![question.subject])),
                }
            }
            let sentence = |(reason, subjects): (&str, Vec<&str>)| {
                format!("A face was found, but nothing is said about {}: {reason}", subjects.join(" or "))
            };
            told.into_iter().map(sentence).collect()
        }
    }
}
