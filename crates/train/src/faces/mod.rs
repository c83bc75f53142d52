//! The networks that find, measure and tell apart faces: their data, crops, losses and the files
//! that are shipped.
//!
//! The decision that shapes it: every network is trained from nothing on the labelled pictures of
//! one folder. What is written is the averaged, folded network in half precision, which is what is
//! measured and shipped.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_checkpoints::write_safetensors;
use assay_media::Progress;
use assay_models::state::{collect, halved};

use super::{Options, train};
use assay_material::rng::Rng;

pub mod augment;
pub mod data;
pub mod depth;
pub mod detector;
pub mod embedding;
pub mod label;
pub mod mesh;
pub mod points;
pub mod preview;
pub mod shapes;
pub mod warp;

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Boxes and five points.
    Detector,
    /// 468 points of one face.
    Mesh,
    /// Who is like whom.
    Embedding,
    /// No network: the mean face with depth that head pose is measured against.
    Shape,
}

/// Trains one network on the pictures of `data` and writes `weights.safetensors` into the run's
/// folder.
///
/// # Errors
/// When the data cannot be read, the folder cannot be written, or training fails.
pub fn run(network: Network, data: &Path, options: &Options, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
    progress.update("reading pictures", 0, 0);
    let pictures = data::load(data, Some(data::ClipFrames::SHAPES))?;
    std::fs::create_dir_all(&options.out).with_context(|| format!("cannot make {}", options.out.display()))?;
    let files = data::files_of(&pictures);
    super::folder::write_record(&format!("{network:?}"), data, &files, options)?;
    let mut rng = Rng::new(options.seed);
    let look = |sheet: image::RgbImage| {
        let path = options.out.join("preview.jpg");
        sheet.save(&path).with_context(|| format!("cannot write {}", path.display()))
    };
    let folded = match network {
        Network::Detector => {
            let screened = |p: &data::Picture| p.is_scene() && p.faces.is_empty();
            let task = detector::Detector::new(&pictures, &screened);
            look(preview::sheet(detector::SIDE, || task.preview(&mut rng)))?;
            collect(&train(&task, options, progress)?.folded())
        }
        Network::Mesh => {
            let task = mesh::Mesh::new(&pictures);
            look(preview::sheet(assay_models::face_mesh::SIDE, || task.preview(&mut rng)))?;
            collect(&train(&task, options, progress)?.folded())
        }
        Network::Embedding => {
            let task = embedding::Embedding::new(&pictures);
            look(preview::sheet(assay_models::face_embedding::SIDE, || task.preview(&mut rng)))?;
            collect(&train(&task, options, progress)?.folded())
        }
        Network::Shape => return write_shape(&pictures, &options.out.join("mean_face.bin")),
    };
    let path = options.out.join("weights.safetensors");
    let bytes = write_safetensors(&halved(&folded), None)?;
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Writes 468 times x, y, z as little-endian 32-bit floats.
fn write_shape(pictures: &[data::Picture], path: &Path) -> anyhow::Result<PathBuf> {
    let train = pictures.iter().filter(|p| p.split == assay_bench::collections::Split::Train && !p.is_scene());
    let meshes: Vec<Vec<[f32; 2]>> = train.flat_map(|p| &p.faces).map(|f| mesh::upright(&f.mesh)).collect();
    let shape = depth::mean_shape(&meshes, 60);
    anyhow::ensure!(!shape.is_empty(), "the meshes determine no shape");
    let bytes: Vec<u8> = shape.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_owned())
}
