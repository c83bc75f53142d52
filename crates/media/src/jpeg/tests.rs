//! Structure, damage and luma, on files that an independent encoder writes.
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::*;
use crate::{Limits, MediaError};

fn drawn(width: usize, height: usize) -> Vec<u8> {
    (0..width * height)
        .flat_map(|i| {
            let (x, y) = (i % width, i / width);
            [(x * 4 + y) as u8, ((x ^ y) * 5) as u8, (y * 3) as u8]
        })
        .collect()
}

fn encoded(width: u16, height: u16, quality: u8, change: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality);
    change(&mut encoder);
    encoder.encode(&drawn(width.into(), height.into()), width, height, ColorType::Rgb).unwrap();
    file
}

#[test]
fn structure_of_a_plain_file() {
    let file = encoded(61, 47, 80, |e| {
        e.set_sampling_factor(SamplingFactor::F_2_2);
        e.set_restart_interval(3);
        e.add_app_segment(13, b"Photoshop 3.0\x008BIM").unwrap();
        e.add_app_segment(2, b"ICC_PROFILE\0\x02\x02two").unwrap();
        e.add_app_segment(2, b"ICC_PROFILE\0\x01\x02one").unwrap();
    });
    let file = [&file[..], b"xx\xff\xd8\xff"].concat();
    let s = JpegStructure::parse(&file).unwrap();
    assert_eq!(s.problems, Vec::<String>::new());
    assert_eq!((s.width, s.height, s.precision, s.process), (61, 47, 8, Process::Baseline));
    assert_eq!((s.subsampling().as_str(), s.restart_interval), ("4:2:0", 3));
    assert_eq!((s.quality(), s.huffman_kind()), (Some((80, 0.0)), HuffmanKind::Standard));
    assert_eq!(s.table_of(0), Some(&standard_table(80, false)));
    assert_eq!(s.table_of(1), Some(&standard_table(80, true)));
    assert_eq!(s.app.icc.as_deref(), Some(&b"onetwo"[..]));
    assert_eq!(s.app.photoshop.len(), 1);
    let trailing = s.trailing.unwrap();
    assert_eq!((trailing.bytes, trailing.jpeg_at), (5, Some(file.len() - 3)));
    assert!(s.outline().starts_with("SOI APP0(JFIF) "));
}

#[test]
fn subsampling_and_huffman_names() {
    for (factor, name) in [
        (SamplingFactor::F_1_1, "4:4:4"),
        (SamplingFactor::F_2_1, "4:2:2"),
        (SamplingFactor::F_1_2, "4:4:0"),
        (SamplingFactor::F_4_1, "4:1:1"),
    ] {
        let file = encoded(40, 40, 60, |e| {
            e.set_sampling_factor(factor);
            e.set_optimized_huffman_tables(true);
        });
        let s = JpegStructure::parse(&file).unwrap();
        assert_eq!((s.subsampling().as_str(), s.huffman_kind()), (name, HuffmanKind::Optimised));
    }
}

#[test]
fn progressive_and_baseline_hold_the_same_coefficients() {
    let read = |progressive| {
        let file = encoded(61, 47, 75, |e| e.set_progressive(progressive));
        let s = JpegStructure::parse(&file).unwrap();
        assert_eq!(s.process == Process::Progressive, progressive);
        coefficients(&file, &s, &Limits::default()).unwrap()
    };
    assert_eq!(read(false), read(true));
}

#[test]
fn luma_is_near_what_was_encoded() {
    let file = encoded(61, 47, 100, |_| {});
    let s = JpegStructure::parse(&file).unwrap();
    let components = coefficients(&file, &s, &Limits::default()).unwrap();
    let plane = luma_plane(&components[0], s.width, s.height);
    assert_eq!((plane.width, plane.height, plane.data.len()), (61, 47, 61 * 47));
    let rgb = image::RgbImage::from_raw(61, 47, drawn(61, 47)).unwrap();
    let expected = crate::Plane::luma_from_rgb(&rgb);
    assert!(plane.data.iter().zip(&expected.data).all(|(a, b)| (a - b).abs() <= 2.0 && a.fract() == 0.0));
    assert_eq!(luma_plane(&components[0], 0, 5).data, Vec::<f32>::new());
    assert_eq!(luma_plane(&components[0], 130, 99).data.len(), 130 * 99);
}

#[test]
fn a_cut_file_gives_what_came_before() {
    let file = encoded(64, 64, 75, |e| e.set_sampling_factor(SamplingFactor::F_1_1));
    let whole = coefficients(&file, &JpegStructure::parse(&file).unwrap(), &Limits::default()).unwrap();
    let start = JpegStructure::parse(&file).unwrap().scans[0].entropy.start;
    let cut = &file[..start.midpoint(file.len())];
    let s = JpegStructure::parse(cut).unwrap();
    assert_eq!(s.problems, ["the file ends without an end marker"]);
    assert!(matches!(coefficients(cut, &s, &Limits::default()), Err(MediaError::Damaged { .. })));
    let part = coefficients_partial(cut, &s, &Limits::default()).unwrap();
    let damage = part.damage.unwrap();
    assert!(damage.mcus_read > 10 && damage.mcus_read < damage.mcus_total && damage.mcus_total == 64);
    for (part, whole) in part.components.iter().zip(&whole) {
        assert_eq!(part.coefficients[..damage.mcus_read], whole.coefficients[..damage.mcus_read]);
    }
}

#[test]
fn claims_beyond_reason_are_refused_before_memory_is_taken() {
    let mut file = encoded(16, 16, 75, |_| {});
    let frame = JpegStructure::parse(&file).unwrap().segments.iter().find(|s| s.marker == 0xc0).unwrap().offset;
    file[frame + 5..frame + 9].fill(0xff);
    let s = JpegStructure::parse(&file).unwrap();
    assert!(matches!(coefficients(&file, &s, &Limits::default()), Err(MediaError::OverLimit(_))));
    file[frame + 5] = 0x10;
    file[frame + 7] = 0x10;
    let s = JpegStructure::parse(&file).unwrap();
    assert!(matches!(coefficients(&file, &s, &Limits::default()), Err(MediaError::Damaged { .. })));
}

#[test]
fn other_processes_are_named() {
    let file = encoded(16, 16, 75, |_| {});
    let frame = JpegStructure::parse(&file).unwrap().segments.iter().find(|s| s.marker == 0xc0).unwrap().offset;
    for (marker, reason) in [(0xc3, "lossless"), (0xc9, "arithmetic"), (0xc5, "hierarchical")] {
        let mut file = file.clone();
        file[frame + 1] = marker;
        let error = JpegStructure::parse(&file).unwrap_err();
        assert!(matches!(error, MediaError::Unsupported { .. }) && error.to_string().contains(reason), "{error}");
    }
    let mut deep = file.clone();
    deep[frame + 4] = 12;
    let s = JpegStructure::parse(&deep).unwrap();
    assert!(matches!(coefficients(&deep, &s, &Limits::default()), Err(MediaError::Unsupported { .. })));
}
