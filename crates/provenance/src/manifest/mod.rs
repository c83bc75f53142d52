//! The signed manifest: made, embedded, read back.
//!
//! The decision that shapes it: everything that knows c2pa's types stands in this folder. No call
//! may reach the network, none makes a thumbnail (of a victim's face, in our case), and a panic in
//! that library's parsers ends as an error with a file's name instead of ending a batch.
mod binding;
mod read;
mod sign;
mod statuses;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use read::{ManifestPlaces, is_generated, read};
pub(crate) use sign::{Content, sign};

use sha2::{Digest as _, Sha256};

/// Name of the watermark in the soft-binding assertion. It is not on C2PA's list of algorithms.
pub const WATERMARK_NAME: &str = "org.assay.lines.1";
/// Label of our own assertion.
pub(crate) const RECORD_LABEL: &str = "org.assay.record";

/// The watermark's number for a manifest: so bound, a mark that was copied to something else does
/// not fit that thing's manifest.
pub(crate) fn watermark_id(instance_id: &str) -> u32 {
    let digest = Sha256::new().chain_update(WATERMARK_NAME).chain_update([0]).chain_update(instance_id).finalize();
    digest.iter().take(4).fold(0, |id, byte| id << 8 | u32::from(*byte))
}

/// As the number stands in manifests and reports.
pub(crate) fn id_text(id: u32) -> String {
    format!("{id:08x}")
}

/// A fresh instance id, a random UUID (RFC 9562, version 4).
pub(crate) fn new_instance_id() -> Result<String, getrandom::Error> {
    let mut b = [0u8; 16];
    getrandom::fill(&mut b)?;
    b[6] = b[6] & 0x0F | 0x40;
    b[8] = b[8] & 0x3F | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(b));
    Ok(format!("xmp:iid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// The settings under which c2pa runs; `anchors` are roots in PEM that the user trusts.
fn context(anchors: Option<&str>) -> c2pa::Result<c2pa::Context> {
    let settings = serde_json::json!({
        "verify": { "remote_manifest_fetch": false, "ocsp_fetch": false, "verify_trust": true, "verify_after_sign": false },
        "core": { "allowed_network_hosts": [], "decode_identity_assertions": false },
        "builder": { "thumbnail": { "enabled": false } },
        "trust": { "user_anchors": anchors },
    });
    c2pa::Context::new().with_settings(settings.to_string())
}

/// Runs a call into c2pa; a panic there is an error here.
fn guarded<T>(call: impl FnOnce() -> c2pa::Result<T>) -> Result<T, c2pa::Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(c2pa::Error::OtherError(format!("the C2PA library failed: {text}").into()))
    })
}

/// MIME type by the format that `assay_media` names; `None` for formats that hold no manifest.
pub(crate) fn mime(format: &str) -> Option<&'static str> {
    Some(match format {
        "jpeg" => "image/jpeg",
        "png" | "apng" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "tiff" => "image/tiff",
        "heif" => "image/heif",
        "avif" => "image/avif",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "avi" => "video/avi",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bound_and_fresh() {
        assert_eq!(id_text(watermark_id("xmp:iid:1")), id_text(watermark_id("xmp:iid:1")));
        assert_ne!(watermark_id("xmp:iid:1"), watermark_id("xmp:iid:2"));
        let ids = [new_instance_id().unwrap(), new_instance_id().unwrap()];
        assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 44 && id.as_bytes()[22] == b'4'));
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let failed: Result<(), _> = guarded(|| panic!("index out of range"));
        assert!(failed.unwrap_err().to_string().contains("index out of range"));
    }
}
