//! The short summary for the terminal.
use std::fmt::Write as _;

use assay_evidence::{FaceSearch, Outcome, Person, Report, Role, Statement};

/// A name without the control characters that it may hold: names of examined files are chosen by
/// strangers, and a terminal obeys them.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// People that are named in the terminal; the report has them all.
const MOST_PERSONS: usize = 8;

/// What came of looking for faces, in one sentence.
pub(crate) fn faces_sentence(faces: &FaceSearch) -> String {
    match faces {
        FaceSearch::NotSearched { reason } => format!("Not looked for. {reason}"),
        FaceSearch::Failed { reason } => format!("Could not be looked for: {reason}."),
        FaceSearch::Searched(found) if found.persons.is_empty() => {
            format!("No face found (faces from {:.0} px can be found).", found.smallest_face_px)
        }
        FaceSearch::Searched(found) => {
            let people = found.persons.len() as u32 + found.more_persons;
            let more = if found.more_persons == 0 { "" } else { ", of whom those seen most are described" };
            let word = if people == 1 { "person" } else { "persons" };
            format!("{people} {word} found{more} (faces from {:.0} px can be found).", found.smallest_face_px)
        }
    }
}

/// One line on one person: when, how large, how turned, how well seen.
fn person_line(person: &Person) -> String {
    let mut parts = Vec::new();
    if let (Some(first), Some(last)) = (person.seen.first(), person.seen.last()) {
        let stretches =
            if person.seen.len() > 1 { format!(" in {} stretches", person.seen.len()) } else { String::new() };
        parts.push(format!("{:.1} to {:.1} s{stretches}", first.start_secs, last.end_secs));
    }
    let range = |r: &assay_evidence::Range| {
        if r.low == r.high { format!("{:.0}", r.low) } else { format!("{:.0} to {:.0}", r.low, r.high) }
    };
    parts.push(format!("face {} px", range(&person.size_px)));
    if let Some(yaw) = &person.yaw_degrees {
        parts.push(format!("turned {} degrees", range(yaw)));
    }
    parts.push(format!("quality {:.2}", person.quality.overall));
    format!("{:<4} {}", person.id, parts.join(", "))
}

/// A few lines on one report, without colour codes.
pub fn summary(report: &Report) -> String {
    let result = &report.result;
    let verdict = &result.verdict;
    let mut text = format!("{}\n", plain(&report.run.path));
    for note in &verdict.first {
        let _ = writeln!(text, "  ! {note}");
    }
    let _ = writeln!(text, "  {}", verdict.headline.sentence);
    if let Some(llr) = &verdict.headline.llr {
        let _ = writeln!(text, "  LR {} (90 % interval {} to {})", ratio(llr.log10), ratio(llr.low), ratio(llr.high));
    }
    for badge in &result.badges {
        let _ = writeln!(text, "  [{}] {}; this has no part in the ratios", badge.words, plain(&badge.because));
    }
    // A reason that holds for all questions stands in the headline already.
    let is_told = |said: &&Statement| said.llr.is_some() || said.abstained != verdict.abstained;
    for said in verdict.statements.iter().filter(is_told) {
        let _ = writeln!(text, "    {:<40} {}", said.asked, statement(said));
    }
    let mut skipped = Vec::new();
    for finding in &result.findings {
        match &finding.outcome {
            Outcome::Evidence(evidence) => {
                let worth = match (&evidence.role, evidence.score.as_ref().and_then(|s| s.llr)) {
                    (Role::DisplayOnly, _) => "shown".to_owned(),
                    (Role::Scored, Some(llr)) => format!("{:+.2}", llr.log10),
                    (Role::Scored, None) => "uncal.".to_owned(),
                };
                let _ =
                    writeln!(text, "  {worth:>7}  {:<22} {}", finding.analyzer, first_sentence(&evidence.explanation));
            }
            Outcome::Failed { reason } => {
                let _ = writeln!(text, "   broke   {:<22} {reason}", finding.analyzer);
            }
            Outcome::NotApplicable { .. } => skipped.push(finding.analyzer.as_str()),
        }
    }
    if !skipped.is_empty() {
        let _ = writeln!(text, "  does not apply: {}", skipped.join(", "));
    }
    if let Some(marks) = &result.marks {
        for line in crate::marks(marks) {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = writeln!(text, "  faces: {}", faces_sentence(&result.faces));
    if let FaceSearch::Searched(found) = &result.faces {
        for person in found.persons.iter().take(MOST_PERSONS) {
            let _ = writeln!(text, "    {}", person_line(person));
        }
    }
    let _ = writeln!(text, "  not tested: {} things, listed in the report", verdict.not_tested.len());
    if verdict.headline.llr.is_some() {
        let _ = writeln!(
            text,
            "  LR n: what was found is n times as probable if the statement holds as if the file was left as recorded; 1/n: the reverse. It is no probability of forgery."
        );
    }
    text
}

/// Value, interval and threshold of one statement.
fn statement(said: &Statement) -> String {
    let Some(llr) = &said.llr else {
        return format!("no value: {}", said.abstained.as_deref().unwrap_or("unknown reason"));
    };
    let value = format!("LR {} ({} to {})", ratio(llr.log10), ratio(llr.low), ratio(llr.high));
    match said.threshold.lr {
        Some(lr) if said.above => format!("{value}, at or above its threshold of {}", ratio(lr.log10())),
        Some(lr) => format!("{value}, below its threshold of {}", ratio(lr.log10())),
        None => format!("{value}, no threshold"),
    }
}

/// One line on one report, for folders: the strongest statement and the file's own marks.
pub fn line(report: &Report) -> String {
    let verdict = &report.result.verdict;
    let value = match (&verdict.headline.llr, &verdict.abstained) {
        (Some(llr), _) => format!("LR {}", ratio(llr.log10)),
        (None, Some(_)) => "no value".into(),
        (None, None) => "open".into(),
    };
    let mark = if verdict.above_threshold { "ABOVE" } else { "" };
    let asked = verdict.leading().map(|s| format!("  {}", s.question)).unwrap_or_default();
    let mut text = format!("{value:>9} {mark:<5} {}{asked}", plain(&report.run.path));
    for badge in &report.result.badges {
        let _ = write!(text, " [{}]", badge.words);
    }
    text
}

/// A likelihood ratio in words that fit a line: `320`, `1/45`.
pub(crate) fn ratio(log10: f64) -> String {
    let lr = 10f64.powf(log10.abs());
    let digits = if lr < 10.0 { format!("{lr:.1}") } else { format!("{lr:.0}") };
    if log10 < 0.0 && digits != "1.0" { format!("1/{digits}") } else { digits }
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_read_either_way() {
        for (log10, text) in [(2.0, "100"), (-1.0, "1/10"), (0.0, "1.0"), (-0.000_1, "1.0"), (0.477, "3.0")] {
            assert_eq!(ratio(log10), text);
        }
    }
}
