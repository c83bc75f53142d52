//! Errors of the points, and how well identities are told apart.
use assay_faces::geometry::Rect;
use assay_faces::{FaceNetworks, Landmarks};
use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;

use super::truth::Geometry;
use assay_bench::collections::Split;
use assay_train::faces::data::{Hand, HandPoints, Picture, file_of};
use assay_train::faces::embedding::{people, verification_auc};
use assay_train::faces::mesh::{EYE_CORNERS, normalised_error};
use assay_train::faces::points::tight_box;
use assay_train::faces::preview::dot;

/// Errors over the distance between the outer eye corners.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PointErrors {
    /// Against what.
    pub against: String,
    /// Faces measured.
    pub faces: usize,
    /// Faces that the detector did not find; they are not in the mean.
    pub not_found: usize,
    /// Mean error.
    pub mean: f64,
    /// Median error.
    pub median: f64,
    /// Share of faces with an error over 0.1.
    pub over_tenth: f64,
}

fn errors(against: &str, all: &[Option<f64>]) -> PointErrors {
    let mut found: Vec<f64> = all.iter().flatten().copied().collect();
    found.sort_by(f64::total_cmp);
    let n = found.len().max(1) as f64;
    PointErrors {
        against: against.into(),
        faces: found.len(),
        not_found: all.len() - found.len(),
        mean: found.iter().sum::<f64>() / n,
        median: found.get(found.len() / 2).copied().unwrap_or(0.0),
        over_tenth: found.iter().filter(|e| **e > 0.1).count() as f64 / n,
    }
}

/// The mesh of the found face that overlaps a box most.
fn mesh_at(networks: &dyn FaceNetworks, picture: &RgbImage, [x, y, w, h]: [f32; 4]) -> Option<Landmarks> {
    let truth = Rect::new(x, y, w, h);
    let found = networks.detect(picture).ok()?;
    let best = found.iter().max_by(|a, b| a.box_in_frame.iou(&truth).total_cmp(&b.box_in_frame.iou(&truth)))?;
    (best.box_in_frame.iou(&truth) > 0.3).then(|| networks.landmarks(picture, best).ok()).flatten()
}

/// Against hand-made points of held-out people, and against the machine's mesh on all held-out
/// pictures.
pub fn points(
    networks: &dyn FaceNetworks,
    pictures: &[Picture],
    hand: &HandPoints,
    geometry: &Geometry,
    split: Split,
) -> Vec<PointErrors> {
    let test: Vec<&Picture> = pictures.iter().filter(|p| p.split == split).collect();
    let by_hand: Vec<(&Picture, &Hand)> = test.iter().filter_map(|p| Some((*p, hand.get(file_of(&p.name))?))).collect();
    let found: Vec<Option<Vec<[f32; 2]>>> = by_hand
        .par_iter()
        .map(|(p, truth)| Some(mesh_at(networks, p.levels.full(), geometry.box_of(truth))?.marked))
        .collect();
    let part = |range: std::ops::Range<usize>| -> Vec<Option<f64>> {
        let error = |(f, (_, t)): (&Option<Vec<[f32; 2]>>, &(&Picture, &Hand))| {
            let f = f.as_ref()?;
            let eyes = between_eyes(t);
            let sum: f64 = range.clone().map(|i| f64::from((f[i][0] - t[i][0]).hypot(f[i][1] - t[i][1]))).sum();
            Some(sum / range.len() as f64 / eyes)
        };
        found.iter().zip(&by_hand).map(error).collect()
    };
    let machine: Vec<(&Picture, &Vec<[f32; 2]>)> = test
        .iter()
        .filter(|p| !p.is_scene())
        .flat_map(|p| p.faces.iter().map(move |f| (*p, &f.mesh)))
        .collect();
    let machine: Vec<Option<f64>> = machine
        .par_iter()
        .map(|(p, truth)| {
            Some(normalised_error(&mesh_at(networks, p.levels.full(), tight_box(truth))?.mesh, truth, EYE_CORNERS))
        })
        .collect();
    vec![
        errors("68 hand-made points, held-out people of YouTube Faces", &part(0..68)),
        errors("of these the 51 without the jaw", &part(17..68)),
        errors("of these the jaw", &part(0..17)),
        errors("468 machine-made points, held-out pictures", &machine),
    ]
}

/// Distance of the outer eye corners.
fn between_eyes(truth: &Hand) -> f64 {
    f64::from((truth[36][0] - truth[45][0]).hypot(truth[36][1] - truth[45][1])).max(1e-6)
}

/// A sheet of faces with their 68 points, drawn evenly from the held-out pictures.
pub fn overlays(
    networks: &dyn FaceNetworks,
    pictures: &[Picture],
    split: Split,
    count: usize,
    columns: usize,
) -> RgbImage {
    const CELL: u32 = 200;
    let test: Vec<&Picture> =
        pictures.iter().filter(|p| p.split == split && !p.is_scene() && !p.faces.is_empty()).collect();
    let mut sheet = RgbImage::new(CELL * columns as u32, CELL * count.div_ceil(columns) as u32);
    for i in 0..count {
        let Some(picture) = test.get(i * test.len() / count) else { break };
        let mut cell =
            image::imageops::resize(picture.levels.full(), CELL, CELL, image::imageops::FilterType::Triangle);
        let scale =
            [CELL as f32 / picture.levels.full().width() as f32, CELL as f32 / picture.levels.full().height() as f32];
        for detection in networks.detect(picture.levels.full()).unwrap_or_default() {
            if detection.score < networks.operating_points().face_score {
                continue;
            }
            let Ok(landmarks) = networks.landmarks(picture.levels.full(), &detection) else { continue };
            for [x, y] in landmarks.marked {
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    dot(&mut cell, (x * scale[0]) as i64 + dx, (y * scale[1]) as i64 + dy, [0, 255, 0]);
                }
            }
        }
        let (column, row) = ((i % columns) as i64, (i / columns) as i64);
        image::imageops::replace(&mut sheet, &cell, column * i64::from(CELL), row * i64::from(CELL));
    }
    sheet
}

/// How well two pictures of one person are told from two of different people.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Identity {
    /// Which pictures.
    pub pictures: String,
    /// Held-out people with at least two of them.
    pub people: usize,
    /// Their pictures.
    pub count: usize,
    /// Area under the ROC curve over all pairs.
    pub auc: f64,
    /// Cosine above which one pair of different people in a hundred lies, and the share of pairs of
    /// one person above it.
    pub cosine_at_1_percent: f64,
    /// Share of pairs of one person above it.
    pub same_above: f64,
}

/// Over held-out people: photographs and video frames of `split`, apart and together.
pub fn identity(networks: &dyn FaceNetworks, pictures: &[Picture], split: Split) -> Vec<Identity> {
    let people: Vec<Vec<&Picture>> = people(pictures, split, true)
        .into_values()
        .map(|views| views.into_iter().map(|(p, _)| p).take(8).collect::<Vec<_>>())
        .filter(|v| v.len() > 1)
        .collect();
    let all: Vec<(usize, &Picture)> =
        people.iter().enumerate().flat_map(|(i, v)| v.iter().map(move |p| (i, *p))).collect();
    let vectors: Vec<Option<Vec<f32>>> = all
        .par_iter()
        .map(|(_, p)| {
            let picture = p.levels.full();
            let landmarks = mesh_at(networks, picture, tight_box(&p.faces.first()?.mesh))?;
            networks.embed(picture, &landmarks).ok()
        })
        .collect();
    let sets: [(&str, &[&str]); 3] = [
        ("photographs (LFW)", &["lfw250", "lfw_multi"]),
        ("video frames (YouTube Faces)", &["ytfaces68"]),
        ("photographs, video frames, clips", &["lfw250", "lfw_multi", "ytfaces68", "clips"]),
    ];
    let figure = |(name, sources): (&str, &[&str])| {
        let chosen: Vec<(usize, &Vec<f32>)> = all
            .iter()
            .zip(&vectors)
            .filter(|((_, p), _)| sources.contains(&p.source.as_str()))
            .filter_map(|((i, _), v)| Some((*i, v.as_ref()?)))
            .collect();
        let several = |i: usize| chosen.iter().filter(|(j, _)| *j == i).count() > 1;
        let chosen: Vec<(usize, Vec<f32>)> =
            chosen.iter().filter(|(i, _)| several(*i)).map(|(i, v)| (*i, (*v).clone())).collect();
        let names: Vec<usize> = chosen.iter().map(|c| c.0).collect();
        let vectors: Vec<Vec<f32>> = chosen.into_iter().map(|c| c.1).collect();
        let (mut same, mut other) = (Vec::new(), Vec::new());
        for i in 0..names.len() {
            for j in 0..i {
                let cosine: f32 = vectors[i].iter().zip(&vectors[j]).map(|(a, b)| a * b).sum();
                if names[i] == names[j] { same.push(cosine) } else { other.push(cosine) }
            }
        }
        other.sort_by(f32::total_cmp);
        let at = other.get(other.len() * 99 / 100).copied().unwrap_or(1.0);
        let mut distinct = names.clone();
        distinct.dedup();
        Identity {
            pictures: name.into(),
            people: distinct.len(),
            count: names.len(),
            auc: verification_auc(&vectors, &names),
            cosine_at_1_percent: at.into(),
            same_above: same.iter().filter(|c| **c > at).count() as f64 / same.len().max(1) as f64,
        }
    };
    sets.map(figure).into_iter().filter(|f| f.people > 1).collect()
}
