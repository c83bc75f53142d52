//! Of every perturbation: what it does, that it is the same each time, what is said of a chain that
//! makes no sense.
use std::collections::BTreeSet;
use std::path::Path;

use image::imageops::FilterType;
use image::{Rgb, RgbImage, imageops};

use super::*;
use crate::ffmpeg;
use crate::frames::every_kth;
use crate::saving::{decode_jpeg, jpeg_bytes};
use crate::scene;

fn chain(text: &str) -> Chain {
    Chain::parse(text).unwrap()
}

fn through(text: &str, picture: &RgbImage) -> RgbImage {
    chain(text).still(picture, &mut Rng::new(5)).unwrap()
}

/// Mean absolute difference in grey levels.
fn off(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

#[test]
fn every_perturbation_is_listed_once_and_reads_its_own_levels() {
    let ids: BTreeSet<&str> = PERTURBATIONS.iter().map(|it| it.about().id).collect();
    assert_eq!(ids.len(), PERTURBATIONS.len());
    for about in PERTURBATIONS.iter().map(|it| it.about()) {
        assert!(about.stills != Stills::Never || about.clips != Clips::Never, "{}", about.id);
        assert!(!about.levels.is_empty(), "{}", about.id);
        for level in about.levels {
            let text = format!("{}:{level}", about.id);
            assert_eq!(chain(&text).to_string(), text);
        }
        for choice in about.options {
            let value = match choice {
                Choice::Word { words, .. } => (*words.last().unwrap()).to_owned(),
                Choice::Number { range, .. } => range.most.to_string(),
            };
            let text = format!("{}:{}:{}={value}", about.id, about.levels[0], choice.name());
            assert_eq!(chain(&text).to_string(), text);
        }
    }
}

#[test]
fn a_chain_that_makes_no_sense_is_refused_in_words() {
    for (text, words) in [
        ("jpg:75", "no perturbation `jpg`; there are jpeg"),
        ("jpeg", "jpeg needs its quality, such as jpeg:"),
        ("jpeg:chroma=444", "jpeg needs its quality first"),
        ("jpeg:high", "the quality of jpeg is a number, not `high`"),
        ("jpeg:0", "the quality of jpeg is from 1 to 100, not 0"),
        ("jpeg:75:chroma=411", "chroma of jpeg is one of 420, 422, 444, not `411`"),
        ("blur:1:radius=3", "blur has no option `radius`; it has none"),
        ("light:1:cold", "options are written name=value"),
        ("scale:nan", "is a number, not `nan`"),
        ("scale:0.5,,jpeg:75", "a comma without a perturbation"),
    ] {
        let error = Chain::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert!(chain(" ").steps.is_empty());
}

#[test]
fn stills_are_changed_as_it_says_and_always_alike() {
    let picture = scene::photograph(7, 320, 240);
    for (text, size, least, most) in [
        ("jpeg:75", (320, 240), 0.3, 6.0),
        ("jpeg:75:chroma=444:tables=flat", (320, 240), 0.3, 8.0),
        ("scale:0.5", (160, 120), 0.0, 0.0),
        ("scale:0.3:filter=lanczos", (96, 72), 0.0, 0.0),
        ("crop:0.9:at=random", (288, 216), 0.0, 0.0),
        ("rotation:5", (320, 240), 1.0, 40.0),
        ("blur:1.5", (320, 240), 0.3, 15.0),
        ("noise:4", (320, 240), 2.8, 3.6),
        ("light:1.2:gamma=0.8:blue=0.9", (320, 240), 5.0, 80.0),
        ("messenger:2", (320, 240), 0.3, 8.0),
        ("messenger:1:edge=160:draw=no", (160, 120), 0.0, 0.0),
    ] {
        let changed = through(text, &picture);
        assert_eq!(changed.dimensions(), size, "{text}");
        assert_eq!(changed, through(text, &picture), "{text}");
        if size == picture.dimensions() {
            let off = off(&changed, &picture);
            assert!((least..=most).contains(&off), "{text}: {off}");
        }
    }
    for text in ["h264_crf:33", "h264_bitrate:500"] {
        let error = chain(text).still(&picture, &mut Rng::new(1)).unwrap_err().to_string();
        assert!(error.contains("is for clips"), "{error}");
    }
}

#[test]
fn what_changes_nothing_changes_nothing() {
    let picture = scene::photograph(8, 96, 80);
    for text in ["", "rotation:0", "crop:1", "noise:0", "light:1", "scale:1"] {
        assert_eq!(through(text, &picture), picture, "{text}");
    }
}

#[test]
fn a_turn_and_a_blur_put_things_where_they_belong() {
    let mut spot = RgbImage::new(41, 41);
    spot.put_pixel(30, 20, Rgb([255; 3]));
    let brightest = |picture: &RgbImage| {
        let (x, y, _) = picture.enumerate_pixels().max_by_key(|(_, _, p)| p.0[0]).unwrap();
        (x, y)
    };
    // Clockwise as one sees it: from the right of the middle to below it.
    assert_eq!(brightest(&through("rotation:90", &spot)), (20, 30));
    let soft = through("blur:2", &spot);
    assert_eq!(brightest(&soft), (30, 20));
    // A Gaussian of this width has 255 / (2 pi 4) at its middle.
    assert!((9..=11).contains(&soft.get_pixel(30, 20).0[0]), "{:?}", soft.get_pixel(30, 20));
}

#[test]
fn files_of_stills_are_what_the_last_step_saves() {
    let picture = scene::photograph(9, 128, 96);
    let file = |text: &str| chain(text).still_file(&picture, &mut Rng::new(2)).unwrap();
    assert_eq!(file("jpeg:85"), (jpeg_bytes(&picture, 85).unwrap(), "jpg"));
    let half = imageops::resize(&picture, 64, 48, FilterType::CatmullRom);
    assert_eq!(file("scale:0.5,jpeg:95"), (jpeg_bytes(&half, 95).unwrap(), "jpg"));
    let (bytes, ending) = file("jpeg:85,blur:1");
    assert_eq!((ending, chain("jpeg:85,blur:1").still_ending()), ("png", "png"));
    let blurred = through("blur:1", &decode_jpeg(&jpeg_bytes(&picture, 85).unwrap()).unwrap());
    assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgb8(), blurred);
    // Drawn from the published ranges: other numbers, another file.
    let drawn = |seed| chain("messenger:1:draw=yes").still_file(&picture, &mut Rng::new(seed)).unwrap().0;
    assert_eq!(drawn(1), drawn(1));
    assert!((2..8).any(|seed| drawn(seed) != drawn(1)));
}

#[test]
fn clips_are_changed_frame_by_frame_or_by_their_encoder() {
    if std::process::Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("SKIPPED: ffmpeg is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from.mp4");
    let large = scene::photograph(11, 400, 300);
    let frames: Vec<RgbImage> = (0..50).map(|i| imageops::crop_imm(&large, i, i, 320, 240).to_image()).collect();
    ffmpeg::encode_rgb(&from, &frames, 25, 5).unwrap();
    let read = |path: &Path| every_kth(path, 1).unwrap().into_iter().map(|(_, f)| f).collect::<Vec<RgbImage>>();
    let source = read(&from);
    let made = |text: &str| {
        let to = folder.path().join("to.mp4");
        chain(text).clip(&from, &to, false, &mut Rng::new(3)).unwrap();
        let bytes = std::fs::read(&to).unwrap();
        let frames = read(&to);
        (bytes, frames)
    };
    // The bytes are those of the command that figures were made with.
    let (bytes, frames) = made("h264_crf:33");
    let known = folder.path().join("known.mp4");
    ffmpeg::compress(&from, &known, 33).unwrap();
    assert!(bytes == std::fs::read(&known).unwrap());
    assert_eq!(frames.len(), 50);
    // Frame by frame, saved nearly without loss, the same place in all of them: colours say where a
    // pixel comes from.
    let slope = RgbImage::from_fn(320, 240, |x, y| Rgb([(x * 255 / 319) as u8, (y * 255 / 239) as u8, 90]));
    let (still, cropped) = (folder.path().join("still.mp4"), folder.path().join("cropped.mp4"));
    ffmpeg::encode_rgb(&still, &vec![slope; 30], 25, 5).unwrap();
    let crop = |to: &Path| chain("crop:0.5:at=random").clip(&still, to, false, &mut Rng::new(3)).unwrap();
    crop(&cropped);
    let frames = read(&cropped);
    assert_eq!((frames.len(), frames[0].dimensions()), (30, (160, 120)));
    assert!(off(&frames[0], &frames[29]) < 1.0, "{}", off(&frames[0], &frames[29]));
    let [red, green, _] = frames[0].get_pixel(80, 60).0.map(f64::from);
    let (x, y) = (red * 319.0 / 255.0 - 80.0, green * 239.0 / 255.0 - 60.0);
    assert!((-4.0..=164.0).contains(&x) && (-4.0..=124.0).contains(&y), "{x}, {y}");
    assert!((x - 80.0).abs() > 6.0 || (y - 60.0).abs() > 6.0, "not the middle: {x}, {y}");
    crop(&still.with_extension("again.mp4"));
    assert!(std::fs::read(&cropped).unwrap() == std::fs::read(still.with_extension("again.mp4")).unwrap());
    // A step of frames, then an encoder, without a lossy file between them.
    let (_, frames) = made("scale:0.5,h264_crf:5");
    let half: Vec<RgbImage> =
        source.iter().map(|frame| imageops::resize(frame, 160, 120, FilterType::CatmullRom)).collect();
    ffmpeg::encode_rgb(&known, &half, 25, 5).unwrap();
    let direct = read(&known);
    assert_eq!(frames[10].dimensions(), (160, 120));
    assert!(off(&direct[10], &frames[10]) < 0.3, "{}", off(&direct[10], &frames[10]));
    // A call loses frames and holds the one before.
    let (bytes, frames) = made("messenger:1:kind=call");
    assert_eq!(frames.len(), 50);
    assert!(bytes.len() < 150_000, "{}", bytes.len());
    let (small, _) = made("h264_bitrate:60");
    assert!(small.len() < made("h264_bitrate:500").0.len());
    // Stills only.
    let error = chain("jpeg:75").clip(&from, &known, false, &mut Rng::new(1)).unwrap_err().to_string();
    assert!(error.contains("is for stills"), "{error}");
    let absent = folder.path().join("absent.mp4");
    assert!(chain("blur:1").clip(&absent, &known, false, &mut Rng::new(1)).is_err());
}
