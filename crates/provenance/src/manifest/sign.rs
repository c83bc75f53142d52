//! Making and signing a manifest.
//!
//! The decision that shapes it: two kinds of content and no third. What a generator made gets
//! `c2pa.created` with a trained-algorithmic source type and the watermark's soft binding; a user's
//! own claim gets `c2pa.opened` or `c2pa.published` about the user's file and says that the claim
//! is the user's.
use std::io::{Read, Seek, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{RECORD_LABEL, WATERMARK_NAME, context, guarded, id_text, mime, watermark_id};
use crate::{ProvenanceError, Record, Signer};

/// What is to be said in a manifest.
pub(crate) enum Content<'a> {
    /// Something made by a generator.
    Made(&'a Record),
    /// Words of a user about a file of theirs.
    Claim {
        /// The words.
        text: &'a str,
        /// IPTC digital source type that the user states.
        source_type: Option<&'a str>,
    },
}

/// Name and version of this program in manifests.
fn agent() -> Value {
    json!({ "name": "Assay", "version": env!("CARGO_PKG_VERSION") })
}

/// Signs `source` into `target`; `title` is the file's name, `path` is for messages.
pub(crate) fn sign<R, W>(
    content: &Content,
    (title, instance_id, format): (&str, &str, &str),
    (source, target): (&mut R, &mut W),
    signer: &Signer,
    path: &Path,
) -> Result<(), ProvenanceError>
where
    R: Read + Seek + Send,
    W: Read + Write + Seek + Send,
{
    let unsigned = |reason: String| ProvenanceError::Signing { path: path.to_owned(), reason };
    let mime = mime(format).ok_or_else(|| unsigned(format!("{format} files cannot hold a manifest")))?;
    let failed = |error: c2pa::Error| unsigned(error.to_string());
    let mut ingredients = Vec::new();
    let mut hashes = Vec::new();
    if let Content::Made(record) = content {
        for (at, used) in record.sources.iter().enumerate() {
            let limits = assay_media::Limits::default();
            let opened = assay_media::Source::open(&used.path, &limits).map_err(ProvenanceError::media(&used.path))?;
            let id = format!("source{at}");
            hashes.push(json!({ "title": opened.file_name(), "role": used.role, "sha256": opened.sha256() }));
            ingredients.push((id, opened, used));
        }
    }
    let definition = definition(content, (title, instance_id, mime), &hashes, ingredients.iter().map(|i| i.0.as_str()));
    guarded(|| {
        let mut builder = c2pa::Builder::from_context(context(None)?).with_definition(definition.to_string())?;
        if matches!(content, Content::Claim { .. }) {
            // The parent is the file itself, with whatever manifest it has; the intent makes it the
            // first action.
            builder.set_intent(c2pa::BuilderIntent::Edit);
            let parent = json!({ "title": title, "relationship": "parentOf" });
            builder.add_ingredient_from_stream(parent.to_string(), mime, source)?;
            source.rewind()?;
        }
        for (id, opened, used) in &ingredients {
            let about = json!({ "title": opened.file_name(), "relationship": "inputTo", "label": id, "description": used.role });
            if let Some(mime) = super::mime(opened.format()) {
                let mut file = std::fs::File::open(&used.path)?;
                builder.add_ingredient_from_stream(about.to_string(), mime, &mut file)?;
            } else {
                let mut about = about;
                about["format"] = "application/octet-stream".into();
                builder.add_ingredient(c2pa::Ingredient::from_json(&about.to_string())?);
            }
        }
        builder.sign(signer.inner.as_ref(), mime, source, target)
    })
    .map_err(failed)?;
    Ok(())
}

fn definition<'a>(
    content: &Content,
    (title, instance_id, mime): (&str, &str, &str),
    hashes: &[Value],
    ingredients: impl Iterator<Item = &'a str>,
) -> Value {
    let assertions = match content {
        Content::Made(record) => {
            let id = watermark_id(instance_id);
            json!([
                { "label": "c2pa.actions.v2", "data": { "actions": [
                    {
                        "action": "c2pa.created",
                        "digitalSourceType": record.making.source_type(),
                        "softwareAgent": agent(),
                        "parameters": { "ingredientIds": ingredients.collect::<Vec<_>>() },
                    },
                    { "action": "c2pa.watermarked.bound", "softwareAgent": agent() },
                ] } },
                { "label": "c2pa.soft-binding", "data": {
                    "alg": WATERMARK_NAME,
                    "blocks": [{ "scope": {}, "value": id_text(id) }],
                    "name": "invisible watermark; its algorithm is not on C2PA's list",
                    "pad": [],
                } },
                { "label": RECORD_LABEL, "data": {
                    "making": record.making,
                    "label": record.making.words(),
                    "generator": record.generator,
                    "weights": record.weights,
                    "settings": record.settings,
                    "seed": record.seed,
                    "sources": hashes,
                } },
            ])
        }
        Content::Claim { text, source_type } => json!([
            { "label": RECORD_LABEL, "data": {
                "claim": text,
                "claimed_source_type": source_type,
                "note": "stated by the person who signed; not examined by Assay",
            } },
        ]),
    };
    json!({
        "claim_generator_info": [agent()],
        "title": title,
        "format": mime,
        "instance_id": instance_id,
        "assertions": assertions,
    })
}
