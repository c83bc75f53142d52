//! Small charts as SVG: lines, bars, and the scale of the likelihood ratio. Deterministic text, so
//! that reports can be compared.
use std::fmt::Write as _;

use assay_evidence::{Chart, Llr, Span};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 34.0;
const COLORS: [&str; 5] = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)"];

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// About five round numbers that cover the range.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return vec![low];
    }
    let raw = span / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(raw);
    let mut tick = (low / step).ceil() * step;
    let mut list = Vec::new();
    while tick <= high + step * 1e-9 && list.len() < 12 {
        list.push(if tick.abs() < step * 1e-9 { 0.0 } else { tick });
        tick += step;
    }
    list
}

fn number(v: f64) -> String {
    if v == 0.0 {
        return "0".into();
    }
    let text = match v.abs() {
        a if !(0.001..10_000.0).contains(&a) => return format!("{v:.1e}"),
        a if a >= 100.0 => format!("{v:.0}"),
        a if a >= 1.0 => format!("{v:.2}"),
        _ => format!("{v:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}

/// Draws a chart; `marks` are stretches of the x axis to set off (times of a video).
pub(crate) fn chart(chart: &Chart, marks: &[Span]) -> String {
    let points = || chart.series.iter().flat_map(|s| &s.points);
    let (mut x0, mut x1) = bounds(points().map(|p| p[0]));
    let (mut y0, mut y1) = bounds(points().map(|p| p[1]));
    if chart.bars || y0 > 0.0 && y0 < 0.35 * y1 {
        y0 = y0.min(0.0);
    }
    if x1 <= x0 {
        (x0, x1) = (x0 - 0.5, x0 + 0.5);
    }
    if chart.bars {
        let densest = chart.series.iter().map(|s| s.points.len()).max().unwrap_or(2).max(2);
        let half = 0.5 * (x1 - x0) / (densest - 1) as f64;
        (x0, x1) = (x0 - half, x1 + half);
    }
    if y1 <= y0 {
        (y0, y1) = (y0 - 0.5, y0 + 0.5);
    }
    let x = |v: f64| LEFT + (v - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - (v - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
        escape(&chart.title)
    );
    for mark in marks {
        let (a, b) = (x(mark.start_secs.clamp(x0, x1)), x(mark.end_secs.clamp(x0, x1)));
        let _ = write!(
            svg,
            r#"<rect class="mark" x="{:.1}" y="{TOP}" width="{:.1}" height="{:.1}"/>"#,
            a.min(WIDTH - RIGHT - 2.0),
            (b - a).max(2.0),
            HEIGHT - TOP - BOTTOM
        );
    }
    for tick in ticks(y0, y1) {
        let at = y(tick);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            WIDTH - RIGHT,
            LEFT - 5.0,
            at + 3.5,
            number(tick)
        );
    }
    for tick in ticks(x0, x1) {
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            x(tick),
            HEIGHT - BOTTOM + 14.0,
            number(tick)
        );
    }
    for (series, color) in chart.series.iter().zip(COLORS.iter().cycle()) {
        if chart.bars {
            // One width for all series: sparse ones (key frames among all frames) stand on the same
            // raster.
            let densest = chart.series.iter().map(|s| s.points.len()).max().unwrap_or(1).max(1);
            let width = (0.8 * (WIDTH - LEFT - RIGHT) / densest as f64).max(0.8);
            for [px, py] in &series.points {
                if !py.is_finite() {
                    continue;
                }
                let (a, b) = (y(py.max(0.0)), y(py.min(0.0)));
                let _ = write!(
                    svg,
                    r#"<rect fill="{color}" x="{:.1}" y="{a:.1}" width="{width:.1}" height="{:.1}"/>"#,
                    x(*px) - width / 2.0,
                    (b - a).max(0.5)
                );
            }
        } else {
            let mut path = String::new();
            let mut broken = true;
            for [px, py] in &series.points {
                if py.is_finite() {
                    let _ = write!(path, "{}{:.1} {:.1}", if broken { 'M' } else { 'L' }, x(*px), y(*py));
                }
                broken = !py.is_finite();
            }
            let _ = write!(svg, r#"<path fill="none" stroke="{color}" stroke-width="1.5" d="{path}"/>"#);
        }
    }
    let _ = write!(
        svg,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text><text transform="translate(12 {:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 4.0,
        escape(&chart.x_label),
        f64::midpoint(HEIGHT - BOTTOM, TOP),
        escape(&chart.y_label)
    );
    if chart.series.len() > 1 {
        let mut at = LEFT + 8.0;
        for (series, color) in chart.series.iter().zip(COLORS.iter().cycle()) {
            let _ = write!(
                svg,
                r#"<rect fill="{color}" x="{at:.1}" y="{:.1}" width="10" height="3"/><text x="{:.1}" y="{:.1}">{}</text>"#,
                TOP + 4.0,
                at + 14.0,
                TOP + 9.0,
                escape(&series.name)
            );
            at += 30.0 + 6.2 * series.name.chars().count() as f64;
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The scale from strong support for H2 to strong support for H1 with the value, its interval and
/// the threshold, if there is one.
pub(crate) fn llr_scale(llr: &Llr, threshold_log10: Option<f64>) -> String {
    const SPAN: f64 = 4.0;
    let x = |v: f64| 320.0 + v.clamp(-SPAN, SPAN) / SPAN * 300.0;
    let mut svg = String::from(
        r#"<svg class="scale" viewBox="-10 0 660 68" role="img" aria-label="scale of the likelihood ratio">"#,
    );
    svg.push_str(r#"<defs><linearGradient id="lr"><stop offset="0" stop-color="var(--genuine)"/><stop offset=".5" stop-color="var(--neutral)"/><stop offset="1" stop-color="var(--forged)"/></linearGradient></defs><rect x="20" y="24" width="600" height="10" rx="5" fill="url(#lr)"/>"#);
    for step in -4i32..=4 {
        let at = x(f64::from(step));
        let label = match step {
            0 => "1".to_owned(),
            s if s > 0 => format!("{}", 10i64.pow(s.unsigned_abs())),
            s => format!("1/{}", 10i64.pow(s.unsigned_abs())),
        };
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="22" y2="36"/><text x="{at:.1}" y="50" text-anchor="middle">{label}</text>"#
        );
    }
    if let Some(threshold) = threshold_log10 {
        let _ = write!(
            svg,
            r#"<line class="threshold" x1="{0:.1}" x2="{0:.1}" y1="14" y2="40"/><text x="{0:.1}" y="10" text-anchor="middle">threshold</text>"#,
            x(threshold)
        );
    }
    let _ = write!(
        svg,
        r#"<line class="interval" x1="{:.1}" x2="{:.1}" y1="29" y2="29"/><circle class="value" cx="{:.1}" cy="29" r="7"/>"#,
        x(llr.low),
        x(llr.high),
        x(llr.log10)
    );
    svg.push_str(r#"<text x="20" y="62">supports genuine</text><text x="620" y="62" text-anchor="end">supports altered</text></svg>"#);
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_evidence::Series;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(-1.0, 1.0), [-1.0, -0.5, 0.0, 0.5, 1.0]);
        assert_eq!(ticks(3.0, 3.0), [3.0]);
    }

    #[test]
    fn odd_charts_are_drawn() {
        for points in [vec![], vec![[1.0, 2.0]], vec![[0.0, f64::NAN], [1.0, 1.0]], vec![[5.0, -1.0], [6.0, -1.0]]] {
            for bars in [false, true] {
                let series = vec![
                    Series { name: "<b>".into(), points: points.clone() },
                    Series { name: "two".into(), points: vec![] },
                ];
                let svg =
                    chart(&Chart { title: "a\"b".into(), x_label: "x".into(), y_label: "y".into(), series, bars }, &[]);
                assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<b>"), "{svg}");
            }
        }
    }
}
