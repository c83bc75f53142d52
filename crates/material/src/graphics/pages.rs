//! Pages: slide, document, web page, spreadsheet, form with a two-dimensional code.
use super::canvas::{Canvas, Rect, mix};
use super::text::{Face, Style, heading, line, paragraph, words};
use super::theme::Theme;
use crate::rng::Rng;

/// A title and points, with a bar or a picture of boxes.
pub(super) fn slide(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let big = Style { face: Face::Bold, size: (h / 11.0).round(), ..theme.body };
    if rng.chance(0.4) {
        let two = [theme.panel, mix(theme.panel, theme.accent, 0.4)];
        canvas.gradient(Rect::new(0.0, 0.0, w, h), 0.0, two, rng.chance(0.5));
    }
    canvas.block(Rect::new(0.0, h * 0.19, w * rng.range(0.3, 1.0) as f32, (h / 90.0).max(2.0)), theme.accent);
    line(canvas, w * 0.06, h * 0.05, &heading(rng, 3), big);
    let text = Style { size: (h / 20.0).round().max(11.0), ..theme.body };
    let mut y = h * 0.27;
    let wide = if rng.chance(0.5) { w * 0.42 } else { w * 0.85 };
    while y < h * 0.84 {
        canvas.disc(w * 0.075, y + text.size * 0.55, text.size * 0.16, theme.accent);
        let count = rng.between(3, 12) as usize;
        y += paragraph(canvas, [w * 0.1, y], wide, &words(rng, count), text) + text.size * 0.5;
    }
    if wide < w * 0.5 {
        let count = rng.between(3, 6);
        for i in 0..count {
            let high = h * rng.range(0.1, 0.5) as f32;
            let x = w * (0.56 + 0.4 * i as f32 / count as f32);
            let bar = Rect::new(x.round(), (h * 0.8 - high).round(), (w * 0.3 / count as f32).round(), high.round());
            canvas.rounded(bar, theme.radius.min(4.0), theme.palette[i as usize % 6]);
            line(canvas, x, h * 0.81, &rng.between(1, 99).to_string(), theme.muted);
        }
    }
    line(canvas, w * 0.06, h * 0.92, &words(rng, 4), theme.muted);
    line(canvas, w * 0.93, h * 0.92, &rng.between(1, 60).to_string(), theme.muted);
}

/// Paragraphs with headings and a small table.
pub(super) fn document(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let w = canvas.width();
    let margin = (w * rng.range(0.05, 0.14) as f32).round();
    let mut y = margin;
    while y < canvas.height() {
        match rng.below(6) {
            0 => {
                line(canvas, margin, y, &heading(rng, 4), theme.title);
                y += theme.title.size * 1.7;
            }
            1 => {
                let lead = (theme.body.size * 1.6).round();
                for row in 0..rng.between(2, 6) {
                    canvas.block(Rect::new(margin, y, w - 2.0 * margin, 1.0), theme.rule);
                    for column in 0..4 {
                        let x = margin + (w - 2.0 * margin) * column as f32 / 4.0;
                        let text = if row == 0 { words(rng, 1) } else { rng.between(0, 99_999).to_string() };
                        line(canvas, x + 4.0, y + 2.0, &text, theme.body);
                    }
                    y += lead;
                }
                canvas.block(Rect::new(margin, y, w - 2.0 * margin, 1.0), theme.rule);
                y += lead;
            }
            _ => {
                let count = rng.between(20, 90) as usize;
                y += paragraph(canvas, [margin, y], w - 2.0 * margin, &words(rng, count), theme.body);
                y += theme.gap * 1.5;
            }
        }
    }
}

/// A bar of links, a large field, cards in columns, a foot.
pub(super) fn web_page(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let bar = (theme.body.size * 2.6).round();
    canvas.block(Rect::new(0.0, 0.0, w, bar), theme.panel);
    canvas.block(Rect::new(0.0, bar, w, 1.0), theme.rule);
    let mut x = theme.gap * 2.0;
    canvas.disc(x, bar / 2.0, bar * 0.28, theme.accent);
    x += bar * 0.6;
    while x < w * 0.8 {
        x += line(canvas, x, bar * 0.25, &heading(rng, 1), theme.body) + theme.gap * 2.0;
    }
    let hero = (h * rng.range(0.12, 0.35) as f32).round();
    let two = [theme.accent, theme.pick(rng)];
    canvas.gradient(Rect::new(0.0, bar + 1.0, w, hero), 0.0, two, true);
    let style = Style { size: (hero / 4.0).clamp(14.0, 48.0).round(), face: Face::Bold, ..theme.on(theme.accent) };
    line(canvas, theme.gap * 3.0, bar + hero * 0.2, &heading(rng, 3), style);
    let button = Rect::new(theme.gap * 3.0, bar + hero * 0.62, style.size * 5.0, (style.size * 1.2).round());
    canvas.rounded(button, theme.radius, [250; 3]);
    line(canvas, button.x + theme.gap, button.y + 2.0, &words(rng, 1), theme.body.with([20; 3]));
    let columns = rng.between(1, 4) as usize;
    let wide = ((w - theme.gap * (columns as f32 + 1.0)) / columns as f32).round();
    for column in 0..columns {
        let x = (theme.gap + column as f32 * (wide + theme.gap)).round();
        let mut y = (bar + hero + theme.gap * 2.0).round();
        while y < h {
            let high = (theme.body.size * rng.range(7.0, 16.0) as f32).round();
            let card = Rect::new(x, y, wide, high);
            if rng.chance(0.5) {
                canvas.shadow(card, theme.radius, 8.0, 0.2);
            }
            canvas.rounded(card, theme.radius, theme.panel);
            canvas.outline(card, theme.radius, 1.0, theme.rule);
            line(
                canvas,
                x + theme.gap,
                y + theme.gap * 0.5,
                &heading(rng, 2),
                Style { face: Face::Bold, ..theme.body },
            );
            let rows = ((high / theme.muted.size / 1.35) as usize).saturating_sub(4);
            let count = (rows as f32 * wide / theme.muted.size / 4.5) as usize;
            let at = [x + theme.gap, y + theme.body.size * 2.2];
            paragraph(canvas, at, wide - 2.0 * theme.gap, &words(rng, count), theme.muted);
            y += high + theme.gap;
        }
    }
}

/// Cells with numbers between hairlines.
pub(super) fn spreadsheet(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let row = (theme.muted.size * 1.7).round();
    let column = (theme.muted.size * rng.range(5.0, 8.0) as f32).round();
    canvas.block(Rect::new(0.0, 0.0, w, row * 2.0), theme.panel);
    line(canvas, theme.gap, row * 0.3, &heading(rng, 4), theme.body);
    let (columns, rows) = ((w / column).ceil() as i32, (h / row).ceil() as i32);
    for j in 2..rows {
        for i in 0..columns {
            let (x, y) = (i as f32 * column, j as f32 * row);
            if j == 2 || i == 0 {
                canvas.block(Rect::new(x, y, column, row), theme.panel);
            } else if rng.chance(0.06) {
                canvas.block(Rect::new(x, y, column, row), mix(theme.pick(rng), theme.ground, 0.6));
            }
            let text = match (i, j) {
                (0, _) => (j - 2).to_string(),
                (_, 2) => char::from(b'A' + (i % 26) as u8).to_string(),
                _ if rng.chance(0.15) => words(rng, 1),
                _ if rng.chance(0.7) => format!("{:.2}", rng.range(0.0, 2000.0)),
                _ => String::new(),
            };
            line(canvas, x + column - theme.muted.width(&text) - 4.0, y + row * 0.15, &text, theme.muted);
        }
    }
    for j in 1..rows {
        canvas.block(Rect::new(0.0, j as f32 * row, w, 1.0), theme.rule);
    }
    for i in 0..columns {
        canvas.block(Rect::new(i as f32 * column, row * 2.0, 1.0, h), theme.rule);
    }
}

/// A card with fields, boxes to tick and a square code.
pub(super) fn form(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (w, h) = (canvas.width(), canvas.height());
    let card = Rect::new(theme.gap, theme.gap, w - 2.0 * theme.gap, h - 2.0 * theme.gap);
    canvas.rounded(card, theme.radius, theme.panel);
    canvas.outline(card, theme.radius, 2.0, theme.accent);
    line(canvas, 3.0 * theme.gap, 2.0 * theme.gap, &heading(rng, 3), theme.title);
    let side = (w.min(h) * 0.32).round();
    let module = (side / rng.between(21, 33) as f32).max(2.0).floor();
    let count = (side / module) as i32;
    let (left, top) = (w - side - 3.0 * theme.gap, h - side - 3.0 * theme.gap);
    canvas
        .block(Rect::new(left - 8.0, top - 8.0, count as f32 * module + 16.0, count as f32 * module + 16.0), [255; 3]);
    for y in 0..count {
        for x in 0..count {
            let finder = |v: i32| v < 7 || v >= count - 7;
            let corner = finder(x) && finder(y) && !(x >= count - 7 && y >= count - 7);
            let ring = |v: i32| if v < 7 { v } else { v - (count - 7) };
            let (rx, ry) = (ring(x), ring(y));
            let dark = if corner {
                rx == 0 || rx == 6 || ry == 0 || ry == 6 || ((2..5).contains(&rx) && (2..5).contains(&ry))
            } else {
                rng.chance(0.5)
            };
            if dark {
                canvas.block(Rect::new(left + x as f32 * module, top + y as f32 * module, module, module), [0; 3]);
            }
        }
    }
    let mut y = 2.0 * theme.gap + theme.title.size * 2.0;
    let field = (theme.body.size * 1.9).round();
    while y < h - 4.0 * theme.gap - field {
        let wide = if y + field * 2.0 > top - 8.0 { left - 6.0 * theme.gap } else { w - 6.0 * theme.gap };
        line(canvas, 3.0 * theme.gap, y, &heading(rng, 2), theme.muted);
        y += (theme.muted.size * 1.3).round();
        let entry = Rect::new(3.0 * theme.gap, y.round(), wide.round(), field);
        canvas.rounded(entry, theme.radius.min(6.0), theme.ground);
        canvas.outline(entry, theme.radius.min(6.0), 1.0, theme.rule);
        if rng.chance(0.7) {
            line(canvas, entry.x + 6.0, entry.y + field * 0.15, &words(rng, 2), theme.body);
        }
        y += field + theme.gap;
    }
}
