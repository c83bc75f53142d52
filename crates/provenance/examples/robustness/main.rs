//! Measures the watermark: what survives which treatment, how often it is seen where there is none,
//! how long it takes.
//!
//! ```text
//! robustness all DATA [SHARE]                    every table of docs/watermark.md; SHARE divides the counts, for a first look
//! robustness stills WIDTHxHEIGHT COUNT FILE...   pictures, and frames of clips two seconds apart
//! robustness clips WIDTHxHEIGHT FRAMES COUNT FILE...
//! robustness false_positives SIDE COUNT FILE...    unmarked windows at random places and scales
//! robustness speed FILE
//! ```
//! The decision that shapes it: files are cut to the shape and scaled to the size, up or down,
//! because pictures of 720p are rare in the data; the tables say so. Every eighth portrait is left
//! out: on those the shape of the mark was chosen. Prints Markdown. Needs `ffmpeg` with x264. With
//! `ONLY='WORD|WORD'` in the environment only treatments whose names hold one of the words are
//! measured.
mod false_positives;
mod speed;
mod tally;
mod treat;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use assay_provenance::watermark;
use image::RgbImage;
use image::imageops;
use tally::Tally;
use treat::{CLIP, STILL, frames_of, scaled, through};

/// Frames that the detector takes of a clip, as `assay verify` does.
const FRAMES_READ: usize = 32;
/// Moments of a clip that give a still, and seconds between them.
const MOMENTS: usize = 8;
const BETWEEN_SECS: f64 = 2.0;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((what, rest)) = args.split_first() else { bail!("see the head of this file") };
    let number = |at: usize| -> anyhow::Result<usize> { Ok(rest.get(at).context("a number is missing")?.parse()?) };
    let files = |from: usize| rest.iter().skip(from).map(PathBuf::from).collect::<Vec<_>>();
    let shape = || -> anyhow::Result<(u32, u32)> {
        let (w, h) = rest.first().and_then(|s| s.split_once('x')).context("WIDTHxHEIGHT")?;
        Ok((w.parse()?, h.parse()?))
    };
    match what.as_str() {
        "all" => all(Path::new(rest.first().context("the data's folder")?), number(1).unwrap_or(1)),
        "stills" => stills(shape()?, number(1)?, &files(2)),
        "clips" => clips(shape()?, number(1)?, number(2)?, &files(3)),
        "false_positives" => false_positives::false_positives(number(0)? as u32, number(1)?, &files(2)),
        "speed" => speed::speed(Path::new(rest.first().context("a picture")?)),
        _ => bail!("unknown command {what}"),
    }
}

fn all(data: &Path, share: usize) -> anyhow::Result<()> {
    let listed = |folders: &[&str]| -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in folders {
            let folder = data.join(folder);
            for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                files.push(entry?.path());
            }
        }
        files.sort();
        Ok(files)
    };
    let portraits: Vec<PathBuf> = (listed(&["faces/ffhq256"])?.into_iter().enumerate())
        .filter_map(|(at, file)| (at % 8 != 7).then_some(file))
        .collect();
    let clips_of = || listed(&["video/talking", "pairs/faceswap_sbs"]);
    println!("## Stills of 256x256\n");
    stills((256, 256), 104 / share, &portraits)?;
    println!("## Stills of 1280x720\n");
    let large = listed(&["camera/natural", "landmarks/dlib_examples", "portraits", "video/talking"])?;
    stills((1280, 720), 104 / share, &large)?;
    println!("## Clips of 256x256, three seconds\n");
    clips((256, 256), 75, 100 / share, &clips_of()?)?;
    println!("## Clips of 1280x720, half a second\n");
    clips((1280, 720), 13, 100 / share, &clips_of()?)?;
    println!("## Unmarked\n");
    let unmarked = listed(&[
        "faces/ffhq256",
        "faces/lfw250",
        "faces/celeba178",
        "nonface/bsds",
        "nonface/imagenet256",
        "portraits",
    ])?;
    false_positives::false_positives(96, 100_000 / share, &unmarked)?;
    println!("## Time\n");
    speed::speed(large.iter().find(|file| is_picture(file)).context("no picture")?)
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["jpg", "jpeg", "png"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

fn open(path: &Path) -> anyhow::Result<RgbImage> {
    let bytes = std::fs::read(path)?;
    Ok(image::load_from_memory(&bytes).with_context(|| path.display().to_string())?.into_rgb8())
}

fn number(at: usize) -> u32 {
    (at as u32).wrapping_mul(2_654_435_761) ^ 0x5BD1_E995
}

/// Whether this treatment is measured.
fn wanted(name: &str) -> bool {
    std::env::var("ONLY").map_or(true, |words| words.split('|').any(|word| name.contains(word)))
}

/// The middle of a picture in this shape and size.
fn shaped(picture: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
    let scale = (width as f32 / picture.width() as f32).max(height as f32 / picture.height() as f32);
    if scale == 1.0 && picture.dimensions() == (width, height) {
        return picture.clone();
    }
    let large = scaled(picture, scale);
    let (w, h) = (large.width().min(width), large.height().min(height));
    imageops::crop_imm(&large, (large.width() - w) / 2, (large.height() - h) / 2, w, h).to_image()
}

/// Pictures of this shape: of clips some frames, of everything else itself.
fn pictures(file: &Path, shape: (u32, u32)) -> Vec<RgbImage> {
    if is_picture(file) {
        return open(file).map(|picture| shaped(&picture, shape)).into_iter().collect();
    }
    let frame =
        |at: usize| frames_of(file, at as f64 * BETWEEN_SECS, 1, shape).ok().and_then(|mut frames| frames.pop());
    (0..MOMENTS).filter_map(frame).collect()
}

fn stills(shape: (u32, u32), count: usize, files: &[PathBuf]) -> anyhow::Result<()> {
    // Where there are more files than needed, evenly among them.
    let step = if files.iter().all(|file| is_picture(file)) { (files.len() / count.max(1)).max(1) } else { 1 };
    let mut tallies: Vec<Tally> = STILL.iter().map(|_| Tally::default()).collect();
    let (mut decibels, mut drowned) = (Vec::new(), 0);
    let all = files.iter().step_by(step).flat_map(|file| pictures(file, shape)).take(count);
    for (at, mut picture) in all.enumerate() {
        let id = number(at);
        let Ok(psnr) = watermark::embed_readable(&mut picture, id) else {
            drowned += 1;
            continue;
        };
        decibels.push(psnr);
        for ((name, treat), tally) in STILL.iter().zip(&mut tallies) {
            if wanted(name) {
                tally.add(watermark::read(&treat(&picture, at)?), id);
            }
        }
    }
    tally::decibels("pictures", &mut decibels, drowned);
    tally::table(STILL.iter().map(|(name, _)| *name).zip(&mut tallies));
    Ok(())
}

fn clips(shape: (u32, u32), length: usize, count: usize, files: &[PathBuf]) -> anyhow::Result<()> {
    let mut tallies: Vec<Tally> = CLIP.iter().map(|_| Tally::default()).collect();
    let mut decibels = Vec::new();
    let mut done = 0;
    'all: for part in 0.. {
        let before = done;
        for file in files {
            // No two parts of a clip overlap at 25 frames a second and above.
            let frames = frames_of(file, part as f64 * length as f64 / 25.0, length, shape)?;
            if frames.len() < length {
                continue;
            }
            let id = number(done);
            let mut marked = Vec::new();
            for mut frame in frames {
                decibels.push(watermark::embed(&mut frame, id)?);
                marked.push(frame);
            }
            for ((name, filter, crf), tally) in CLIP.iter().zip(&mut tallies) {
                if wanted(name) {
                    let other = through(&marked, filter, *crf)?;
                    let taken = FRAMES_READ.min(other.len());
                    let frames = (0..taken).map(|at| &other[(2 * at + 1) * other.len() / (2 * taken)]);
                    tally.add(watermark::read_frames(frames), id);
                }
            }
            done += 1;
            if done == count {
                break 'all;
            }
        }
        if done == before {
            break;
        }
    }
    tally::decibels("frames", &mut decibels, 0);
    tally::table(CLIP.iter().map(|(name, ..)| *name).zip(&mut tallies));
    Ok(())
}
