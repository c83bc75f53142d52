//! Colours, sizes and text of one drawn program.
use super::canvas::{Colour, mix};
use super::text::{Face, Style};
use crate::rng::Rng;

/// What the parts of one picture have in common.
pub(super) struct Theme {
    /// Behind everything.
    pub(super) ground: Colour,
    /// Of boxes on it.
    pub(super) panel: Colour,
    /// Hairlines.
    pub(super) rule: Colour,
    /// Buttons, links, the first series of a chart.
    pub(super) accent: Colour,
    /// More colours that go with it.
    pub(super) palette: [Colour; 6],
    /// Running text.
    pub(super) body: Style,
    /// Smaller and paler.
    pub(super) muted: Style,
    /// Headings.
    pub(super) title: Style,
    /// Of fixed width.
    pub(super) mono: Style,
    /// Usual distance in pixels.
    pub(super) gap: f32,
    /// Corners in pixels.
    pub(super) radius: f32,
    /// Light on dark.
    pub(super) dark: bool,
}

/// sRGB of hue in turns, saturation and value in 0..=1.
pub(super) fn hsv(hue: f32, saturation: f32, value: f32) -> Colour {
    std::array::from_fn(|i| {
        let k = ([5.0, 3.0, 1.0][i] + hue * 6.0).rem_euclid(6.0);
        let v = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (v * 255.0).round() as u8
    })
}

impl Theme {
    /// Light or dark, of a hue; text of a size that suits a page of this shorter side.
    pub(super) fn drawn(rng: &mut Rng, side: f32) -> Self {
        let dark = rng.chance(0.35);
        let hue = rng.unit() as f32;
        let tint = if rng.chance(0.5) { 0.0 } else { rng.range(0.01, 0.12) as f32 };
        let white = if rng.chance(0.5) { 1.0 } else { rng.range(0.93, 1.0) as f32 };
        let (ground, panel, ink) = if dark {
            let v = rng.range(0.04, 0.16) as f32;
            (hsv(hue, tint * 2.0, v), hsv(hue, tint * 2.0, v + 0.07), hsv(hue, 0.02, 0.92))
        } else {
            (hsv(hue, tint, white), hsv(hue, tint * 0.6, white - 0.05), hsv(hue, 0.1, rng.range(0.0, 0.2) as f32))
        };
        let accent = hsv(hue + 0.5, rng.range(0.5, 0.9) as f32, rng.range(0.6, 0.9) as f32);
        let palette = std::array::from_fn(|i| {
            let turn = hue + 0.5 + i as f32 / 6.0;
            hsv(turn, rng.range(0.4, 0.85) as f32, rng.range(0.55, 0.95) as f32)
        });
        let size = (side / rng.range(24.0, 44.0) as f32).clamp(11.0, 26.0).round();
        let face = if rng.chance(0.3) { Face::Serif } else { Face::Sans };
        let subpixel = rng.chance(0.3);
        let body = Style { subpixel, ..Style::new(face, size, ink) };
        let muted = Style { size: (size * 0.82).round().max(9.0), ..body.with(mix(ink, ground, 0.45)) };
        let title = Style { face: Face::Bold, size: (size * 1.6).round(), ..body };
        let mono = Style { face: Face::Mono, ..body };
        Self {
            ground,
            panel,
            rule: mix(ground, ink, 0.18),
            accent,
            palette,
            body,
            muted,
            title,
            mono,
            gap: (size * 0.8).round(),
            radius: if rng.chance(0.3) { 0.0 } else { (size * rng.range(0.2, 1.0) as f32).round() },
            dark,
        }
    }

    /// Text that can be read on this colour.
    pub(super) fn on(&self, ground: Colour) -> Style {
        let bright = ground.iter().map(|v| u32::from(*v)).sum::<u32>() > 390;
        self.body.with(if bright { [20, 20, 24] } else { [250, 250, 252] })
    }

    /// One of the palette.
    pub(super) fn pick(&self, rng: &mut Rng) -> Colour {
        self.palette[rng.below(self.palette.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_those_of_the_colour_wheel() {
        assert_eq!(hsv(0.0, 1.0, 1.0), [255, 0, 0]);
        assert_eq!(hsv(1.0 / 3.0, 1.0, 1.0), [0, 255, 0]);
        assert_eq!(hsv(2.0 / 3.0, 1.0, 1.0), [0, 0, 255]);
        assert_eq!(hsv(0.2, 0.0, 0.5), [128, 128, 128]);
    }
}
