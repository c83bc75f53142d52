//! No reader of untrusted bytes may panic, loop or take much memory: random bytes, and valid files
//! with random damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which stop at the first surprise")]
use std::io::Cursor;

use assay_media::Limits;
use assay_media::bmff::BoxTree;
use assay_media::jpeg::{JpegStructure, coefficients_partial, luma_plane};
use assay_media::metadata::read_image;
use jpeg_encoder::{ColorType, Encoder};
use proptest::prelude::*;

const FORMATS: [&str; 8] = ["jpeg", "png", "webp", "gif", "tiff", "bmp", "heif", "avif"];

fn read_everything(bytes: &[u8]) {
    if let Ok(structure) = JpegStructure::parse(bytes) {
        let _ = structure.facts();
        let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
        if let Ok(decoded) = coefficients_partial(bytes, &structure, &limits) {
            for component in &decoded.components {
                let _ = luma_plane(component, structure.width, structure.height);
            }
        }
    }
    if let Ok(tree) = BoxTree::read(&mut Cursor::new(bytes)) {
        let _ = tree.facts();
    }
    for format in FORMATS {
        let _ = read_image(bytes, format).facts();
    }
}

fn jpeg(progressive: bool) -> Vec<u8> {
    let pixels: Vec<u8> = (0..40 * 30 * 3).map(|i| (i * i / 7) as u8).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 70);
    encoder.set_progressive(progressive);
    encoder.set_restart_interval(if progressive { 0 } else { 4 });
    let tiff = b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x69\x87\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0\0\0";
    encoder.add_app_segment(1, tiff).unwrap();
    encoder
        .add_app_segment(1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmp:CreatorTool='&amp;'><a>b</a></x:xmpmeta>")
        .unwrap();
    encoder.add_app_segment(13, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x6e\0\x03abc").unwrap();
    encoder.encode(&pixels, 40, 30, ColorType::Rgb).unwrap();
    file
}

fn by_image(format: image::ImageFormat) -> Vec<u8> {
    let pixels: Vec<u8> = (0..9 * 7 * 3).map(|i| (i * 5) as u8).collect();
    let mut file = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut file, &pixels, 9, 7, image::ExtendedColorType::Rgb8, format).unwrap();
    file.into_inner()
}

fn boxes() -> Vec<u8> {
    let boxed =
        |kind: &[u8; 4], payload: &[u8]| [&(payload.len() as u32 + 8).to_be_bytes(), &kind[..], payload].concat();
    let data = boxed(b"data", b"\0\0\0\x01\0\0\0\0Lavf");
    let udta = boxed(b"udta", &boxed(b"meta", &[vec![0; 4], boxed(b"ilst", &boxed(b"\xa9too", &data))].concat()));
    let stbl = [
        boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(b"avc1", &[0; 90])].concat()),
        boxed(b"stts", &[0; 24]),
    ]
    .concat();
    let mdia = [boxed(b"mdhd", &[1; 24]), boxed(b"hdlr", &[0; 30]), boxed(b"minf", &boxed(b"stbl", &stbl))].concat();
    let trak = boxed(
        b"trak",
        &[boxed(b"tkhd", &[0; 84]), boxed(b"edts", &boxed(b"elst", &[0; 20])), boxed(b"mdia", &mdia)].concat(),
    );
    let iloc = boxed(b"iloc", b"\x01\0\0\0\x44\0\0\x01\0\x01\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x04");
    let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 1][..], &boxed(b"infe", b"\x02\0\0\0\0\x01\0\0Exif\0")].concat());
    let meta = boxed(b"meta", &[vec![0; 4], iinf, iloc, boxed(b"idat", b"\0\0\0\0II\x2a\0")].concat());
    [boxed(b"ftyp", b"heic\0\0\0\0mif1"), meta, boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), trak, udta].concat())]
        .concat()
}

fn valid() -> Vec<Vec<u8>> {
    use image::ImageFormat::{Bmp, Gif, Png, Tiff, WebP};
    let mut files = vec![jpeg(false), jpeg(true), boxes()];
    files.extend([Png, WebP, Gif, Tiff, Bmp].map(by_image));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), magic in 0usize..10) {
        let magics: [&[u8]; 10] = [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\0\x40Exif\0\0II*\0", b"\x89PNG\r\n\x1a\n", b"GIF89a",
            b"RIFF\0\x01\0\0WEBP", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"BM", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\x01\0meta\0\0\0\0"];
        read_everything(&[magics[magic], &bytes[..]].concat());
    }

    #[test]
    fn damaged_files(
        which in 0usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
        keep_whole in any::<bool>(),
    ) {
        let mut file = valid().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if !keep_whole {
            file.truncate(cut.index(file.len()));
        }
        read_everything(&file);
    }
}

#[test]
fn valid_files_are_read_without_problems() {
    for (file, format) in valid().iter().zip(["jpeg", "jpeg", "", "png", "webp", "gif", "tiff", "bmp"]) {
        assert_eq!(read_image(file, format).problems, Vec::<String>::new(), "{format}");
    }
}
