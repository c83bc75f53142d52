//! BlazeFace, the front-camera face detector of MediaPipe (Bazarevsky et al. 2019,
//! arXiv:1907.05047), with the tiling that the ICPR 2020 detectors put around it.
//!
//! The decision that shapes it: every stage is a function of its own (network, decoding,
//! suppression, tiling, margin, crop), because each is pinned by recorded values and each is a
//! place where implementations differ. It finds faces; it does not say whose or how turned.
mod decode;
mod network;
mod tiling;

pub use decode::{Detection, anchors, crop_box, decode, margin, suppress};
pub use network::{BlazeFaceConfig, BlazeFaceNetwork, RawDetections};
pub use tiling::{Tiling, area_resize};

use burn::tensor::{Device, Tensor, TensorData};

use crate::state::floats;

/// Side of the picture that the network looks at.
pub const INPUT: usize = 128;

/// The detector: a loaded network with the published thresholds.
#[derive(Debug, Clone)]
pub struct BlazeFace {
    network: BlazeFaceNetwork,
    anchors: Vec<[f32; 4]>,
    /// Lowest score that counts as a face.
    pub min_score: f32,
    /// Detections that overlap more than this (intersection over union) are merged.
    pub max_overlap: f32,
}

impl BlazeFace {
    /// With the thresholds of the ICPR 2020 pipeline: 0.75 and 0.3.
    pub fn new(network: BlazeFaceNetwork) -> Self {
        Self { network, anchors: anchors(), min_score: 0.75, max_overlap: 0.3 }
    }

    /// Faces of a picture, 8-bit RGB, row by row, best first, in pixels of the picture. Looks at up
    /// to nine square windows, each shrunk to 128 pixels: faces much smaller than a sixth of the
    /// window are not seen. Empty where `rgb` is not `3 * width * height` long.
    pub fn detect(&self, rgb: &[u8], width: usize, height: usize) -> Vec<Detection> {
        if rgb.len() != 3 * width * height || rgb.is_empty() {
            return Vec::new();
        }
        let tiling = Tiling::of(width, height);
        let tiles: Vec<Vec<u8>> = tiling.windows().map(|window| window.shrunk(rgb, width)).collect();
        let found = self.detect_tiles(&tiles);
        let placed: Vec<Detection> =
            found.into_iter().zip(tiling.windows()).flat_map(|(faces, window)| window.place(faces)).collect();
        suppress(&placed, self.max_overlap)
    }

    /// Detections in pictures of 128 x 128 pixels before any are merged, in units of the picture's
    /// side.
    pub fn detect_tiles(&self, tiles: &[Vec<u8>]) -> Vec<Vec<Detection>> {
        let raw = self.network.forward(picture_tensor(tiles, &self.network.device()));
        let (boxes, scores) = (floats(raw.boxes), floats(raw.scores));
        let per_tile = boxes.chunks_exact(self.anchors.len() * 16).zip(scores.chunks_exact(self.anchors.len()));
        per_tile.map(|(boxes, scores)| decode(boxes, scores, &self.anchors, self.min_score)).collect()
    }
}

/// `x / 127.5 - 1` of interleaved RGB pictures of 128 x 128, as `[n, 3, 128, 128]`.
fn picture_tensor(tiles: &[Vec<u8>], device: &Device) -> Tensor<4> {
    let mut values = Vec::with_capacity(tiles.len() * 3 * INPUT * INPUT);
    for tile in tiles {
        for channel in 0..3 {
            values.extend(tile.iter().skip(channel).step_by(3).map(|v| f32::from(*v) / 127.5 - 1.0));
        }
    }
    Tensor::from_data(TensorData::new(values, [tiles.len(), 3, INPUT, INPUT]), device)
}
