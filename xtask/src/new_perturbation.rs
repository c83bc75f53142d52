//! `cargo xtask new perturbation ID`: the file and its word in the list.
use std::fs;

use crate::new::{add_word, check_id};
use crate::system::root;

pub(crate) fn perturbation(id: &str) -> anyhow::Result<()> {
    check_id(id)?;
    let folder = root().join("crates/material/src/perturb");
    let file = folder.join(format!("{id}.rs"));
    anyhow::ensure!(!file.exists(), "it exists already: {}", file.display());
    add_word(&folder.join("mod.rs"), "perturbations!", id)?;
    fs::write(&file, TEMPLATE.replace("ID", id))?;
    println!(
        "{}\nNext: say what it does; `assay data perturb --list` shows it. The family test holds it to its levels.",
        file.strip_prefix(root()).unwrap_or(&file).display()
    );
    Ok(())
}

const TEMPLATE: &str = r#"//! What happens to the picture, in words.
use image::RgbImage;

use super::{About, Clips, Level, Number, Perturbation, Stills};
use crate::rng::Rng;

/// See the head of this file.
pub struct This;

/// The one there is.
pub static THE: This = This;

static ABOUT: About = About {
    id: "ID",
    summary: "what happens to the picture",
    level: Number { name: "strength", unit: "", least: 0.0, most: 1.0 },
    levels: &[0.5],
    options: &[],
    stills: Stills::Changed,
    clips: Clips::ByFrame,
};

impl Perturbation for This {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn still(&self, _picture: &RgbImage, _level: &Level, _rng: &mut Rng) -> anyhow::Result<RgbImage> {
        anyhow::bail!("ID is not written yet")
    }
}
"#;
