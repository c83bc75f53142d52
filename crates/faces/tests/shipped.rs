//! The shipped networks on photographs that they never saw. Needs ../shared.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::path::{Path, PathBuf};

use assay_faces::{FaceNetworks, Networks};
use image::RgbImage;

fn picture(name: &str) -> Option<RgbImage> {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join("data").join(name);
    if !path.exists() {
        println!("SKIPPED: no picture at {}", path.display());
        return None;
    }
    Some(image::open(path).unwrap().into_rgb8())
}

#[test]
fn shared_a_collage_of_portraits_is_found_and_measured_the_same_way_twice() {
    let Some(picture) = picture("landmarks/dlib_examples/bald_guys.jpg") else { return };
    let networks = Networks::shipped().unwrap();
    let least = networks.operating_points().face_score;
    let mut found = networks.detect(&picture).unwrap();
    assert_eq!(found, networks.detect(&picture).unwrap());
    found.retain(|f| f.score >= least);
    // Twenty-four portraits of five men.
    assert!((22..=27).contains(&found.len()), "{}", found.len());
    let first = networks.landmarks(&picture, &found[0]).unwrap();
    let b = found[0].box_in_frame;
    let inside = |p: &[f32; 2]| (b.x - 0.2 * b.width..b.right() + 0.2 * b.width).contains(&p[0]);
    assert_eq!(first.mesh.len(), 468);
    assert!(first.mesh.iter().all(inside), "the mesh lies on the face");
    let vector = networks.embed(&picture, &first).unwrap();
    assert_eq!(vector, networks.embed(&picture, &first).unwrap());
}

#[test]
fn shared_a_picture_of_a_room_shows_nobody() {
    let Some(picture) = picture("nonface/imagenet256/104.jpg") else { return };
    let networks = Networks::shipped().unwrap();
    let least = networks.operating_points().face_score;
    let found = networks.detect(&picture).unwrap();
    assert!(found.iter().all(|f| f.score < least), "{found:?}");
}
