//! The examined picture with something laid over it: opacity slider, side by side, regions.
use assay_evidence::{Evidence, Heatmap, InputFacts, Picture, Where};
use maud::{Markup, html};

/// The examined picture alone.
pub(super) fn original(input: &InputFacts) -> Markup {
    html! {
        section.card {
            h3 { "The examined picture" }
            div.view { div.stage { div.pane { div.base role="img" aria-label=(input.file_name) {} } } }
        }
    }
}

fn tools(with_slider: bool, heat: Option<&Heatmap>) -> Markup {
    html! {
        div.tools {
            @if with_slider { label { "Opacity " input type="range" min="0" max="100" value="65" aria-label="opacity"; } }
            label { input type="checkbox"; " side by side" }
            @if let Some(h) = heat {
                span.key { (h.legend.low) i {} (h.legend.high) }
                @if h.reliability.is_some() { span { "grey veil: the method is blind there" } }
            }
        }
    }
}

/// The examined picture with what a finding points at: its regions, or its map where it has none.
/// `says` stands below.
pub(super) fn marked(evidence: &Evidence, input: &InputFacts, says: &Markup) -> Markup {
    let has_region = evidence.places.iter().any(|w| matches!(w, Where::Region { .. }));
    html! {
        figure.marked {
            div.view {
                div.stage {
                    div.pane {
                        div.base role="img" aria-label="the examined picture with the region marked" {}
                        @if let Some(map) = evidence.heatmap.as_ref().filter(|_| !has_region) { (cells(map, input)) }
                        (boxes(&evidence.places, input))
                    }
                }
            }
            figcaption { (says) }
        }
    }
}

/// The cells of a map where they lie.
fn cells(map: &Heatmap, input: &InputFacts) -> Markup {
    let percent = |part: u32, whole: u32| format!("{:.3}%", f64::from(part) / f64::from(whole.max(1)) * 100.0);
    let [x, y, width, height] = map.covers;
    let at = format!(
        "left:{};top:{};width:{};height:{}",
        percent(x, input.width),
        percent(y, input.height),
        percent(width, input.width),
        percent(height, input.height)
    );
    html! {
        div.over.cells style=(at) {
            @if let Some(r) = &map.reliability { img.veil src={ "data:image/png;base64," (r.0) } alt=""; }
            img.heat src={ "data:image/png;base64," (map.png.0) } alt="heat map";
        }
    }
}

fn boxes(places: &[Where], input: &InputFacts) -> Markup {
    let regions: Vec<_> = places
        .iter()
        .filter_map(|w| {
            if let Where::Region { x, y, width, height, label } = w { Some((x, y, width, height, label)) } else { None }
        })
        .collect();
    html! {
        @if !regions.is_empty() {
            svg.boxes viewBox={ "0 0 " (input.width) " " (input.height) } preserveAspectRatio="none" {
                @for (x, y, width, height, label) in regions {
                    rect.o x=(x) y=(y) width=(width) height=(height) {}
                    rect x=(x) y=(y) width=(width) height=(height) { title { (label) } }
                }
            }
        }
    }
}

/// A heat map over the examined picture.
pub(super) fn heat(map: &Heatmap, places: &[Where], input: &InputFacts) -> Markup {
    html! {
        div.view {
            div.stage {
                div.pane.plain { div.base {} }
                div.pane {
                    div.base {}
                    (cells(map, input))
                    (boxes(places, input))
                }
            }
            (tools(true, Some(map)))
        }
    }
}

/// Another picture that covers exactly the examined one.
pub(super) fn over(picture: &Picture) -> Markup {
    html! {
        div.view {
            h4 { (picture.caption) }
            div.stage style="--o:1" {
                div.pane.plain { div.base {} }
                div.pane {
                    div.base {}
                    div.over style="inset:0" { img src={ "data:image/png;base64," (picture.png.0) } alt=(picture.caption); }
                }
            }
            div.tools {
                label { "Opacity " input type="range" min="0" max="100" value="100" aria-label="opacity"; }
                label { input type="checkbox"; " side by side" }
            }
        }
    }
}
