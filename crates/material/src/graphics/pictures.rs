//! Drawn pictures: chart, map, meme, game scene, comic, poster.
use image::RgbImage;

use super::canvas::{Canvas, Rect, mix};
use super::text::{Face, Style, heading, line, paragraph, words};
use super::theme::{Theme, hsv};
use crate::rng::Rng;

/// Curves, bars or a pie with axes, ticks and a legend.
pub(super) fn chart(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let (left, top, right, low) = ((w * 0.1).round(), (h * 0.14).round(), (w * 0.96).round(), (h * 0.86).round());
    line(canvas, left, h * 0.03, &heading(rng, 4), theme.title);
    for i in 0..6 {
        let y = (low + (top - low) * i as f32 / 5.0).round();
        canvas.block(Rect::new(left, y, right - left, 1.0), theme.rule);
        let text = (i * 20).to_string();
        line(canvas, left - theme.muted.width(&text) - 6.0, y - theme.muted.size * 0.6, &text, theme.muted);
        let x = left + (right - left) * i as f32 / 6.0;
        line(canvas, x, low + 6.0, &words(rng, 1), theme.muted);
    }
    match rng.below(3) {
        0 => {
            for series in 0..rng.between(1, 4) as usize {
                let (mut y, steps) = (rng.range(0.2, 0.8), 40);
                let points: Vec<[f32; 2]> = (0..=steps)
                    .map(|i| {
                        y = (y + 0.06 * rng.normal()).clamp(0.02, 0.98);
                        [left + (right - left) * i as f32 / steps as f32, low + (top - low) * y as f32]
                    })
                    .collect();
                canvas.path(&points, 2.0, theme.palette[series]);
                if rng.chance(0.4) {
                    points.iter().for_each(|p| canvas.disc(p[0], p[1], 3.5, theme.palette[series]));
                }
            }
        }
        1 => {
            let count = rng.between(5, 16);
            for i in 0..count {
                let slot = (right - left) / count as f32;
                let high = (low - top) * rng.range(0.05, 0.95) as f32;
                let x = (left + slot * (i as f32 + 0.15)).round();
                let bar = Rect::new(x, (low - high).round(), (slot * 0.7).round(), high.round());
                canvas.block(bar, theme.palette[i as usize % 3]);
            }
        }
        _ => {
            let (mut from, radius) = (0.0f32, (low - top) * 0.46);
            for i in 0..6 {
                let to = if i == 5 { std::f32::consts::TAU } else { (from + rng.range(0.4, 1.4) as f32).min(6.0) };
                canvas.sector([w * 0.45, (low + top) / 2.0], radius, [from, to], theme.palette[i]);
                from = to;
            }
        }
    }
    for i in 0..3 {
        let (x, y) = (right - w * 0.2, top + theme.body.size * 1.6 * i as f32 + 4.0);
        canvas.block(Rect::new(x, y, theme.body.size, theme.body.size * 0.8), theme.palette[i]);
        line(canvas, x + theme.body.size * 1.5, y - 2.0, &words(rng, 1), theme.muted);
    }
}

/// Land, water, roads of three widths, names along them.
pub(super) fn map(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let land = if theme.dark { [38, 42, 48] } else { [242, 239, 233] };
    canvas.block(Rect::new(0.0, 0.0, w, h), land);
    let blob = |canvas: &mut Canvas, rng: &mut Rng, colour| {
        let (cx, cy) = (rng.unit() as f32 * w, rng.unit() as f32 * h);
        let reach = w.min(h) * rng.range(0.08, 0.35) as f32;
        let points: Vec<[f32; 2]> = (0..14)
            .map(|i| {
                let angle = i as f32 / 14.0 * std::f32::consts::TAU;
                let r = reach * rng.range(0.7, 1.2) as f32;
                [cx + r * angle.cos(), cy + r * angle.sin()]
            })
            .collect();
        canvas.polygon(&points, colour);
    };
    let (water, green) = if theme.dark { ([23, 38, 60], [36, 58, 44]) } else { ([170, 211, 223], [200, 226, 178]) };
    (0..3).for_each(|_| blob(canvas, rng, water));
    (0..4).for_each(|_| blob(canvas, rng, green));
    let turn = rng.range(-0.4, 0.4) as f32;
    for (count, thick) in [(26, 2.0f32), (10, 6.0), (3, 11.0)] {
        for _ in 0..count {
            let angle = turn + if rng.chance(0.5) { std::f32::consts::FRAC_PI_2 } else { 0.0 };
            let (cx, cy) = (rng.unit() as f32 * w, rng.unit() as f32 * h);
            let reach = if thick > 5.0 { w + h } else { w * rng.range(0.1, 0.4) as f32 };
            let (dx, dy) = (angle.cos() * reach, angle.sin() * reach);
            let fill = if thick > 9.0 { [249, 178, 156] } else { mix(land, [255; 3], 0.7) };
            canvas.line([cx - dx, cy - dy], [cx + dx, cy + dy], thick + 2.0, mix(land, [0; 3], 0.25));
            canvas.line([cx - dx, cy - dy], [cx + dx, cy + dy], thick, fill);
        }
    }
    for _ in 0..rng.between(12, 40) {
        let (x, y) = (rng.unit() as f32 * w * 0.9, rng.unit() as f32 * h * 0.95);
        let style = if rng.chance(0.3) { theme.body } else { theme.muted };
        line(canvas, x, y, &heading(rng, 1), style.with(theme.on(land).colour));
        if rng.chance(0.3) {
            canvas.disc(x - 6.0, y + style.size * 0.6, 4.0, theme.accent);
        }
    }
}

/// A meme without a photograph: a drawing between bars of words.
pub(super) fn meme(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    comic(canvas, theme, rng);
    captions(canvas, rng);
}

/// A photograph with words over it or in bars above and below; returns the share that stays
/// photograph.
pub(super) fn meme_over(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng, photograph: &RgbImage) -> f64 {
    let (w, h) = (canvas.width(), canvas.height());
    if rng.chance(0.4) {
        canvas.photograph(photograph, Rect::new(0.0, 0.0, w, h));
        captions(canvas, rng);
        return 0.85;
    }
    let bar = (h * rng.range(0.12, 0.3) as f32).round();
    let ground = if rng.chance(0.6) { [255; 3] } else { [0; 3] };
    canvas.block(Rect::new(0.0, 0.0, w, h), ground);
    let style = Style { size: (bar / 3.2).clamp(12.0, 60.0).round(), ..theme.on(ground) };
    paragraph(canvas, [style.size * 0.5, bar * 0.1], w - style.size, &heading(rng, 7), style);
    let below = if rng.chance(0.5) { bar * 0.5 } else { 0.0 };
    canvas.photograph(photograph, Rect::new(0.0, bar, w, h - bar - below));
    if below > 0.0 {
        line(canvas, style.size * 0.5, h - below * 0.9, &words(rng, 3), style);
    }
    f64::from((h - bar - below) / h)
}

/// White capitals with a black edge, above and below.
fn captions(canvas: &mut Canvas, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let style = Style::new(Face::Bold, (w / 11.0).clamp(18.0, 96.0).round(), [255; 3]);
    for y in [h * 0.02, h * 0.98 - style.size * 1.3] {
        let text = words(rng, 3).to_uppercase();
        let x = ((w - style.width(&text)) / 2.0).max(2.0);
        let edge = (style.size / 14.0).max(1.0).round();
        for (dx, dy) in
            [(-1.0, -1.0), (0.0, -1.0), (1.0, -1.0), (-1.0, 0.0), (1.0, 0.0), (-1.0, 1.0), (0.0, 1.0), (1.0, 1.0)]
        {
            line(canvas, x + dx * edge, y + dy * edge, &text, style.with([0; 3]));
        }
        line(canvas, x, y, &text, style);
    }
}

/// Sky in a gradient, hills, textured ground, figures, a display of numbers.
pub(super) fn game(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    canvas.gradient(Rect::new(0.0, 0.0, w, h), 0.0, [theme.pick(rng), mix(theme.pick(rng), [255; 3], 0.5)], false);
    for layer in 0..3 {
        let base = h * (0.45 + 0.15 * layer as f32);
        let (rate, phase) = (rng.range(0.004, 0.02) as f32, rng.range(0.0, 6.0) as f32);
        let mut points: Vec<[f32; 2]> = (0..=40)
            .map(|i| {
                let x = w * i as f32 / 40.0;
                [x, base + h * 0.06 * (x * rate + phase).sin() + h * 0.03 * (x * rate * 2.7).cos()]
            })
            .collect();
        points.extend([[w, h], [0.0, h]]);
        canvas.polygon(&points, mix(theme.palette[layer], [0; 3], 0.15 * layer as f32));
    }
    // Texture of tiles, as sprites repeat.
    let tile = rng.between(16, 40) as f32;
    let ground = theme.pick(rng);
    let mut x = 0.0;
    while x < w {
        let mut y = h * 0.8;
        while y < h {
            canvas.block(Rect::new(x, y, tile - 2.0, tile - 2.0), mix(ground, [0; 3], rng.unit() as f32 * 0.3));
            y += tile;
        }
        x += tile;
    }
    for _ in 0..rng.between(4, 12) {
        let (x, y) = (rng.unit() as f32 * w, h * rng.range(0.5, 0.8) as f32);
        let size = h * rng.range(0.02, 0.07) as f32;
        let colour = theme.pick(rng);
        canvas.disc(x, y, size, colour);
        canvas.disc(x - size * 0.3, y - size * 0.3, size * 0.3, mix(colour, [255; 3], 0.6));
        canvas.rounded(Rect::new(x - size, y + size, 2.0 * size, size), size * 0.4, mix(colour, [0; 3], 0.4));
    }
    let plate = Rect::new(theme.gap, theme.gap, w * 0.28, theme.body.size * 2.0);
    canvas.shape(plate, 0.6, |_, _| [0; 3], |_, _| -1.0);
    line(
        canvas,
        plate.x + 6.0,
        plate.y + 4.0,
        &format!("SCORE {:06}", rng.between(0, 999_999)),
        theme.mono.with([255; 3]),
    );
    canvas.gradient(
        Rect::new(w * 0.6, theme.gap, w * 0.35, theme.body.size),
        6.0,
        [[250, 90, 80], [160, 20, 20]],
        false,
    );
    line(canvas, w * 0.7, h * 0.93, &heading(rng, 2), theme.body.with([255; 3]));
}

/// Panels with flat figures, outlines and balloons.
pub(super) fn comic(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    canvas.block(Rect::new(0.0, 0.0, w, h), [255; 3]);
    let (columns, rows) = (rng.between(1, 3), rng.between(1, 3));
    for j in 0..rows {
        for i in 0..columns {
            let cell = Rect::new(
                w * i as f32 / columns as f32,
                h * j as f32 / rows as f32,
                w / columns as f32,
                h / rows as f32,
            );
            let cell = cell.inset(5.0);
            canvas.block(cell, mix(theme.pick(rng), [255; 3], 0.4));
            canvas.block(Rect::new(cell.x, cell.y + cell.h * 0.72, cell.w, cell.h * 0.28), theme.pick(rng));
            for k in 0..rng.between(1, 3) {
                let x = cell.x + cell.w * (0.25 + 0.28 * k as f32);
                let r = cell.w.min(cell.h) * 0.11;
                let y = cell.y + cell.h * 0.52;
                let skin = hsv(rng.range(0.03, 0.12) as f32, rng.range(0.2, 0.6) as f32, rng.range(0.4, 1.0) as f32);
                canvas.rounded(
                    Rect::new(x - r - 3.0, y + r * 0.7 - 3.0, 2.0 * r + 6.0, r * 2.2 + 6.0),
                    r * 0.6,
                    [0; 3],
                );
                canvas.rounded(Rect::new(x - r, y + r * 0.7, 2.0 * r, r * 2.2), r * 0.6, theme.pick(rng));
                canvas.disc(x, y, r + 3.0, [0; 3]);
                canvas.disc(x, y, r, skin);
                canvas.sector([x, y], r, [std::f32::consts::PI, std::f32::consts::TAU], theme.pick(rng));
                for side in [-0.4, 0.4] {
                    canvas.disc(x + side * r, y + r * 0.1, r * 0.16, [255; 3]);
                    canvas.disc(x + side * r, y + r * 0.1, r * 0.08, [0; 3]);
                }
                canvas.line([x - r * 0.3, y + r * 0.5], [x + r * 0.3, y + r * 0.55], 2.5, [0; 3]);
            }
            let balloon = Rect::new(cell.x + cell.w * 0.08, cell.y + cell.h * 0.06, cell.w * 0.7, cell.h * 0.24);
            canvas.rounded(balloon, balloon.h * 0.45, [255; 3]);
            canvas.outline(balloon, balloon.h * 0.45, 2.5, [0; 3]);
            let style = Style::new(Face::Sans, (balloon.h / 3.6).clamp(9.0, 28.0).round(), [0; 3]);
            let inner = balloon.inset(balloon.h * 0.16);
            paragraph(canvas, [inner.x, inner.y], inner.w, &words(rng, 4), style);
            canvas.outline(cell, 0.0, 3.0, [0; 3]);
        }
    }
}

/// Flat shapes with large words.
pub(super) fn poster(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    if rng.chance(0.5) {
        canvas.gradient(Rect::new(0.0, 0.0, w, h), 0.0, [theme.pick(rng), theme.pick(rng)], rng.chance(0.5));
    } else {
        canvas.block(Rect::new(0.0, 0.0, w, h), theme.pick(rng));
    }
    for _ in 0..rng.between(6, 18) {
        let (x, y) = (rng.unit() as f32 * w, rng.unit() as f32 * h);
        let size = w.min(h) * rng.range(0.04, 0.25) as f32;
        let colour = theme.pick(rng);
        match rng.below(4) {
            0 => canvas.disc(x, y, size, colour),
            1 => canvas.rounded(Rect::new(x - size, y - size, 2.0 * size, size), theme.radius, colour),
            2 => canvas.polygon(&[[x, y - size], [x + size, y + size], [x - size, y + size * 0.8]], colour),
            _ => canvas.line([x - size, y], [x + size, y + size * 0.5], size * 0.15, colour),
        }
    }
    let big = Style { face: Face::Bold, size: (w / 9.0).round(), ..theme.body.with([255; 3]) };
    line(canvas, w * 0.06, h * 0.1, &heading(rng, 2), big);
    paragraph(canvas, [w * 0.06, h * 0.75], w * 0.85, &words(rng, 14), Style { size: (w / 26.0).round(), ..big });
}
