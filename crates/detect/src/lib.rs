//! The detectors, one file each: what a network, or a description of real faces, says of what it is
//! given.
//!
//! The decision that shapes this crate: a detector is a static description and a way to open it, in
//! one static list. `detectors! { ... }` declares the modules and the list [`DETECTORS`]. An opened
//! detector says which weights it has, is given its own crop of a face, and answers a logit and
//! named maps; several that want the same crop share it. [`Detectors`] is the set that a run asks,
//! opened when it is put together and only as far as it is asked for; it stands behind
//! [`assay_faces::Detecting`], so that faces are judged while their pixels are at hand. A detector
//! knows no threshold and no verdict: what its score is worth is learned elsewhere.
mod about;
mod detector;
mod given;
mod learned;
pub mod null_levels;
mod places;
mod set;
mod tuned;

pub use about::{About, Input, MapAbout, MapId};
pub use detector::{Declared, DetectError, Detector, Judgement, Open, Weights};
pub use given::{FaceCrop, Given, GivenFace};
pub use null_levels::NullLevels;
pub use set::{Detectors, all_networks, networks};

/// Declares the modules of the detectors and their static list.
macro_rules! detectors {
    ($($id:ident),* $(,)?) => {
        $(mod $id;)*
        /// Every detector, in the order in which they are opened and recorded.
        pub static DETECTORS: &[&Declared] = &[$(&$id::THE),*];
    };
}

detectors! { face_manipulation, face_synthesis }

/// The detector of this id.
pub fn find(id: &str) -> Option<&'static Declared> {
    DETECTORS.iter().copied().find(|detector| detector.about.id == id)
}

/// Every map of every detector, in the order of the list.
pub fn maps() -> impl Iterator<Item = MapId> {
    let of = |about: &'static About| about.maps.iter().map(|m| MapId { detector: about.id, map: m.name });
    DETECTORS.iter().flat_map(move |detector| of(&detector.about))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn descriptions_are_complete_unique_and_in_order() {
        let mut before = BTreeSet::new();
        for Declared { about, .. } in DETECTORS {
            assert!(about.id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", about.id);
            assert!(!about.title.is_empty(), "{}", about.id);
            assert!(about.every > 0, "{}", about.id);
            assert!(about.maps.iter().all(|m| !m.name.is_empty() && !m.bright.is_empty()), "{}", about.id);
            assert!(before.insert(about.id), "two detectors are called {}", about.id);
        }
        let names: BTreeSet<MapId> = maps().collect();
        assert_eq!(names.len(), maps().count(), "two maps of a detector have one name");
    }
}
