//! The report page and the index of a folder scan.
mod findings;
mod marks;
mod people;
mod record;
mod viewer;

use assay_evidence::{Family, Finding, MediaKind, Outcome, Report, Span, Verdict, Where};
use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::Digest as _;

use crate::charts;
use crate::text::ratio;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Turns a grey map into colours (inferno, five stops) whose opacity follows the value, and a reliability map into a grey veil. Works
/// without scripts.
const FILTERS: &str = r#"<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
<filter id="heat" color-interpolation-filters="sRGB" x="0" y="0" width="1" height="1"><feColorMatrix in="SourceGraphic" result="a" values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1.6 0 0 0 -0.06"/><feComponentTransfer in="SourceGraphic" result="c"><feFuncR type="table" tableValues="0.0 0.34 0.74 0.98 0.99"/><feFuncG type="table" tableValues="0.0 0.06 0.22 0.56 1.0"/><feFuncB type="table" tableValues="0.02 0.43 0.33 0.04 0.64"/></feComponentTransfer><feComposite in="c" in2="a" operator="in"/></filter>
<filter id="veil" color-interpolation-filters="sRGB" x="0" y="0" width="1" height="1"><feColorMatrix values="0 0 0 0 0.5 0 0 0 0 0.5 0 0 0 0 0.5 -0.55 0 0 0 0.55"/></filter>
</defs></svg>"#;

fn sha256_base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text.as_bytes()))
}

/// A whole document: nothing from outside, and a policy that forbids asking for it.
fn document(title: &str, extra_style: &str, body: &Markup) -> String {
    let style = format!("{STYLE}{extra_style}");
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        sha256_base64(SCRIPT)
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (PreEscaped(FILTERS)) main { (body) } script { (PreEscaped(SCRIPT)) } }
        }
    }
    .into_string()
}

/// The report of one file as one self-contained HTML document.
pub fn page(report: &Report) -> String {
    let result = &report.result;
    let input = &result.input;
    // The examined picture stands in the page once, as a custom property; every viewer refers to it.
    let extra = match (input.kind, result.previews.first()) {
        (MediaKind::Image, Some(p)) => {
            // A report that is rendered again may have been written by anyone; this is the one value that goes into the style sheet.
            let jpeg: String = p.jpeg.chars().filter(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c)).collect();
            format!(
                ":root{{--picture:url(data:image/jpeg;base64,{});--ratio:{}/{};--w:{}px}}",
                jpeg,
                p.width,
                p.height,
                p.width.max(480)
            )
        }
        _ => String::new(),
    };
    let kind = if input.kind == MediaKind::Image { "Picture" } else { "Video" };
    let length = input.duration_secs.map(|s| format!(", {s:.2} s")).unwrap_or_default();
    let body = html! {
        header {
            p.soft { "Assay report" @if !report.case.number.is_empty() { " \u{b7} case " (report.case.number) } @if !report.case.item.is_empty() { " \u{b7} item " (report.case.item) } }
            h1 { (input.file_name) }
            p.soft { (kind) ", " (input.format.to_uppercase()) ", " (input.width) " \u{d7} " (input.height) " px" (length) ", " (thousands(input.bytes)) " bytes \u{b7} SHA-256 " span.mono { (input.sha256) } }
        }
        (verdict(&result.verdict))
        (marks::pointer(result))
        @if input.kind == MediaKind::Video { (timeline(report)) }
        @else if !result.previews.is_empty() { (viewer::original(input)) }
        (not_tested(&result.verdict))
        (people::section(result))
        @for (family, title) in [
            (Family::Spatial, "Traces in the picture"),
            (Family::Temporal, "Traces over time"),
            (Family::Undirected, "Learned classifiers"),
            (Family::Provenance, "What the file says of itself"),
        ] {
            @let members = members(&result.findings, family);
            @if !members.is_empty() || family == Family::Provenance {
                h2 { (title) }
                @if family == Family::Provenance { (marks::card(result)) }
                @for finding in members.iter().filter(|f| !silent(f)) { (findings::card(finding, result)) }
                @let quiet: Vec<_> = members.iter().filter(|f| silent(f)).collect();
                @if !quiet.is_empty() {
                    section.card {
                        h3 { "Do not apply to this file" }
                        table { @for f in quiet { tr id=(f.analyzer) { td { b { (f.title) } " " small.mono { (f.analyzer) } } td.soft { (reason(f)) } } } }
                    }
                }
            }
        }
        (record::sections(report))
    };
    document(&format!("Assay: {}", input.file_name), &extra, &body)
}

fn silent(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::NotApplicable { .. })
}

fn reason(finding: &Finding) -> &str {
    if let Outcome::NotApplicable { reason } = &finding.outcome { reason } else { "" }
}

pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn verdict(verdict: &Verdict) -> Markup {
    let side = match verdict.llr {
        None => "abstained",
        Some(l) if verdict.above_threshold || l.log10 >= 1.0 => "forged",
        Some(l) if l.log10 <= -0.301 => "genuine",
        Some(_) => "",
    };
    html! {
        section class={ "card verdict " (side) } {
            p.say { (verdict.sentence) }
            @if let Some(llr) = &verdict.llr {
                p {
                    "Likelihood ratio " b { (ratio(llr.log10)) } ", 95 % interval " (ratio(llr.low)) " to " (ratio(llr.high)) ". "
                    @if verdict.above_threshold { span.badge.forged { "at or above the threshold of " (ratio(verdict.threshold_lr.log10())) } }
                    @else { span.badge { "below the threshold of " (ratio(verdict.threshold_lr.log10())) } }
                }
                (PreEscaped(charts::llr_scale(llr, verdict.threshold_lr.log10())))
                p.soft {
                    "How many times more probable this evidence is if the first proposition is true than if the second is. It is not the probability that the file is forged: that also depends on everything known outside the file."
                }
            }
            table {
                tr { th { "Proposition 1 (H1)" } td { (verdict.propositions.forged) } }
                tr { th { "Proposition 2 (H2)" } td { (verdict.propositions.genuine) } }
                @if let (Some(prior), Some(posterior)) = (&verdict.prior, verdict.posterior) {
                    tr { th { "With a prior" } td { "If the probability of H1 before this evidence is " (prior.probability) " (" (prior.source) "), after it it is " b { (format!("{posterior:.4}")) } "." } }
                }
            }
            h4 { "The ways of forging that were weighed apart" }
            p.soft { "Each has recorded items of its own. The likelihood ratio above is the mean of theirs: a file is forged if it is forged in any of these ways. A way that could be there and got no value counts as 1: nothing was learned of it." }
            table {
                tr { th { "Question" } th.n { "Likelihood ratio" } th { "Rests on" } }
                @for q in &verdict.questions {
                    tr {
                        td { (q.asked) }
                        @match (&q.llr, &q.abstained) {
                            (Some(llr), _) => { td.n { b { (ratio(llr.log10)) } " (" (ratio(llr.low)) " to " (ratio(llr.high)) ")" } }
                            (None, _) => { td.n { "no value" } }
                        }
                        td.soft {
                            @if let (None, Some(reason)) = (&q.llr, &q.abstained) { (reason) " " }
                            @if let Some(c) = &q.calibration {
                                (c.id) ": " (c.forged) " forged and " (c.genuine) " genuine items (" (c.data) "), which support at most " (ratio(c.cap_log10)) ". "
                            }
                            @if q.llr.is_some() {
                                (q.correction.analyzers) " analyzers, " (q.correction.segments) " segments, " (q.correction.persons) " persons or wholes; taken off for multiple looks: " (format!("{:.2}", q.correction.taken_off_log10)) "."
                            }
                        }
                    }
                }
            }
            @if verdict.contributions().next().is_some() {
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
    }
}

fn not_tested(verdict: &Verdict) -> Markup {
    html! {
        section.card {
            h3 { "Not tested" }
            p.soft { "This report says nothing about:" }
            ul { @for item in &verdict.not_tested { li { b { (item.what) } ". " span.soft { (item.why) } } } }
        }
    }
}

/// The findings of a family: what moves the verdict most stands first, what is for the eye last.
fn members(findings: &[Finding], family: Family) -> Vec<&Finding> {
    let weight = |f: &Finding| match &f.outcome {
        Outcome::Evidence(e) => e.score.as_ref().and_then(|s| s.llr).map_or(-1.0, |llr| llr.log10.abs()),
        _ => -1.0,
    };
    let mut members: Vec<&Finding> = findings.iter().filter(|f| f.family == family).collect();
    members.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    members
}

/// Times that findings point at.
pub(crate) fn spans(places: &[Where]) -> Vec<Span> {
    places.iter().filter_map(|w| if let Where::Time { span, .. } = w { Some(*span) } else { None }).collect()
}

fn timeline(report: &Report) -> Markup {
    let result = &report.result;
    let duration = result.input.duration_secs.unwrap_or(0.0).max(1e-9);
    let marks: Vec<(&str, Span, &str)> = result
        .findings
        .iter()
        .filter_map(|f| if let Outcome::Evidence(e) = &f.outcome { Some((f, e)) } else { None })
        .flat_map(|(f, e)| {
            e.places.iter().filter_map(|w| {
                if let Where::Time { span, label } = w {
                    Some((f.analyzer.as_str(), *span, label.as_str()))
                } else {
                    None
                }
            })
        })
        .collect();
    html! {
        section.card {
            h3 { "Timeline" }
            @if result.previews.is_empty() { p.soft { "No frames were decoded in this run." } }
            @else {
                div.strip {
                    @for frame in &result.previews {
                        figure {
                            img src={ "data:image/jpeg;base64," (frame.jpeg) } alt="frame of the video" width=(frame.width) height=(frame.height) style="height:auto";
                            figcaption { (format!("{:.2} s", frame.pts_secs.unwrap_or(0.0))) }
                        }
                    }
                }
            }
            svg viewBox="0 0 1000 34" role="img" aria-label="places in time" {
                rect x="0" y="10" width="1000" height="8" rx="4" fill="var(--neutral)" {}
                @for (_, span, label) in &marks {
                    @let x = (span.start_secs / duration * 1000.0).clamp(0.0, 996.0);
                    @let w = ((span.end_secs - span.start_secs) / duration * 1000.0).clamp(4.0, 1000.0 - x);
                    rect x=(format!("{x:.1}")) y="6" width=(format!("{w:.1}")) height="16" fill="var(--forged)" { title { (label) } }
                }
                text x="0" y="32" { "0 s" }
                text x="1000" y="32" text-anchor="end" { (format!("{duration:.2} s")) }
            }
            @if !marks.is_empty() {
                table {
                    tr { th { "From" } th { "To" } th { "What" } th { "Analyzer" } }
                    @for (analyzer, span, label) in &marks {
                        tr { td { (format!("{:.3} s", span.start_secs)) } td { (format!("{:.3} s", span.end_secs)) } td { (label) } td { a href={ "#" (analyzer) } { (analyzer) } } }
                    }
                }
            }
        }
    }
}

/// One line of the index page.
#[derive(Debug, Clone)]
pub struct IndexRow {
    /// Path as given.
    pub path: String,
    /// File name of the report page beside the index; absent for a failure.
    pub page: Option<String>,
    /// log10 of the likelihood ratio; absent for an abstention or a failure.
    pub log10_lr: Option<f64>,
    /// At or above the threshold.
    pub above_threshold: bool,
    /// Sentence of the verdict, or the reason of the failure.
    pub sentence: String,
}

/// The page that lists every file of a scan: failures first, then by falling likelihood ratio.
pub fn index_page(rows: &[IndexRow], threshold_lr: f64) -> String {
    let mut order: Vec<&IndexRow> = rows.iter().collect();
    order.sort_by(|a, b| {
        let rank =
            |r: &IndexRow| if r.page.is_none() { f64::INFINITY } else { r.log10_lr.unwrap_or(f64::NEG_INFINITY) };
        rank(b).total_cmp(&rank(a)).then_with(|| a.path.cmp(&b.path))
    });
    let above = rows.iter().filter(|r| r.above_threshold).count();
    let failed = rows.iter().filter(|r| r.page.is_none()).count();
    let abstained = rows.iter().filter(|r| r.page.is_some() && r.log10_lr.is_none()).count();
    let body = html! {
        header {
            p.soft { "Assay scan" }
            h1 { (rows.len()) " files" }
            p { (above) " at or above the threshold of LR " (ratio(threshold_lr.log10())) ", " (abstained) " without a value, " (failed) " could not be examined." }
        }
        section.card {
            table {
                tr { th { "File" } th.n { "LR" } th { "Verdict" } }
                @for row in order {
                    tr {
                        td { @if let Some(page) = &row.page { a href=(page) { (row.path) } } @else { (row.path) } }
                        td.n { @if let Some(v) = row.log10_lr { (ratio(v)) } @else if row.page.is_none() { span.badge.warn { "failed" } } @else { span.badge { "no value" } } }
                        td { @if row.above_threshold { span.badge.forged { "above" } " " } (row.sentence) }
                    }
                }
            }
        }
    };
    document("Assay scan", "", &body)
}
