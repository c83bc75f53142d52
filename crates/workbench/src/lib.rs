//! The library face of Assay: give it a path and settings, get a report.
//!
//! The decision that shapes it: one file is one unit of work with one result, computed by [`scan_file`] without any knowledge of folders,
//! stores or output formats. [`Scan`] runs many of them, keeps them in a [`Store`] so that a run can be killed and resumed, and writes a
//! hash-chained log. What is learned from recorded data ([`calibration`]) is embedded, versioned and named in every report.
pub mod calibration;
mod inputs;
mod persons;
mod pipeline;
mod reproduce;
mod scan;
mod store;
mod verdict;

pub use assay_files::sha256_of_file as hash_file;
pub use inputs::{Inputs, Shard};
pub use pipeline::{DEFAULT_FRAMES, DEFAULT_THRESHOLD_LR, Setup, SetupError, result_hash, scan_file};
pub use reproduce::{Difference, ReproduceError, differences, reproduce, setup_of};
pub use scan::{Done, Scan};
pub use store::{LogEntry, STORE_NAME, Store, StoreError, WorkKey};
pub use verdict::{MIN_SIDE, NOTHING_LEARNED, figures_of, mixture, reaches, weigh};

/// Now, RFC 3339, UTC.
pub fn now_utc() -> String {
    jiff::Timestamp::now().to_string()
}
