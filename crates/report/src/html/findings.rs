//! One card a finding.
use assay_evidence::{Evidence, Finding, MediaKind, Outcome, Role, ScanResult, Severity, Where};
use maud::{Markup, PreEscaped, html};

use super::{spans, viewer};
use crate::charts;

/// The card of one finding, with its limits always in sight.
pub(super) fn card(finding: &Finding, result: &ScanResult) -> Markup {
    html! {
        section.card id=(finding.analyzer) {
            div.head {
                h3 { (finding.title) " " small.mono { (finding.analyzer) } }
                (badge(&finding.outcome))
            }
            p.soft { (finding.summary) }
            @match &finding.outcome {
                Outcome::NotApplicable { reason } | Outcome::Failed { reason } => p { (reason) },
                Outcome::Evidence(evidence) => (body(evidence, result)),
            }
            details {
                summary { "What fools it, references" }
                ul { @for limit in &finding.limits { li { (limit) } } }
                ul { @for reference in &finding.references { li.soft { (reference) } } }
            }
        }
    }
}

fn badge(outcome: &Outcome) -> Markup {
    match outcome {
        Outcome::NotApplicable { .. } => html! { span.badge { "does not apply" } },
        Outcome::Failed { .. } => html! { span.badge.warn { "broke" } },
        Outcome::Evidence(e) => match (e.role, e.score.as_ref().and_then(|s| s.llr)) {
            (Role::DisplayOnly, _) => html! { span.badge { "for the eye: never moves the verdict" } },
            (Role::Scored, None) => html! { span.badge { "no calibration for this kind of file" } },
            (Role::Scored, Some(l)) => {
                let side = if l.log10 >= 0.301 {
                    "badge forged"
                } else if l.log10 <= -0.301 {
                    "badge genuine"
                } else {
                    "badge"
                };
                html! { span class=(side) { "log10 LR " (format!("{:+.2}", l.log10)) " (" (format!("{:+.2}", l.low)) " to " (format!("{:+.2}", l.high)) ")" } }
            }
        },
    }
}

fn body(evidence: &Evidence, result: &ScanResult) -> Markup {
    let still = result.input.kind == MediaKind::Image && !result.previews.is_empty();
    html! {
        p { (evidence.explanation) }
        @if !evidence.remarks.is_empty() {
            ul {
                @for remark in &evidence.remarks {
                    li class=(match remark.severity { Severity::Info => "info", Severity::Notice => "notice", Severity::Inconsistent => "inconsistent" }) {
                        @if remark.severity == Severity::Inconsistent { b { "Contradiction: " } }
                        (remark.text)
                    }
                }
            }
        }
        @if let Some(map) = evidence.heatmap.as_ref().filter(|_| still) { (viewer::heat(map, &evidence.places, &result.input)) }
        @for picture in evidence.pictures.iter().filter(|p| p.over_input && still) { (viewer::over(picture)) }
        @let alone: Vec<_> = evidence.pictures.iter().filter(|p| !(p.over_input && still)).collect();
        @if !alone.is_empty() {
            div.pics {
                @for picture in alone {
                    figure { img src={ "data:image/png;base64," (picture.png.0) } alt=(picture.caption) style=[super::seen(&result.input, picture.width, picture.height)]; figcaption { (picture.caption) } }
                }
            }
        }
        @for chart in &evidence.charts {
            h4 { (chart.title) }
            @let marks = if chart.x_label == "time (s)" { spans(&evidence.places) } else { Vec::new() };
            (PreEscaped(charts::chart(chart, &marks)))
        }
        @if !evidence.places.is_empty() { (places(&evidence.places)) }
        details {
            summary { "Numbers" }
            table {
                @if let Some(score) = &evidence.score { tr { td { "Raw score: " (score.meaning) } td.n { (format!("{:.4}", score.raw)) } td {} } }
                tr { td { "Reliability on this file (0 to 1)" } td.n { (format!("{:.2}", evidence.reliability)) } td {} }
                @for m in &evidence.measures { tr { td { (m.name) } td.n { (format!("{}", m.value)) } td { (m.unit) } } }
            }
        }
    }
}

fn places(places: &[Where]) -> Markup {
    html! {
        details open[places.len() <= 8] {
            summary { "Places" }
            table {
                @for place in places {
                    tr {
                        @match place {
                            Where::Region { x, y, width, height, label } => { td { (label) } td.n { (width) " \u{d7} " (height) " px at (" (x) ", " (y) ")" } },
                            Where::Time { span, label } => { td { (label) } td.n { (format!("{:.3} s to {:.3} s", span.start_secs, span.end_secs)) } },
                        }
                    }
                }
            }
        }
    }
}
