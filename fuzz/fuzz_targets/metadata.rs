//! Every metadata reader on any bytes; the first byte chooses the format.
#![no_main]

use assay_media::metadata::read_image;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    const FORMATS: [&str; 8] = ["jpeg", "png", "webp", "gif", "tiff", "bmp", "heif", "avif"];
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let metadata = read_image(rest, FORMATS[usize::from(choice) % FORMATS.len()]);
    let _ = (metadata.facts(), metadata.orientation());
});
