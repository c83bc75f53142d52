//! What the packet table says without decoding: key frames, sizes, times.
use assay_evidence::{Chart, Evidence, Series, Severity, Span, Where};
use assay_media::StreamPackets;

/// Points of one line of a chart at most.
const MOST_POINTS: usize = 1200;

/// Numbers, remarks and the chart of packet sizes. `times` are the presentation times in seconds,
/// ascending.
pub(super) fn report(stream: &StreamPackets, times: &[f64], evidence: &mut Evidence) {
    let sizes: Vec<(f64, bool)> = stream.presented().map(|(_, p)| (f64::from(p.size), p.key)).collect();
    if times.len() < 2 || sizes.len() != times.len() {
        return;
    }
    let span = times[times.len() - 1] - times[0];
    let steps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    let usual = median(&steps).max(1e-6);
    let duration = span + usual;
    let bytes: f64 = sizes.iter().map(|s| s.0).sum();
    evidence.measure("frames", times.len() as f64, "");
    evidence.measure("frame rate (median)", 1.0 / usual, "frames/s");
    evidence.measure("bit rate", (bytes * 8.0 / duration / 1000.0).round(), "kbit/s");
    times_report(stream, times, &steps, usual, evidence);
    keys_report(times, &sizes, duration, evidence);
    evidence.charts.push(chart(times, &sizes));
}

fn times_report(stream: &StreamPackets, times: &[f64], steps: &[f64], usual: f64, evidence: &mut Evidence) {
    let off = steps.iter().filter(|s| (**s - usual).abs() > 0.02 * usual).count();
    let share = off as f64 / steps.len() as f64;
    evidence.measure("irregular frame times", (share * 1000.0).round() / 10.0, "%");
    let gaps: Vec<(f64, f64)> =
        times.iter().zip(steps).filter(|(_, s)| **s > 1.9 * usual).map(|(t, s)| (*t, *s)).collect();
    let same = steps.iter().filter(|s| **s < 0.05 * usual).count();
    if same > 0 || !stream.exact_times {
        evidence.remark(
            Severity::Notice,
            format!(
                "{} frames have the presentation time of the frame before or none of their own: this is usual in AVI and after careless cutting \
                 without new encoding.",
                same.max(usize::from(!stream.exact_times))
            ),
        );
    }
    if share > 0.25 {
        evidence.remark(
            Severity::Info,
            format!(
                "The frame rate is variable ({:.0} % of the frames come at another distance than the usual {:.1} ms), as in clips from telephones, \
                 screen recorders and video calls.",
                share * 100.0,
                usual * 1000.0
            ),
        );
    } else if !gaps.is_empty() {
        let longest = gaps.iter().fold(0.0f64, |a, g| a.max(g.1));
        evidence.remark(
            Severity::Notice,
            format!(
                "At {} places the time from one frame to the next is nearly twice the usual {:.1} ms or more (longest {:.1} ms at {:.2} s): frames \
                 were not recorded, were lost on the way, or were taken out without new encoding.",
                gaps.len(),
                usual * 1000.0,
                longest * 1000.0,
                gaps.iter().find(|g| g.1 == longest).map_or(0.0, |g| g.0)
            ),
        );
        for (at, step) in gaps.iter().take(12) {
            let span = Span { start_secs: *at, end_secs: at + step };
            evidence.places.push(Where::Time { span, label: format!("no frame for {:.0} ms", step * 1000.0) });
        }
    }
}

fn keys_report(times: &[f64], sizes: &[(f64, bool)], duration: f64, evidence: &mut Evidence) {
    let keys: Vec<usize> = sizes.iter().enumerate().filter(|(_, s)| s.1).map(|(i, _)| i).collect();
    evidence.measure("key frames", keys.len() as f64, "");
    if keys.len() == sizes.len() {
        evidence.remark(
            Severity::Info,
            "Every frame is a key frame: an editing or camera format (ProRes, Motion JPEG) or intra-only coding.",
        );
        return;
    }
    let distances: Vec<f64> = keys.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
    if distances.is_empty() {
        evidence.remark(
            Severity::Info,
            format!("Only the first frame is a key frame ({} frames, {duration:.1} s): usual for short clips and screen recorders.", sizes.len()),
        );
        return;
    }
    let usual = median(&distances);
    let regular = distances.iter().filter(|d| **d == usual).count();
    evidence.measure("key frame distance (median)", usual, "frames");
    let largest = distances.iter().fold(0.0f64, |a, b| a.max(*b));
    evidence.measure("key frame distance (largest)", largest, "frames");
    // An encoder without scene detection keeps one distance to the end; a file joined without new
    // encoding does not.
    if distances.len() >= 4 && regular + 1 == distances.len() && distances.last() == Some(&usual) {
        if let Some(odd) = distances.iter().position(|d| *d != usual) {
            let at = times[keys[odd + 1]];
            evidence.remark(
                Severity::Notice,
                format!(
                    "Key frames come every {usual} frames but once, after {} frames, at {at:.2} s: an encoder that reacts to a scene change does \
                     this, and so does a file joined or cut there without new encoding.",
                    distances[odd]
                ),
            );
            let span = Span { start_secs: times[keys[odd]], end_secs: at };
            evidence.places.push(Where::Time { span, label: "the key frame rhythm breaks".into() });
        }
    } else if distances.len() >= 4 && regular == distances.len() {
        evidence.remark(Severity::Info, format!("Key frames come at an unbroken distance of {usual} frames."));
    }
}

/// Bars of packet size over time; of neighbours that fall into one point the largest is shown.
fn chart(times: &[f64], sizes: &[(f64, bool)]) -> Chart {
    let group = sizes.len().div_ceil(MOST_POINTS).max(1);
    let mut all = Vec::new();
    let mut keys = Vec::new();
    for (t, s) in times.chunks(group).zip(sizes.chunks(group)) {
        let largest = |key: bool| {
            s.iter()
                .zip(t)
                .filter(|(s, _)| !key || s.1)
                .map(|(s, t)| [round(*t), s.0])
                .max_by(|a, b| a[1].total_cmp(&b[1]))
        };
        all.extend(largest(false));
        keys.extend(largest(true));
    }
    Chart {
        title: "Packet sizes".into(),
        x_label: "time (s)".into(),
        y_label: "bytes".into(),
        series: vec![
            Series { name: "all frames".into(), points: all },
            Series { name: "key frames".into(), points: keys },
        ],
        bars: true,
    }
}

fn round(v: f64) -> f64 {
    (v * 1000.0).round() / 1000.0
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
