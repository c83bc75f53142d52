//! From a foreign file to an entry: what network it is, whether every tensor has its place, and
//! what its use depends on.
//!
//! The decision that shapes it: an import is planned completely before anything is written, so that
//! a dry run is the import without its last step. What the file does not say (licence, training
//! data) the caller says, or the entry says that nobody did.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assay_checkpoints::{Checkpoint, PlainValue, StateDict};

use crate::efficientnet::PaddingVariant;
use crate::layout::{self, Shapes};
use crate::registry::{ENTRY_KEY, Entry, Origin, packed, sha256_of, sha256_of_file, shapes};
use crate::state::Match;
use crate::{InputContract, Kind, ModelError};

/// What the caller says of the file. What is `None` is inferred, taken from an exported file's own
/// entry, or left unstated.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The file.
    pub file: PathBuf,
    /// The kind that it must be.
    pub kind: Option<Kind>,
    /// Id of the entry.
    pub id: Option<String>,
    /// Terms of use.
    pub licence: Option<String>,
    /// Where the weights come from.
    pub source: Option<String>,
    /// What they were trained on.
    pub training_data: Option<String>,
    /// The model card, or where it is.
    pub card: Option<String>,
    /// Side of the input in pixels, where it is not the published one.
    pub size: Option<u32>,
    /// Name of the crop template.
    pub crop: Option<String>,
    /// Padding variant of an EfficientNet.
    pub padding: Option<PaddingVariant>,
    /// Convention of the sampling grid.
    pub align_corners: Option<bool>,
}

impl Request {
    /// Only the file, all else inferred.
    pub fn of(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }
}

/// An import that would succeed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The entry to be.
    pub entry: Entry,
    /// Every tensor against the network; complete.
    pub found: Match,
    /// States of optimisers that were left out, with their numbers of tensors.
    pub skipped: BTreeMap<String, usize>,
    /// Numbers and texts beside the tensors, such as the epoch.
    pub values: BTreeMap<String, PlainValue>,
    /// The tensors by the names of the entry's network.
    pub tensors: StateDict,
}

/// Reads the file and holds it against the network that it is, or must be. Writes nothing.
///
/// # Errors
/// [`ModelError`] where the file cannot be read, is refused, belongs to another network, or does
/// not fit it to the last tensor.
pub fn plan(request: &Request) -> Result<Plan, ModelError> {
    let path = &request.file;
    let checkpoint = Checkpoint::read(path).map_err(|source| ModelError::Checkpoint { path: path.clone(), source })?;
    let container = checkpoint.container;
    let skipped = checkpoint.skipped.clone();
    let mut values = checkpoint.values.clone();
    let stated = stated(path, values.remove(ENTRY_KEY))?;
    let tensors = checkpoint.into_tensors();
    let wanted = request.kind.or(stated.as_ref().map(|entry| entry.kind));
    let (kind, prefix) = identify(path, wanted, &shapes(&tensors))?;
    let count = tensors.len();
    let tensors: StateDict = tensors
        .into_iter()
        .map(|(name, tensor)| (name.strip_prefix(&prefix).map(str::to_owned).unwrap_or(name), tensor))
        .collect();
    let have = shapes(&tensors);
    let wrong = |reason: String| ModelError::WrongNetwork { path: path.clone(), reason };
    if tensors.len() != count {
        return Err(wrong(format!("some names stand both under {prefix} and beside it")));
    }
    let widths = layout::infer(kind, &have).map_err(|reason| wrong(format!("it looks like {kind}, but {reason}")))?;
    let expected = layout::expected(kind, &widths).map_err(wrong)?;
    let found = layout::compare(&expected, &have);
    if !found.is_complete() {
        return Err(ModelError::Misfit { path: path.clone(), kind, found: Box::new(found) });
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let origin = Origin { file: name.clone(), sha256: sha256_of_file(path)?, container: container.name().into() };
    let bytes = packed(&tensors).map_err(|source| ModelError::Checkpoint { path: path.clone(), source })?;
    let sha256 = sha256_of(&bytes);
    let base = stated.unwrap_or_else(|| Entry { origin: Some(origin), ..Entry::unstated(&name, kind) });
    let said = |words: &Option<String>, else_: String| words.clone().unwrap_or(else_);
    let entry = Entry {
        id: said(&request.id, base.id),
        kind,
        file: format!("{sha256}.safetensors"),
        sha256,
        bytes: bytes.len() as u64,
        licence: said(&request.licence, base.licence),
        source: said(&request.source, base.source),
        training_data: said(&request.training_data, base.training_data),
        card: request.card.clone().or(base.card),
        origin: base.origin,
        input: contract(request, base.input)?,
        widths,
        metrics: base.metrics,
    };
    entry.check()?;
    Ok(Plan { entry, found, skipped, values, tensors })
}

/// The entry that an exported file carries.
pub(crate) fn stated(path: &Path, value: Option<PlainValue>) -> Result<Option<Entry>, ModelError> {
    let Some(PlainValue::Text(text)) = value else { return Ok(None) };
    let entry = serde_json::from_str(&text)
        .map_err(|e| ModelError::Registry(format!("the entry in {} is not in order: {e}", path.display())))?;
    Ok(Some(entry))
}

fn identify(path: &Path, wanted: Option<Kind>, have: &Shapes) -> Result<(Kind, String), ModelError> {
    let wrong = |reason: String| Err(ModelError::WrongNetwork { path: path.to_owned(), reason });
    let found = layout::identify(have);
    let some: Vec<String> = have.keys().take(3).map(|name| name.escape_debug().to_string()).collect();
    let what = match &found {
        Some((kind, _)) => format!("found {kind}"),
        None if have.is_empty() => "found no tensors at all".into(),
        None => format!("found {} tensors of no known network ({} ...)", have.len(), some.join(", ")),
    };
    match (wanted, found) {
        (None, Some(found)) => Ok(found),
        (Some(kind), Some((other, prefix))) if kind == other => Ok((kind, prefix)),
        (Some(kind), _) => {
            let sections = layout::sections(kind);
            if sections.is_empty() {
                return wrong(format!("weights of the kind {kind} cannot be imported"));
            }
            wrong(format!("expected {kind}, whose tensors begin with {sections}; {what}"))
        }
        (None, None) => {
            let kinds: Vec<&str> = layout::importable().map(Kind::name).collect();
            wrong(format!("expected one of {}; {what}", kinds.join(", ")))
        }
    }
}

fn contract(request: &Request, mut input: InputContract) -> Result<InputContract, ModelError> {
    if let Some(side) = request.size {
        (input.width, input.height) = (side, side);
    }
    if let Some(crop) = &request.crop {
        crop.clone_into(&mut input.crop);
    }
    let unfit = |what: &str| {
        let kind = request.kind.map_or_else(|| "this network".to_owned(), |kind| kind.to_string());
        Err(ModelError::Registry(format!("{what} says nothing about {kind} ({})", request.file.display())))
    };
    if let Some(padding) = request.padding {
        if input.padding.is_none() {
            return unfit("a padding variant");
        }
        input.padding = Some(padding);
    }
    if let Some(align) = request.align_corners {
        if input.align_corners.is_none() {
            return unfit("the alignment of corners");
        }
        input.align_corners = Some(align);
    }
    Ok(input)
}
