//! Pickles and containers written by hand, opcode by opcode, as PyTorch writes them and as it never
//! would.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each user takes what it needs")]
use std::io::{Cursor, Write as _};

/// `module.name` in the words of protocol 2.
pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A text.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A number of up to 63 bits.
pub fn int(value: u64) -> Vec<u8> {
    match u8::try_from(value) {
        Ok(small) => vec![b'K', small],
        Err(_) => [&[0x8a, 8], &value.to_le_bytes()[..]].concat(),
    }
}

/// A tuple.
pub fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", items.concat().as_slice(), b"t"].concat()
}

/// A dictionary.
pub fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [b"}(", entries.as_slice(), b"u"].concat()
}

/// An ordered dictionary with `_metadata`, as a state dict is.
pub fn ordered(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    let state = dict(&[("_metadata", [&global("collections", "OrderedDict")[..], b")R"].concat())]);
    [&global("collections", "OrderedDict")[..], b")R(", &entries, b"u", &state, b"b"].concat()
}

/// `persistent_load` of a storage.
pub fn storage(class: &str, key: &str, elements: u64) -> Vec<u8> {
    let items = [text("storage"), global("torch", class), text(key), text("cpu"), int(elements)];
    [tuple(&items), b"Q".to_vec()].concat()
}

/// A tensor that looks into a storage.
pub fn tensor(storage: Vec<u8>, offset: u64, shape: &[u64], strides: &[u64]) -> Vec<u8> {
    let extents = |n: &[u64]| tuple(&n.iter().map(|n| int(*n)).collect::<Vec<_>>());
    let hooks = [&global("collections", "OrderedDict")[..], b")R"].concat();
    let arguments = tuple(&[storage, int(offset), extents(shape), extents(strides), vec![0x89], hooks]);
    [global("torch._utils", "_rebuild_tensor_v2"), arguments, b"R".to_vec()].concat()
}

/// A whole pickle of protocol 2.
pub fn pickle(content: &[u8]) -> Vec<u8> {
    [b"\x80\x02", content, b"."].concat()
}

/// The stream container: content, then storages by key, with their numbers of elements and bytes.
pub fn stream(content: &[u8], storages: &[(&str, u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = pickle(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
    file.extend(pickle(b"M\xe9\x03"));
    file.extend(pickle(&dict(&[("protocol_version", b"M\xe9\x03".to_vec()), ("little_endian", vec![0x88])])));
    file.extend(pickle(content));
    let keys: Vec<u8> = storages.iter().flat_map(|(key, _, _)| text(key)).collect();
    file.extend(pickle(&[b"](", keys.as_slice(), b"e"].concat()));
    for (_, elements, bytes) in storages {
        file.extend(elements.to_le_bytes());
        file.extend(bytes);
    }
    file
}

/// The zip container with these entries in a folder.
pub fn archive(folder: &str, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        zip.start_file(format!("{folder}{name}"), stored).expect("a name");
        zip.write_all(bytes).expect("into memory");
    }
    zip.finish().expect("into memory").into_inner()
}

/// Floats as they lie in a storage.
pub fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Key, number of elements, bytes.
pub type Storages = Vec<(&'static str, u64, Vec<u8>)>;

/// A pickle of a small checkpoint, its storages, and what belongs into its zip container.
pub fn small() -> (Vec<u8>, Storages) {
    let weight = tensor(storage("FloatStorage", "0", 6), 0, &[2, 3], &[3, 1]);
    let turned = tensor(storage("FloatStorage", "0", 6), 0, &[3, 2], &[1, 3]);
    let half = tensor(storage("HalfStorage", "7", 2), 1, &[1], &[1]);
    let counter = tensor(storage("LongStorage", "9", 1), 0, &[], &[]);
    let momentum = tensor(storage("FloatStorage", "5", 1), 0, &[1], &[1]);
    let optimiser = dict(&[("state", dict(&[("0", dict(&[("exp_avg", momentum)]))])), ("param_groups", b"]".to_vec())]);
    let content = dict(&[
        ("net", ordered(&[("a.weight", weight), ("a.turned", turned), ("b", half), ("n", counter)])),
        ("opt", optimiser),
        ("epoch", int(7)),
        ("loss", [b"G", &0.25_f64.to_be_bytes()[..]].concat()),
    ]);
    let storages = vec![
        ("0", 6, floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        ("5", 1, floats(&[9.0])),
        ("7", 2, vec![0x00, 0x3c, 0x00, 0xc0]),
        ("9", 1, 300_i64.to_le_bytes().to_vec()),
    ];
    (content, storages)
}

/// [`small`] in the zip container.
pub fn small_archive() -> Vec<u8> {
    let (content, storages) = small();
    let mut entries = vec![("data.pkl".to_owned(), pickle(&content)), ("byteorder".to_owned(), b"little".to_vec())];
    entries.extend(storages.into_iter().map(|(key, _, bytes)| (format!("data/{key}"), bytes)));
    let entries: Vec<(&str, Vec<u8>)> = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    archive("any name/", &entries)
}

/// [`small`] in the stream container.
pub fn small_stream() -> Vec<u8> {
    let (content, storages) = small();
    stream(&content, &storages)
}
