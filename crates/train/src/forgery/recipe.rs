//! A recipe: how manipulated faces come about, and what a run of it reads and writes.
//!
//! The decision that shapes it: a recipe is one file with one static value in one list,
//! [`RECIPES`]. What it does not say for itself is as in `sbi`; the network, the loop, the
//! degradations and the files are the same for all, and nothing outside its file asks which recipe
//! it is.
//!
//! [`RECIPES`]: super::RECIPES
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use assay_media::Progress;
use assay_models::Kind;
use assay_models::face_forgery::Config;

use super::examples::{Draws, Reals};
use super::given::Given;
use super::pictures::{Labelled, Twin};
use super::task::{Choice, Forgery};
use super::{RECIPES, finish, sbi};
use crate::faces::data::{self, Picture};
use crate::{Options, folder};

/// What is true of a recipe whatever it is given.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one way to differ from sbi")]
pub struct About {
    /// Its word on the command line and in `run.json`.
    pub id: &'static str,
    /// How forged faces come about, in one line.
    pub summary: &'static str,
    /// What the weights are that it writes.
    pub kind: Kind,
    /// Widths of this project's own network.
    pub config: fn() -> Config,
    /// Whether masks teach the network's map.
    pub teaches_map: bool,
    /// Whether it can learn from patches of a face: its draws have masks.
    pub has_patches: bool,
    /// Whether it takes the weights of an animator.
    pub takes_animator: bool,
    /// Whether it learns from further tables beside the folder of labelled pictures.
    pub takes_tables: bool,
    /// Whether it takes an autoencoder whose traces it learns.
    pub takes_autoencoder: bool,
    /// Whether it can only be tuned on a base.
    pub needs_base: bool,
    /// The crop that its weights want, where it is not the usual one of their kind.
    pub crop: Option<&'static str>,
    /// Whether it trains a published network where none is named.
    pub is_published: bool,
    /// Whether its forged faces were made by a generator of this project: what is shown of them
    /// carries that generator's marks.
    pub shows_generated: bool,
}

impl About {
    /// A recipe that differs from `sbi` in nothing but its draws.
    pub const fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            kind: Kind::FaceForgery,
            config: Config::default,
            teaches_map: true,
            has_patches: false,
            takes_animator: false,
            takes_tables: false,
            takes_autoencoder: false,
            needs_base: false,
            crop: None,
            is_published: false,
            shows_generated: false,
        }
    }
}

/// A run: what is trained, on what, and for how long.
pub struct Order<'a> {
    /// What the run does, and leaves out.
    pub choice: Choice,
    /// The folder or table that it learns from.
    pub data: &'a Path,
    /// Further labelled tables or folders of data sets, for a recipe that takes them.
    pub more: &'a [PathBuf],
    /// Folder of the published autoencoder, for a recipe that takes one.
    pub autoencoder: Option<&'a Path>,
    /// Weights of an animator, by id or file, for a recipe that takes one.
    pub animator: Option<&'a str>,
    /// How long, how fast, and where.
    pub options: &'a Options,
}

/// What a run learns from, in memory.
#[derive(Default)]
pub struct Material {
    /// Labelled pictures and frames.
    pub pictures: Vec<Picture>,
    /// Faces that are real or forged already.
    pub given: Vec<Given>,
    /// Whole pictures on disk.
    pub files: Vec<Labelled>,
    /// Pictures beside the same after a decoder.
    pub twins: Vec<Twin>,
}

/// How manipulated faces come about.
pub trait Recipe: Sync {
    /// Id, summary, and how it differs from `sbi` as a whole.
    fn about(&self) -> &'static About;

    /// Reads what the run learns from and writes the run's record.
    ///
    /// # Errors
    /// When the data cannot be read or the folder cannot be written.
    fn load(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<Material> {
        progress.update("reading pictures", 0, 0);
        let pictures = data::load(order.data, Some(data::ClipFrames::GRAIN))?;
        folder::write_record(&order.choice, order.data, &data::files_of(&pictures), order.options)?;
        Ok(Material { pictures, ..Material::default() })
    }

    /// How its crops are drawn from that; `reals` are the faces that all recipes share.
    fn draws<'a>(&self, _material: &'a Material, _reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        Box::new(sbi::Blends)
    }

    /// Does the whole run and returns the file that it wrote.
    ///
    /// # Errors
    /// When the data cannot be read, the folder cannot be written, or training fails.
    fn run(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<PathBuf> {
        let material = self.load(order, progress)?;
        finish(&Forgery::new(&material, order.choice), order.options, progress)
    }
}

/// One of the recipes, by its id.
#[derive(Clone, Copy)]
pub struct Chosen(&'static dyn Recipe);

impl Chosen {
    /// This one.
    pub const fn new(recipe: &'static dyn Recipe) -> Self {
        Self(recipe)
    }
}

impl Deref for Chosen {
    type Target = dyn Recipe;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        self.about().id == other.about().id
    }
}

impl Eq for Chosen {}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.about().id)
    }
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let named = RECIPES.iter().find(|r| r.about().id.eq_ignore_ascii_case(id));
        named.map(|r| Self(*r)).ok_or_else(|| {
            let ids: Vec<&str> = RECIPES.iter().map(|r| r.about().id).collect();
            format!("no recipe is called {id:?}; there are {}", ids.join(", "))
        })
    }
}

impl serde::Serialize for Chosen {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.about().id)
    }
}

impl<'de> serde::Deserialize<'de> for Chosen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        id.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_have_ids_of_their_own_and_are_found_by_them() {
        let mut ids: Vec<&str> = RECIPES.iter().map(|r| r.about().id).collect();
        assert!(ids.contains(&"sbi") && ids.contains(&"generic"));
        for id in &ids {
            let chosen: Chosen = id.parse().unwrap();
            assert_eq!(chosen.about().id, *id);
            assert!(!chosen.about().summary.is_empty(), "{id}");
            let text = serde_json::to_string(&chosen).unwrap();
            assert_eq!(serde_json::from_str::<Chosen>(&text).unwrap(), chosen);
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RECIPES.len());
        // Records of runs name recipes with a capital letter at times.
        assert_eq!(serde_json::from_str::<Chosen>("\"Temporal\"").unwrap().about().id, "temporal");
        let error = "nothing".parse::<Chosen>().unwrap_err();
        assert!(error.contains("nothing") && error.contains("sbi"), "{error}");
    }
}
