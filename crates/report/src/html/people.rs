//! Who is in the picture or clip: one card a person, with the faces, when they are seen, and how
//! well.
use assay_evidence::{FaceSearch, FacesFound, MediaKind, Person, Range, ScanResult};
use maud::{Markup, html};

use crate::text::faces_sentence;

/// The section on people; a sentence where there are none.
pub(super) fn section(result: &ScanResult) -> Markup {
    let found = match &result.faces {
        FaceSearch::Searched(found) => Some(found),
        _ => None,
    };
    html! {
        h2 { "People" }
        @match found {
            None => section.card { p { (faces_sentence(&result.faces)) } },
            Some(found) => {
                @if found.persons.is_empty() { section.card { p { (faces_sentence(&result.faces)) } } }
                @else { (people(found, result)) }
            },
        }
    }
}

fn people(found: &FacesFound, result: &ScanResult) -> Markup {
    let clip = result.input.kind == MediaKind::Video;
    html! {
        section.card {
            p {
                (faces_sentence(&FaceSearch::Searched(Box::new(found.clone()))))
                @if clip { " Faces were looked for in " (found.frames) " frames." }
                @if !found.windows.is_empty() && found.windows.len() > 1 { " Of this long clip " (found.windows.len()) " stretches were looked at." }
            }
            p.soft {
                "Who is the same person is judged by the likeness of faces, which can be wrong: above a likeness of " (format!("{:.2}", found.same_person_cosine))
                " two are taken for one. This section describes; nothing in it moves the verdict."
            }
            @if !clip { (boxes(found, result)) }
        }
        @for person in &found.persons { (card(person, found, result)) }
    }
}

/// The examined picture with a box a face.
fn boxes(found: &FacesFound, result: &ScanResult) -> Markup {
    let input = &result.input;
    // Text keeps one size on the page whatever the picture's.
    let letter = f64::from(input.width.max(480)) / 45.0;
    html! {
        @if !result.previews.is_empty() {
            div.view { div.stage { div.pane {
                div.base role="img" aria-label="the examined picture with the faces marked" {}
                svg.boxes viewBox={ "0 0 " (input.width) " " (input.height) } preserveAspectRatio="none" {
                    @for person in &found.persons { @for b in &person.boxes {
                        rect.o x=(b.x) y=(b.y) width=(b.width) height=(b.height) {}
                        rect x=(b.x) y=(b.y) width=(b.width) height=(b.height) { title { (person.id) } }
                        text.tag x=(f64::from(b.x) + letter * 0.2) y=(f64::from(b.y) + letter) style=(format!("font-size:{letter:.1}px")) { (person.id) }
                    } }
                }
            } } }
        }
    }
}

fn card(person: &Person, found: &FacesFound, result: &ScanResult) -> Markup {
    let clip = result.input.kind == MediaKind::Video;
    html! {
        section.card id=(person.id) {
            div.head {
                h3 { "Person " (person.id) }
                span.badge { "quality " (format!("{:.2}", person.quality.overall)) }
            }
            div.strip.faces {
                @for face in &person.thumbnails {
                    figure {
                        img src={ "data:image/jpeg;base64," (face.jpeg) } alt={ "face of " (person.id) } width=(face.width) height=(face.height) style=[super::seen(&result.input, face.width, face.height)];
                        @if let Some(t) = face.pts_secs { figcaption { (format!("{t:.2} s")) } }
                    }
                }
            }
            @if clip { (timeline(person, found, result)) }
            table {
                @if clip { tr { th { "Seen" } td { (seen(person)) ", in " (person.frames) " of " (found.frames) " frames" } } }
                @else if let Some(b) = person.boxes.first() { tr { th { "Where" } td { (b.width) " \u{d7} " (b.height) " px at (" (b.x) ", " (b.y) ")" } } }
                tr { th { "Size of the face" } td { (words(&person.size_px, 0)) " px" } }
                @if let (Some(yaw), Some(pitch), Some(roll)) = (&person.yaw_degrees, &person.pitch_degrees, &person.roll_degrees) {
                    tr { th { "Direction of the head" } td { "turned right " (words(yaw, 0)) "\u{b0}, raised " (words(pitch, 0)) "\u{b0}, leaning clockwise " (words(roll, 0)) "\u{b0}" } }
                }
                tr { th { "Open (height over width)" } td { "eyes " (words(&person.eyes_open, 2)) ", mouth " (words(&person.mouth_open, 2)) } }
                tr { th { "Quality (0 to 1)" } td { "size " (part(person.quality.size)) ", sharpness " (part(person.quality.sharpness)) ", direction " (part(person.quality.pose)) ", visibility " (part(person.quality.visibility)) ", exposure " (part(person.quality.exposure)) } }
                @if !person.likeness.is_empty() {
                    tr { th { "Likeness to others" } td { @for (i, other) in person.likeness.iter().enumerate() { @if i > 0 { ", " } a href={ "#" (other.person) } { (other.person) } " " (format!("{:+.2}", other.cosine)) } } }
                }
            }
        }
    }
}

fn part(value: f64) -> String {
    format!("{value:.2}")
}

/// A value, or a range with its middle.
pub(crate) fn words(range: &Range, digits: usize) -> String {
    let number = |v: f64| format!("{v:.digits$}").replace('-', "\u{2212}");
    if (range.high - range.low).abs() < 1e-9 {
        return number(range.median);
    }
    format!("{} to {} (median {})", number(range.low), number(range.high), number(range.median))
}

fn seen(person: &Person) -> String {
    const MOST: usize = 12;
    let mut text: Vec<String> =
        person.seen.iter().take(MOST).map(|s| format!("{:.2} to {:.2} s", s.start_secs, s.end_secs)).collect();
    if person.seen.len() > MOST {
        text.push(format!("and {} more stretches", person.seen.len() - MOST));
    }
    text.join(", ")
}

/// When this person is seen; cuts as thin lines, stretches that nobody looked at left pale.
fn timeline(person: &Person, found: &FacesFound, result: &ScanResult) -> Markup {
    let last = person.seen.iter().chain(&found.windows).map(|s| s.end_secs).fold(0.0, f64::max);
    let duration = result.input.duration_secs.unwrap_or(last).max(last).max(1e-6);
    let bar = |start: f64, end: f64, least: f64| {
        let x = (start / duration * 1000.0).clamp(0.0, 1000.0 - least);
        (format!("{x:.1}"), format!("{:.1}", ((end - start) / duration * 1000.0).clamp(least, 1000.0 - x)))
    };
    html! {
        svg.when viewBox="0 0 1000 34" role="img" aria-label={ "when " (person.id) " is seen" } {
            rect x="0" y="10" width="1000" height="8" rx="4" fill="var(--neutral)" opacity=(if found.windows.len() > 1 { ".35" } else { "1" }) {}
            @if found.windows.len() > 1 { @for window in &found.windows {
                @let (x, w) = bar(window.start_secs, window.end_secs, 1.0);
                rect x=(x) y="10" width=(w) height="8" fill="var(--neutral)" {}
            } }
            @for span in &person.seen {
                @let (x, w) = bar(span.start_secs, span.end_secs, 4.0);
                rect x=(x) y="7" width=(w) height="14" rx="3" fill="var(--c1)" { title { (format!("{:.2} s to {:.2} s", span.start_secs, span.end_secs)) } }
            }
            @for cut in &found.cuts_secs {
                @let (x, w) = bar(*cut, *cut, 1.2);
                rect x=(x) y="2" width=(w) height="22" fill="var(--soft)" { title { (format!("new shot at {cut:.2} s")) } }
            }
            text x="0" y="33" { "0 s" }
            text x="1000" y="33" text-anchor="end" { (format!("{duration:.2} s")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_as_numbers_or_as_ranges() {
        assert_eq!(words(&Range { low: 3.0, median: 3.0, high: 3.0 }, 0), "3");
        assert_eq!(words(&Range { low: -20.0, median: 1.0, high: 5.0 }, 0), "\u{2212}20 to 5 (median 1)");
    }
}
