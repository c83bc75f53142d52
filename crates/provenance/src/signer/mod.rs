//! Who signs.
//!
//! The decision that shapes it: either a key that this program made for itself on first use
//! ([`key`]), which lets anybody see that two files come from the same hand and that nothing was
//! changed since, or a program of the user's own ([`program`]), so that a key with a name never has
//! to enter this process. A signature by the first kind is "valid, issuer unknown" everywhere, and
//! is meant to be.
mod key;
mod program;

use std::path::{Path, PathBuf};

pub use program::SignerInfo;

use crate::ProvenanceError;

/// Signs manifests.
pub struct Signer {
    pub(crate) inner: c2pa::BoxedSigner,
    name: String,
}

impl Signer {
    /// The user's own key; it is made when there is none yet. `folder` is the program's folder in
    /// the user's configuration, `None` for the usual one.
    ///
    /// # Errors
    /// [`ProvenanceError`] when the folder cannot be written, or the key in it is damaged or open
    /// to others.
    pub fn own(folder: Option<&Path>) -> Result<Self, ProvenanceError> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => configuration_folder()?,
        };
        let pair = key::open_or_create(&folder)?;
        let unusable = |error: c2pa::Error| ProvenanceError::Key { path: folder.clone(), reason: error.to_string() };
        let inner = c2pa::create_signer::from_keys(
            pair.certificates.as_bytes(),
            pair.private_key.as_bytes(),
            c2pa::SigningAlg::Ed25519,
            None,
        );
        Ok(Self { inner: inner.map_err(unusable)?, name: format!("own key in {}", folder.display()) })
    }

    /// A program of the user's own, called for every signature; see [`SignerInfo`].
    ///
    /// # Errors
    /// [`ProvenanceError::Key`] when the description or its certificates cannot be read.
    pub fn program(program: &Path, info: &SignerInfo) -> Result<Self, ProvenanceError> {
        let inner: c2pa::BoxedSigner = Box::new(program::Program::new(program, info)?);
        Ok(Self { inner, name: program.display().to_string() })
    }

    /// What it is, for people.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `assay` in the user's configuration (XDG Base Directory Specification).
fn configuration_folder() -> Result<PathBuf, ProvenanceError> {
    let given = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = given("XDG_CONFIG_HOME").filter(|p| p.is_absolute()).or_else(|| Some(given("HOME")?.join(".config")));
    base.map(|base| base.join("assay")).ok_or_else(|| ProvenanceError::Key {
        path: PathBuf::from("signing key"),
        reason: "neither XDG_CONFIG_HOME nor HOME is set, so there is no place for it".into(),
    })
}
