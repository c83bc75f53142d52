//! The record: facts of the file, hashes, how it was made and how to make it again.
use assay_evidence::{Case, Report};
use maud::{Markup, html};

use super::thousands;

/// Everything below the findings.
pub(super) fn sections(report: &Report) -> Markup {
    let result = &report.result;
    let input = &result.input;
    html! {
        h2 { "The file" }
        section.card {
            table {
                tr { th { "Name" } td { (input.file_name) } }
                tr { th { "Size" } td { (thousands(input.bytes)) " bytes" } }
                tr { th { "SHA-256" } td.mono { (input.sha256) } }
                tr { th { "SHA-512" } td.mono { (input.sha512) } }
                tr { th { "Pixels from" } td { (input.decoder) } }
            }
            @if !input.streams.is_empty() {
                h4 { "Streams" }
                table { @for s in &input.streams { tr { td { (s.stream) " " (s.kind) " " (s.codec) } td.mono { (s.sha256) } } } }
            }
            @for group in &input.facts {
                details open[group.facts.len() <= 12] {
                    summary { (group.title) " (" (group.facts.len()) ")" }
                    table { @for fact in &group.facts { tr { th { (fact.name) } td { (fact.value) } } } }
                }
            }
            @if !input.frames_used.is_empty() {
                details {
                    summary { "Decoded frames that were used (" (input.frames_used.len()) ")" }
                    table {
                        tr { th { "Frame" } th { "Time" } th { "SHA-256 of the decoded samples" } }
                        @for f in &input.frames_used {
                            tr { td { (f.index) } td { @if let Some(t) = f.pts_secs { (format!("{t:.6} s")) } } td.mono { (f.sha256) } }
                        }
                    }
                }
            }
        }
        (case(&report.case))
        h2 { "How this was made, and how to make it again" }
        section.card {
            table {
                tr { th { "Program" } td { (result.tool.name) " " (result.tool.version) @if !result.tool.binary_sha256.is_empty() { ", binary SHA-256 " span.mono { (result.tool.binary_sha256) } } } }
                tr { th { "Decoder" } td { (result.tool.decoder) } }
                tr { th { "Analyzers" } td { (result.settings.analyzers.join(", ")) } }
                tr { th { "Settings" } td { (result.settings.frames) " frames, seed " (result.settings.seed) } }
                @for t in result.settings.thresholds.iter().filter(|t| t.kind == input.kind) {
                    tr { th { "Threshold" } td { (t.question) ": " @if let Some(lr) = t.threshold.lr { "LR " (lr) } @else { "none" } " (" (t.threshold.basis) ")" } }
                }
                @for n in &result.settings.networks { tr { th { "Network" } td { (n.id) " (" (n.task) "), weights SHA-256 " span.mono { (n.sha256) } } } }
                @for c in result.verdict.statements.iter().filter_map(|s| s.calibration.as_ref()) { tr { th { "Calibration" } td { (c.id) ", SHA-256 " span.mono { (c.sha256) } } } }
                tr { th { "Result SHA-256" } td.mono { (report.result_sha256) } }
                @if !report.run.log_head.is_empty() { tr { th { "Log entry" } td.mono { (report.run.log_head) } } }
                tr { th { "Examined" } td { (report.run.path) ", " (report.run.started_utc) ", " (format!("{:.2} s", report.run.wall_secs)) " on " (report.run.platform) ", " (report.run.threads) " threads" } }
                tr { th { "Command" } td.mono { (report.run.command.join(" ")) } }
                tr { th { "Again" } td.mono { "assay reproduce REPORT.json --input FILE" } }
            }
            details {
                summary { "Time by analyzer" }
                table { @for (id, secs) in &report.run.analyzer_secs { tr { td { (id) } td.n { (format!("{secs:.3} s")) } } } }
            }
            p.soft { "The file was opened for reading only. No network was used. The same file, settings, binary and decoder give the same result, byte for byte." }
        }
    }
}

fn case(case: &Case) -> Markup {
    let fields = [
        ("Case", &case.number),
        ("Question", &case.question),
        ("Requester", &case.requester),
        ("Examiner", &case.examiner),
        ("Qualification", &case.qualification),
        ("Laboratory", &case.laboratory),
        ("Item", &case.item),
        ("Received", &case.received),
        ("Status", &case.status),
        ("Reviewer", &case.reviewer),
        ("Notes", &case.notes),
    ];
    let filled: Vec<_> = fields.iter().filter(|(_, v)| !v.is_empty()).collect();
    html! {
        @if !filled.is_empty() {
            h2 { "Case" }
            section.card { table { @for (name, value) in filled { tr { th { (name) } td { (value) } } } } }
        }
    }
}
