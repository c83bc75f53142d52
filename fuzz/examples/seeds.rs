//! Writes small valid files as starting points: `cargo run --example seeds` in this folder fills
//! `corpus/`.
#[path = "../../crates/checkpoints/tests/make/mod.rs"]
mod make;

use std::io::Cursor;
use std::path::Path;

use image::{ExtendedColorType, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

fn drawn(width: usize, height: usize, channels: usize) -> Vec<u8> {
    let sample = |i: usize| {
        let (x, y) = (i / channels % width, i / channels / width);
        ((x * 7 + y * 3 + i % channels * 40) ^ (x * y)) as u8
    };
    (0..width * height * channels).map(sample).collect()
}

const TIFF: &[u8] = b"II\x2a\0\x08\0\0\0\x05\0\x0f\x01\x02\0\x04\0\0\0Abc\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x31\x01\x02\0\x08\0\0\0\x60\0\0\0\
\x69\x87\x04\0\x01\0\0\0\x70\0\0\0\x25\x88\x04\0\x01\0\0\0\xa0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0Assay 1\0\0\0\0\0\0\0\0\0\
\x02\0\x03\x90\x02\0\x04\0\0\x002024\x9a\x82\x05\0\x01\0\0\0\x90\0\0\0\0\0\0\0\0\0\x01\0\0\0\x64\0\0\0\0\0\0\0\0\0\0\0\0\0\
\x01\0\x02\0\x05\0\x03\0\0\0\x08\0\0\0\0\0\0\0";

const XMP: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description xmp:CreatorTool='T &amp; &#65;'><xmpMM:History><rdf:Seq>\
<rdf:li stEvt:action='saved' stEvt:when='2024'/></rdf:Seq></xmpMM:History><a><![CDATA[b]]></a></rdf:Description></rdf:RDF></x:xmpmeta>";

fn jpeg(color: ColorType, channels: usize, sampling: SamplingFactor, progressive: bool, restart: u16) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 80);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(progressive);
    if restart > 0 {
        encoder.set_restart_interval(restart);
    }
    encoder.add_app_segment(1, &[b"Exif\0\0", TIFF].concat()).expect("short");
    encoder.add_app_segment(1, &[b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat()).expect("short");
    encoder.add_app_segment(13, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x6e\0\x03abc").expect("short");
    encoder.encode(&drawn(37, 29, channels), 37, 29, color).expect("encodes");
    file
}

fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32 + 8).to_be_bytes(), &kind[..], payload].concat()
}

fn movie() -> Vec<u8> {
    let mut tkhd = vec![0; 84];
    tkhd[40..44].copy_from_slice(&[0, 1, 0, 0]);
    tkhd[56..60].copy_from_slice(&[0, 1, 0, 0]);
    let hdlr = [&[0; 8][..], b"vide", &[0; 12], b"VideoHandler\0"].concat();
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[0, 64, 0, 48]);
    let entry = [entry, boxed(b"avcC", &[1, 100, 0, 31]), boxed(b"colr", b"nclx\0\x01\0\x01\0\x01\x80")].concat();
    let stsd = [vec![0, 0, 0, 0, 0, 0, 0, 1], boxed(b"avc1", &entry)].concat();
    let stts = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 2, 0];
    let stbl = boxed(
        b"stbl",
        &[boxed(b"stsd", &stsd), boxed(b"stts", &stts), boxed(b"stss", &[0, 0, 0, 0, 0, 0, 0, 1])].concat(),
    );
    let mdia = boxed(b"mdia", &[boxed(b"mdhd", &[0; 24]), boxed(b"hdlr", &hdlr), boxed(b"minf", &stbl)].concat());
    let edts =
        boxed(b"edts", &boxed(b"elst", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0]));
    let trak = boxed(b"trak", &[boxed(b"tkhd", &tkhd), edts, mdia].concat());
    let ilst = boxed(b"ilst", &boxed(b"\xa9too", &boxed(b"data", b"\0\0\0\x01\0\0\0\0Lavf58")));
    let keys = boxed(b"keys", b"\0\0\0\0\0\0\0\x01\0\0\0\x0bmdtaabc");
    let udta = boxed(
        b"udta",
        &[boxed(b"meta", &[vec![0; 4], keys, ilst].concat()), boxed(b"\xa9xyz", b"\0\x03\x15\xc7+1/")].concat(),
    );
    let moov = boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), trak, udta].concat());
    [boxed(b"ftyp", b"isom\0\0\x02\0isommp41"), boxed(b"free", b""), boxed(b"mdat", b"1234"), moov].concat()
}

fn heif() -> Vec<u8> {
    let infe = |id: u8, rest: &[u8]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], rest].concat());
    let iinf = [vec![0, 0, 0, 0, 0, 2], infe(1, b"Exif\0"), infe(2, b"mime\0application/rdf+xml\0")].concat();
    let exif = [&[0; 4][..], TIFF].concat();
    let idat = [&exif[..], XMP.as_bytes()].concat();
    let mut iloc = vec![1, 0, 0, 0, 0x44, 0, 0, 2];
    for (id, at, size) in [(1, 0, exif.len()), (2, exif.len(), XMP.len())] {
        iloc.extend_from_slice(&[0, id, 0, 1, 0, 0, 0, 1]);
        iloc.extend_from_slice(&(at as u32).to_be_bytes());
        iloc.extend_from_slice(&(size as u32).to_be_bytes());
    }
    let meta = [vec![0; 4], boxed(b"iinf", &iinf), boxed(b"iloc", &iloc), boxed(b"idat", &idat)].concat();
    [boxed(b"ftyp", b"heic\0\0\0\0mif1"), boxed(b"meta", &meta)].concat()
}

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)
    };
    let kinds = [(ColorType::Rgb, 3), (ColorType::Luma, 1), (ColorType::Cmyk, 4)];
    for (index, (color, channels)) in kinds.into_iter().enumerate() {
        for (progressive, restart, sampling) in
            [(false, 0, SamplingFactor::F_2_2), (false, 2, SamplingFactor::F_1_1), (true, 0, SamplingFactor::F_2_1)]
        {
            let file = jpeg(color, channels, sampling, progressive, restart);
            let name = format!("{index}-{progressive}-{restart}");
            write("jpeg", &name, &file)?;
            write("metadata", &format!("jpeg-{name}"), &[&[0], &file[..]].concat())?;
        }
    }
    let formats = [
        (1, ImageFormat::Png),
        (2, ImageFormat::WebP),
        (3, ImageFormat::Gif),
        (4, ImageFormat::Tiff),
        (5, ImageFormat::Bmp),
    ];
    for (choice, format) in formats {
        let rgb = drawn(9, 7, 3);
        let mut plain = Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut plain, &rgb, 9, 7, ExtendedColorType::Rgb8, format).expect("encodes");
        write("metadata", &format!("{format:?}"), &[&[choice], &plain.into_inner()[..]].concat())?;
    }
    write("metadata", "exif", &[&[4], TIFF].concat())?;
    write("metadata", "heif", &[&[6], &heif()[..]].concat())?;
    write("pickle", "zip", &[&[0], &make::small_archive()[..]].concat())?;
    write("pickle", "stream", &[&[0], &make::small_stream()[..]].concat())?;
    write("pickle", "content", &[&[1], &make::pickle(&make::small().0)[..]].concat())?;
    write("bmff", "movie", &movie())?;
    write("bmff", "heif", &heif())
}
