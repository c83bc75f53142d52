//! ROC curve and reliability diagram as SVG, and a page that holds both with the table.
//!
//! The decision that shapes it: text with fixed decimals and nothing else, no script, no font, no
//! address, so that a page can be kept beside the results, compared byte by byte, and opened
//! anywhere.
use std::fmt::Write as _;

use super::results::{Results, Slice};
use crate::metrics::{BINS, Estimate};

const SIDE: f64 = 340.0;
const LEFT: f64 = 58.0;
const TOP: f64 = 34.0;
const WIDTH: f64 = LEFT + SIDE + 22.0;
const INK: &str = "#222";
const BLUE: &str = "#1f5fa8";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn x(share: f64) -> f64 {
    LEFT + share * SIDE
}

fn y(share: f64) -> f64 {
    TOP + (1.0 - share) * SIDE
}

/// A unit square with ticks, labels and the diagonal; `below` is room for more under the axis.
fn frame(title: &str, across: &str, up: &str, below: f64) -> String {
    let height = TOP + SIDE + 46.0 + below;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="{title}" font-family="sans-serif" font-size="12" fill="{INK}">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{title}</text>
"##,
        title = escape(title)
    );
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        let _ = writeln!(
            svg,
            r##"<path d="M{0:.1} {1:.1}V{2:.1}M{3:.1} {4:.1}H{5:.1}" stroke="#ddd" fill="none"/><text x="{0:.1}" y="{6:.1}" text-anchor="middle">{share:.1}</text><text x="{7:.1}" y="{8:.1}" text-anchor="end">{share:.1}</text>"##,
            x(share),
            y(0.0),
            y(1.0),
            x(0.0),
            y(share),
            x(1.0),
            y(0.0) + 16.0,
            x(0.0) - 6.0,
            y(share) + 4.0
        );
    }
    let _ = writeln!(
        svg,
        r##"<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#888"/>
<path d="M{:.1} {:.1}L{:.1} {:.1}" stroke="#888" stroke-dasharray="4 4" fill="none"/>
<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>
<text transform="translate(16 {:.1}) rotate(-90)" text-anchor="middle">{}</text>"##,
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
        x(0.5),
        y(0.0) + 36.0,
        escape(across),
        y(0.5),
        escape(up)
    );
    svg
}

fn nothing(why: &str) -> String {
    format!(r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#, x(0.5), y(0.55), escape(why))
}

/// The ROC curve over videos with its area.
pub fn roc_svg(results: &Results) -> String {
    let mut svg = frame("ROC curve over videos", "real videos called fake (share)", "fake videos found (share)", 0.0);
    if results.curves.roc.is_empty() {
        svg += &nothing(results.video_auc.reason.as_deref().unwrap_or("no curve"));
    } else {
        let points: Vec<String> = results.curves.roc.iter().map(|p| format!("{:.1} {:.1}", x(p[0]), y(p[1]))).collect();
        let _ = write!(
            svg,
            r#"<path d="M{}" stroke="{BLUE}" stroke-width="2" fill="none" stroke-linejoin="round"/><text x="{:.1}" y="{:.1}" text-anchor="end">AUC {}</text>"#,
            points.join("L"),
            x(1.0) - 10.0,
            y(0.0) - 12.0,
            escape(&words(&results.video_auc))
        );
    }
    svg + "\n</svg>\n"
}

/// The reliability diagram over videos: what was said against what was so, with the number of
/// videos in each bin below.
pub fn reliability_svg(results: &Results) -> String {
    const ROOM: f64 = 70.0;
    let across = "probability of a fake, mean of the bin";
    let mut svg = frame("Reliability over videos", across, "share of fakes in the bin", ROOM);
    let bins = &results.curves.reliability;
    if bins.is_empty() {
        svg += &nothing("no video has a score");
    }
    let most = bins.iter().map(|b| b.2).max().unwrap_or(0).max(1) as f64;
    let (floor, tall) = (y(0.0) + 46.0 + ROOM - 8.0, ROOM - 22.0);
    let mut line = String::new();
    let mut dots = String::new();
    for (i, (mean, fakes, count)) in bins.iter().enumerate().filter(|(_, b)| b.2 > 0) {
        let _ = write!(line, "{}{:.1} {:.1}", if line.is_empty() { "M" } else { "L" }, x(*mean), y(*fakes));
        let _ = write!(
            dots,
            r#"<circle cx="{:.1}" cy="{:.1}" r="4"><title>{count} videos</title></circle>"#,
            x(*mean),
            y(*fakes)
        );
        let (wide, high) = (SIDE / BINS as f64, tall * *count as f64 / most);
        let _ = writeln!(
            svg,
            r##"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{high:.1}" fill="#a9c4e4"/><text x="{:.1}" y="{:.1}" font-size="9" text-anchor="middle">{count}</text>"##,
            LEFT + i as f64 * wide + 1.0,
            floor - high,
            wide - 2.0,
            LEFT + (i as f64 + 0.5) * wide,
            floor - high - 2.0
        );
    }
    if !bins.is_empty() {
        let _ = write!(
            svg,
            r#"<path d="{line}" stroke="{BLUE}" stroke-width="1.5" fill="none"/><g fill="{BLUE}">{dots}</g><text x="{:.1}" y="{:.1}">ECE {}</text><text x="{:.1}" y="{:.1}" font-size="10" text-anchor="end">videos</text>"#,
            x(0.0) + 10.0,
            y(1.0) + 20.0,
            escape(&words(&results.ece)),
            LEFT - 6.0,
            floor
        );
    }
    svg + "\n</svg>\n"
}

/// `0.912 (0.880 to 0.940), n = 120`.
fn words(interval: &Estimate) -> String {
    match (interval.value, interval.low, interval.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3}), n = {}", interval.n),
        (Some(value), ..) => format!("{value:.3}, n = {}", interval.n),
        _ => interval.reason.clone().unwrap_or_else(|| "not defined".into()),
    }
}

fn cells(interval: &Estimate) -> String {
    let value = interval.value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    let range = interval.low.zip(interval.high).map(|(low, high)| format!("{low:.3} to {high:.3}"));
    let reason = interval.reason.as_deref().unwrap_or_default();
    format!("<td>{value}</td><td>{}</td><td>{}</td><td>{}</td>", range.unwrap_or_default(), interval.n, escape(reason))
}

fn slices(title: &str, list: &[Slice]) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut html = format!(
        "<h2>{title}</h2>\n<table><tr><th></th><th>real / fake videos</th><th>video AUC (95 %)</th><th>frame AUC (95 %)</th></tr>\n"
    );
    for slice in list {
        let against = slice.against.as_deref().map(|a| format!(" against {a}")).unwrap_or_default();
        html += &format!(
            "<tr><th>{}{against}</th><td>{} / {}</td><td>{}</td><td>{}</td></tr>\n",
            escape(&slice.name),
            slice.real,
            slice.fake,
            escape(&words(&slice.video_auc)),
            escape(&words(&slice.frame_auc))
        );
    }
    html + "</table>\n"
}

/// A page with both plots and all tables; `title` names the set and the detector.
pub fn page(results: &Results, title: &str) -> String {
    let title = escape(title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\
         body{{font:14px sans-serif;color:{INK};background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse;margin-bottom:1rem}}td,th{{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left;font-weight:normal}}\
         tr:first-child th{{font-weight:bold}}figure{{display:inline-block;margin:0 1rem 1rem 0;vertical-align:top}}svg{{max-width:100%;height:auto}}\
         </style></head><body>\n<h1>{title}</h1>\n<figure>{}</figure><figure>{}</figure>\n\
         <table><tr><th>figure</th><th>value</th><th>95 % interval</th><th>n</th><th></th></tr>\n",
        roc_svg(results),
        reliability_svg(results)
    );
    for (name, interval) in results.figures() {
        html += &format!("<tr><th>{name}</th>{}</tr>\n", cells(interval));
    }
    let failed = &results.failures;
    html += &format!(
        "</table>\n<p>Not scored: {} real and {} fake files of {} ({} failures of decoding, {} times no face, {} abstentions, {} not reported); \
         {} videos are in no figure.</p>\n",
        failed.real_without_score,
        failed.fake_without_score,
        failed.files,
        failed.decode,
        failed.no_face,
        failed.abstained,
        failed.not_reported,
        failed.videos_without_score
    );
    html += &slices("By source", &results.by_source);
    html += &slices("By compression", &results.by_compression);
    html += &slices("By size of the face", &results.by_size);
    html += &slices("By turn of the head", &results.by_pose);
    html += &format!(
        "<p>Intervals: percentiles of {} draws over {}, seed {}.</p>\n</body></html>\n",
        results.bootstrap.draws, results.bootstrap.over, results.bootstrap.seed
    );
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{FrameScore, Label, Manifest, Part, Row, evaluate};
    use assay_material::rng::Rng;

    fn results(clips: usize) -> Results {
        let mut rng = Rng::new(2);
        let (mut manifest, mut scores) = (Manifest::default(), Vec::new());
        for i in 0..clips {
            let label = if i % 2 == 0 { Label::Fake } else { Label::Real };
            let path = format!("{i}.mp4");
            manifest.rows.push(Row { source: Some("<b>&".into()), ..Row::new(&path, label) });
            let log_odds = rng.normal() * 1.5 + if label == Label::Fake { 1.5 } else { -1.5 };
            let face_px = Some(rng.range(30.0, 300.0));
            scores.push(FrameScore {
                path: path.into(),
                part: Part::Whole,
                person: 0,
                frame: 0,
                log_odds,
                face_px,
                yaw_deg: None,
            });
        }
        evaluate(&manifest, &scores, &[], 1).unwrap()
    }

    /// Every element that is opened is closed, in order.
    fn well_formed(svg: &str) -> bool {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let Some((inside, _)) = tag.split_once('>') else { return false };
            if let Some(name) = inside.strip_prefix('/') {
                if open.pop() != Some(name.to_owned()) {
                    return false;
                }
            } else if !inside.ends_with('/') {
                open.push(inside.split_whitespace().next().unwrap_or_default().to_owned());
            }
        }
        open.is_empty()
    }

    #[test]
    fn plots_are_well_formed_labelled_and_without_scripts() {
        let full = results(200);
        let [roc, reliability] = [roc_svg(&full), reliability_svg(&full)];
        for svg in [&roc, &reliability] {
            assert!(well_formed(svg), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
        assert!(roc.contains("AUC 0.") && roc.contains("real videos called fake"));
        assert!(reliability.contains("ECE 0.") && reliability.contains("share of fakes"));
        let page = page(&full, "Set <1> & detector");
        assert!(page.contains("Set &lt;1&gt; &amp; detector") && page.contains("&lt;b&gt;&amp;"));
        assert!(!page.contains("<script") && !page.contains("<b>") && page.contains("256 px and above"));
        if let Ok(folder) = std::env::var("PLOTS_OUT") {
            std::fs::write(std::path::Path::new(&folder).join("page.html"), &page).unwrap();
            std::fs::write(std::path::Path::new(&folder).join("results.json"), serde_json::to_string(&full).unwrap())
                .unwrap();
        }
    }

    #[test]
    fn what_is_not_defined_is_said() {
        let one = results(1);
        assert!(roc_svg(&one).contains("no real video has a score"));
        assert!(reliability_svg(&results(0)).contains("no video has a score"));
        assert!(well_formed(&roc_svg(&one)) && well_formed(&reliability_svg(&one)));
    }
}
