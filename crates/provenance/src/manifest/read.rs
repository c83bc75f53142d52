//! Reading a manifest and saying what it amounts to.
//!
//! The decision that shapes it: three states that are never merged. *Invalid* (the file was changed, or the signature is broken), *valid but of an
//! unknown issuer* (unchanged since somebody signed it, nobody knows who), *trusted* (the issuer is among the roots that the user gave). Nothing
//! is fetched; a manifest that lies elsewhere is reported as an address.
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{RECORD_LABEL, WATERMARK_NAME, context, guarded, mime, watermark_id};

/// Bytes of a sidecar that are read at most.
const MAX_SIDECAR: u64 = 256 << 20;
/// Statuses that are listed at most.
const MAX_PROBLEMS: usize = 24;

/// What a manifest amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestState {
    /// There is none.
    None,
    /// The file was changed after it was signed, or the manifest itself is broken.
    Invalid,
    /// Unchanged since it was signed, by somebody whose certificate no given root vouches for.
    ValidUnknownIssuer,
    /// Unchanged since it was signed by somebody for whom a root of the user's vouches.
    Trusted,
}

/// Where a manifest was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestWhere {
    /// In the file.
    Embedded,
    /// In a file beside it with the extension `c2pa`.
    Sidecar,
}

/// What is said about a file's manifest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManifestReport {
    /// What it amounts to.
    pub state: ManifestState,
    /// Where it was found.
    pub found_in: Option<ManifestWhere>,
    /// Name in the signing certificate. Anybody can write any name into a certificate of their own.
    pub issuer: Option<String>,
    /// Program that made the manifest.
    pub generator: Option<String>,
    /// Time in the manifest's time stamp; `None` without one.
    pub signed_at: Option<String>,
    /// Digital source types of all its actions.
    pub source_types: Vec<String>,
    /// Number of our watermark that its soft binding names, as eight hexadecimal digits.
    pub watermark_id: Option<String>,
    /// Number that follows from its instance id.
    pub bound_id: Option<String>,
    /// What was recorded about the making, or what a user claimed.
    pub record: Option<Value>,
    /// Titles of its ingredients.
    pub ingredients: Vec<String>,
    /// Address at which the file says its manifest lies; it was not fetched.
    pub remote_address: Option<String>,
    /// Failures by C2PA's status codes, with explanation.
    pub problems: Vec<String>,
}

impl ManifestReport {
    fn none() -> Self {
        Self {
            state: ManifestState::None,
            found_in: None,
            issuer: None,
            generator: None,
            signed_at: None,
            source_types: Vec::new(),
            watermark_id: None,
            bound_id: None,
            record: None,
            ingredients: Vec::new(),
            remote_address: None,
            problems: Vec::new(),
        }
    }

    fn invalid(found_in: Option<ManifestWhere>, problem: String) -> Self {
        Self { state: ManifestState::Invalid, found_in, problems: vec![problem], ..Self::none() }
    }
}

/// True for source types of media that a trained model made or had a part in.
pub(crate) fn is_generated(source_type: &str) -> bool {
    let name = source_type.rsplit('/').next().unwrap_or(source_type).to_ascii_lowercase();
    matches!(name.as_str(), "trainedalgorithmicmedia" | "compositewithtrainedalgorithmicmedia" | "compositesynthetic")
}

/// Reads the manifest of a file, embedded first, then beside it.
pub(crate) fn read(path: &Path, format: &str, anchors: Option<&str>) -> ManifestReport {
    let Some(mime) = mime(format) else { return ManifestReport::none() };
    let embedded = guarded(|| {
        let file = std::fs::File::open(path)?;
        c2pa::Reader::from_context(context(anchors)?).with_stream(mime, std::io::BufReader::new(file))
    });
    match embedded {
        Ok(reader) => report(&reader, ManifestWhere::Embedded),
        Err(c2pa::Error::JumbfNotFound) => sidecar(path, mime, anchors).unwrap_or_else(ManifestReport::none),
        Err(c2pa::Error::RemoteManifestUrl(address) | c2pa::Error::RemoteManifestFetch(address)) => {
            let mut found = sidecar(path, mime, anchors).unwrap_or_else(ManifestReport::none);
            found.remote_address = Some(address);
            found
        }
        Err(error) => ManifestReport::invalid(Some(ManifestWhere::Embedded), error.to_string()),
    }
}

fn sidecar(path: &Path, mime: &str, anchors: Option<&str>) -> Option<ManifestReport> {
    let beside = path.with_extension("c2pa");
    let length = std::fs::metadata(&beside).ok().filter(std::fs::Metadata::is_file)?.len();
    if length > MAX_SIDECAR {
        return Some(ManifestReport::invalid(Some(ManifestWhere::Sidecar), format!("it has {length} bytes")));
    }
    let read = guarded(|| {
        let manifest = std::fs::read(&beside)?;
        let file = std::fs::File::open(path)?;
        let reader = c2pa::Reader::from_context(context(anchors)?);
        reader.with_manifest_data_and_stream(&manifest, mime, std::io::BufReader::new(file))
    });
    Some(match read {
        Ok(reader) => report(&reader, ManifestWhere::Sidecar),
        Err(error) => ManifestReport::invalid(Some(ManifestWhere::Sidecar), error.to_string()),
    })
}

fn report(reader: &c2pa::Reader, found_in: ManifestWhere) -> ManifestReport {
    let state = match reader.validation_state() {
        c2pa::ValidationState::Trusted => ManifestState::Trusted,
        c2pa::ValidationState::Valid => ManifestState::ValidUnknownIssuer,
        c2pa::ValidationState::Invalid => ManifestState::Invalid,
    };
    let statuses = reader.validation_status().unwrap_or_default();
    let problems = statuses.iter().take(MAX_PROBLEMS).map(|status| match status.explanation() {
        Some(explanation) => format!("{}: {explanation}", status.code()),
        None => status.code().to_owned(),
    });
    let mut found =
        ManifestReport { state, found_in: Some(found_in), problems: problems.collect(), ..ManifestReport::none() };
    found.remote_address = reader.remote_url().map(str::to_owned);
    let Some(manifest) = reader.active_manifest() else {
        found.state = ManifestState::Invalid;
        return found;
    };
    found.issuer = manifest.signature_info().and_then(|info| info.issuer.clone());
    found.signed_at = manifest.signature_info().and_then(|info| info.time.clone());
    // The manifest as plain JSON: the same whatever version of c2pa wrote it.
    let json: Value = serde_json::to_value(manifest).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    found.generator = text(&json["claim_generator_info"][0]["name"]).or_else(|| text(&json["claim_generator"]));
    let assertions = || json["assertions"].as_array().into_iter().flatten();
    let labelled = |label: &'static str| {
        assertions().filter(move |a| a["label"].as_str().is_some_and(|l| l.starts_with(label))).map(|a| &a["data"])
    };
    for action in labelled("c2pa.actions").filter_map(|data| data["actions"].as_array()).flatten() {
        found.source_types.extend(text(&action["digitalSourceType"]));
    }
    found.watermark_id = (labelled("c2pa.soft-binding"))
        .filter(|data| data["alg"].as_str() == Some(WATERMARK_NAME))
        .find_map(|data| text(&data["blocks"][0]["value"]));
    found.record = labelled(RECORD_LABEL).next().cloned();
    if found.watermark_id.is_some() {
        found.bound_id = Some(super::id_text(watermark_id(manifest.instance_id())));
    }
    let ingredients = json["ingredients"].as_array().into_iter().flatten();
    found.ingredients = ingredients.filter_map(|ingredient| text(&ingredient["title"])).collect();
    // A parent that was generated stays generated under whatever was signed over it.
    for other in reader.iter_manifests() {
        let json: Value = serde_json::to_value(other).unwrap_or_default();
        let actions =
            json["assertions"].as_array().into_iter().flatten().filter_map(|a| a["data"]["actions"].as_array());
        for kind in actions.flatten().filter_map(|action| action["digitalSourceType"].as_str()) {
            if !found.source_types.iter().any(|t| t == kind) {
                found.source_types.push(kind.to_owned());
            }
        }
    }
    found
}

/// The report on a file without manifest, for tests elsewhere.
#[cfg(test)]
pub(crate) fn none() -> ManifestReport {
    ManifestReport::none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_types_of_made_media_are_known_by_their_last_word() {
        assert!(is_generated("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"));
        assert!(is_generated("compositeWithTrainedAlgorithmicMedia"));
        assert!(!is_generated("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"));
    }

    #[test]
    fn files_without_manifest_have_none_and_broken_sidecars_are_invalid() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        image::RgbImage::new(8, 8).save(&path).unwrap();
        assert_eq!(read(&path, "png", None).state, ManifestState::None);
        std::fs::write(folder.path().join("a.c2pa"), b"no manifest").unwrap();
        let found = read(&path, "png", None);
        assert_eq!((found.state, found.found_in), (ManifestState::Invalid, Some(ManifestWhere::Sidecar)));
        assert_eq!(read(&path, "bmp", None).state, ManifestState::None);
    }
}
