//! `cargo xtask new detector ID`: the file and the word.
use std::fs;

use crate::new::{add_word, check_id};
use crate::system::root;

pub(crate) fn detector(id: &str) -> anyhow::Result<()> {
    check_id(id)?;
    let source = root().join("crates/detect/src");
    let file = source.join(format!("{id}.rs"));
    anyhow::ensure!(!file.exists(), "it exists already: {}", file.display());
    add_word(&source.join("lib.rs"), "detectors!", id)?;
    fs::write(&file, laid_out(id))?;
    let weights = weights_id(id);
    println!(
        "crates/detect/src/{id}.rs\nNext: its weights, crates/models/weights/{weights}.safetensors, their entry in \
         crates/models/weights.toml and their line in crates/models/src/registry/shipped.rs; the tests of \
         assay-detect do not pass before. An analyzer asks it by Need::Detector(\"{id}\")."
    );
    Ok(())
}

fn weights_id(id: &str) -> String {
    format!("{}-1", id.replace('_', "-"))
}

fn laid_out(id: &str) -> String {
    TEMPLATE.replace("WEIGHTS", &weights_id(id)).replace("DETECTOR_ID", id)
}

const TEMPLATE: &str = r#"//! What it tells, in one line.
//!
//! What it learned from, and why it wants this crop.
use assay_models::face_forgery::{Crop, JUDGED_MARGIN, JUDGED_SIDE};

use crate::learned::{self, CLASS_ACTIVATION};
use crate::{About, Declared, Input, MapAbout};

/// The files whose mean is asked.
const SHIPPED: [&str; 1] = ["WEIGHTS"];

const ABOUT: About = About {
    id: "DETECTOR_ID",
    title: "the network that tells ...",
    question: None,
    input: Input::FaceCrop(Crop { side: JUDGED_SIDE, margin: JUDGED_MARGIN }),
    maps: &[MapAbout { name: CLASS_ACTIVATION, bright: "what speaks for ... (class activation)" }],
    every: 1,
};

/// The detector.
pub(crate) static THE: Declared =
    Declared { about: ABOUT, open: |weights| learned::open(&ABOUT, &SHIPPED, weights) };
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_the_detector_and_its_weights() {
        let text = laid_out("face_relit");
        assert!(text.contains("id: \"face_relit\"") && text.contains("[\"face-relit-1\"]"), "{text}");
        assert!(!text.contains("DETECTOR_ID") && !text.contains("WEIGHTS"));
        // As the other detectors are opened.
        let shipped = include_str!("../../crates/detect/src/face_synthesis.rs");
        let opens = "open: |weights| learned::open(&ABOUT, &SHIPPED, weights)";
        assert!(text.contains(opens) && shipped.contains(opens));
        assert!(check_id("face_relit").is_ok() && check_id("Face").is_err() && check_id("1a").is_err());
    }
}
