//! Marks of origin on the page: a pointer under the verdict where there are any, and a card with
//! what each says.
//!
//! The decision that shapes it: a marked file whose verdict is neutral must not be read as "nothing
//! found", so the pointer stands where the verdict stands; but it is worded as the file's own
//! statement, with the sentence that it has no part in the verdict.
use assay_evidence::{ManifestReport, ManifestState, ScanResult};
use maud::{Markup, html};
use serde_json::Value;

use crate::marks::{claim, manifest_words, source_type, watermark_words};

/// One card under the verdict; nothing where the file carries no mark.
pub(super) fn pointer(result: &ScanResult) -> Markup {
    let Some(marks) = &result.marks else { return html! {} };
    let has_manifest = marks.manifest.state != ManifestState::None;
    html! {
        @if marks.generated.is_some() || has_manifest || !marks.contradictions.is_empty() {
            section.card.pointer {
                p {
                    @if let Some(mark) = &marks.generated {
                        b { "This file says that a trained model made it or had a part in it" } ": " (mark) ". "
                    } @else if has_manifest {
                        b { "This file carries a signed statement on where it comes from" } ": " (manifest_words(&marks.manifest)) ". "
                    }
                    @if !marks.contradictions.is_empty() {
                        span.badge.warn { (marks.contradictions.len()) @if marks.contradictions.len() == 1 { " contradiction" } @else { " contradictions" } } " "
                    }
                    a href="#marks" { "What its marks say" } "."
                }
                p.soft { "A mark is a statement about where a file comes from, which can be copied or taken away. It has no part in the verdict." }
            }
        }
    }
}

/// The card in the section on what the file says of itself.
pub(super) fn card(result: &ScanResult) -> Markup {
    let Some(marks) = &result.marks else {
        return html! { section.card id="marks" { h3 { "Marks of origin" } p { "The version that wrote this report did not look for them." } } };
    };
    let label = &marks.label;
    html! {
        section.card id="marks" {
            div.head {
                h3 { "Marks of origin" }
                @if marks.generated.is_some() { span.badge.warn { "says that it was made" } }
                @else if marks.manifest.state == ManifestState::None && !marks.watermark.found && !label.found { span.badge { "none found" } }
                @else { span.badge { "found" } }
            }
            @if !marks.contradictions.is_empty() {
                h4 { "What does not go together" }
                ul { @for sentence in &marks.contradictions { li.inconsistent { (sentence) } } }
            }
            table {
                tr { th { "Signed manifest (C2PA)" } td { (manifest_words(&marks.manifest)) } }
                (manifest(&marks.manifest))
                tr { th { "Invisible watermark" } td { (watermark_words(&marks.watermark)) } }
                @if marks.watermark.frames > 0 {
                    tr { th {} td.soft { "A file without the mark is said to carry it with a chance of at most " (format!("{:e}", marks.watermark.false_positive_rate)) "." } }
                }
                tr { th { "Visible label" } td { @if let Some(words) = &label.words { "\u{201c}" (words) "\u{201d}, correlation " (format!("{:.2}", label.score)) } @else { "none" } } }
            }
            p.soft { "Nothing was fetched, and only a manifest in the file itself was read; an issuer is trusted only by roots that a user gives to " span.mono { "assay verify --anchors" } ". Marks can be taken away, so their absence says nothing." }
        }
    }
}

fn manifest(found: &ManifestReport) -> Markup {
    let ingredients = found.ingredients.join(", ");
    html! {
        @for problem in &found.problems { tr { th { "Problem" } td { (problem) } } }
        @for problem in &found.ingredient_problems { tr { th { "Problem of what it was made from" } td { (problem) } } }
        @for note in &found.notes { tr { th { "Note" } td { (note) } } }
        @if let Some(issuer) = &found.issuer { tr { th { "Signed by" } td { "\u{201c}" (issuer) "\u{201d}, as its certificate says; anybody can write any name into a certificate of their own" } } }
        @if let Some(time) = &found.signed_at { tr { th { "Time stamp" } td { (time) } } }
        @if let Some(program) = &found.generator { tr { th { "Made by" } td { (program) } } }
        @for kind in &found.source_types { tr { th { "Source type" } td { (source_type(kind)) } } }
        @if let Some(text) = claim(found) { tr { th { "The signer states" } td { (text) span.soft { " (nobody examined this)" } } } }
        @if !ingredients.is_empty() { tr { th { "Made from" } td { (ingredients) } } }
        @if let Some(id) = &found.watermark_id { tr { th { "Names the watermark" } td.mono { (id) } } }
        @if let Some(address) = &found.remote_address { tr { th { "Its manifest lies at" } td.mono { (address) } } }
        @if let Some(record) = &found.record {
            tr { th { "Recorded" } td { details { summary { (recorded_by(record)) } pre.mono { (serde_json::to_string_pretty(record).unwrap_or_default()) } } } }
        }
    }
}

/// What the record is about, in a word or two.
fn recorded_by(record: &Value) -> String {
    let generator = record.get("generator").and_then(Value::as_str);
    generator.map_or_else(|| "what was signed along".into(), |name| format!("generator {name}, weights, settings"))
}
