//! Words on a canvas: the DejaVu fonts, grey or sub-pixel anti-aliasing.
//!
//! The decision that shapes it: glyphs come from a real font and a real rasteriser, because their
//! strokes are what a statistic of screen content lives on. Sub-pixel text is rasterised three
//! times as wide and filtered over a pixel's three stripes, as on a liquid-crystal display.
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use super::canvas::{Canvas, Colour};
use crate::rng::Rng;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Sans,
    Bold,
    Serif,
    Mono,
}

static FONTS: LazyLock<Vec<FontRef<'static>>> = LazyLock::new(|| {
    let faces = [dejavu::sans::regular(), dejavu::sans::bold(), dejavu::serif::regular(), dejavu::sans_mono::regular()];
    faces.into_iter().filter_map(|bytes| FontRef::try_from_slice(bytes).ok()).collect()
});

/// How text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) face: Face,
    /// Height of the em square in pixels.
    pub(super) size: f32,
    pub(super) colour: Colour,
    /// Coverage apart for red, green and blue.
    pub(super) subpixel: bool,
}

impl Style {
    pub(super) fn new(face: Face, size: f32, colour: Colour) -> Self {
        Self { face, size, colour, subpixel: false }
    }

    pub(super) fn with(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    fn font(self) -> Option<&'static FontRef<'static>> {
        FONTS.get(self.face as usize)
    }

    fn scale(self, font: &FontRef<'_>, across: f32) -> PxScale {
        // A font's own scale is ascent to descent; an em is what programs count in.
        let em = font.units_per_em().unwrap_or(2048.0);
        let y = self.size * font.height_unscaled() / em;
        PxScale { x: y * across, y }
    }

    /// Width of a line in pixels.
    pub(super) fn width(self, text: &str) -> f32 {
        let Some(font) = self.font() else { return 0.0 };
        let scaled = font.as_scaled(self.scale(font, 1.0));
        text.chars().map(|c| scaled.h_advance(scaled.glyph_id(c))).sum()
    }
}

/// Draws one line; `(x, y)` is the left end of its upper edge. Returns its width.
pub(super) fn line(canvas: &mut Canvas, x: f32, y: f32, text: &str, style: Style) -> f32 {
    let Some(font) = style.font() else { return 0.0 };
    let across = if style.subpixel { 3.0 } else { 1.0 };
    let scale = style.scale(font, across);
    let scaled = font.as_scaled(scale);
    let base = (y + scaled.ascent()).round();
    let mut pen = x * across;
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        let glyph: Glyph = id.with_scale_and_position(scale, point(pen, base));
        pen += scaled.h_advance(id);
        let Some(outlined) = font.outline_glyph(glyph) else { continue };
        let bounds = outlined.px_bounds();
        let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
        if style.subpixel {
            stripes(canvas, &outlined, style.colour);
        } else {
            outlined.draw(|gx, gy, covered| {
                canvas.blend(left + i64::from(gx), top + i64::from(gy), style.colour, [covered; 3]);
            });
        }
    }
    pen / across - x
}

/// One glyph that was laid out three times as wide, each stripe's coverage filtered over its
/// neighbours.
fn stripes(canvas: &mut Canvas, glyph: &ab_glyph::OutlinedGlyph, colour: Colour) {
    let bounds = glyph.px_bounds();
    let (left, top) = (bounds.min.x as i64, bounds.min.y as i64);
    let (wide, high) = (bounds.width() as usize, bounds.height() as usize);
    let mut fine = vec![0.0f32; wide * high];
    glyph.draw(|gx, gy, covered| {
        if let Some(at) = fine.get_mut(gy as usize * wide + gx as usize) {
            *at = covered;
        }
    });
    let first = (left - 1).div_euclid(3);
    let last = (left + wide as i64 + 1).div_euclid(3);
    for row in 0..high {
        let at = |stripe: i64| {
            let place = stripe - left;
            let inside = (0..wide as i64).contains(&place);
            if inside { fine[row * wide + place as usize] } else { 0.0 }
        };
        for x in first..=last {
            let weights = std::array::from_fn(|c| {
                let stripe = 3 * x + c as i64;
                (at(stripe - 1) + at(stripe) + at(stripe + 1)) / 3.0
            });
            canvas.blend(x, top + row as i64, colour, weights);
        }
    }
}

/// Draws words in lines of at most `width` pixels and returns the height that they took.
pub(super) fn paragraph(canvas: &mut Canvas, [x, y]: [f32; 2], width: f32, text: &str, style: Style) -> f32 {
    let lead = (style.size * 1.35).round();
    let mut top = y;
    for row in wrapped(text, width, style) {
        line(canvas, x, top, &row, style);
        top += lead;
    }
    top - y
}

/// Words in lines of at most `width` pixels.
pub(super) fn wrapped(text: &str, width: f32, style: Style) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split_whitespace() {
        let longer = match rows.last() {
            Some(row) if !row.is_empty() => format!("{row} {word}"),
            _ => word.to_owned(),
        };
        let fits = style.width(&longer) <= width;
        match rows.last_mut() {
            Some(row) if fits || row.is_empty() => *row = longer,
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

const WORDS: [&str; 64] = [
    "the", "of", "and", "to", "in", "is", "for", "that", "with", "on", "report", "Monday", "meeting", "please", "send",
    "file", "new", "today", "tomorrow", "we", "you", "at", "market", "quarter", "results", "water", "city", "street",
    "open", "close", "settings", "account", "update", "people", "about", "system", "energy", "network", "table",
    "figure", "because", "between", "already", "picture", "quality", "window", "yes", "no", "Thanks!", "okay", "see",
    "later", "great", "number", "value", "growth", "team", "project", "plan", "review", "draft", "Berlin", "Lagos",
    "Osaka",
];

/// `count` words drawn at random, some of them numbers.
pub(super) fn words(rng: &mut Rng, count: usize) -> String {
    let mut text = String::new();
    for i in 0..count {
        if i > 0 {
            text.push(' ');
        }
        if rng.chance(0.08) {
            text += &rng.between(1, 9999).to_string();
        } else {
            text += WORDS[rng.below(WORDS.len())];
        }
    }
    text
}

/// Words that begin with a capital, as a heading does.
pub(super) fn heading(rng: &mut Rng, count: usize) -> String {
    let text = words(rng, count);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(subpixel: bool) -> Canvas {
        let mut canvas = Canvas::new(120, 30, [255; 3]);
        let style = Style { subpixel, ..Style::new(Face::Sans, 18.0, [0; 3]) };
        let width = line(&mut canvas, 4.0, 3.0, "Hill 42", style);
        assert!((width - style.width("Hill 42")).abs() < 0.1 && (40.0..80.0).contains(&width), "{width}");
        canvas
    }

    #[test]
    fn glyphs_are_dark_with_soft_edges_and_subpixel_ones_are_coloured() {
        let grey = drawn(false).picture;
        let dark = grey.pixels().filter(|p| p[0] < 40).count();
        let soft = grey.pixels().filter(|p| (60..200).contains(&p[0])).count();
        assert!(dark > 60 && soft > 40, "{dark} {soft}");
        assert!(grey.pixels().all(|p| p[0] == p[1] && p[1] == p[2]));
        assert!(drawn(true).picture.pixels().filter(|p| p[0].abs_diff(p[2]) > 30).count() > 40);
    }

    #[test]
    fn lines_break_between_words() {
        let style = Style::new(Face::Serif, 16.0, [0; 3]);
        let rows = wrapped("one two three four five six seven", 90.0, style);
        assert!(rows.len() > 2 && rows.iter().all(|r| style.width(r) <= 90.0), "{rows:?}");
        assert_eq!(rows.join(" "), "one two three four five six seven");
    }
}
