//! What is known of the faces in a folder of crops: one JSON file beside them.
//!
//! The decision that shapes it: everything that training and sorting ask of a face is measured
//! once, when it is taken out, and kept in pixels of the crop. The hash of the file that it came
//! from goes along.
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::GeneratorError;

/// Name of the table in a folder of crops.
pub const TABLE_FILE: &str = "faces.json";
/// Layout of the table.
const FORMAT: u32 = 1;

/// A file that faces were taken out of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Its name.
    pub file: String,
    /// Its SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Frames that were looked at; 1 for a picture.
    pub frames: u64,
}

/// One face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceRow {
    /// Name of the crop in the folder.
    pub file: String,
    /// Which of [`FaceTable::sources`] it is from.
    pub source: usize,
    /// Number of the frame there.
    pub frame: u64,
    /// Its time in seconds.
    pub at_secs: f64,
    /// Whose face it is, from 1 in the order of how much they are seen.
    pub person: usize,
    /// Score of the detector.
    pub score: f32,
    /// Yaw, pitch and roll in degrees; absent where they could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pose: Option<[f32; 3]>,
    /// 0 (blurred) to 1.
    pub sharpness: f32,
    /// 0 to 1: size, sharpness, direction, visibility and exposure together.
    pub quality: f32,
    /// Position in the frame of a point of the crop: `x' = a x + b y + c`, `y' = d x + e y + f`.
    pub frame_from_crop: [f64; 6],
    /// The 68 points in pixels of the crop.
    pub points68: Vec<[f32; 2]>,
    /// The mesh in pixels of the crop.
    pub mesh: Vec<[f32; 2]>,
    /// Identity vector of unit length; empty where the face is too poor for one.
    pub identity: Vec<f32>,
}

/// The faces of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaceTable {
    /// Layout of this table.
    pub format: u32,
    /// Name of the crop template.
    pub template: String,
    /// Side of the crops in pixels.
    pub side: u32,
    /// What the faces are: parts of recordings, not made by a network.
    pub origin: String,
    /// Where they are from.
    pub sources: Vec<SourceRow>,
    /// The faces, in the order of their names.
    pub faces: Vec<FaceRow>,
}

impl FaceTable {
    pub(super) fn new(template: String, side: u32, sources: Vec<SourceRow>, faces: Vec<FaceRow>) -> Self {
        let origin = "cut out of recordings; no generator took part".into();
        Self { format: FORMAT, template, side, origin, sources, faces }
    }

    /// Reads the table of a folder.
    ///
    /// # Errors
    /// [`GeneratorError::Unsuited`] where there is none, or it is not in order.
    pub fn read(folder: &Path) -> Result<Self, GeneratorError> {
        let path = folder.join(TABLE_FILE);
        let text = std::fs::read(&path).map_err(|error| {
            let reason = format!("it holds no {TABLE_FILE}, which `assay swap extract` writes ({error})");
            GeneratorError::unsuited(folder, reason)
        })?;
        let broken = |what: String| GeneratorError::unsuited(&path, format!("the table is not in order: {what}"));
        let table: Self = serde_json::from_slice(&text).map_err(|e| broken(e.to_string()))?;
        if table.format != FORMAT {
            return Err(broken(format!("its format is {}, this program knows {FORMAT}", table.format)));
        }
        let plain = |name: &str| Path::new(name).file_name().is_some_and(|n| n == name);
        for face in &table.faces {
            let numbers = face.mesh.iter().chain(&face.points68).flatten();
            if !plain(&face.file) || face.points68.len() != 68 || numbers.clone().any(|v| !v.is_finite()) {
                return Err(broken(format!("the row of {:?}", face.file)));
            }
        }
        Ok(table)
    }
}
