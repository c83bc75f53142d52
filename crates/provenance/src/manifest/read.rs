//! Reading a manifest and saying what it amounts to.
//!
//! The decision that shapes it: three states that are never merged. *Invalid* (the file was
//! changed, or the signature is broken), *valid but of an unknown issuer* (unchanged since somebody
//! signed it, nobody knows who), *trusted* (the issuer is among the roots that the user gave).
//! Nothing is fetched; a manifest that lies elsewhere is reported as an address.
use std::collections::BTreeSet;
use std::io::BufReader;

use assay_evidence::{ManifestReport, ManifestState, ManifestWhere};
use assay_media::{Source, SourceReader};
use serde_json::Value;

use super::{RECORD_LABEL, WATERMARK_NAME, binding, context, guarded, mime, statuses, watermark_id};

/// Bytes of a sidecar that are read at most.
const MAX_SIDECAR: u64 = 256 << 20;
/// Statuses that are listed at most.
const MAX_PROBLEMS: usize = 24;

/// Where a manifest is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManifestPlaces {
    /// In the file alone.
    File,
    /// In the file, and then in one beside it with the extension `c2pa`.
    FileAndBeside,
}

fn invalid(found_in: ManifestWhere, problem: String) -> ManifestReport {
    ManifestReport {
        state: ManifestState::Invalid,
        found_in: Some(found_in),
        problems: vec![problem],
        ..ManifestReport::default()
    }
}

/// True for source types of media that a trained model made or had a part in.
pub(crate) fn is_generated(source_type: &str) -> bool {
    let name = source_type.rsplit('/').next().unwrap_or(source_type).to_ascii_lowercase();
    matches!(name.as_str(), "trainedalgorithmicmedia" | "compositewithtrainedalgorithmicmedia" | "compositesynthetic")
}

/// Reads the manifest of a file, embedded first.
pub(crate) fn read(source: &Source, anchors: Option<&str>, places: ManifestPlaces) -> ManifestReport {
    let Some(mime) = mime(source.format()) else { return ManifestReport::default() };
    let embedded = guarded(|| c2pa::Reader::from_context(context(anchors)?).with_stream(mime, stream(source)));
    let beside = || match places {
        ManifestPlaces::File => ManifestReport::default(),
        ManifestPlaces::FileAndBeside => sidecar(source, mime, anchors).unwrap_or_default(),
    };
    match embedded {
        Ok(reader) => report(&reader, ManifestWhere::Embedded, mime, source),
        Err(c2pa::Error::JumbfNotFound) => beside(),
        Err(c2pa::Error::RemoteManifestUrl(address) | c2pa::Error::RemoteManifestFetch(address)) => {
            ManifestReport { remote_address: Some(address), ..beside() }
        }
        Err(error) => invalid(ManifestWhere::Embedded, error.to_string()),
    }
}

fn stream(source: &Source) -> BufReader<SourceReader<'_>> {
    BufReader::new(source.reader())
}

fn sidecar(source: &Source, mime: &str, anchors: Option<&str>) -> Option<ManifestReport> {
    let beside = source.path().with_extension("c2pa");
    let length = std::fs::metadata(&beside).ok().filter(std::fs::Metadata::is_file)?.len();
    if length > MAX_SIDECAR {
        return Some(invalid(ManifestWhere::Sidecar, format!("it has {length} bytes")));
    }
    let read = guarded(|| {
        let manifest = std::fs::read(&beside)?;
        let reader = c2pa::Reader::from_context(context(anchors)?);
        reader.with_manifest_data_and_stream(&manifest, mime, stream(source))
    });
    Some(match read {
        Ok(reader) => report(&reader, ManifestWhere::Sidecar, mime, source),
        Err(error) => invalid(ManifestWhere::Sidecar, error.to_string()),
    })
}

fn report(reader: &c2pa::Reader, found_in: ManifestWhere, mime: &str, source: &Source) -> ManifestReport {
    let state = match reader.validation_state() {
        c2pa::ValidationState::Trusted => ManifestState::Trusted,
        c2pa::ValidationState::Valid => ManifestState::ValidUnknownIssuer,
        c2pa::ValidationState::Invalid => ManifestState::Invalid,
    };
    let statuses = reader.validation_status().unwrap_or_default();
    // The state says it already, and better: of an unknown issuer.
    let said = |code: &str| state == ManifestState::ValidUnknownIssuer && code == "signingCredential.untrusted";
    let problems =
        statuses.iter().filter(|s| !said(s.code())).take(MAX_PROBLEMS).map(|status| match status.explanation() {
            Some(explanation) => format!("{}: {explanation}", status.code()),
            None => status.code().to_owned(),
        });
    let mut found =
        ManifestReport { state, found_in: Some(found_in), problems: problems.collect(), ..ManifestReport::default() };
    let store: Value = serde_json::from_str(&reader.detailed_json()).unwrap_or_default();
    let left_out = binding::problems(&store, mime, &mut stream(source));
    if !left_out.is_empty() {
        found.state = ManifestState::Invalid;
        found.problems.extend(left_out);
    }
    (found.ingredient_problems, found.notes) = statuses::beyond_failures(&store, MAX_PROBLEMS);
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
    let mut others = BTreeSet::new();
    for other in reader.iter_manifests() {
        let json: Value = serde_json::to_value(other).unwrap_or_default();
        let actions =
            json["assertions"].as_array().into_iter().flatten().filter_map(|a| a["data"]["actions"].as_array());
        others.extend(actions.flatten().filter_map(|action| text(&action["digitalSourceType"])));
    }
    // Sorted: the library keeps them in no order.
    others.retain(|kind| !found.source_types.contains(kind));
    found.source_types.extend(others);
    found
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
        let open = |path| Source::open(path, &assay_media::Limits::default()).unwrap();
        let both = ManifestPlaces::FileAndBeside;
        assert_eq!(read(&open(&path), None, both).state, ManifestState::None);
        std::fs::write(folder.path().join("a.c2pa"), b"no manifest").unwrap();
        let found = read(&open(&path), None, both);
        assert_eq!((found.state, found.found_in), (ManifestState::Invalid, Some(ManifestWhere::Sidecar)));
        assert_eq!(read(&open(&path), None, ManifestPlaces::File).state, ManifestState::None);
        let bitmap = folder.path().join("a.bmp");
        image::RgbImage::new(8, 8).save(&bitmap).unwrap();
        assert_eq!(read(&open(&bitmap), None, both).state, ManifestState::None);
    }
}
