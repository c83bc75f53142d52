//! The curves of a run as one page: loss, learning rate, speed and every validation figure over
//! minutes.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::folder::Line;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 64.0;

/// A page without script; every panel is an SVG.
pub(super) fn page(lines: &[Line]) -> String {
    let minutes: Vec<f64> = lines.iter().map(|l| l.secs / 60.0).collect();
    let over = |value: &dyn Fn(&Line) -> Option<f64>| -> Vec<[f64; 2]> {
        lines.iter().zip(&minutes).filter_map(|(l, m)| Some([*m, value(l)?])).collect()
    };
    let mut panels: BTreeMap<String, Vec<[f64; 2]>> = BTreeMap::new();
    let names: BTreeSet<&String> = lines.iter().flat_map(|l| l.validation.keys()).collect();
    for name in names {
        panels.insert(format!("validation: {name}"), over(&|l| l.validation.get(name).copied()));
    }
    panels.insert("loss".into(), over(&|l| Some(l.loss)));
    panels.insert("learning rate".into(), over(&|l| Some(l.learning_rate)));
    panels.insert("steps a second".into(), over(&|l| Some(l.steps_per_sec)));
    let mut page = String::from(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Training run</title><style>body{font:14px sans-serif;margin:2em;max-width:60em}</style><h1>Training run</h1>\n",
    );
    if let Some(last) = lines.last() {
        let _ = writeln!(page, "<p>{} steps in {:.0} minutes.</p>", last.steps, last.secs / 60.0);
    }
    for (name, points) in panels {
        page.push_str(&panel(&name, &points));
    }
    page
}

fn panel(name: &str, points: &[[f64; 2]]) -> String {
    let most = |c: usize| points.iter().map(|p| p[c]).fold(f64::MIN, f64::max);
    let (low, high) = (points.iter().map(|p| p[1]).fold(f64::MAX, f64::min), most(1));
    let (span, end) = ((high - low).max(1e-12), most(0).max(1e-12));
    let x = |v: f64| LEFT + v / end * (WIDTH - LEFT - 20.0);
    let y = |v: f64| HEIGHT - 24.0 - (v - low) / span * (HEIGHT - 60.0);
    let line: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p[0]), y(p[1]))).collect();
    let last = points.last().map_or(0.0, |p| p[1]);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{name}\" font-family=\"sans-serif\" font-size=\"12\">\n<text x=\"{LEFT}\" y=\"18\" font-weight=\"bold\">{name}, last {last:.4}</text>\n"
    );
    for value in [low, high] {
        let at = y(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.3}</text>",
            WIDTH - 20.0,
            LEFT - 6.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{end:.0} min</text><polyline points=\"{}\" fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"1.5\"/></svg>",
        WIDTH - 20.0,
        HEIGHT - 6.0,
        line.join(" ")
    );
    svg
}
