//! What a detector is: its static description.
use assay_models::face_forgery::Crop;

/// What a detector is given.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// A square crop around a face, in every look at one.
    FaceCrop(Crop),
    /// Consecutive crops of a face, brought onto one another. No scan hands these out yet.
    Window {
        /// How many.
        frames: usize,
        /// Each of them.
        crop: Crop,
    },
    /// The decoded picture as it is coded. No scan hands this out yet.
    WholePicture,
    /// The decoded sound. No scan hands this out yet.
    Sound,
}

impl Input {
    /// What it is, in a few words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::FaceCrop(_) => "a crop of a face",
            Self::Window { .. } => "a window of frames",
            Self::WholePicture => "a whole picture",
            Self::Sound => "sound",
        }
    }
}

/// A map that a detector answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapAbout {
    /// Snake-case name, unique within the detector.
    pub name: &'static str,
    /// What bright places are, for the reader of a report.
    pub bright: &'static str,
}

/// A map of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId {
    /// Whose it is.
    pub detector: &'static str,
    /// Which of its maps.
    pub map: &'static str,
}

/// The static description of a detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct About {
    /// Snake-case id, equal to the file name.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// The question of the verdict that its score bears on; `None` for one that is for the eye
    /// only.
    pub question: Option<&'static str>,
    /// What it is given. Of an opened detector: what its weights want.
    pub input: Input,
    /// The maps of its answer.
    pub maps: &'static [MapAbout],
    /// Of the frames of a clip that are looked at, it is asked at every so many: more than 1 for a
    /// slow one. At least 1.
    pub every: usize,
}
