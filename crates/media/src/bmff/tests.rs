//! Hand-made files: what is read, and what damage does.
use std::io::Cursor;

use super::*;

fn boxed(kind: &[u8], payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32 + 8).to_be_bytes(), kind, payload].concat()
}

fn read(bytes: &[u8]) -> BoxTree {
    BoxTree::read(&mut Cursor::new(bytes)).unwrap()
}

fn track() -> Vec<u8> {
    let mut tkhd = vec![0; 84];
    tkhd[4..8].copy_from_slice(&3_798_783_000u32.to_be_bytes());
    tkhd[15] = 1;
    // A phone held upright: a = 0, b = 1, c = -1, d = 0.
    tkhd[44..48].copy_from_slice(&0x1_0000u32.to_be_bytes());
    tkhd[52..56].copy_from_slice(&(-0x1_0000i32).to_be_bytes());
    tkhd[76..80].copy_from_slice(&(1920u32 << 16).to_be_bytes());
    tkhd[80..84].copy_from_slice(&(1080u32 << 16).to_be_bytes());
    let edits =
        [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 8, 0, 0, 4, 0, 0, 1, 0, 0];
    let mdhd =
        [&[0; 12][..], &30_000u32.to_be_bytes(), &90_000u32.to_be_bytes(), &0x15c7u16.to_be_bytes(), &[0; 2]].concat();
    let hdlr = [&[0; 8][..], b"vide", &[0; 12], b"Core Media Video\0"].concat();
    let data_handler = [&b"\0\0\0\0dhlralis"[..], &[0; 12], b"\x04Data"].concat();
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[7, 128, 4, 56]);
    entry[42..52].copy_from_slice(b"\x09Lavc58 x!");
    let entry = [entry, boxed(b"avcC", &[1, 100, 0, 41, 0xff]), boxed(b"colr", b"nclx\0\x01\0\x0d\0\x06\x80")].concat();
    let stsd = [vec![0, 0, 0, 0, 0, 0, 0, 1], boxed(b"avc1", &entry)].concat();
    let stts = [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 3, 0xe8, 0, 0, 0, 1, 0, 0, 3, 0xe9];
    let stbl = [boxed(b"stsd", &stsd), boxed(b"stts", &stts), boxed(b"stss", &[0, 0, 0, 0, 0, 0, 0, 3])].concat();
    let minf = [boxed(b"hdlr", &data_handler), boxed(b"stbl", &stbl)].concat();
    let mdia = [boxed(b"mdhd", &mdhd), boxed(b"hdlr", &hdlr), boxed(b"minf", &minf)].concat();
    boxed(b"trak", &[boxed(b"tkhd", &tkhd), boxed(b"edts", &boxed(b"elst", &edits)), boxed(b"mdia", &mdia)].concat())
}

fn movie() -> Vec<u8> {
    let item = |kind: &[u8], text: &[u8]| boxed(kind, &boxed(b"data", &[&b"\0\0\0\x01\0\0\0\0"[..], text].concat()));
    let freeform =
        [boxed(b"mean", b"\0\0\0\0com.x"), boxed(b"name", b"\0\0\0\0tool"), boxed(b"data", b"\0\0\0\x01\0\0\0\0yes")]
            .concat();
    let ilst = [item(b"\xa9too", b"Lavf58"), boxed(b"----", &freeform)].concat();
    let iso_meta = boxed(b"meta", &[vec![0; 4], boxed(b"hdlr", &[0; 25]), boxed(b"ilst", &ilst)].concat());
    let keys = boxed(b"keys", b"\0\0\0\0\0\0\0\x01\0\0\0\x21mdtacom.apple.quicktime.model");
    let quicktime_meta =
        boxed(b"meta", &[boxed(b"hdlr", &[0; 25]), keys, boxed(b"ilst", &item(&[0, 0, 0, 1], b"iPhone"))].concat());
    let udta = boxed(
        b"udta",
        &[boxed(b"\xa9xyz", b"\0\x08\x15\xc7+52+013/"), boxed(b"SDLN", b"SEQ"), iso_meta, vec![0; 4]].concat(),
    );
    let mut mvhd = vec![0; 100];
    mvhd[8..12].copy_from_slice(&3_798_783_000u32.to_be_bytes());
    mvhd[12..16].copy_from_slice(&600u32.to_be_bytes());
    mvhd[16..20].copy_from_slice(&1800u32.to_be_bytes());
    let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), track(), udta, quicktime_meta].concat());
    let big_mdat = [&1u32.to_be_bytes()[..], b"mdat", &20u64.to_be_bytes(), b"data"].concat();
    let packet = boxed(b"uuid", &[&XMP_UUID[..], b"<x/>"].concat());
    let last = [&0u32.to_be_bytes()[..], b"free", b"to the end"].concat();
    [boxed(b"ftyp", b"qt  \0\0\x02\0qt  mp41"), big_mdat, moov, packet, last].concat()
}

#[test]
fn reads_the_boxes_of_a_movie() {
    let tree = read(&movie());
    assert_eq!(tree.problems, Vec::<String>::new());
    let brands = tree.brands.as_ref().unwrap();
    assert_eq!((brands.major.to_string().as_str(), brands.minor, brands.compatible.len()), ("qt  ", 512, 2));
    assert_eq!(
        tree.top_level().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["ftyp", "mdat", "moov", "uuid", "free"]
    );
    assert_eq!(tree.moov_first(), Some(false));
    assert!(!tree.is_fragmented());
    assert_eq!(tree.xmp, [b"<x/>"]);
    let movie = tree.movie.as_ref().unwrap();
    assert_eq!((movie.creation_unix, movie.modification_unix), (None, Some(1_715_938_200)));
    assert_eq!((movie.timescale, movie.duration), (600, 1800));
    assert_eq!(tree.boxes.last().map(|b| b.size), Some(18), "size 0 reaches to the end");
    assert_eq!(tree.tag("©too"), Some("Lavf58"));
    assert_eq!(tree.tag("tool"), Some("yes"));
    assert_eq!(tree.tag("©xyz"), Some("+52+013/"));
    assert_eq!(tree.tag("SDLN"), Some("SEQ"));
    assert_eq!(tree.tag("com.apple.quicktime.model"), Some("iPhone"));
}

#[test]
fn reads_the_fields_of_a_track() {
    let tree = read(&movie());
    let [track] = &tree.tracks[..] else { panic!("one track") };
    assert_eq!(track.rotation_degrees(), Some(90));
    assert_eq!((track.id, track.width, track.height, track.creation_unix), (1, 1920.0, 1080.0, Some(1_715_938_200)));
    assert_eq!(
        track.edits,
        [Edit { duration: 9, media_time: -1, rate: 65_536 }, Edit { duration: 8, media_time: 1024, rate: 65_536 }]
    );
    assert_eq!((track.timescale, track.media_duration, track.language.as_str()), (30_000, 90_000, "eng"));
    assert_eq!((track.handler.to_string().as_str(), track.handler_name.as_str()), ("vide", "Core Media Video"));
    assert_eq!(track.codecs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["avc1"]);
    assert_eq!(track.profile.as_deref(), Some("H.264 High (100), level 4.1"));
    assert_eq!((track.compressor.as_str(), track.coded_size), ("Lavc58 x!", Some((1920, 1080))));
    assert_eq!(track.colour, Some((1, 13, 6, Some(true))));
    let times = track.time_to_sample.unwrap();
    assert_eq!((times.samples, times.shortest, times.longest, times.is_constant()), (10, 1000, 1001, false));
    assert_eq!((track.sync_samples, track.composition_offsets), (Some(3), false));
    assert!(tree.outline().starts_with("ftyp mdat moov(mvhd trak(tkhd edts(elst) mdia(mdhd hdlr minf("));
    assert_eq!(tree.facts().len(), 3);
}

#[test]
fn every_cut_is_survived_and_noted() {
    let whole = movie();
    let whole = &whole[..whole.len() - 18];
    let ends: Vec<u64> = read(whole).boxes.iter().filter(|b| b.depth == 0).map(|b| b.offset + b.size).collect();
    for cut in 8..whole.len() {
        let tree = read(&whole[..cut]);
        let _ = tree.facts();
        assert!(!tree.problems.is_empty() || ends.contains(&(cut as u64)), "cut at {cut}");
    }
    assert!(BoxTree::read(&mut Cursor::new(b"")).is_err());
    assert!(BoxTree::read(&mut Cursor::new(b"\0\0\0\x04ftyp")).is_err(), "an impossible first size");
}

#[test]
fn sizes_that_lie_end_the_walk() {
    let nested = (0..200).fold(Vec::new(), |inner, _| boxed(b"moov", &inner));
    let tree = read(&nested);
    assert_eq!(tree.boxes.len(), 16);
    assert!(tree.problems[0].contains("nested deeper"));
    let huge = [&1u32.to_be_bytes()[..], b"moov", &u64::MAX.to_be_bytes()].concat();
    assert_eq!(read(&huge).boxes[0].size, 16);
    let many = boxed(b"free", b"").repeat(walk::MAX_BOXES + 5);
    let tree = read(&many);
    assert_eq!((tree.boxes.len(), tree.problems.len()), (walk::MAX_BOXES, 1));
    let outgrown = boxed(b"moov", &[&100u32.to_be_bytes()[..], b"trak"].concat());
    assert!(read(&outgrown).problems[0].contains("its parent ends"));
}
