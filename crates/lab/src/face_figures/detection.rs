//! How many faces a detector finds at a stated number of false ones.
use assay_faces::geometry::Rect;
use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;

use super::truth::Known;

/// Rows by size: root of the box's area in pixels, from and below.
pub const SIZES: [(&str, f32, f32); 4] =
    [("12-24", 12.0, 24.0), ("24-48", 24.0, 48.0), ("48-96", 48.0, 96.0), (">96", 96.0, f32::MAX)];

/// Overlap (intersection over union) from which a face counts as found.
const FOUND: f32 = 0.5;

/// A detector: every answer down to a low score, in the box convention of the truths.
pub type Detector<'a> = dyn Fn(&RgbImage) -> Vec<(Rect, f32)> + Sync + 'a;

/// Faces wanted and found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// Where the faces come from, or `all`.
    pub source: String,
    /// Size class, or `all`.
    pub size: String,
    /// Faces asked for.
    pub wanted: usize,
    /// Those found at the operating point.
    pub found: usize,
    /// Those found at any score.
    pub found_ever: usize,
}

impl Row {
    /// Share found.
    pub fn recall(&self) -> f64 {
        self.found as f64 / self.wanted.max(1) as f64
    }
}

/// One detector's figures.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Detection {
    /// Which detector.
    pub name: String,
    /// Score at which at most one face in a hundred pictures without faces is reported.
    pub threshold: f32,
    /// Pictures without faces, and false faces in them at the threshold.
    pub empty_pictures: usize,
    /// False faces in them at the threshold.
    pub false_faces: usize,
    /// By source and size; the `all` row leaves out faces below 24 pixels.
    pub rows: Vec<Row>,
}

/// Measures one detector.
pub fn measure(
    name: &str,
    detector: &Detector<'_>,
    known: &[Known],
    empty: &[&RgbImage],
    fixed: Option<f32>,
) -> Detection {
    let mut false_scores: Vec<f32> =
        empty.par_iter().flat_map_iter(|p| detector(p).into_iter().map(|(_, score)| score)).collect();
    false_scores.sort_by(|a, b| b.total_cmp(a));
    let allowed = empty.len() / 100;
    let threshold = fixed.unwrap_or_else(|| false_scores.get(allowed).map_or(0.0, |s| s + 1e-6));
    let hits: Vec<(&'static str, f32, Option<f32>)> = known
        .par_iter()
        .flat_map_iter(|k| {
            let found = detector(&k.picture);
            k.boxes
                .iter()
                .map(move |[x, y, w, h]| {
                    let truth = Rect::new(*x, *y, *w, *h);
                    let fits = found.iter().filter(|(b, _)| b.iou(&truth) >= FOUND).map(|(_, score)| *score);
                    (k.source, (w * h).sqrt(), fits.max_by(f32::total_cmp))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    let mut sources: Vec<&str> = hits.iter().map(|h| h.0).collect();
    sources.sort_unstable();
    sources.dedup();
    let row = |source: &str, size: &str, low: f32, high: f32| {
        let mut row = Row { source: source.into(), size: size.into(), ..Row::default() };
        let fits =
            |h: &&(&'static str, f32, Option<f32>)| (source == "all" || h.0 == source) && (low..high).contains(&h.1);
        for (_, _, score) in hits.iter().filter(fits) {
            row.wanted += 1;
            row.found += usize::from(score.is_some_and(|s| s >= threshold));
            row.found_ever += usize::from(score.is_some());
        }
        row
    };
    let mut rows = Vec::new();
    for source in sources.into_iter().chain(["all"]) {
        rows.extend(SIZES.iter().map(|(size, low, high)| row(source, size, *low, *high)));
        rows.push(row(source, "all", SIZES[1].1, f32::MAX));
    }
    rows.retain(|r| r.wanted > 0);
    let false_faces = false_scores.iter().filter(|s| **s >= threshold).count();
    Detection { name: name.into(), threshold, empty_pictures: empty.len(), false_faces, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_is_taken_at_the_score_that_the_empty_pictures_set() {
        let picture = RgbImage::new(100, 100);
        let known: Vec<Known> = (0..4)
            .map(|i| Known { source: "made", picture: picture.clone(), boxes: vec![[i as f32, 10.0, 30.0, 30.0]] })
            .collect();
        // Finds every face, three of the four well; reports a false one with score 0.4 where the
        // picture is wider.
        let detector = |p: &RgbImage| {
            if p.width() > 100 {
                return vec![(Rect::new(0.0, 0.0, 5.0, 5.0), 0.4)];
            }
            vec![(Rect::new(0.0, 10.0, 30.0, 30.0), 0.9), (Rect::new(60.0, 60.0, 30.0, 30.0), 0.95)]
        };
        let wide = RgbImage::new(120, 100);
        let figures = measure("made", &detector, &known, &[&wide], None);
        assert_eq!((figures.false_faces, figures.empty_pictures), (0, 1));
        assert!(figures.threshold > 0.4 && figures.threshold < 0.9);
        let all = figures.rows.iter().find(|r| r.source == "all" && r.size == "all").unwrap();
        assert_eq!((all.wanted, all.found), (4, 4));
        let strict = measure("made", &detector, &known, &[&wide], Some(0.99));
        assert_eq!(strict.rows.last().unwrap().found, 0);
    }
}
