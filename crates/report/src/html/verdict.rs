//! The verdict on the page: what is said first, the strongest statement, one row a question, and
//! the numbers behind them.
//!
//! The decision that shapes it: the first screen has to stand by itself. What was not looked at
//! comes before what was found, the file's own marks stand beside the headline, and where a
//! statement above its threshold has a region, the picture with that region stands there too. How
//! the numbers came about follows below.
use assay_evidence::{BoundKind, Evidence, Headline, MediaKind, Outcome, ScanResult, Statement, Verdict};
use maud::{Markup, PreEscaped, html};

use super::{badges, viewer};
use crate::charts;
use crate::text::ratio;

/// The finding that shows where the first statement above its threshold points, the leading one
/// before others.
fn pointed_at(result: &ScanResult) -> Option<(&Statement, &str, &Evidence)> {
    if result.input.kind != MediaKind::Image || result.previews.is_empty() {
        return None;
    }
    let verdict = &result.verdict;
    let above = verdict.leading().into_iter().chain(&verdict.statements).filter(|s| s.above);
    above.flat_map(|s| s.marked_by.iter().map(move |id| (s, id))).find_map(|(statement, id)| {
        let finding = result.findings.iter().find(|f| f.analyzer == *id)?;
        let Outcome::Evidence(evidence) = &finding.outcome else { return None };
        Some((statement, finding.title.as_str(), evidence.as_ref()))
    })
}

/// Whether the first screen shows the examined picture already.
pub(super) fn shows_picture(result: &ScanResult) -> bool {
    pointed_at(result).is_some()
}

/// Which side a statement is coloured for.
fn side(verdict: &Verdict) -> &'static str {
    match verdict.headline.llr {
        _ if verdict.above_threshold => "forged",
        None if verdict.abstained.is_some() => "abstained",
        Some(l) if l.log10 <= -0.301 => "genuine",
        _ => "",
    }
}

/// The card that a reader sees first.
pub(super) fn first_screen(result: &ScanResult) -> Markup {
    let verdict = &result.verdict;
    let pointed = pointed_at(result);
    html! {
        section class={ "card verdict " (side(verdict)) } {
            @for note in &verdict.first { p.say.lead { (note) } }
            div class=(if pointed.is_some() { "first" } else { "first alone" }) {
                div {
                    p { (badges(&result.badges)) }
                    p class=(if verdict.above_threshold { "say found" } else { "say" }) { (verdict.headline.sentence) }
                    (value(&verdict.headline, verdict.leading()))
                    @if let Some(formal) = verdict.leading().and_then(|s| s.evaluative.as_ref()) { p.soft { (formal) } }
                }
                @if let Some((statement, title, evidence)) = pointed {
                    (viewer::marked(evidence, &result.input, &html! { "Marked by " b { (title) } ", for the question: " (statement.asked) }))
                }
            }
            (statements(verdict))
            p.soft {
                "A likelihood ratio (LR) says how many times more probable the evidence is if the file was forged in this way than if it was not. It is not the probability that the file is forged: that also depends on everything known outside the file. Other information or other propositions may change it."
            }
        }
    }
}

fn value(headline: &Headline, leading: Option<&Statement>) -> Markup {
    html! {
        @if let Some(llr) = &headline.llr {
            p {
                "Likelihood ratio " b { (ratio(llr.log10)) } ", 90 % interval " (ratio(llr.low)) " to " (ratio(llr.high)) ". "
                @if let Some(said) = leading { (above(said)) }
            }
            (PreEscaped(charts::llr_scale(llr, leading.and_then(|s| s.threshold.lr).map(f64::log10))))
        }
    }
}

fn above(said: &Statement) -> Markup {
    html! {
        @match said.threshold.lr {
            Some(lr) if said.above => { span.badge.forged { "at or above its threshold of " (ratio(lr.log10())) } }
            Some(lr) => { span.badge { "below its threshold of " (ratio(lr.log10())) } }
            None => { span.badge { "no threshold is supported" } }
        }
    }
}

/// With a capital first letter.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// One row a question.
fn statements(verdict: &Verdict) -> Markup {
    html! {
        table.said {
            tr { th { "Question" } th { "What is said" } th.n { "LR" } th.n { "90 % interval" } th.n { "Threshold" } th {} }
            @for said in &verdict.statements {
                tr {
                    td { b { (capital(&said.asked)) } " " small.mono { (said.question) } }
                    td { (said.sentence) }
                    @if let Some(llr) = &said.llr {
                        td.n data-name="LR" { b { (ratio(llr.log10)) } }
                        td.n data-name="90 % interval" { (ratio(llr.low)) " to " (ratio(llr.high)) }
                    } @else {
                        td.n data-name="LR" { "no value" }
                        td {}
                    }
                    td.n data-name="Threshold" { @if let Some(lr) = said.threshold.lr { (ratio(lr.log10())) } @else { "none" } }
                    td class=(if said.above { "yes" } else { "" }) { @if said.above { "above" } @else if said.llr.is_some() { "below" } }
                }
            }
        }
    }
}

/// How the numbers came about: propositions, bounds, thresholds, contributions, the mean.
pub(super) fn numbers(verdict: &Verdict) -> Markup {
    html! {
        section.card id="numbers" {
            h3 { "How the statements came about" }
            @for said in &verdict.statements {
                details open[said.posterior.is_some()] {
                    summary { (capital(&said.asked)) @if let Some(llr) = &said.llr { " LR " (ratio(llr.log10)) } @else { " No value" } }
                    (behind(said))
                }
            }
            @if verdict.contributions().next().is_some() { (contributions(verdict)) }
            @if let Some(mean) = &verdict.mean {
                p.soft {
                    "Mean of the ratios over the questions, one without a value counting as 1: " (ratio(mean.log10)) ". It is what the ratio for \u{201c}forged in any of these ways\u{201d} would be if each way were as probable as another; since it dilutes a find, nothing is decided by it."
                }
            }
        }
    }
}

fn behind(said: &Statement) -> Markup {
    html! {
        table {
            tr { th { "Proposition 1 (H1)" } td { (said.propositions.forged) } }
            tr { th { "Proposition 2 (H2)" } td { (said.propositions.genuine) } }
            @if let Some(formal) = &said.evaluative { tr { th { "In the words of the scale" } td { (formal) } } }
            @if let Some(reason) = &said.abstained { tr { th { "No value" } td { (reason) } } }
            @if let Some(posterior) = &said.posterior {
                tr { th { "With a prior" } td { "If the probability of H1 before this evidence is " (posterior.prior.probability) " (" (posterior.prior.source) "), after it it is " b { (format!("{:.4}", posterior.probability)) } "." } }
            }
            tr { th { "Threshold" } td { @if let Some(lr) = said.threshold.lr { "LR " (ratio(lr.log10())) } @else { "none" } ": " (said.threshold.basis) } }
            @if let Some(c) = &said.calibration {
                tr { th { "Rests on" } td { (c.id) ": " (c.forged) " forged items of " (c.forged_sources) " independent sources and " (c.genuine) " genuine ones of " (c.genuine_sources) " (" (c.data) ")" } }
                tr { th { "Bounds" } td {
                    "No ratio above " b { (ratio(c.cap_log10)) } " or below " b { (ratio(c.floor_log10)) } " is stated: " (c.cap_by.words()) " supports no more. "
                    @for b in &c.bounds { span.soft { (b.kind.words()) ": " (ratio(b.lower_log10)) " to " (ratio(b.upper_log10)) @if b.kind == BoundKind::Sources { " " } @else { "; " } } }
                } }
            }
            @if said.llr.is_some() {
                tr { th { "Looks" } td { (said.correction.analyzers) " analyzers, " (said.correction.segments) " segments, " (said.correction.persons) " persons or wholes; taken off for multiple looks: " (format!("{:.2}", said.correction.taken_off_log10)) } }
            }
        }
    }
}

fn contributions(verdict: &Verdict) -> Markup {
    html! {
        h4 { "What each analyzer added to its question (log10 of the likelihood ratio)" }
        table {
            tr { th { "Analyzer" } th.n { "Own value" } th.n { "Weight" } th.n { "Added" } th {} }
            @for c in verdict.contributions() {
                @let part = (c.contribution_log10.abs() / 3.0).min(1.0) * 50.0;
                tr {
                    td { a href={ "#" (c.analyzer) } { (c.analyzer) } }
                    td.n { (format!("{:+.2}", c.llr_log10)) }
                    td.n { (format!("{:.2}", c.weight)) }
                    td.n { (format!("{:+.2}", c.contribution_log10)) }
                    td { div.bar { @if c.contribution_log10 > 0.0 { i.f style={ "width:" (format!("{part:.1}")) "%" } {} } @else { i.g style={ "width:" (format!("{part:.1}")) "%" } {} } } }
                }
            }
        }
    }
}
