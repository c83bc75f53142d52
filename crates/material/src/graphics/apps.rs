//! Programs: chat, code editor, terminal, settings, desktop.
use super::canvas::{Canvas, Rect, mix};
use super::text::{Face, Style, heading, line, paragraph, words, wrapped};
use super::theme::Theme;
use crate::rng::Rng;

fn clock(rng: &mut Rng) -> String {
    format!("{}:{:02}", rng.between(0, 23), rng.between(0, 59))
}

/// A bar across the top with a title and a few symbols; returns its height.
fn title_bar(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) -> f32 {
    let height = (theme.body.size * 2.4).round();
    let bar = Rect::new(0.0, 0.0, canvas.width(), height);
    if rng.chance(0.4) {
        canvas.gradient(bar, 0.0, [mix(theme.accent, [255; 3], 0.15), theme.accent], false);
    } else {
        canvas.block(bar, theme.accent);
    }
    let style = Style { face: Face::Bold, ..theme.on(theme.accent) };
    line(canvas, theme.gap * 3.0, height * 0.22, &heading(rng, 2), style);
    canvas.path(
        &[[theme.gap * 1.8, height * 0.3], [theme.gap, height * 0.5], [theme.gap * 1.8, height * 0.7]],
        2.0,
        style.colour,
    );
    for i in 0..3 {
        canvas.disc(canvas.width() - theme.gap, height * (0.35 + 0.15 * i as f32), 2.0, style.colour);
    }
    height
}

/// Bubbles left and right, a field to type into.
pub(super) fn chat(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let mut y = title_bar(canvas, theme, rng) + theme.gap;
    let field = theme.body.size * 2.6;
    let widest = canvas.width() * rng.range(0.5, 0.78) as f32;
    while y < canvas.height() - field - theme.body.size * 2.0 {
        let mine = rng.chance(0.5);
        let count = rng.between(1, 22) as usize;
        let fill = if mine { mix(theme.accent, theme.ground, 0.35) } else { theme.panel };
        let style = theme.on(fill);
        let rows = wrapped(&words(rng, count), widest - 3.0 * theme.gap, style);
        let widest_row = rows.iter().map(|r| style.width(r)).fold(theme.muted.size * 4.0, f32::max);
        let high = rows.len() as f32 * (style.size * 1.35).round() + theme.muted.size + 1.6 * theme.gap;
        let wide = widest_row + 2.0 * theme.gap;
        let x = if mine { canvas.width() - wide - theme.gap } else { theme.gap };
        let bubble = Rect::new(x.round(), y.round(), wide.round(), high.round());
        if rng.chance(0.3) {
            canvas.shadow(bubble, theme.radius, 4.0, 0.25);
        }
        canvas.rounded(bubble, theme.radius.max(4.0), fill);
        let mut top = y + theme.gap * 0.6;
        for row in &rows {
            line(canvas, x + theme.gap, top, row, style);
            top += (style.size * 1.35).round();
        }
        let time = Style { size: theme.muted.size, ..style.with(mix(style.colour, fill, 0.5)) };
        let text = clock(rng);
        line(canvas, x + wide - time.width(&text) - theme.gap, top, &text, time);
        y += high + theme.gap * 0.7;
    }
    let foot = Rect::new(theme.gap, canvas.height() - field, canvas.width() - field - theme.gap, field * 0.8);
    canvas.rounded(foot, field * 0.4, theme.panel);
    line(canvas, foot.x + theme.gap * 1.5, foot.y + field * 0.15, "Message", theme.muted);
    canvas.disc(canvas.width() - field * 0.45, foot.y + field * 0.4, field * 0.38, theme.accent);
}

/// Coloured words in lines with numbers, a tree of files beside them.
pub(super) fn code_editor(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let tree = (canvas.width() * 0.2).round();
    canvas.block(Rect::new(0.0, 0.0, tree, canvas.height()), theme.panel);
    canvas.block(Rect::new(tree, 0.0, 1.0, canvas.height()), theme.rule);
    let lead = (theme.mono.size * 1.4).round();
    let mut y = theme.gap;
    while y < canvas.height() {
        let indent = theme.gap * rng.between(1, 3) as f32;
        line(canvas, indent, y, &format!("{}.rs", words(rng, 1)), theme.muted);
        y += lead * rng.range(0.9, 1.2) as f32;
    }
    let (mut y, mut number) = (theme.gap, rng.between(1, 400));
    let mut depth = 0;
    while y < canvas.height() {
        let right = Style { face: Face::Mono, ..theme.muted };
        line(canvas, tree + theme.gap, y, &format!("{number:>4}"), right);
        if rng.chance(0.85) {
            let mut x = tree + theme.gap + right.width("00000") + theme.mono.width("    ") * depth as f32;
            for _ in 0..rng.between(1, 7) {
                let colour = if rng.chance(0.4) { theme.body.colour } else { theme.pick(rng) };
                let end = ["(", ")", ";", " =", ".", ",", "::", " {"][rng.below(8)];
                let token = format!("{}{end} ", words(rng, 1));
                x += line(canvas, x, y, &token, theme.mono.with(colour));
            }
        }
        depth = (depth + rng.between(-1, 1)).clamp(0, 4);
        number += 1;
        y += lead;
    }
}

/// Lines of one width on a dark ground.
pub(super) fn terminal(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let ground = if theme.dark { theme.ground } else { [12, 12, 16] };
    canvas.block(Rect::new(0.0, 0.0, canvas.width(), canvas.height()), ground);
    let ink = theme.mono.with([210, 214, 210]);
    let lead = (ink.size * 1.2).round();
    let mut y = 4.0;
    while y < canvas.height() {
        let mut x = 6.0;
        if rng.chance(0.25) {
            x += line(canvas, x, y, "user@host:~$ ", ink.with([90, 220, 110]));
        }
        let count = rng.between(1, 14) as usize;
        let text = words(rng, count);
        let colour = if rng.chance(0.2) { theme.pick(rng) } else { ink.colour };
        line(canvas, x, y, &text, ink.with(colour));
        y += lead;
    }
    canvas.block(Rect::new(6.0, canvas.height() - lead - 4.0, ink.size * 0.6, ink.size), ink.colour);
}

/// Rows with a symbol, two lines of text and a switch; a window of buttons.
pub(super) fn settings(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let mut y = title_bar(canvas, theme, rng) + theme.gap;
    let row = (theme.body.size * 3.4).round();
    while y < canvas.height() - row * 0.6 {
        let box_of = Rect::new(theme.gap, y.round(), canvas.width() - 2.0 * theme.gap, row);
        canvas.rounded(box_of, theme.radius, theme.panel);
        let colour = theme.pick(rng);
        canvas.rounded(Rect::new(2.0 * theme.gap, y + row * 0.22, row * 0.56, row * 0.56), theme.radius, colour);
        canvas.disc(2.0 * theme.gap + row * 0.28, y + row * 0.5, row * 0.14, [255; 3]);
        let x = 3.0 * theme.gap + row * 0.56;
        line(canvas, x, y + row * 0.14, &heading(rng, 3), theme.body);
        line(canvas, x, y + row * 0.52, &words(rng, 5), theme.muted);
        let knob = row * 0.18;
        let right = canvas.width() - 2.5 * theme.gap;
        match rng.below(3) {
            0 => {
                let on = rng.chance(0.5);
                let fill = if on { theme.accent } else { theme.rule };
                canvas.rounded(Rect::new(right - 4.0 * knob, y + row * 0.5 - knob, 4.0 * knob, 2.0 * knob), knob, fill);
                let at = if on { right - knob } else { right - 3.0 * knob };
                canvas.disc(at, y + row * 0.5, knob * 0.8, [252; 3]);
            }
            1 => canvas.path(
                &[[right - knob, y + row * 0.35], [right, y + row * 0.5], [right - knob, y + row * 0.65]],
                1.5,
                theme.muted.colour,
            ),
            _ => {
                let text = words(rng, 1);
                line(canvas, right - theme.muted.width(&text), y + row * 0.35, &text, theme.muted);
            }
        }
        y += row + if rng.chance(0.2) { theme.gap * 2.0 } else { 2.0 };
    }
}

/// A wallpaper in a gradient, symbols, a bar, overlapping windows.
pub(super) fn desktop(canvas: &mut Canvas, theme: &Theme, rng: &mut Rng) {
    let (a, b) = (theme.pick(rng), theme.pick(rng));
    canvas.gradient(
        Rect::new(0.0, 0.0, canvas.width(), canvas.height()),
        0.0,
        [a, mix(b, [0; 3], 0.3)],
        rng.chance(0.5),
    );
    let icon = (theme.body.size * 2.6).round();
    for column in 0..2 {
        let mut y = icon * 0.5;
        while y < canvas.height() - icon * 2.5 {
            let x = icon * (0.6 + 2.0 * column as f32);
            canvas.rounded(Rect::new(x, y, icon, icon), theme.radius, theme.pick(rng));
            canvas.line([x + icon * 0.3, y + icon * 0.7], [x + icon * 0.7, y + icon * 0.3], 3.0, [255; 3]);
            line(canvas, x - icon * 0.1, y + icon * 1.1, &words(rng, 1), theme.muted.with([250; 3]));
            y += icon * 2.0;
        }
    }
    for _ in 0..rng.between(1, 3) {
        let w = canvas.width() * rng.range(0.35, 0.65) as f32;
        let h = canvas.height() * rng.range(0.35, 0.7) as f32;
        let x = (rng.unit() as f32 * (canvas.width() - w)).round();
        let y = (rng.unit() as f32 * (canvas.height() - h - icon)).round();
        let frame = Rect::new(x, y, w.round(), h.round());
        canvas.shadow(frame, theme.radius, 14.0, 0.45);
        canvas.rounded(frame, theme.radius, theme.ground);
        let bar = (theme.body.size * 1.9).round();
        canvas.rounded(Rect::new(x, y, frame.w, bar), theme.radius, theme.panel);
        line(canvas, x + theme.gap, y + bar * 0.18, &heading(rng, 2), theme.body);
        for (i, colour) in [[237, 106, 94], [245, 191, 79], [98, 197, 84]].into_iter().enumerate() {
            canvas.disc(x + frame.w - theme.gap * (1.2 + 1.4 * i as f32), y + bar * 0.5, bar * 0.18, colour);
        }
        let count = (frame.h / theme.body.size * frame.w / theme.body.size / 12.0) as usize;
        let text = words(rng, count.min(160));
        let most = ((frame.h - bar - theme.gap) / (theme.body.size * 1.35)).floor().max(0.0) as usize;
        let rows = wrapped(&text, frame.w - 2.0 * theme.gap, theme.body);
        let shown = rows.into_iter().take(most).collect::<Vec<_>>().join(" ");
        paragraph(canvas, [x + theme.gap, y + bar + theme.gap * 0.5], frame.w - 2.0 * theme.gap, &shown, theme.body);
    }
    let bar = (icon * 0.9).round();
    canvas.block(Rect::new(0.0, canvas.height() - bar, canvas.width(), bar), theme.panel);
    for i in 0..8 {
        let x = icon * (0.3 + i as f32);
        canvas.rounded(Rect::new(x, canvas.height() - bar * 0.85, bar * 0.7, bar * 0.7), 4.0, theme.pick(rng));
    }
    let text = clock(rng);
    line(canvas, canvas.width() - theme.body.width(&text) - theme.gap, canvas.height() - bar * 0.7, &text, theme.body);
}
