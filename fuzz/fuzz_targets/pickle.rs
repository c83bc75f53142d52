//! Checkpoints of any bytes: what is read must be whole, and nothing may take more memory than the
//! file explains.
#![no_main]

use assay_checkpoints::{Checkpoint, Options};
use libfuzzer_sys::fuzz_target;

/// A stored zip entry and the directory that lists it, by hand: the fuzzer should spend its time in
/// the pickle.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in
        [(&b"x/data.pkl"[..], pickle), (b"x/data/0", &[0; 24]), (b"x/data/7", &[0; 4]), (b"x/data/9", &[0; 8])]
    {
        let at = (file.len() as u32).to_le_bytes();
        let size = (bytes.len() as u32).to_le_bytes();
        let common = [
            &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &crc(bytes).to_le_bytes(),
            &size,
            &size,
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        file.extend([b"PK\x03\x04", &common[..], name, bytes].concat());
        directory.extend([b"PK\x01\x02\x0a\x00", &common[..], &[0; 10], &at, name].concat());
    }
    let end = [
        &[0; 4][..],
        &[4, 0, 4, 0],
        &(directory.len() as u32).to_le_bytes(),
        &(file.len() as u32).to_le_bytes(),
        &[0; 2],
    ];
    file.extend(directory);
    file.extend([b"PK\x05\x06", &end.concat()[..]].concat());
    file
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let made;
    let file = if choice % 2 == 0 {
        rest
    } else {
        made = archive(rest);
        &made
    };
    let Ok(checkpoint) = Checkpoint::from_bytes(file, Options { optimisers: true }) else { return };
    let mut total = 0;
    for tensor in checkpoint.sections.values().flat_map(|section| section.values()) {
        assert_eq!(tensor.bytes.len(), tensor.shape.iter().product::<usize>() * tensor.dtype.size());
        total += tensor.bytes.len();
    }
    assert!(total <= 4 * file.len() + (1 << 20));
});
