//! The few letters of the label as strokes.
//!
//! The decision that shapes it: strokes with round ends scale to any size without a font file; each
//! glyph is one or more polylines in a box of height 1 whose origin is the top left corner.

/// A glyph: its width and its strokes.
pub(super) struct Glyph {
    pub(super) width: f32,
    pub(super) strokes: &'static [&'static [[f32; 2]]],
}

const fn glyph(width: f32, strokes: &'static [&'static [[f32; 2]]]) -> Glyph {
    Glyph { width, strokes }
}

static A: Glyph = glyph(0.74, &[&[[0.0, 1.0], [0.37, 0.0], [0.74, 1.0]], &[[0.13, 0.66], [0.61, 0.66]]]);
static D: Glyph = glyph(
    0.66,
    &[&[
        [0.0, 0.0],
        [0.0, 1.0],
        [0.3, 1.0],
        [0.46, 0.95],
        [0.59, 0.82],
        [0.66, 0.63],
        [0.66, 0.37],
        [0.59, 0.18],
        [0.46, 0.05],
        [0.3, 0.0],
        [0.0, 0.0],
    ]],
);
static E: Glyph = glyph(0.56, &[&[[0.56, 0.0], [0.0, 0.0], [0.0, 1.0], [0.56, 1.0]], &[[0.0, 0.48], [0.48, 0.48]]]);
static G: Glyph = glyph(
    0.72,
    &[&[
        [0.68, 0.2],
        [0.59, 0.08],
        [0.45, 0.01],
        [0.3, 0.02],
        [0.15, 0.1],
        [0.04, 0.27],
        [0.0, 0.5],
        [0.04, 0.73],
        [0.15, 0.9],
        [0.3, 0.98],
        [0.45, 0.99],
        [0.6, 0.92],
        [0.72, 0.78],
        [0.72, 0.55],
        [0.42, 0.55],
    ]],
);
static I: Glyph = glyph(0.0, &[&[[0.0, 0.0], [0.0, 1.0]]]);
static L: Glyph = glyph(0.52, &[&[[0.0, 0.0], [0.0, 1.0], [0.52, 1.0]]]);
static N: Glyph = glyph(0.66, &[&[[0.0, 1.0], [0.0, 0.0], [0.66, 1.0], [0.66, 0.0]]]);
static R: Glyph = glyph(
    0.62,
    &[
        &[
            [0.0, 1.0],
            [0.0, 0.0],
            [0.34, 0.0],
            [0.48, 0.04],
            [0.57, 0.14],
            [0.59, 0.27],
            [0.56, 0.4],
            [0.47, 0.5],
            [0.34, 0.54],
            [0.0, 0.54],
        ],
        &[[0.3, 0.54], [0.62, 1.0]],
    ],
);
static T: Glyph = glyph(0.66, &[&[[0.0, 0.0], [0.66, 0.0]], &[[0.33, 0.0], [0.33, 1.0]]]);
static HYPHEN: Glyph = glyph(0.34, &[&[[0.0, 0.54], [0.34, 0.54]]]);

/// The glyph of a letter; `None` for one that no label has.
pub(super) fn of(letter: char) -> Option<&'static Glyph> {
    match letter {
        'A' => Some(&A),
        'D' => Some(&D),
        'E' => Some(&E),
        'G' => Some(&G),
        'I' => Some(&I),
        'L' => Some(&L),
        'N' => Some(&N),
        'R' => Some(&R),
        'T' => Some(&T),
        '-' => Some(&HYPHEN),
        _ => None,
    }
}
