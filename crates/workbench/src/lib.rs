//! The library face of Assay: give it a path and settings, get a report.
//!
//! The decision that shapes it: one file is one unit of work with one result, computed by
//! [`scan_file`] without any knowledge of folders, stores or output formats. [`Scan`] runs many of
//! them, keeps them in a [`Store`] so that a run can be killed and resumed, and writes a
//! hash-chained log. What is learned from recorded data ([`calibration`]) is embedded, versioned
//! and named in every report.
mod badges;
pub mod calibration;
mod case;
mod inputs;
mod known;
mod persons;
mod pipeline;
pub mod questions;
mod reproduce;
mod scan;
mod store;
mod verdict;

use std::path::Path;

pub use assay_files::sha256_of_file as hash_file;
pub use case::{CaseError, read_case};
pub use inputs::{Inputs, Shard};
pub use pipeline::{Asked, DEFAULT_FRAMES, Setup, SetupError, ThresholdChoice, Tool, result_hash, scan_file};
pub use reproduce::{Difference, ReproduceError, differences, reproduce, setup_of};
pub use scan::{Done, Scan};
pub use store::{LogEntry, STORE_NAME, Store, StoreError, WorkKey};
pub use verdict::{MIN_SIDE, NOTHING_LEARNED, figures_of, mixture, reaches, weigh};

/// Now, RFC 3339, UTC.
pub fn now_utc() -> String {
    jiff::Timestamp::now().to_string()
}

/// Name of a file's report: its own name and eight digits of the hash of its absolute path, so that
/// files of the same name do not collide.
pub fn report_name(path: &Path) -> String {
    use sha2::Digest as _;
    let stem: String = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(80)
        .collect();
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let digest = format!("{:x}", sha2::Sha256::digest(whole.as_os_str().as_encoded_bytes()));
    format!("{stem}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_names_keep_apart_and_stay_plain() {
        let a = report_name(Path::new("one/photo.jpg"));
        let b = report_name(Path::new("two/photo.jpg"));
        assert_ne!(a, b);
        assert!(a.starts_with("photo.jpg-"));
        assert!(report_name(Path::new("x/a b\"<c>.png")).starts_with("a_b__c_.png-"));
    }
}
