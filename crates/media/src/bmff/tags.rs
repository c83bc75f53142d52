//! Metadata entries: item lists of iTunes and QuickTime, and plain user data.
use std::io::{Read, Seek};

use super::fields::{Fields, text};
use super::walk::{BoxNode, FourCc, Walker};
use crate::MediaError;

/// Most keys that are kept.
const MAX_KEYS: usize = 4096;
/// User data longer than this is not shown as text, in bytes.
const MAX_TEXT: u64 = 65_536;

/// Names of a QuickTime `keys` box.
pub(super) fn keys(payload: &[u8]) -> Vec<String> {
    let mut fields = Fields(payload);
    let mut names = Vec::new();
    let Some(count) = fields.full_box().and_then(|_| fields.u32()) else { return names };
    for _ in 0..(count as usize).min(MAX_KEYS) {
        let Some(name) = fields.u32().and_then(|size| {
            fields.array::<4>()?;
            fields.bytes((size as usize).checked_sub(8)?)
        }) else {
            break;
        };
        names.push(text(name));
    }
    names
}

/// The key of an item: its code, or the name that a `keys` box gives its number.
pub(super) fn item_key(kind: FourCc, keys: &[String]) -> String {
    let index = u32::from_be_bytes(kind.0) as usize;
    index.checked_sub(1).and_then(|index| keys.get(index)).map_or_else(|| kind.to_string(), Clone::clone)
}

/// The value of a `data` box as text (QuickTime File Format, well-known types).
pub(super) fn data(payload: &[u8]) -> String {
    let mut fields = Fields(payload);
    let (Some((_, kind)), Some(_locale)) = (fields.full_box(), fields.u32()) else { return String::new() };
    let value = fields.0;
    let number = || value.len() <= 8 && !value.is_empty();
    match kind {
        1 => text(value),
        2 => char::decode_utf16(value.chunks_exact(2).take(32_768).map(|b| u16::from_be_bytes([b[0], b[1]])))
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        21 if number() => {
            let sign = if value[0] & 0x80 != 0 { -1i64 } else { 0 };
            value.iter().fold(sign, |n, &b| n << 8 | i64::from(b)).to_string()
        }
        22 if number() => value.iter().fold(0u64, |n, &b| n << 8 | u64::from(b)).to_string(),
        23 => fields.array().map_or_else(String::new, |b| f32::from_be_bytes(b).to_string()),
        24 => fields.array().map_or_else(String::new, |b| f64::from_be_bytes(b).to_string()),
        _ => readable(value),
    }
}

/// Text when it is text, else its length.
fn readable(value: &[u8]) -> String {
    let body = value.strip_suffix(&[0]).unwrap_or(value);
    match std::str::from_utf8(body) {
        Ok(plain) if !plain.chars().any(|c| c.is_control() && !c.is_whitespace()) => text(body),
        _ => format!("{} bytes", value.len()),
    }
}

/// The value of a direct child of `udta`; `None` for boxes that are no values.
pub(super) fn user_data<R: Read + Seek>(node: &BoxNode, walker: &mut Walker<R>) -> Result<Option<String>, MediaError> {
    if node.is(b"meta") || node.uuid.is_some() {
        return Ok(None);
    }
    if node.payload_size() > MAX_TEXT {
        return Ok(Some(format!("{} bytes", node.payload_size())));
    }
    let payload = walker.payload(node)?;
    let mut fields = Fields(&payload);
    // QuickTime text: length, language, characters.
    if let (Some(length), Some(_language)) = (fields.u16(), fields.u16())
        && node.kind.0[0] == 0xa9
        && let Some(value) = fields.bytes(usize::from(length))
    {
        return Ok(Some(text(value)));
    }
    Ok(Some(readable(&payload)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_by_type() {
        let value = |kind: u8, bytes: &[u8]| data(&[&[0, 0, 0, kind, 0, 0, 0, 0], bytes].concat());
        assert_eq!(value(1, b"Lavf58"), "Lavf58");
        assert_eq!(value(2, &[0, b'H', 0, b'i']), "Hi");
        assert_eq!(value(21, &[0xff, 0xfe]), "-2");
        assert_eq!(value(22, &[1, 0]), "256");
        assert_eq!(value(23, &1.5f32.to_be_bytes()), "1.5");
        assert_eq!(value(0, &[0, 1, 2]), "3 bytes");
        assert_eq!(data(&[0, 0]), "");
    }

    #[test]
    fn keys_name_numbered_items() {
        let mut payload = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 11];
        payload.extend_from_slice(b"mdtaabc");
        let names = keys(&payload);
        assert_eq!(names, ["abc"]);
        assert_eq!(item_key(FourCc([0, 0, 0, 1]), &names), "abc");
        assert_eq!(item_key(FourCc(*b"\xa9too"), &names), "©too");
        payload[7] = 200;
        assert_eq!(keys(&payload).len(), 1, "a count that lies");
    }
}
