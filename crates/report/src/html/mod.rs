//! The report page and the index of a folder scan.
mod findings;
mod marks;
mod people;
mod record;
mod verdict;
mod viewer;

use assay_evidence::{Badge, BadgeKind, Family, Finding, InputFacts, MediaKind, Outcome, Report, Span, Verdict, Where};
use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::Digest as _;

use crate::text::ratio;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Turns a grey map into colours (inferno, five stops) whose opacity follows the value, and a
/// reliability map into a grey veil. Works without scripts.
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
    // The examined picture stands in the page once, as a custom property; every viewer refers to
    // it.
    let extra = match (input.kind, result.previews.first()) {
        (MediaKind::Image, Some(p)) => {
            // A report that is rendered again may have been written by anyone; this is the one
            // value that goes into the style sheet.
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
        (verdict::first_screen(result))
        (marks::pointer(result))
        @if input.kind == MediaKind::Video { (timeline(report)) }
        @else if !result.previews.is_empty() && !verdict::shows_picture(result) { (viewer::original(input)) }
        (verdict::numbers(&result.verdict))
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

/// A file's own marks in a word or two each.
fn badges(badges: &[Badge]) -> Markup {
    html! {
        @for badge in badges {
            span class=(match badge.kind { BadgeKind::Signed => "badge mark", BadgeKind::SaysGenerated | BadgeKind::Contradiction => "badge mark warn" }) title=(badge.because) { (badge.words) } " "
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

/// The style of a picture that is part of the examined one, where its pixels are not square: they
/// are stretched for the eye and left as they are for everything else.
fn seen(input: &InputFacts, width: u32, height: u32) -> Option<String> {
    input.seen_ratio(width, height).map(|ratio| format!("height:auto;aspect-ratio:{ratio:.4}"))
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
                            img src={ "data:image/jpeg;base64," (frame.jpeg) } alt="frame of the video" width=(frame.width) height=(frame.height) style=(seen(&result.input, frame.width, frame.height).unwrap_or_else(|| "height:auto".into()));
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
    /// log10 of the strongest statement's likelihood ratio; absent where nothing is said either
    /// way, for an abstention or a failure.
    pub log10_lr: Option<f64>,
    /// No value is given on any question.
    pub abstained: bool,
    /// A statement is at or above its threshold.
    pub above_threshold: bool,
    /// The strongest statement, or the reason of the failure.
    pub sentence: String,
    /// The file's own marks.
    pub badges: Vec<Badge>,
}

impl IndexRow {
    /// The row of a report.
    pub fn of(report: &Report, page: String) -> Self {
        let verdict = &report.result.verdict;
        Self {
            path: report.run.path.clone(),
            page: Some(page),
            log10_lr: verdict.headline.llr.map(|l| l.log10),
            abstained: verdict.abstained.is_some(),
            above_threshold: verdict.above_threshold,
            sentence: verdict.headline.sentence.clone(),
            badges: report.result.badges.clone(),
        }
    }

    /// The row of a file that could not be examined.
    pub fn failed(path: String, reason: String) -> Self {
        Self {
            path,
            page: None,
            log10_lr: None,
            abstained: false,
            above_threshold: false,
            sentence: reason,
            badges: Vec::new(),
        }
    }
}

/// The page that lists every file of a scan: failures first, then what is above a threshold, then
/// by falling likelihood ratio.
pub fn index_page(rows: &[IndexRow]) -> String {
    let mut order: Vec<&IndexRow> = rows.iter().collect();
    let rank = |r: &IndexRow| {
        let value = if r.abstained { f64::NEG_INFINITY } else { r.log10_lr.unwrap_or(0.0) };
        (r.page.is_none(), r.above_threshold, value)
    };
    order.sort_by(|a, b| {
        let (a_rank, b_rank) = (rank(a), rank(b));
        (b_rank.0, b_rank.1).cmp(&(a_rank.0, a_rank.1)).then(b_rank.2.total_cmp(&a_rank.2)).then(a.path.cmp(&b.path))
    });
    let count = |test: &dyn Fn(&IndexRow) -> bool| rows.iter().filter(|r| test(r)).count();
    let marked = count(&|r| r.badges.iter().any(|b| b.kind == BadgeKind::SaysGenerated));
    let body = html! {
        header {
            p.soft { "Assay scan" }
            h1 { (rows.len()) " files" }
            p {
                (count(&|r| r.above_threshold)) " with a statement at or above its threshold, " (count(&|r| r.abstained)) " without a value, "
                (count(&|r| r.page.is_none())) " could not be examined"
                @if marked > 0 { "; " (marked) " say of themselves that a trained model made them or had a part in them" } "."
            }
        }
        section.card {
            table.rows {
                tr { th { "File" } th.n { "LR" } th { "Strongest statement" } }
                @for row in order {
                    tr {
                        td { @if let Some(page) = &row.page { a href=(page) { (row.path) } } @else { (row.path) } }
                        td.n {
                            @if let Some(v) = row.log10_lr { (ratio(v)) }
                            @else if row.page.is_none() { span.badge.warn { "failed" } }
                            @else if row.abstained { span.badge { "no value" } }
                            @else { span.badge { "open" } }
                        }
                        td { @if row.above_threshold { span.badge.forged { "above" } " " } (badges(&row.badges)) (row.sentence) }
                    }
                }
            }
        }
    };
    document("Assay scan", "", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_that_are_not_square_are_stretched_for_the_eye() {
        let mut facts = serde_json::json!({
            "file_name": "a.mp4", "bytes": 1, "sha256": "", "sha512": "", "kind": "video", "format": "mp4", "width": 360,
            "height": 288, "duration_secs": 1.0, "facts": [], "streams": [], "frames_used": [], "decoder": "",
        });
        let seen_of = |facts: &serde_json::Value| seen(&serde_json::from_value(facts.clone()).unwrap(), 360, 288);
        assert_eq!(seen_of(&facts), None);
        facts["pixel_aspect"] = serde_json::json!([64, 45]);
        assert_eq!(seen_of(&facts).as_deref(), Some("height:auto;aspect-ratio:1.7778"));
    }
}
