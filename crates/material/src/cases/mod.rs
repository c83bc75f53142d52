//! The makers of the analyzers' golden cases: one file an analyzer, the drawn scene in, small media
//! files out.
//!
//! The files are committed under `crates/analyzers/cases/<id>/`; this recipe says how each came to
//! be and makes them again (`assay planted cases`). Names begin with `positive_`, `negative_` or
//! `not_applicable_`.
mod clips;

use std::path::Path;

macro_rules! cases {
    ($($id:ident),* $(,)?) => {
        $(mod $id;)*
        /// Writes the case files of every analyzer below `analyzers_cases`, one folder each.
        ///
        /// # Errors
        /// When a file cannot be made or written.
        pub fn make_all(analyzers_cases: &Path) -> anyhow::Result<()> {
            $(
                let folder = analyzers_cases.join(stringify!($id));
                std::fs::create_dir_all(&folder)?;
                $id::make(&folder)?;
            )*
            Ok(())
        }
    };
}

cases! { container, copy_move, dct_statistics, double_quantization, error_level, face_manipulation, face_synthesis, jpeg_ghost, jpeg_grid, noise_level, resampling, screen_content, video_structure }
