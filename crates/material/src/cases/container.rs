//! Cases of `container`: pictures whose EXIF block contradicts them, a clip trimmed by its edit
//! list, and plain ones.
use std::path::Path;

use image::{Rgb, RgbImage, imageops};

use super::clips::{copy, drawn, save};
use crate::example::directory;
use crate::saving::{jpeg_bytes, jpeg_bytes_with, write_whole};
use crate::scene::photograph;

const SIZE: (u32, u32) = (400, 300);
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// `positive_edited`: the thumbnail shows the picture before a disc was painted in, and the file
/// was changed before it was taken. `positive_cropped`: cropped, with the thumbnail of the whole,
/// by a program that gives its name. `positive_trimmed`: a clip whose first second is hidden by an
/// edit list. `negative_camera`: EXIF, size and thumbnail agree. `negative_plain`: no metadata.
/// `negative_clip`. `not_applicable_bare`: a PNG.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let picture = photograph(41, SIZE.0, SIZE.1);
    let mut edited = picture.clone();
    for (x, y, pixel) in edited.enumerate_pixels_mut() {
        if (f64::from(x) - 120.0).hypot(f64::from(y) - 170.0) < 38.0 {
            *pixel = Rgb([245, 240, 60]);
        }
    }
    let cropped = imageops::crop_imm(&picture, 40, 0, 250, SIZE.1).to_image();
    let thumbnail = jpeg_bytes(&imageops::resize(&picture, 160, 120, imageops::FilterType::Triangle), 80)?;
    let (before, taken) = ("2026:05:03 08:00:00", "2026:05:04 10:20:30");
    for (name, shown, software, changed) in [
        ("positive_edited.jpg", &edited, "Ver.1.00", before),
        ("positive_cropped.jpg", &cropped, "GIMP 2.10", "2026:05:06 21:02:11"),
        ("negative_camera.jpg", &picture, "Ver.1.00", taken),
    ] {
        let exif = exif(software, changed, taken, &thumbnail);
        write_whole(&folder.join(name), &jpeg_bytes_with(shown, 88, &[(1, exif)])?)?;
    }
    write_whole(&folder.join("negative_plain.jpg"), &jpeg_bytes(&picture, 85)?)?;
    let bare: RgbImage = imageops::crop_imm(&picture, 0, 0, 96, 72).to_image();
    bare.save(folder.join("not_applicable_bare.png"))?;

    let whole = folder.join("negative_clip.mp4");
    save(&whole, &drawn(31, 0..62), 0..62)?;
    copy(&whole, &["-ss", "1"], &[], &folder.join("positive_trimmed.mp4"))
}

/// An Exif segment (Exif 2.32, TIFF 6.0, big-endian) of a camera that does not exist, with a
/// thumbnail in IFD1.
fn exif(software: &str, changed: &str, taken: &str, thumbnail: &[u8]) -> Vec<u8> {
    let text = |s: &str| [s.as_bytes(), &[0]].concat();
    let long = |v: u32| v.to_be_bytes().to_vec();
    let first = |exif_at: u32| {
        let entries = [
            (0x010F, ASCII, text("Assay Drawn Scene")),
            (0x0110, ASCII, text("Model One")),
            (0x0131, ASCII, text(software)),
            (0x0132, ASCII, text(changed)),
            (0x8769, LONG, long(exif_at)),
        ];
        directory(8, &entries)
    };
    let second_at = 8 + first(0).len() as u32;
    let entries = [
        (0x9003, ASCII, text(taken)),
        (0x9004, ASCII, text(taken)),
        (0xA002, LONG, long(SIZE.0)),
        (0xA003, LONG, long(SIZE.1)),
    ];
    let second = directory(second_at, &entries);
    let third_at = second_at + second.len() as u32;
    let third = |data_at: u32| {
        let entries =
            [(0x0103, SHORT, vec![0, 6]), (0x0201, LONG, long(data_at)), (0x0202, LONG, long(thumbnail.len() as u32))];
        directory(third_at, &entries)
    };
    let data_at = third_at + third(0).len() as u32;
    let mut bytes = b"Exif\0\0MM\0*\0\0\0\x08".to_vec();
    let mut first = first(second_at);
    // The link to the next directory stands after the entries.
    let link = 2 + 12 * usize::from(u16::from_be_bytes([first[0], first[1]]));
    first[link..link + 4].copy_from_slice(&third_at.to_be_bytes());
    bytes.extend(first);
    bytes.extend(second);
    bytes.extend(third(data_at));
    bytes.extend(thumbnail);
    bytes
}
