//! The demo's example files: a camera photo, a splice, a clip and a cut clip, all of the drawn
//! scene, with the truth about each.
//!
//! The splice keeps what real ones keep: its part was saved as JPEG before at another quality and
//! lies off the 8x8 grid, and it comes from a noisier exposure. Nothing is retouched to make it
//! easier or harder to find.
use crate::ffmpeg::{Frames, encode};
use crate::saving::{decode_jpeg, jpeg_bytes, jpeg_bytes_with, png_bytes, write_whole};
use crate::scene::{Camera, Scene, frame, photograph};
use anyhow::Context;
use assay_media::Progress;
use image::{GrayImage, Rgb, RgbImage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

/// Seed of the scene that the photo and the clip show.
const SCENE: u64 = 1;
/// Seed of the scene that the spliced fruit comes from.
const DONOR_SCENE: u64 = 2;
const PHOTO: (u32, u32) = (1280, 960);
const PHOTO_QUALITY: u8 = 92;
/// What the donor was saved at before its fruit was cut out.
const DONOR_QUALITY: u8 = 70;
/// From the donor's place to the pasted place, off the grid in both directions.
const DONOR_SHIFT: (i64, i64) = (571, 125);
const CLIP: (u32, u32) = (640, 360);
const FRAMES_PER_SEC: u32 = 25;
const CLIP_FRAMES: u32 = 100;
const CLIP_CRF: u8 = 20;

/// Where the planted edits lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Box `[x, y, width, height]` of the spliced fruit in `scene_spliced.jpg`, in pixels.
    pub spliced_box: [u32; 4],
    /// Where frames were taken out of `clip_cut.mp4`, in seconds of that clip.
    pub dropped_at_secs: f64,
    /// Start and end of the frames that `clip_cut.mp4` shows twice, in seconds of that clip.
    pub repeated_secs: [f64; 2],
    /// Start and end of the frames of another scene in `clip_cut.mp4`, in seconds of that clip.
    pub foreign_secs: [f64; 2],
}

/// The photo, its forgery and the mask of the edit (255 where spliced).
#[derive(Debug, Clone)]
pub struct Pictures {
    /// Bytes of `scene_camera.jpg`.
    pub camera: Vec<u8>,
    /// Bytes of `scene_spliced.jpg`.
    pub spliced: Vec<u8>,
    /// Mask of the splice.
    pub mask: GrayImage,
}

/// Draws and saves the two pictures in memory.
///
/// # Errors
/// When a JPEG cannot be encoded.
pub fn pictures() -> anyhow::Result<Pictures> {
    let (width, height) = PHOTO;
    let camera = jpeg_bytes_with(&photograph(SCENE, width, height), PHOTO_QUALITY, &[(1, exif())])?;
    let mut base = decode_jpeg(&camera)?;

    // A darker exposure, brought up: fewer electrons, more noise.
    let exposure = Camera { full_well: 900.0, read_noise: 5.0, ..Camera::new(DONOR_SCENE) };
    let scene = Scene::new(DONOR_SCENE);
    let donor = decode_jpeg(&jpeg_bytes(&scene.photograph(width, height, 0.0, 2, &exposure), DONOR_QUALITY)?)?;
    let outline = scene.fruit_mask(0, width, height);
    let mut mask = GrayImage::new(width, height);
    for (x, y, covered) in outline.enumerate_pixels() {
        let target = (i64::from(x) + DONOR_SHIFT.0, i64::from(y) + DONOR_SHIFT.1);
        if let (255, (Ok(tx), Ok(ty))) = (covered[0], (u32::try_from(target.0), u32::try_from(target.1)))
            && let Some(pixel) = base.get_pixel_mut_checked(tx, ty)
        {
            *pixel = *donor.get_pixel(x, y);
            mask.put_pixel(tx, ty, image::Luma([255]));
        }
    }
    let spliced = jpeg_bytes(&base, PHOTO_QUALITY)?;
    Ok(Pictures { camera, spliced, mask })
}

/// Writes `scene_camera.jpg`, `scene_spliced.jpg`, `scene_spliced_mask.png`, `clip.mp4`,
/// `clip_cut.mp4` and `truth.json` to `folder`.
///
/// # Errors
/// When nothing can be written there, or the system's ffmpeg is missing or fails.
pub fn write(folder: &Path, progress: &dyn Progress) -> anyhow::Result<Truth> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    progress.update("drawing the photo", 0, 2);
    let pictures = pictures()?;
    write_whole(&folder.join("scene_camera.jpg"), &pictures.camera)?;
    write_whole(&folder.join("scene_spliced.jpg"), &pictures.spliced)?;
    write_whole(&folder.join("scene_spliced_mask.png"), &png_bytes(&pictures.mask)?)?;

    progress.update("drawing the clip", 1, 2);
    let clip = drawn_frames(SCENE, 0..CLIP_FRAMES);
    let whole = clip.frames.iter().map(Vec::as_slice);
    encode(&folder.join("clip.mp4"), &clip, whole, CLIP_CRF)?;
    // Frames 30..48 are missing, 55..63 come twice, and 12 frames of another scene stand before 80.
    let foreign = drawn_frames(DONOR_SCENE, 40..52);
    let order = [0..30usize, 48..63, 55..80];
    let mut cut: Vec<&[u8]> = order.iter().cloned().flatten().map(|i| clip.frames[i].as_slice()).collect();
    let foreign_start = cut.len();
    cut.extend(foreign.frames.iter().map(Vec::as_slice));
    let foreign_end = cut.len();
    cut.extend(clip.frames[80..].iter().map(Vec::as_slice));
    encode(&folder.join("clip_cut.mp4"), &clip, cut.into_iter(), CLIP_CRF)?;

    let secs = |frames: usize| frames as f64 / f64::from(FRAMES_PER_SEC);
    let truth = Truth {
        spliced_box: bounds(&pictures.mask),
        dropped_at_secs: secs(30),
        repeated_secs: [secs(45), secs(53)],
        foreign_secs: [secs(foreign_start), secs(foreign_end)],
    };
    let mut text = serde_json::to_vec_pretty(&truth)?;
    text.push(b'\n');
    write_whole(&folder.join("truth.json"), &text)?;
    progress.update("drawing the clip", 2, 2);
    Ok(truth)
}

fn drawn_frames(seed: u64, numbers: Range<u32>) -> Frames {
    let (width, height) = CLIP;
    let frames = numbers
        .into_par_iter()
        .map(|number| planar(&frame(seed, width, height, number as f32 / FRAMES_PER_SEC as f32)))
        .collect();
    Frames { width, height, rate: (FRAMES_PER_SEC, 1), frames }
}

/// RGB to limited-range BT.601 4:2:0, the chroma averaged; even sizes only.
pub(crate) fn planar(picture: &RgbImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let part = |r: f32, g: f32, b: f32, offset: f32, [kr, kg, kb]: [f32; 3]| {
        (offset + (kr * r + kg * g + kb * b) / 255.0).round().clamp(0.0, 255.0) as u8
    };
    let mut planes: Vec<u8> = picture
        .pixels()
        .map(|Rgb([r, g, b])| part(f32::from(*r), f32::from(*g), f32::from(*b), 16.0, [65.481, 128.553, 24.966]))
        .collect();
    for weights in [[-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]] {
        for cy in 0..height / 2 {
            for cx in 0..width / 2 {
                let mut sum = [0.0f32; 3];
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let pixel = picture.get_pixel(2 * cx + dx, 2 * cy + dy);
                    for (total, value) in sum.iter_mut().zip(pixel.0) {
                        *total += f32::from(value) / 4.0;
                    }
                }
                planes.push(part(sum[0], sum[1], sum[2], 128.0, weights));
            }
        }
    }
    planes
}

fn bounds(mask: &GrayImage) -> [u32; 4] {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, _) in mask.enumerate_pixels().filter(|(_, _, value)| value[0] == 255) {
        (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1));
    }
    if right == 0 { [0; 4] } else { [left, top, right - left, bottom - top] }
}

/// An Exif APP1 segment (Exif 2.32, TIFF 6.0, big-endian) of a camera that does not exist.
fn exif() -> Vec<u8> {
    const ASCII: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const RATIONAL: u16 = 5;
    const UNDEFINED: u16 = 7;
    let text = |s: &str| {
        let mut bytes = s.as_bytes().to_vec();
        bytes.push(0);
        bytes
    };
    let ratio = |n: u32, d: u32| [n.to_be_bytes(), d.to_be_bytes()].concat();
    let short = |v: u16| v.to_be_bytes().to_vec();
    let first = |exif_at: u32| {
        vec![
            (0x010F, ASCII, text("Assay Drawn Scene")),
            (0x0110, ASCII, text("Model One")),
            (0x0112, SHORT, short(1)),
            (0x011A, RATIONAL, ratio(72, 1)),
            (0x011B, RATIONAL, ratio(72, 1)),
            (0x0128, SHORT, short(2)),
            (0x0132, ASCII, text("2026:05:04 10:20:30")),
            (0x0213, SHORT, short(1)),
            (0x8769, LONG, exif_at.to_be_bytes().to_vec()),
        ]
    };
    let second = vec![
        (0x829A, RATIONAL, ratio(1, 125)),
        (0x829D, RATIONAL, ratio(56, 10)),
        (0x8827, SHORT, short(200)),
        (0x9000, UNDEFINED, b"0232".to_vec()),
        (0x9003, ASCII, text("2026:05:04 10:20:30")),
        (0x9004, ASCII, text("2026:05:04 10:20:30")),
        (0x9101, UNDEFINED, vec![1, 2, 3, 0]),
        (0x920A, RATIONAL, ratio(35, 1)),
        (0xA000, UNDEFINED, b"0100".to_vec()),
        (0xA001, SHORT, short(1)),
        (0xA002, LONG, PHOTO.0.to_be_bytes().to_vec()),
        (0xA003, LONG, PHOTO.1.to_be_bytes().to_vec()),
    ];
    let start = 8u32;
    let after_first = start + directory(start, &first(0)).len() as u32;
    let mut bytes = b"Exif\0\0MM\0*\0\0\0\x08".to_vec();
    bytes.extend(directory(start, &first(after_first)));
    bytes.extend(directory(after_first, &second));
    bytes
}

/// One image file directory at an offset in the TIFF block, values over four bytes after it.
/// Entries in tag order.
pub(crate) fn directory(at: u32, entries: &[(u16, u16, Vec<u8>)]) -> Vec<u8> {
    let mut table = (entries.len() as u16).to_be_bytes().to_vec();
    let mut values = Vec::new();
    let values_at = at + 2 + 12 * entries.len() as u32 + 4;
    for (tag, kind, value) in entries {
        let size = match kind {
            3 => 2,
            4 => 4,
            5 => 8,
            _ => 1,
        };
        table.extend(tag.to_be_bytes());
        table.extend(kind.to_be_bytes());
        table.extend((value.len() as u32 / size).to_be_bytes());
        if value.len() <= 4 {
            let mut inline = value.clone();
            inline.resize(4, 0);
            table.extend(inline);
        } else {
            table.extend((values_at + values.len() as u32).to_be_bytes());
            values.extend(value);
            if values.len() % 2 == 1 {
                values.push(0);
            }
        }
    }
    table.extend([0; 4]);
    table.extend(values);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_splice_is_in_the_picture_and_nothing_else_changed_much() {
        let made = pictures().unwrap();
        let [x, y, width, height] = bounds(&made.mask);
        assert!(width > 100 && height > 100, "{width}x{height}");
        assert!(x > 0 && y > 0 && x + width < PHOTO.0 && y + height < PHOTO.1, "the whole fruit is inside");
        assert!(DONOR_SHIFT.0 % 8 != 0 && DONOR_SHIFT.1 % 8 != 0, "off the grid");
        let (camera, spliced) = (decode_jpeg(&made.camera).unwrap(), decode_jpeg(&made.spliced).unwrap());
        let mean = |inside: bool| {
            let changes: Vec<u64> = camera
                .enumerate_pixels()
                .filter(|(x, y, _)| (made.mask.get_pixel(*x, *y)[0] == 255) == inside)
                .map(|(x, y, p)| u64::from(p[1].abs_diff(spliced.get_pixel(x, y)[1])))
                .collect();
            changes.iter().sum::<u64>() as f64 / changes.len() as f64
        };
        assert!(mean(true) > 20.0 && mean(false) < 1.5, "inside {}, outside {}", mean(true), mean(false));
    }

    #[test]
    fn grey_is_coded_at_its_limited_range_level() {
        let planes = planar(&RgbImage::from_pixel(2, 2, Rgb([255, 255, 255])));
        assert_eq!(planes, [235, 235, 235, 235, 128, 128]);
        let planes = planar(&RgbImage::from_pixel(2, 2, Rgb([255, 0, 0])));
        assert_eq!(planes[4..], [90, 240]);
    }
}
