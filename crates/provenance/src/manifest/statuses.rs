//! What the library found besides failures of the manifest itself: of what the file was made from,
//! and what is no failure but limits what the manifest says.
//!
//! The decision that shapes it: a manifest can be whole while what it was made from was tampered
//! with, and the library then calls the whole valid. So both what is found now and what the signer
//! recorded of an ingredient, at any depth, is said; and codes that the standard calls
//! informational are put in words, since nobody looks them up.
use std::collections::BTreeSet;

use serde_json::Value;

use super::binding::manifest_of;

/// Problems of ingredients, and notes; `store` is the library's detailed JSON. At most `most` each.
pub(super) fn beyond_failures(store: &Value, most: usize) -> (Vec<String>, Vec<String>) {
    let (mut problems, mut notes) = (BTreeSet::new(), BTreeSet::new());
    let results = &store["validation_results"];
    for status in list(&results["activeManifest"]["informational"]) {
        notes.insert(note(status));
    }
    for delta in list(&results["ingredientDeltas"]) {
        let address = delta["ingredientAssertionURI"].as_str().unwrap_or_default();
        for status in list(&delta["validationDeltas"]["failure"]).filter(|s| is_failure(s)) {
            problems.insert(format!("{}: {} (found now)", title(store, address), words(status)));
        }
    }
    for (label, manifest) in store["manifests"].as_object().into_iter().flatten() {
        for (name, data) in manifest["assertion_store"].as_object().into_iter().flatten() {
            if name.starts_with("c2pa.ingredient") {
                let recorded = [&data["validationStatus"], &data["validation_status"]].into_iter().flat_map(list);
                let results =
                    ["validationResults", "validation_results"].map(|n| &data[n]["activeManifest"]["failure"]);
                for status in recorded.chain(results.into_iter().flat_map(list)).filter(|s| is_failure(s)) {
                    let name = data["dc:title"].as_str().or_else(|| data["title"].as_str()).unwrap_or("an ingredient");
                    problems.insert(format!("{name}: {} (recorded when it was signed)", words(status)));
                }
            }
            if name.starts_with("cawg.identity") && store["active_manifest"].as_str() == Some(label) {
                notes.insert("It names a person or an organisation (cawg.identity); that was not checked.".into());
            }
        }
    }
    let limited = |all: BTreeSet<String>| all.into_iter().take(most).collect();
    (limited(problems), limited(notes))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Old manifests list what went well, too; and that nobody knows an issuer is no tampering.
fn is_failure(status: &Value) -> bool {
    let code = status["code"].as_str().unwrap_or_default();
    let is_success = status["success"].as_bool() == Some(true);
    let is_well = ["validated", "match", "trusted", "accessible", "insideValidity", "notRevoked", "valid"]
        .iter()
        .any(|end| code.rsplit('.').next() == Some(end));
    !is_success && !is_well && !code.is_empty() && code != "signingCredential.untrusted"
}

/// The title of the ingredient whose assertion lies at an address.
fn title(store: &Value, address: &str) -> String {
    let manifest = manifest_of(&serde_json::json!({ "activeManifest": address }));
    let assertion = address.rsplit('/').next().unwrap_or_default();
    let data = manifest.map(|label| &store["manifests"][label]["assertion_store"][assertion]);
    let named = data.and_then(|d| d["dc:title"].as_str().or_else(|| d["title"].as_str()));
    named.unwrap_or("an ingredient").to_owned()
}

/// A status in words, with its code.
fn words(status: &Value) -> String {
    let code = status["code"].as_str().unwrap_or_default();
    let plain = match code {
        "claimSignature.mismatch" => "its signature is broken",
        "assertion.hashedURI.mismatch" => "a statement in it was changed after it was signed",
        "assertion.dataHash.mismatch" | "assertion.bmffHash.mismatch" | "assertion.boxesHash.mismatch" => {
            "its content was changed after it was signed"
        }
        "assertion.missing" => "a statement that was signed is missing",
        "ingredient.hashedURI.mismatch" | "ingredient.manifest.mismatch" => "its manifest was exchanged",
        "signingCredential.revoked" => "the certificate that signed it was revoked",
        "signingCredential.expired" => "the certificate that signed it had expired",
        "claim.missing" | "ingredient.manifest.missing" => "its manifest is missing",
        _ => return code.to_owned(),
    };
    format!("{plain} ({code})")
}

/// A code that is no failure, in words.
fn note(status: &Value) -> String {
    let code = status["code"].as_str().unwrap_or_default();
    let plain = match code {
        "timeStamp.mismatch" => "Its time stamp does not fit what was signed: the time says nothing.",
        "timeStamp.malformed" => "Its time stamp cannot be read: the time says nothing.",
        "timeStamp.outsideValidity" => "Its time stamp lies outside the validity of the certificate that made it.",
        "timeStamp.untrusted" => "Nobody known made its time stamp.",
        "signingCredential.ocsp.skipped" | "signingCredential.ocsp.inaccessible" => {
            "Whether the certificate was revoked was not asked, since nothing is fetched."
        }
        "assertion.dataHash.additionalExclusionsPresent" => "The signed hash leaves out more than the manifest.",
        "algorithm.deprecated" => "An old algorithm signed it.",
        _ => return code.to_owned(),
    };
    format!("{plain} ({code})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ingredients_at_any_depth_are_told_of_and_successes_are_not() {
        let store = json!({
            "active_manifest": "outer",
            "manifests": {
                "outer": { "assertion_store": { "c2pa.ingredient.v3": { "dc:title": "b.jpg" }, "cawg.identity": {} } },
                "inner": { "assertion_store": { "c2pa.ingredient": { "dc:title": "a.jpg", "validationStatus": [
                    { "code": "claimSignature.validated" },
                    { "code": "assertion.dataHash.mismatch" },
                    { "code": "signingCredential.untrusted" },
                ] } } },
            },
            "validation_results": {
                "activeManifest": { "informational": [{ "code": "timeStamp.mismatch" }, { "code": "some.newCode" }] },
                "ingredientDeltas": [{
                    "ingredientAssertionURI": "self#jumbf=/c2pa/outer/c2pa.assertions/c2pa.ingredient.v3",
                    "validationDeltas": { "failure": [{ "code": "claimSignature.mismatch" }] },
                }],
            },
        });
        let (problems, notes) = beyond_failures(&store, 24);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("a.jpg: its content was changed") && problems[0].ends_with("signed)"));
        assert!(problems[1].starts_with("b.jpg: its signature is broken") && problems[1].ends_with("(found now)"));
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(
            notes.iter().any(|n| n.contains("time stamp does not fit")) && notes.iter().any(|n| n == "some.newCode")
        );
        assert!(notes.iter().any(|n| n.contains("cawg.identity")));
        assert_eq!(beyond_failures(&store, 1).0.len(), 1);
        assert_eq!(beyond_failures(&Value::Null, 9), (vec![], vec![]));
    }
}
