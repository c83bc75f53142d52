//! Frame scores put together: frames, persons, videos, and pairs of parts.
//!
//! The decision that shapes it: a person's score is the mean of the log-odds of the frames (what
//! the frames say together, were they independent, kept to the scale of one), a video's is its
//! highest person, since one altered face makes a video altered. The same rule holds in a single
//! frame. So bystanders cost nothing in a fake, but every face of a real video is one more chance
//! of a false positive, as in use.
use std::collections::BTreeMap;

use anyhow::ensure;

use super::manifest::{Label, Manifest, Part};
use crate::metrics::{Ranked, Roc, Scored, credit};

/// A face in a frame: the row it belongs to, and what it scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Face {
    pub(super) row: usize,
    pub(super) person: u32,
    pub(super) frame: u64,
    pub(super) log_odds: f64,
}

/// Observations of one kind in falling order of score, each with the video that it is drawn with.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) items: Vec<Scored>,
    units: Vec<usize>,
    ranked: Option<Ranked>,
}

impl Level {
    fn new(mut list: Vec<(Scored, usize)>) -> Self {
        // In the order of the curve a draw walks through memory once; the sort is stable, so ties
        // stay in the order of the table.
        list.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
        let (items, units): (Vec<Scored>, Vec<usize>) = list.into_iter().unzip();
        let ranked = Ranked::new(&items);
        Self { items, units, ranked }
    }

    /// The curve when each video counts as often as its weight says.
    pub(super) fn roc(&self, weights: &[f64]) -> Option<Roc> {
        self.ranked.as_ref()?.roc(|i| weights[self.units[i]])
    }

    /// Area below that curve.
    pub(super) fn auc(&self, weights: &[f64]) -> Option<f64> {
        self.ranked.as_ref()?.auc(|i| weights[self.units[i]])
    }

    /// Weight of an observation by its place.
    pub(super) fn weight(&self, weights: &[f64], i: usize) -> f64 {
        weights[self.units[i]]
    }

    pub(super) fn count(&self, label: Label) -> usize {
        self.items.iter().filter(|i| i.fake == (label == Label::Fake)).count()
    }
}

/// Everything that the figures are made from.
#[derive(Debug)]
pub(super) struct Tally {
    /// Videos with a score.
    pub(super) units: usize,
    pub(super) frames: Level,
    pub(super) persons: Level,
    pub(super) videos: Level,
    /// Credit of each pair of a real and a fake part of one file, and its video.
    pub(super) pairs: Vec<(f64, usize)>,
    /// By row: log-odds of the file, persons and frames scored.
    pub(super) files: BTreeMap<usize, (f64, usize, usize)>,
}

impl Tally {
    /// Puts faces together that are sorted by row, person and frame.
    pub(super) fn new(manifest: &Manifest, faces: &[Face]) -> anyhow::Result<Self> {
        let mut units: BTreeMap<String, usize> = BTreeMap::new();
        let mut frames: BTreeMap<(usize, u64), f64> = BTreeMap::new();
        let mut persons: BTreeMap<(usize, Part, u32), Vec<f64>> = BTreeMap::new();
        let mut labels: BTreeMap<(usize, Part), Label> = BTreeMap::new();
        let mut by_row: BTreeMap<usize, BTreeMap<u32, Vec<f64>>> = BTreeMap::new();
        let mut unit_of: BTreeMap<usize, usize> = BTreeMap::new();
        for face in faces {
            let row = &manifest.rows[face.row];
            let unit = *unit_of.entry(face.row).or_insert_with(|| {
                let next = units.len();
                *units.entry(manifest.video(row)).or_insert(next)
            });
            let highest = frames.entry((face.row, face.frame)).or_insert(f64::NEG_INFINITY);
            *highest = highest.max(face.log_odds);
            let label = *labels.entry((unit, row.part)).or_insert(row.label);
            ensure!(
                label == row.label,
                "{}: frames of one video and part are labelled real and fake",
                manifest.name(&row.path)
            );
            persons.entry((unit, row.part, face.person)).or_default().push(face.log_odds);
            by_row.entry(face.row).or_default().entry(face.person).or_default().push(face.log_odds);
        }
        let scored = |score: f64, label: Label| Scored { score, fake: label == Label::Fake };
        let mut highest: BTreeMap<(usize, Part), f64> = BTreeMap::new();
        let mut people = Vec::with_capacity(persons.len());
        for ((unit, part, _), values) in persons {
            let score = mean(&values);
            people.push((scored(score, labels[&(unit, part)]), unit));
            let video = highest.entry((unit, part)).or_insert(score);
            *video = video.max(score);
        }
        let videos = highest.into_iter().map(|(key, score)| (scored(score, labels[&key]), key.0));
        let files: BTreeMap<usize, (f64, usize, usize)> = by_row
            .into_iter()
            .map(|(row, persons)| {
                let score = persons.values().map(|v| mean(v)).fold(f64::NEG_INFINITY, f64::max);
                (row, (score, persons.len(), frames.range((row, 0)..=(row, u64::MAX)).count()))
            })
            .collect();
        let frames = frames.into_iter().map(|((row, _), s)| (scored(s, manifest.rows[row].label), unit_of[&row]));
        Ok(Self {
            units: units.len(),
            frames: Level::new(frames.collect()),
            persons: Level::new(people),
            videos: Level::new(videos.collect()),
            pairs: pairs(manifest, &files, &unit_of),
            files,
        })
    }

    /// Share of the pairs in which the fake part scores higher.
    pub(super) fn paired(&self, weights: &[f64]) -> Option<f64> {
        let total: f64 = self.pairs.iter().map(|(_, unit)| weights[*unit]).sum();
        let sum: f64 = self.pairs.iter().map(|(credit, unit)| credit * weights[*unit]).sum();
        (total > 0.0).then(|| sum / total)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn pairs(
    manifest: &Manifest,
    files: &BTreeMap<usize, (f64, usize, usize)>,
    unit_of: &BTreeMap<usize, usize>,
) -> Vec<(f64, usize)> {
    let mut parts: BTreeMap<&std::path::Path, Vec<(Label, f64, usize)>> = BTreeMap::new();
    for (row, (score, ..)) in files {
        let (row, unit) = (&manifest.rows[*row], unit_of[row]);
        parts.entry(&row.path).or_default().push((row.label, *score, unit));
    }
    let mut pairs = Vec::new();
    for parts in parts.values() {
        for (_, real, unit) in parts.iter().filter(|p| p.0 == Label::Real) {
            for (_, fake, _) in parts.iter().filter(|p| p.0 == Label::Fake) {
                pairs.push((credit(*real, *fake), *unit));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::Row;

    fn face(row: usize, person: u32, frame: u64, log_odds: f64) -> Face {
        Face { row, person, frame, log_odds }
    }

    #[test]
    fn persons_are_means_and_videos_their_highest_person() {
        let manifest = Manifest { root: "".into(), rows: vec![Row::new("a", Label::Fake), Row::new("b", Label::Real)] };
        let faces =
            [face(0, 0, 0, -1.0), face(0, 0, 1, -3.0), face(0, 1, 0, 2.0), face(0, 1, 1, 4.0), face(1, 0, 0, 0.5)];
        let tally = Tally::new(&manifest, &faces).unwrap();
        let scores = |level: &Level| level.items.iter().map(|i| (i.score, i.fake)).collect::<Vec<_>>();
        assert_eq!(scores(&tally.persons), [(3.0, true), (0.5, false), (-2.0, true)]);
        assert_eq!(scores(&tally.videos), [(3.0, true), (0.5, false)]);
        assert_eq!(scores(&tally.frames), [(4.0, true), (2.0, true), (0.5, false)]);
        assert_eq!(tally.files[&0], (3.0, 2, 2));
        assert_eq!((tally.units, tally.pairs.len()), (2, 0));
    }

    #[test]
    fn stills_of_one_video_are_its_frames() {
        let still = |name: &str, label| Row { video: Some("v".into()), ..Row::new(name, label) };
        let mut manifest =
            Manifest { root: "".into(), rows: vec![still("1.png", Label::Fake), still("2.png", Label::Fake)] };
        let faces = [face(0, 0, 0, 1.0), face(1, 0, 0, 3.0)];
        let tally = Tally::new(&manifest, &faces).unwrap();
        assert_eq!((tally.units, tally.frames.items.len(), tally.videos.items[0].score), (1, 2, 2.0));
        manifest.rows[1].label = Label::Real;
        assert!(Tally::new(&manifest, &faces).unwrap_err().to_string().contains("labelled real and fake"));
    }
}
