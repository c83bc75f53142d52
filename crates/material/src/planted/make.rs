//! Planning and making a set of pictures.
use super::edits::{Made, Selection, recorded, try_copy_move, try_local_resave, try_resampled_insert, try_splice};
use super::index::{Index, Item, Kind, Split};
use super::region::Shape;
use super::sources::Photo;
use crate::rng::Rng;
use crate::saving::{jpeg_bytes, png_bytes, write_whole};
use anyhow::Context;
use assay_media::Progress;
use image::GrayImage;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The final JPEG qualities, in the order of tables.
pub const QUALITIES: [u8; 4] = [95, 85, 75, 60];

/// Draws tried for one pair before its photo is given up.
const ATTEMPTS: usize = 400;
/// After so many draws donors are picked by folder: a large photo needs a large donor, and those
/// are few.
const ATTEMPTS_OVER_ALL: usize = 100;
/// Largest region of a copy: both places must fit beside each other.
const LARGEST_COPY: f64 = 0.16;
/// Share of copies that are scaled and turned as well.
const WARPED_COPIES: f64 = 0.2;

/// What to make.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where the set is written; made if absent.
    pub out: PathBuf,
    /// Seed of all draws.
    pub seed: u64,
    /// Pairs for calibration; for clips, one of every kind from every segment is made instead.
    pub pairs_calibration: usize,
    /// Pairs for the test set.
    pub pairs_test: usize,
}

/// One pair to be made.
struct Plan<'a> {
    id: String,
    photo: &'a Photo,
    kind: Kind,
    quality: u8,
}

/// Makes the pictures, masks and `planted.json` in `options.out`.
///
/// A photo serves at most four pairs, each at another final quality, so no two pristine twins are
/// the same file. With too few photos fewer pairs are made than asked for; the index says how many.
///
/// # Errors
/// When there are no photos, one cannot be decoded, nothing can be written, or `progress` was
/// cancelled.
pub fn make(photos: &[Photo], options: &Wanted, progress: &dyn Progress) -> anyhow::Result<Index> {
    anyhow::ensure!(!photos.is_empty(), "no source photos");
    for folder in ["pictures", "masks"] {
        let place = options.out.join(folder);
        std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    let mut plans = Vec::new();
    for (split, pairs) in [(Split::Calibration, options.pairs_calibration), (Split::Test, options.pairs_test)] {
        plans.extend(plan(photos, split, pairs, options.seed));
    }
    let total = plans.len() as u64;
    let done = AtomicU64::new(0);
    let pairs: Vec<anyhow::Result<[Item; 2]>> = plans
        .par_iter()
        .map(|plan| {
            anyhow::ensure!(!progress.cancelled(), "cancelled");
            let donors: Vec<&Photo> =
                photos.iter().filter(|p| p.split == plan.photo.split && p.group != plan.photo.group).collect();
            let pair = make_pair(plan, &donors, options);
            progress.update("planting", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            pair.with_context(|| format!("from {}", plan.photo.relative))
        })
        .collect();
    let mut items = Vec::with_capacity(2 * pairs.len());
    for pair in pairs {
        items.extend(pair?);
    }
    let index = Index::new(options.seed, items);
    index.save(&options.out, Index::FILE)?;
    Ok(index)
}

/// Groups of photos of which such a set has something to say: those that its calibration pairs are
/// made from, and its whole test split.
pub fn known_groups(photos: &[Photo], wanted: &Wanted) -> BTreeSet<String> {
    let learned = plan(photos, Split::Calibration, wanted.pairs_calibration, wanted.seed);
    let tested = photos.iter().filter(|photo| photo.split == Split::Test).map(|photo| photo.group.clone());
    learned.iter().map(|plan| plan.photo.group.clone()).chain(tested).collect()
}

/// Shares the pairs out over folders, photos, kinds and qualities: equal numbers for each folder as
/// far as its photos reach.
fn plan(photos: &[Photo], split: Split, pairs: usize, seed: u64) -> Vec<Plan<'_>> {
    let mut folders: Vec<(&str, Vec<&Photo>)> = Vec::new();
    for photo in photos.iter().filter(|photo| photo.split == split) {
        match folders.iter_mut().find(|(folder, _)| *folder == photo.folder) {
            Some((_, list)) => list.push(photo),
            None => folders.push((&photo.folder, vec![photo])),
        }
    }
    let reach: Vec<usize> = folders.iter().map(|(_, list)| list.len() * QUALITIES.len()).collect();
    let quotas = share_out(pairs, &reach);
    let letter = if split == Split::Test { "t" } else { "c" };
    let mut plans = Vec::new();
    for (place, ((folder, list), quota)) in folders.iter_mut().zip(quotas).enumerate() {
        let mut rng = Rng::labelled(seed, &format!("order {letter} {folder}"));
        for i in (1..list.len()).rev() {
            list.swap(i, rng.below(i + 1));
        }
        for j in 0..quota {
            let (p, round) = (j % list.len(), j / list.len());
            plans.push(Plan {
                id: format!("{letter}{:04}", plans.len()),
                photo: list[p],
                kind: Kind::PICTURES[(p / QUALITIES.len() + round + place) % Kind::PICTURES.len()],
                quality: QUALITIES[(p + round + place / Kind::PICTURES.len()) % QUALITIES.len()],
            });
        }
    }
    plans
}

/// Splits `total` evenly under upper bounds; what a small folder cannot take goes to the others.
fn share_out(total: usize, bounds: &[usize]) -> Vec<usize> {
    let mut shares = vec![0; bounds.len()];
    let mut left = total.min(bounds.iter().sum());
    while left > 0 {
        let open: Vec<usize> = (0..bounds.len()).filter(|i| shares[*i] < bounds[*i]).collect();
        let each = (left / open.len()).max(1);
        for i in open {
            let more = each.min(bounds[i] - shares[i]).min(left);
            shares[i] += more;
            left -= more;
        }
    }
    shares
}

fn make_pair(plan: &Plan<'_>, donors: &[&Photo], options: &Wanted) -> anyhow::Result<[Item; 2]> {
    let base = plan.photo.decode()?;
    let size = base.dimensions();
    let mut rng = Rng::labelled(options.seed, &format!("{} {}", plan.id, plan.photo.relative));
    let (made, donor) = edit(&mut rng, plan, &base, donors)?;
    let (id, quality) = (&plan.id, plan.quality);

    let names = ["pristine", "forged"].map(|what| (format!("{id}-{what}"), format!("pictures/{id}-{what}.jpg")));
    for (picture, (_, file)) in [&base, &made.picture].into_iter().zip(&names) {
        write_whole(&options.out.join(file), &jpeg_bytes(picture, quality)?)?;
    }
    let mask = format!("masks/{id}.png");
    save_mask(&options.out, &mask, &made.region.mask(size, (0, 0)))?;
    let copied_from_mask = match made.copied_from {
        Some(shift) => {
            let name = format!("masks/{id}-from.png");
            save_mask(&options.out, &name, &made.region.mask(size, shift))?;
            Some(name)
        }
        None => None,
    };
    let [(pristine_id, pristine_file), (forged_id, forged_file)] = names;
    let pristine = Item {
        id: pristine_id.clone(),
        twin: forged_id.clone(),
        split: plan.photo.split,
        kind: plan.kind,
        forged: false,
        quality,
        file: pristine_file,
        source: plan.photo.relative.clone(),
        folder: plan.photo.folder.clone(),
        group: plan.photo.group.clone(),
        donor: None,
        width: size.0,
        height: size.1,
        edit: None,
        edited_share: None,
        mask: None,
        copied_from_mask: None,
        edited_secs: Vec::new(),
    };
    let forged = Item {
        id: forged_id,
        twin: pristine_id,
        forged: true,
        file: forged_file,
        donor: donor.map(|photo| photo.relative.clone()),
        edited_share: Some(recorded(made.region.pixels() as f64 / (f64::from(size.0) * f64::from(size.1)))),
        edit: Some(made.edit),
        mask: Some(mask),
        copied_from_mask,
        ..pristine.clone()
    };
    Ok([pristine, forged])
}

/// Draws until an edit fits.
fn edit<'a>(
    rng: &mut Rng,
    plan: &Plan<'_>,
    base: &image::RgbImage,
    donors: &[&'a Photo],
) -> anyhow::Result<(Made, Option<&'a Photo>)> {
    let needs_donor = matches!(plan.kind, Kind::Splice | Kind::ResampledInsert);
    anyhow::ensure!(!needs_donor || !donors.is_empty(), "no photo of another group to take a region from");
    for attempt in 0..ATTEMPTS {
        let donor = if needs_donor { pick_donor(rng, donors, attempt >= ATTEMPTS_OVER_ALL) } else { None };
        let portrait = plan.photo.is_face;
        let shape = match rng.below(3) {
            0 if portrait => Shape::FaceOval,
            1 => Shape::Ellipse,
            _ => Shape::Blob,
        };
        // Face folders are cropped around the face, so a face goes on a face.
        let on_face =
            shape == Shape::FaceOval && plan.kind != Kind::CopyMove && donor.is_none_or(|photo| photo.is_face);
        let centre = on_face.then(|| (rng.range(0.47, 0.53), rng.range(0.48, 0.58)));
        let largest = if plan.kind == Kind::CopyMove { LARGEST_COPY } else { 1.0 };
        let chosen = Selection::draw(rng, shape, largest, centre);
        let made = match (plan.kind, donor) {
            (Kind::Splice, Some(photo)) => try_splice(rng, base, &photo.decode()?, chosen),
            (Kind::ResampledInsert, Some(photo)) => try_resampled_insert(rng, base, &photo.decode()?, chosen),
            (Kind::LocalResave, _) => try_local_resave(rng, base, plan.quality, chosen),
            _ => {
                let warped = rng.chance(WARPED_COPIES);
                try_copy_move(rng, base, chosen, warped)
            }
        };
        if let Some(made) = made {
            return Ok((made, donor));
        }
    }
    anyhow::bail!("no {} fits after {ATTEMPTS} draws", plan.kind.name())
}

fn pick_donor<'a>(rng: &mut Rng, donors: &[&'a Photo], by_folder: bool) -> Option<&'a Photo> {
    if !by_folder {
        return rng.pick(donors).copied();
    }
    let mut folders: Vec<&str> = donors.iter().map(|photo| photo.folder.as_str()).collect();
    folders.dedup();
    let folder = *rng.pick(&folders)?;
    let within: Vec<&Photo> = donors.iter().filter(|photo| photo.folder == folder).copied().collect();
    rng.pick(&within).copied()
}

fn save_mask(out: &Path, name: &str, mask: &GrayImage) -> anyhow::Result<()> {
    write_whole(&out.join(name), &png_bytes(mask)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_under_their_bounds() {
        assert_eq!(share_out(12, &[100, 100, 100]), [4, 4, 4]);
        assert_eq!(share_out(12, &[2, 100, 100]), [2, 5, 5]);
        assert_eq!(share_out(50, &[2, 3]), [2, 3]);
        assert_eq!(share_out(0, &[2]), [0]);
    }
}
