//! BlazeFace as a peer: the published network on the published tiles, its boxes brought to the
//! truths' convention.
use std::path::Path;

use assay_faces::geometry::Rect;
use assay_models::blazeface::{BlazeFace, BlazeFaceConfig};
use assay_models::state;
use burn::tensor::Device;
use image::RgbImage;

use super::detection::Detector;
use assay_bench::collections::Split;
use assay_train::faces::data::Picture;
use assay_train::faces::points::tight_box;

/// Loads the weights and learns, from the training pictures, how its square boxes lie to the tight
/// boxes of the meshes.
pub(super) fn blazeface(path: &Path, pictures: &[Picture]) -> anyhow::Result<Box<Detector<'static>>> {
    let tensors = assay_checkpoints::Checkpoint::read(path)?.into_tensors();
    let network = state::load(BlazeFaceConfig {}.init(&Device::default()), &tensors, "")?;
    let mut network = BlazeFace::new(network);
    // Its published threshold of 0.75 is replaced by the one that the pictures without faces set.
    network.min_score = 0.2;
    let raw = move |picture: &RgbImage| -> Vec<(Rect, f32)> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let found = network.detect(picture.as_raw(), width, height);
        let [top, left, bottom, right] = [0, 1, 2, 3];
        let rect = |b: &[f32; 4]| Rect::from_edges(b[left], b[top], b[right], b[bottom]);
        found.iter().map(|d| (rect(&d.bounds), d.score)).collect()
    };
    let mut shares: [Vec<f32>; 4] = Default::default();
    let train = pictures.iter().filter(|p| p.split == Split::Train && p.faces.len() == 1).step_by(40);
    for picture in train {
        let [x, y, w, h] = tight_box(&picture.faces[0].mesh);
        let truth = Rect::new(x, y, w, h);
        let found = raw(picture.levels.full());
        let Some((b, _)) = found.iter().find(|(b, _)| b.iou(&truth) > 0.3) else { continue };
        let values = [(x - b.x) / b.width, (y - b.y) / b.height, w / b.width, h / b.height];
        shares.iter_mut().zip(values).for_each(|(s, v)| s.push(v));
    }
    let [left, top, width, height] = shares.map(|mut s| {
        s.sort_by(f32::total_cmp);
        s.get(s.len() / 2).copied().unwrap_or(0.0)
    });
    anyhow::ensure!(width > 0.0 && height > 0.0, "BlazeFace finds no face in the training pictures");
    Ok(Box::new(move |picture| {
        let fitted =
            |b: Rect| Rect::new(b.x + left * b.width, b.y + top * b.height, width * b.width, height * b.height);
        raw(picture).into_iter().map(|(b, score)| (fitted(b), score)).collect()
    }))
}
