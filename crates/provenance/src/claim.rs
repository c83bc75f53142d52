//! A user's own claim on a picture or clip of theirs: the library side of `assay mark`.
//!
//! The decision that shapes it: the claim is recorded as the user's and signed; nothing is examined
//! and nothing is stripped. An existing manifest becomes the parent ingredient. A file that carries
//! any mark of generated media is refused, so that this is no way to a better past. The pixels stay
//! byte for byte.
use std::path::Path;

use assay_evidence::ManifestState;
use assay_media::{Limits, Source};

use crate::error::part_beside;
use crate::manifest::{Content, mime, new_instance_id, sign};
use crate::verify::Verification;
use crate::{ProvenanceError, Signer, Trust, verify};

/// What a user says about a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// The words, such as who took it and when.
    pub text: String,
    /// IPTC digital source type, such as
    /// `http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture`.
    pub source_type: Option<String>,
}

/// Signs a copy of `input` as `output` with the user's claim. The format stays that of the input,
/// so the extension should too.
///
/// # Errors
/// [`ProvenanceError::MarkedAsGenerated`] when the input carries a mark of generated media,
/// [`ProvenanceError::Format`] when the input's manifest is broken or its format holds none, and
/// those of reading, signing and writing; nothing is left behind then.
pub fn claim(input: &Path, output: &Path, claim: &Claim, signer: &Signer) -> Result<Verification, ProvenanceError> {
    let before = verify(input, &Trust::default())?;
    if let Some(mark) = before.marks.generated {
        return Err(ProvenanceError::MarkedAsGenerated { path: input.to_owned(), mark });
    }
    let unsuited = |reason: String| ProvenanceError::Format { path: input.to_owned(), reason };
    if before.marks.manifest.state == ManifestState::Invalid {
        return Err(unsuited(format!("its manifest is invalid ({})", before.marks.manifest.problems.join("; "))));
    }
    let source = Source::open(input, &Limits::default()).map_err(ProvenanceError::media(input))?;
    if mime(source.format()).is_none() {
        return Err(unsuited(format!("{} files cannot hold a manifest", source.format())));
    }
    let instance =
        new_instance_id().map_err(|e| ProvenanceError::Signing { path: output.to_owned(), reason: e.to_string() })?;
    let content = Content::Claim { text: &claim.text, source_type: claim.source_type.as_deref() };
    let partial = part_beside(output, "part")?;
    let mut from = std::fs::File::open(input).map_err(ProvenanceError::io(input))?;
    let mut to = partial.create().map_err(ProvenanceError::io(output))?;
    sign(&content, (&before.file, &instance, source.format()), (&mut from, &mut to), signer, output)?;
    drop(to);
    let after = verify(partial.path(), &Trust::default())?;
    if !matches!(after.marks.manifest.state, ManifestState::ValidUnknownIssuer | ManifestState::Trusted) {
        let reason =
            format!("the manifest is {:?}: {}", after.marks.manifest.state, after.marks.manifest.problems.join("; "));
        return Err(ProvenanceError::NotReadBack { path: output.to_owned(), reason });
    }
    partial.keep().map_err(ProvenanceError::io(output))?;
    Ok(after)
}
