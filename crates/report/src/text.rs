//! The short summary for the terminal.
use std::fmt::Write as _;

use assay_evidence::{Outcome, Report, Role};

/// A name without the control characters that it may hold: names of examined files are chosen by strangers, and a terminal obeys them.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A few lines on one report, without colour codes.
pub fn summary(report: &Report) -> String {
    let result = &report.result;
    let verdict = &result.verdict;
    let mut text = format!("{}\n", plain(&report.run.path));
    match (&verdict.llr, &verdict.abstained) {
        (Some(llr), _) => {
            let _ = writeln!(text, "  {}", verdict.sentence);
            let _ = writeln!(
                text,
                "  LR {} (95 % interval {} to {}), {} the threshold of {}",
                ratio(llr.log10),
                ratio(llr.low),
                ratio(llr.high),
                if verdict.above_threshold { "at or above" } else { "below" },
                ratio(verdict.threshold_lr.log10())
            );
        }
        (None, reason) => {
            let _ = writeln!(text, "  No value is given: {}", reason.as_deref().unwrap_or("unknown reason"));
        }
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
    let _ = writeln!(text, "  not tested: {} things, listed in the report", verdict.not_tested.len());
    text
}

/// One line on one report, for folders.
pub fn line(report: &Report) -> String {
    let verdict = &report.result.verdict;
    let value = verdict.llr.map_or_else(|| "no value".into(), |llr| format!("LR {}", ratio(llr.log10)));
    let mark = if verdict.above_threshold { "ABOVE" } else { "" };
    format!("{value:>9} {mark:<5} {}", plain(&report.run.path))
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
