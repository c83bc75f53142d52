//! The lines on the timeline.
use assay_evidence::{Chart, Evidence, Series};

use super::{FrameRecord, Window};

/// Points of one line at most.
const MOST_POINTS: usize = 1200;

/// A named value of each frame.
type Line<'a> = (&'a str, &'a dyn Fn(&FrameRecord) -> f32);

/// Adds change, movement and detail over time.
pub(super) fn add(windows: &[Window], evidence: &mut Evidence) {
    let mut chart = |title: &str, y_label: &str, lines: &[Line]| {
        let series = lines.iter().map(|(name, value)| line(windows, name, *value)).collect();
        evidence.charts.push(Chart {
            title: title.into(),
            x_label: "time (s)".into(),
            y_label: y_label.into(),
            series,
            bars: false,
        });
    };
    chart(
        "Change from frame to frame",
        "grey levels",
        &[("all pixels", &|r| r.difference), ("after following the movement, reduced picture", &|r| r.residual)],
    );
    chart("Movement of the whole picture", "pixels", &[("across", &|r| r.shift[0]), ("down", &|r| r.shift[1])]);
    chart("Fine detail", "grey levels", &[("second difference along rows", &|r| r.detail)]);
}

/// One line over all windows; of frames that fall into one point the one furthest from zero is
/// shown, so that no peak is lost.
fn line(windows: &[Window], name: &str, value: &dyn Fn(&FrameRecord) -> f32) -> Series {
    let frames: usize = windows.iter().map(|w| w.records.len()).sum();
    let group = frames.div_ceil(MOST_POINTS).max(1);
    let round = |v: f64| (v * 1000.0).round() / 1000.0;
    let points = windows
        .iter()
        .flat_map(|w| w.records[1..].chunks(group))
        .filter_map(|part| part.iter().max_by(|a, b| value(a).abs().total_cmp(&value(b).abs())))
        .map(|r| [round(r.pts_secs), round(f64::from(value(r)))])
        .collect();
    Series { name: name.into(), points }
}
