//! The record of a planted set: what was made of what, and where the edit lies.
use super::edits::Edit;
use crate::saving::write_whole;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The `schema` field of an index that this version reads and writes.
pub const INDEX_SCHEMA: &str = "assay.planted/1";

/// Which set an item belongs to. The sets share no source photo, clip or named person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// For tuning analyzers and fitting likelihood ratios: files that networks learn from or are
    /// chosen by.
    Calibration,
    /// For the figures in the documents only.
    Test,
}

/// What was done to the forged one of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A region of another photo pasted in, at its own size.
    Splice,
    /// A region of the same photo pasted elsewhere in it.
    CopyMove,
    /// A region saved as JPEG at another quality and put back in its place.
    LocalResave,
    /// A region of another photo, scaled or turned before it is pasted in.
    ResampledInsert,
    /// Frames taken out of the middle of a clip.
    FrameDrop,
    /// Frames shown again: a frozen frame or a repeated run.
    FrameDuplicate,
    /// Frames from elsewhere put between the frames of a clip.
    SpliceInTime,
}

impl Kind {
    /// The kinds of pictures, in the order of tables.
    pub const PICTURES: [Self; 4] = [Self::Splice, Self::CopyMove, Self::LocalResave, Self::ResampledInsert];
    /// The kinds of clips, in the order of tables.
    pub const CLIPS: [Self; 3] = [Self::FrameDrop, Self::FrameDuplicate, Self::SpliceInTime];

    /// The name as written in an index.
    pub fn name(self) -> &'static str {
        match self {
            Self::Splice => "splice",
            Self::CopyMove => "copy_move",
            Self::LocalResave => "local_resave",
            Self::ResampledInsert => "resampled_insert",
            Self::FrameDrop => "frame_drop",
            Self::FrameDuplicate => "frame_duplicate",
            Self::SpliceInTime => "splice_in_time",
        }
    }
}

/// One file of a planted set. Paths use `/` and are relative: `file`, `mask`, `copied_from_mask` to
/// the index, the others to the folder of sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Unique in the index.
    pub id: String,
    /// The other one of the pair.
    pub twin: String,
    /// Calibration or test.
    pub split: Split,
    /// Kind of the pair's forgery, for the pristine twin too.
    pub kind: Kind,
    /// True for the edited one of the pair.
    pub forged: bool,
    /// Final JPEG quality of pictures, x264 constant rate factor of clips.
    pub quality: u8,
    /// The file made.
    pub file: String,
    /// Photo or clip that it was made from.
    pub source: String,
    /// Folder of the source, for tables.
    pub folder: String,
    /// Who or what must stay on one side of a split, as the maker was told.
    pub group: String,
    /// Photo or clip that the inserted part came from, if another one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub donor: Option<String>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// What was done; absent for the pristine twin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub edit: Option<Edit>,
    /// Share of the picture's area that was edited, 0..=1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub edited_share: Option<f64>,
    /// PNG of the picture's size, 255 where edited, 0 elsewhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mask: Option<String>,
    /// For a copied region: PNG of the place that it was copied from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub copied_from_mask: Option<String>,
    /// For clips: start and end in seconds, in the forged clip, of what was inserted; start equals
    /// end for a cut.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub edited_secs: Vec<[f64; 2]>,
}

/// All items of a planted set, pairs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// [`INDEX_SCHEMA`].
    pub schema: String,
    /// Version of the maker.
    pub maker: String,
    /// Seed of all draws.
    pub seed: u64,
    /// The files made.
    pub items: Vec<Item>,
}

impl Index {
    /// Name of a picture set's index in its folder.
    pub const FILE: &'static str = "planted.json";
    /// Name of a clip set's index in its folder.
    pub const CLIPS_FILE: &'static str = "planted_video.json";

    /// An index of this version.
    pub fn new(seed: u64, items: Vec<Item>) -> Self {
        Self { schema: INDEX_SCHEMA.into(), maker: env!("CARGO_PKG_VERSION").into(), seed, items }
    }

    /// Reads the index of the picture set in `folder`.
    ///
    /// # Errors
    /// When it cannot be read, is not an index, or is of another schema.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        Self::load_file(&folder.join(Self::FILE))
    }

    /// Reads the index of the clip set in `folder`.
    ///
    /// # Errors
    /// As [`Index::load`].
    pub fn load_clips(folder: &Path) -> anyhow::Result<Self> {
        Self::load_file(&folder.join(Self::CLIPS_FILE))
    }

    fn load_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let index: Self =
            serde_json::from_slice(&text).with_context(|| format!("not a planted set's index: {}", path.display()))?;
        anyhow::ensure!(
            index.schema == INDEX_SCHEMA,
            "schema {} where {INDEX_SCHEMA} is expected: {}",
            index.schema,
            path.display()
        );
        Ok(index)
    }

    /// Writes the index under `folder/name`, last of all files, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_whole(&path, &text)?;
        Ok(path)
    }

    /// The item of that id.
    pub fn get(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Items of one split.
    pub fn of(&self, split: Split) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.split == split)
    }
}
