//! The forensic analyzers, one file each, and the words in which they are asked and answer.
//!
//! The decision that shapes this crate: an analyzer is a static value in one static list.
//! `analyzers! { ... }` declares the modules, the list [`ANALYZERS`] and takes each module's `//!`
//! header as the user's documentation (`assay analyzers show ID`). An analyzer reads a [`Sample`],
//! whose artefacts are computed once and shared, and answers an
//! [`Outcome`](assay_evidence::Outcome): evidence, or why it does not apply. Calibration and fusion
//! are not done here.
mod about;
mod cholesky;
mod drawn;
mod judged_faces;
mod last_save;
pub mod maps;
mod regions;
mod sample;
mod sliding;

/// Is a picture drawn or recorded: the numbers, the table and the names of the measures in the
/// finding of `screen_content`.
pub mod screen {
    pub use crate::screen_content::{COUNT, LEVEL, Learned, NAMES, SCORE, SavedAs, ScreenTable, numbers};
}

pub use about::{About, Analyzer, AnalyzerError, Context, Need};
pub use sample::{Artefacts, DENSE_SECS, FrameRecord, FrameStatistics, Preview, Sample};

/// Declares the modules of the analyzers, the static list and their documentation.
macro_rules! analyzers {
    ($($id:ident),* $(,)?) => {
        $(mod $id;)*
        /// Every analyzer, in the order in which they are asked and shown.
        pub static ANALYZERS: &[&dyn Analyzer] = &[$(&$id::THE),*];
        static SOURCES: &[(&str, &str)] = &[$((stringify!($id), include_str!(concat!(stringify!($id), ".rs")))),*];
    };
}

analyzers! { container, error_level, jpeg_ghost, jpeg_grid, double_quantization, noise_level, resampling, copy_move, dct_statistics, video_structure, face_manipulation, face_synthesis, screen_content }

/// The analyzer of this id.
pub fn find(id: &str) -> Option<&'static dyn Analyzer> {
    ANALYZERS.iter().copied().find(|analyzer| analyzer.about().id == id)
}

/// The user's documentation of an analyzer: the `//!` header of its file, as Markdown.
pub fn documentation(id: &str) -> Option<String> {
    let (_, source) = SOURCES.iter().find(|(name, _)| *name == id)?;
    let lines =
        source.lines().map_while(|line| line.strip_prefix("//!")).map(|line| line.strip_prefix(' ').unwrap_or(line));
    Some(lines.collect::<Vec<_>>().join("\n"))
}
