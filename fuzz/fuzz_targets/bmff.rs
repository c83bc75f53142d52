//! The box walker on any bytes: every box must lie inside its parent.
#![no_main]

use std::io::Cursor;

use assay_media::bmff::BoxTree;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = BoxTree::read(&mut Cursor::new(bytes)) else { return };
    for node in &tree.boxes {
        let end = node.offset + node.size;
        assert!(end <= bytes.len() as u64);
        if let Some(parent) = node.parent {
            let parent = &tree.boxes[parent];
            assert!(node.offset >= parent.payload_offset() && end <= parent.offset + parent.size);
        }
    }
    let _ = tree.facts();
});
