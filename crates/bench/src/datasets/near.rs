//! Pictures that are nearly the same: the same photo at another size or quality.
//!
//! The decision that shapes it: a difference hash of 64 bits proposes and a thumbnail confirms,
//! since either alone is wrong on flat pictures. At most four of 64 bits may differ, so that at
//! least one of five bands is equal and only pictures that share a band are compared. Mirrored and
//! cropped copies are not found, nor are clips compared.
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use image::imageops::{FilterType, resize};
use rayon::prelude::*;

use super::groups::Groups;
use super::manifest::Split;

/// Bits of the hash that may differ.
const MAX_BITS: u32 = 4;

/// Side of the thumbnail.
const SIDE: u32 = 32;

/// Mean absolute difference of thumbnails in grey levels. With these limits 457 of 459 copies at
/// half the size and JPEG quality 50 were found and, among 4124 photos of FFHQ, LFW, CelebA and
/// ImageNet, no two different ones taken for copies.
const MAX_DIFFERENCE: f64 = 8.0;

/// First bit of each band, and the end.
const BANDS: [u32; 6] = [0, 13, 26, 39, 52, 64];

struct Print {
    hash: u64,
    thumbnail: Vec<u8>,
}

/// Groups of near-duplicates across splits, by place in the list.
#[derive(Debug)]
pub(super) struct Near {
    pub(super) clusters: Vec<Vec<usize>>,
    pub(super) unreadable: Vec<(PathBuf, String)>,
}

/// True for the extensions of pictures.
pub(super) fn is_still(path: &Path) -> bool {
    const STILLS: [&str; 7] = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"];
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| STILLS.contains(&e.to_ascii_lowercase().as_str()))
}

fn print(path: &Path) -> Result<Print, String> {
    let reader = image::ImageReader::open(path).and_then(image::ImageReader::with_guessed_format);
    let picture = reader.map_err(|e| e.to_string())?.decode().map_err(|e| e.to_string())?.into_luma8();
    // Taken from one reduced picture: the hash must not see detail that compression takes away.
    let thumbnail = resize(&picture, SIDE, SIDE, FilterType::Triangle);
    let small = resize(&thumbnail, 9, 8, FilterType::Triangle);
    let mut hash = 0;
    for y in 0..8 {
        for x in 0..8 {
            hash = hash << 1 | u64::from(small.get_pixel(x, y).0[0] > small.get_pixel(x + 1, y).0[0]);
        }
    }
    Ok(Print { hash, thumbnail: thumbnail.into_raw() })
}

fn alike(a: &Print, b: &Print) -> bool {
    if (a.hash ^ b.hash).count_ones() > MAX_BITS {
        return false;
    }
    let sum: u64 = a.thumbnail.iter().zip(&b.thumbnail).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 <= MAX_DIFFERENCE * f64::from(SIDE * SIDE)
}

/// Enough pairs across splits to connect what is alike in a band: a thousand black frames must not
/// give a million pairs.
fn edges(members: &[usize], files: &[(PathBuf, Split)], read: &[Result<Print, String>]) -> Vec<(usize, usize)> {
    let mut leads: Vec<usize> = (0..members.len()).collect();
    let find = |leads: &[usize], mut at: usize| {
        while leads[at] != at {
            at = leads[at];
        }
        at
    };
    let mut edges = Vec::new();
    for (n, &i) in members.iter().enumerate() {
        for (m, &j) in members.iter().enumerate().skip(n + 1) {
            let (Ok(a), Ok(b)) = (&read[i], &read[j]) else { continue };
            let (one, other) = (find(&leads, n), find(&leads, m));
            if files[i].1 != files[j].1 && one != other && alike(a, b) {
                leads[one.max(other)] = one.min(other);
                edges.push((i, j));
            }
        }
    }
    edges
}

/// Finds pictures of one split that are nearly those of another.
pub(super) fn duplicates(files: &[(PathBuf, Split)]) -> Near {
    let read: Vec<Result<Print, String>> = files.par_iter().map(|(path, _)| print(path)).collect();
    let mut bands: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
    for (i, print) in read.iter().enumerate() {
        let Ok(print) = print else { continue };
        for (band, ends) in BANDS.windows(2).enumerate() {
            let bits = print.hash >> ends[0] & ((1 << (ends[1] - ends[0])) - 1);
            bands.entry((band, bits)).or_default().push(i);
        }
    }
    let pairs: Vec<(usize, usize)> =
        bands.par_iter().flat_map_iter(|(_, members)| edges(members, files, &read)).collect();
    let mut groups = Groups::default();
    let name = |i: usize| format!("{i:012}");
    let mut members: Vec<usize> = pairs.iter().flat_map(|(i, j)| [*i, *j]).collect();
    members.sort_unstable();
    members.dedup();
    pairs.iter().for_each(|(i, j)| groups.join(&name(*i), &name(*j)));
    let mut clusters: HashMap<String, Vec<usize>> = HashMap::new();
    for i in members {
        clusters.entry(groups.name(&name(i))).or_default().push(i);
    }
    let mut clusters: Vec<Vec<usize>> = clusters.into_values().collect();
    clusters.sort();
    let unreadable = files.iter().zip(read).filter_map(|((path, _), read)| Some((path.clone(), read.err()?))).collect();
    Near { clusters, unreadable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Label, LeakKind, Manifest, Row, leaks};
    use assay_material::rng::Rng;
    use image::codecs::jpeg::JpegEncoder;
    use image::{GrayImage, Luma};

    /// Smooth shapes that differ from seed to seed.
    fn drawn(seed: u64, side: u32) -> GrayImage {
        let mut rng = Rng::new(seed);
        let spots: Vec<[f64; 4]> =
            (0..12).map(|_| [rng.unit(), rng.unit(), rng.range(0.02, 0.2), rng.range(-120.0, 120.0)]).collect();
        GrayImage::from_fn(side, side, |x, y| {
            let (x, y) = (f64::from(x) / f64::from(side), f64::from(y) / f64::from(side));
            let spot = |s: &[f64; 4]| s[3] * (-((x - s[0]).powi(2) + (y - s[1]).powi(2)) / (s[2] * s[2])).exp();
            Luma([(128.0 + spots.iter().map(spot).sum::<f64>()).clamp(0.0, 255.0) as u8])
        })
    }

    #[test]
    fn a_planted_copy_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = Vec::new();
        for seed in 0..60 {
            let path = folder.path().join(format!("{seed}.png"));
            drawn(seed, 160).save(&path).unwrap();
            let split = [Split::Train, Split::Validation, Split::Test][seed as usize % 3];
            rows.push(Row { split: Some(split), ..Row::new(path, Label::Real) });
        }
        let mut manifest = Manifest { root: folder.path().to_owned(), rows };
        assert_eq!(leaks(&manifest).leaks, []);

        // Picture 6 is in training: a smaller, compressed, slightly brighter copy of it comes into
        // the test, another into training.
        let mut small = resize(&drawn(6, 160), 90, 90, FilterType::Lanczos3);
        small.pixels_mut().for_each(|p| p.0[0] = p.0[0].saturating_add(3));
        for (name, split) in [("copy.jpg", Split::Test), ("same.jpg", Split::Train)] {
            let path = folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            small.write_with_encoder(JpegEncoder::new_with_quality(file, 50)).unwrap();
            manifest.rows.push(Row { split: Some(split), ..Row::new(path, Label::Real) });
        }
        let broken = folder.path().join("broken.jpg");
        std::fs::write(&broken, "no picture").unwrap();
        manifest.rows.push(Row { split: Some(Split::Test), ..Row::new(&broken, Label::Real) });

        let found = leaks(&manifest);
        assert_eq!((found.compared, found.unreadable.len(), &found.unreadable[0].0), (62, 1, &broken));
        let [leak] = &found.leaks[..] else { panic!("{:?}", found.leaks) };
        assert_eq!((leak.kind, leak.files), (LeakKind::Picture, 3));
        assert_eq!(leak.splits, [Split::Train, Split::Test].into());
        assert!(
            leak.examples.iter().any(|e| e.ends_with("copy.jpg")) && leak.examples.iter().any(|e| e.ends_with("6.png"))
        );
    }

    #[test]
    fn flat_pictures_of_different_brightness_are_not_taken_for_copies() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<(PathBuf, Split)> = [(40u8, Split::Train), (200, Split::Test)]
            .map(|(level, split)| {
                let path = folder.path().join(format!("{level}.png"));
                GrayImage::from_pixel(64, 64, Luma([level])).save(&path).unwrap();
                (path, split)
            })
            .into();
        assert!(duplicates(&files).clusters.is_empty());
    }
}
