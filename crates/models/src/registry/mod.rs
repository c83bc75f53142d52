//! The one way to weights: those that are part of the program, and those that the user imported.
//!
//! The decision that shapes it: weights are named by id and kept by content. An import is a new
//! file named by its hash and a new list of entries; nothing that exists is changed, and a lock
//! keeps two imports from losing one another's entry. Nothing is downloaded. Only safetensors lies
//! in the folder: foreign containers are read once, at import.
mod entry;
mod list;
mod shipped;

use std::fs::File;
use std::path::{Path, PathBuf};

use assay_checkpoints::{Checkpoint, CheckpointError, Options, StateDict, write_safetensors};
use burn::module::Module;
use serde::Serialize;

pub use assay_files::sha256 as sha256_of;
pub use entry::{Entry, NOT_STATED, Origin, check_id, id_from};

use self::list::List;
use crate::import::{self, Request};
use crate::layers::AlignCorners;
use crate::layout::{self, Shapes};
use crate::{Kind, ModelError, soup};

/// The entry of an exported file is kept in its metadata under this key, as JSON.
pub const ENTRY_KEY: &str = "assay.entry";

/// Where weights lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the program.
    Shipped,
    /// In the user's folder.
    Imported,
}

/// An entry and where its weights lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Where.
    pub place: Place,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Weights that were opened and found to be what their entry says.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is known of them. For a file that was never imported: what could be inferred.
    pub entry: Entry,
    /// Tensors by whole name, as [`crate::state::load`] takes them.
    pub tensors: StateDict,
}

impl Loaded {
    /// Widths, and the side of the square pictures that the network takes, which must be a multiple
    /// of what `step` says.
    ///
    /// # Errors
    /// [`ModelError`] where the weights are of another kind than what `purpose` needs, or their
    /// entry says what cannot be.
    pub(crate) fn square<W>(
        &self,
        kind: Kind,
        purpose: &str,
        step: impl Fn(&W) -> usize,
    ) -> Result<(W, usize, AlignCorners), ModelError>
    where
        W: serde::de::DeserializeOwned,
    {
        let entry = &self.entry;
        if entry.kind != kind {
            let reason = format!("{} is a {}, and {purpose} needs a {kind}", entry.id, entry.kind);
            return Err(ModelError::WrongNetwork { path: entry.id.clone().into(), reason });
        }
        let widths: W =
            entry.widths.clone().try_into().map_err(|e: toml::de::Error| {
                ModelError::Registry(format!("the widths of {} are none: {e}", entry.id))
            })?;
        let (side, step) = (entry.input.width as usize, step(&widths));
        if side == 0 || entry.input.height as usize != side || !side.is_multiple_of(step) {
            let reason = format!("an input of {side} pixels a side, which is no multiple of {step}");
            return Err(ModelError::Registry(format!("{} says {reason}", entry.id)));
        }
        let align = if entry.input.align_corners == Some(true) { AlignCorners::Centres } else { AlignCorners::Edges };
        Ok((widths, side, align))
    }

    /// The module with its part of the tensors.
    ///
    /// # Errors
    /// [`ModelError::Misfit`] where they do not fit it.
    pub(crate) fn module<M: Module>(&self, module: M, prefix: &str) -> Result<M, ModelError> {
        crate::state::load(module, &self.tensors, prefix).map_err(|found| ModelError::Misfit {
            path: self.entry.id.clone().into(),
            kind: self.entry.kind,
            found: Box::new(found.0),
        })
    }
}

/// The shipped weights and those in one folder.
#[derive(Debug, Clone)]
pub struct Registry {
    folder: PathBuf,
}

/// Opens weights by id or, where there is no such id, by path, in the user's own registry.
///
/// # Errors
/// As [`Registry::open`].
pub fn open(id_or_path: &str) -> Result<Loaded, ModelError> {
    Registry::of_user()?.open(id_or_path)
}

impl Registry {
    /// The registry in a folder, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The user's registry: `$ASSAY_MODELS_DIR`, else `assay/models` where the system keeps a
    /// user's data.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where no variable says where that is.
    pub fn of_user() -> Result<Self, ModelError> {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // https://specifications.freedesktop.org/basedir-spec: relative paths are to be ignored.
        let data = || variable("XDG_DATA_HOME").filter(|p| p.is_absolute());
        let home = || variable("HOME").map(|home| home.join(".local/share"));
        let folder =
            variable("ASSAY_MODELS_DIR").or_else(|| data().or_else(home).map(|data| data.join("assay/models")));
        folder.map(Self::at).ok_or_else(|| {
            ModelError::Registry("there is no place for models: set ASSAY_MODELS_DIR to a folder".into())
        })
    }

    /// The weights of a kind that are part of the program.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where there are none of this kind, or a file is not what its entry
    /// says; tests keep that from happening.
    pub fn shipped(kind: Kind) -> Result<Loaded, ModelError> {
        let first = Self::shipped_all(kind)?.into_iter().next();
        first.ok_or_else(|| ModelError::Registry(format!("no {kind} is part of this build")))
    }

    /// All weights of a kind that are part of the program; there may be none.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where a file is not what its entry says; tests keep that from
    /// happening.
    pub fn shipped_all(kind: Kind) -> Result<Vec<Loaded>, ModelError> {
        let entries = shipped::entries()?.into_iter().filter(|entry| entry.kind == kind);
        entries.map(|entry| Self::at("").load(&Listed { place: Place::Shipped, entry })).collect()
    }

    /// The weights of this id that are part of the program.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where there are none, or the file is not what its entry says; a
    /// test keeps that from happening.
    pub fn shipped_of(id: &str) -> Result<Loaded, ModelError> {
        let entry = shipped::entries()?.into_iter().find(|entry| entry.id == id);
        let entry = entry.ok_or_else(|| ModelError::Registry(format!("no weights {id:?} are part of this build")))?;
        Self::at("").load(&Listed { place: Place::Shipped, entry })
    }

    /// The user's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything there is, shipped first, each part in the order of its list.
    ///
    /// # Errors
    /// [`ModelError`] where a list cannot be read or is not in order.
    pub fn list(&self) -> Result<Vec<Listed>, ModelError> {
        let listed = |place| move |entry| Listed { place, entry };
        let shipped = shipped::entries()?.into_iter().map(listed(Place::Shipped));
        let imported = List::read(&self.list_path())?.model.into_iter().map(listed(Place::Imported));
        Ok(shipped.chain(imported).collect())
    }

    /// One entry.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where there is none of this id.
    pub fn find(&self, id: &str) -> Result<Listed, ModelError> {
        let found = self.list()?.into_iter().find(|listed| listed.entry.id == id);
        found.ok_or_else(|| {
            ModelError::Registry(format!("there are no weights {id:?}; `assay models list` shows them all"))
        })
    }

    /// Opens weights by id, or a file of weights as an import would read it, without storing
    /// anything. Shipped ids come first, then imported ones, then paths.
    ///
    /// # Errors
    /// [`ModelError`] where there are none, where the file is not what its entry says, or where it
    /// does not fit its network.
    pub fn open(&self, id_or_path: &str) -> Result<Loaded, ModelError> {
        if let Some(listed) = self.list()?.iter().find(|listed| listed.entry.id == id_or_path) {
            return self.load(listed);
        }
        if !Path::new(id_or_path).exists() {
            return Err(ModelError::Registry(format!(
                "there are no weights {id_or_path:?}: neither an id of `assay models list` nor a file"
            )));
        }
        if let Some(loaded) = soup::written_by_training(Path::new(id_or_path))? {
            return Ok(loaded);
        }
        let plan = import::plan(&Request::of(id_or_path))?;
        Ok(Loaded { entry: plan.entry, tensors: plan.tensors })
    }

    /// The weights of an entry, after its hash was computed again and every tensor was held against
    /// the network.
    ///
    /// # Errors
    /// [`ModelError`] where the file is gone, was changed, or does not fit.
    pub fn load(&self, listed: &Listed) -> Result<Loaded, ModelError> {
        let Listed { place, entry } = listed;
        let path = self.path(listed);
        let bytes = match place {
            Place::Shipped => shipped::bytes(entry)?,
            Place::Imported => std::fs::read(&path).map_err(ModelError::io("read", &path))?.into(),
        };
        let damaged = |what: String| {
            Err(ModelError::Registry(format!("the weights {} are damaged: {what} ({})", entry.id, path.display())))
        };
        if bytes.len() as u64 != entry.bytes {
            return damaged(format!("{} bytes instead of {}", bytes.len(), entry.bytes));
        }
        let sha256 = sha256_of(&bytes);
        if sha256 != entry.sha256 {
            return damaged(format!("the SHA-256 is {sha256} instead of {}", entry.sha256));
        }
        let checkpoint = Checkpoint::from_bytes(&bytes, Options::default())
            .map_err(|source| ModelError::Checkpoint { path: path.clone(), source })?;
        let tensors = checkpoint.into_tensors();
        // Kinds that are only ever shipped are loaded by their own crates, which hold them to their
        // modules.
        if layout::importable().any(|kind| kind == entry.kind) {
            let expected = layout::expected(entry.kind, &entry.widths)
                .map_err(|reason| ModelError::Registry(format!("the widths of {} are none: {reason}", entry.id)))?;
            let found = layout::compare(&expected, &shapes(&tensors));
            if !found.is_complete() {
                return Err(ModelError::Misfit { path, kind: entry.kind, found: Box::new(found) });
            }
        }
        Ok(Loaded { entry: entry.clone(), tensors })
    }

    /// Writes weights with their entry to one safetensors file that any registry can import again.
    ///
    /// # Errors
    /// As [`Registry::load`], and where the file cannot be written.
    pub fn export(&self, id: &str, out: &Path) -> Result<Entry, ModelError> {
        let Loaded { entry, tensors } = self.load(&self.find(id)?)?;
        let text = serde_json::to_string(&entry).map_err(|e| ModelError::Registry(e.to_string()))?;
        let bytes = write_safetensors(&tensors, Some([(ENTRY_KEY.to_owned(), text)].into()))
            .map_err(|source| ModelError::Checkpoint { path: out.to_owned(), source })?;
        if out.is_dir() {
            return Err(ModelError::Registry(format!("cannot write {}: it is a folder", out.display())));
        }
        list::write_whole(out, &bytes)?;
        Ok(entry)
    }

    /// Keeps weights under an id. The same weights may be added again, which renews what is known
    /// of them; an id is never given to others.
    ///
    /// # Errors
    /// [`ModelError`] where the id is taken or no id, or where the folder cannot be written.
    pub fn add(&self, mut entry: Entry, tensors: &StateDict) -> Result<Entry, ModelError> {
        let bytes = packed(tensors).map_err(|source| ModelError::Checkpoint { path: self.folder.clone(), source })?;
        entry.sha256 = sha256_of(&bytes);
        entry.bytes = bytes.len() as u64;
        entry.file = format!("{}.safetensors", entry.sha256);
        entry.check()?;
        std::fs::create_dir_all(&self.folder).map_err(ModelError::io("make the folder", &self.folder))?;
        let lock = self.folder.join("registry.lock");
        let lock_file = File::options().create(true).append(true).open(&lock).map_err(ModelError::io("open", &lock))?;
        // Held until the file is closed, at the end of this function.
        lock_file.lock().map_err(ModelError::io("lock", &lock))?;
        let mut list = List::read(&self.list_path())?;
        let taken = |other: &Entry| other.id == entry.id && other.sha256 != entry.sha256;
        if shipped::entries()?.iter().any(|other| other.id == entry.id) || list.model.iter().any(taken) {
            return Err(ModelError::Registry(format!(
                "the id {} belongs to other weights already; choose another with --id",
                entry.id
            )));
        }
        list::write_whole(&self.folder.join(&entry.file), &bytes)?;
        match list.model.iter_mut().find(|other| other.id == entry.id) {
            Some(known) => *known = entry.clone(),
            None => list.model.push(entry.clone()),
        }
        list.write(&self.list_path())?;
        Ok(entry)
    }

    /// Where an entry's file lies; for shipped weights, its name.
    pub fn path(&self, listed: &Listed) -> PathBuf {
        match listed.place {
            Place::Shipped => PathBuf::from(&listed.entry.file),
            Place::Imported => self.folder.join(&listed.entry.file),
        }
    }

    fn list_path(&self) -> PathBuf {
        self.folder.join("registry.toml")
    }
}

/// The file that a registry keeps for these tensors. The same tensors give the same bytes.
pub(crate) fn packed(tensors: &StateDict) -> Result<Vec<u8>, CheckpointError> {
    write_safetensors(tensors, None)
}

/// Names and shapes of tensors.
pub fn shapes(tensors: &StateDict) -> Shapes {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect()
}

/// The SHA-256 of a file.
///
/// # Errors
/// [`ModelError::Io`] where it cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String, ModelError> {
    assay_files::sha256_of_file(path).map_err(ModelError::io("read", path))
}
