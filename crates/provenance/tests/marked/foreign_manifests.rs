//! Manifests of others that lie, or whose past is broken.
use std::path::Path;

use assay_evidence::ManifestState;
use assay_provenance::{Trust, verify};

fn manifest(name: &str) -> assay_evidence::ManifestReport {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    verify(&path, &Trust::default()).unwrap().marks.manifest
}

/// A manifest that was signed for another picture and lies beside this one: its hash leaves out the
/// range where all of this picture lies.
#[test]
fn a_lifted_manifest_whose_hash_leaves_the_picture_out_is_invalid() {
    let found = manifest("forged.jpg");
    assert_eq!(found.state, ManifestState::Invalid, "{found:?}");
    assert!(found.problems.iter().any(|p| p.starts_with("assay.hashLeavesContentOut")), "{:?}", found.problems);
}

#[test]
fn what_a_valid_file_was_made_from_is_told_of_where_its_signature_is_broken() {
    let found = manifest("ingredient_bad_signature.jpg");
    assert_eq!(found.state, ManifestState::ValidUnknownIssuer, "{found:?}");
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    assert!(found.ingredient_problems.iter().any(|p| p.contains("its signature is broken")), "{found:?}");
}

#[test]
fn a_time_stamp_that_does_not_fit_is_told_of() {
    let found = manifest("timestamp_altered.jpg");
    assert!(found.notes.iter().any(|n| n.contains("time stamp does not fit")), "{found:?}");
}
