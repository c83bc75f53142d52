//! Whole pictures, generated or recorded: any crop of them, no face needed.
//!
//! The decision that shapes it: files of generators differ from recorded ones in size and
//! compression, so both are scaled by draws from one range, saved again once or twice, and seen as
//! crops of one size. A share of the pairs are a recorded crop and the same after a generator's
//! decoder, under one and the same draw: nothing but the decoder tells these apart. Sets count
//! alike, whatever they hold.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_media::Progress;
use assay_models::Kind;
use assay_models::tiny_autoencoder::TinyAutoencoder;
use image::RgbImage;
use image::imageops::FilterType;
use rayon::prelude::*;

use super::examples::{Draws, Example, Reals, Sort};
use super::recipe::{About, Material, Order, Recipe};
use crate::faces::augment::{Canvas, mirror};
use crate::folder;
use assay_bench::collections::{Collection, Split, Use};
use assay_bench::datasets::{self, Label, Manifest, Part};
use assay_material::perturb::blur::blur;
use assay_material::perturb::from_image;
use assay_material::perturb::jpeg::compress;
use assay_material::rng::Rng;

/// The recipe.
pub struct The;

static ABOUT: About = About {
    kind: Kind::ClipTuned,
    crop: Some("crops-224"),
    teaches_map: false,
    takes_tables: true,
    takes_autoencoder: true,
    needs_base: true,
    ..About::new("pictures", "Whole pictures, generated against recorded, on any crop (needs --base)")
};

/// Crops of pictures, and of pictures beside their twins, in the figures.
static PICTURES: Sort = Sort { name: "pictures", map_auc: None, by_map: None, paired: None };
static TWINS: Sort = Sort { name: "twins", map_auc: None, by_map: None, paired: Some("twins_paired") };

/// Share of the pairs that are a picture and its twin, where there are some.
const TWINNED: f64 = 0.35;
/// Pictures that are given a twin, training and validation, and the side of what is.
const TWIN_PICTURES: [usize; 2] = [360, 24];
const TWIN_SIDE: u32 = 320;
/// Pairs of two sets in validation.
const VALIDATED: usize = 60;
/// Pixels around a crop while it is saved, so that it lies anywhere on a grid of blocks.
const ROOM: usize = 16;
/// The least side of a picture in pixels.
const LEAST_PX: u32 = 96;

/// A labelled picture on disk.
#[derive(Debug, Clone)]
pub struct Labelled {
    path: PathBuf,
    is_fake: bool,
    source: String,
    split: Split,
}

/// A recorded picture, and the same behind a decoder.
pub struct Twin {
    split: Split,
    pictures: [RgbImage; 2],
}

impl Recipe for The {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn load(&self, order: &Order<'_>, progress: &dyn Progress) -> anyhow::Result<Material> {
        progress.update("reading tables", 0, 0);
        let data = Collection::of(order.data)?;
        let mut own = data.manifest()?;
        let root = own.root.clone();
        let name = |path: &Path| path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        own.rows.retain(|row| data.may(&name(&row.path), Use::Training));
        let mut files = labelled(own);
        for table in order.more {
            let mut manifest = datasets::index(table)?.manifest;
            if manifest.rows.iter().any(|row| row.split.is_none()) {
                datasets::assign(&mut manifest);
            }
            files.extend(labelled(manifest));
        }
        for is_fake in [false, true] {
            let has = files.iter().any(|f| f.is_fake == is_fake && f.split == Split::Train);
            anyhow::ensure!(has, "the training split has no {} picture", if is_fake { "generated" } else { "recorded" });
        }
        let names = files.iter().map(|f| std::path::absolute(&f.path).map(|p| p.display().to_string()));
        folder::write_record(&order.choice, order.data, &names.collect::<Result<Vec<_>, _>>()?, order.options)?;
        let twins = match order.autoencoder {
            Some(folder) => twins(&files, &TinyAutoencoder::open(folder)?, order.options.seed, progress),
            None => Vec::new(),
        };
        Ok(Material { files, twins, ..Material::default() })
    }

    fn draws<'a>(&self, material: &'a Material, _reals: &Reals<'a>) -> Box<dyn Draws + 'a> {
        let [train, held_out] = [Split::Train, Split::Validation].map(|split| Side::of(material, split));
        Box::new(Pictures { train, held_out })
    }
}

/// The stills of a table, as a whole.
fn labelled(manifest: Manifest) -> Vec<Labelled> {
    use image::ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    let is_still = |path: &PathBuf| {
        image::ImageFormat::from_path(path).is_ok_and(|f| matches!(f, Jpeg | Png | WebP | Bmp | Tiff))
    };
    let rows = manifest.rows.into_iter().filter(|row| row.part == Part::Whole && is_still(&row.path));
    rows.map(|row| {
        let folder = || row.path.parent().map(|p| p.display().to_string()).unwrap_or_default();
        Labelled {
            is_fake: row.label == Label::Fake,
            source: row.source.clone().unwrap_or_else(folder),
            split: row.split.unwrap_or(Split::Test),
            path: row.path,
        }
    })
    .collect()
}

fn read(path: &PathBuf) -> anyhow::Result<RgbImage> {
    let none = || path.display().to_string();
    let picture = image::ImageReader::open(path).with_context(none)?.with_guessed_format()?.decode();
    Ok(picture.with_context(none)?.into_rgb8())
}

/// Recorded pictures after the autoencoder, evenly from all sets.
fn twins(files: &[Labelled], net: &TinyAutoencoder, seed: u64, progress: &dyn Progress) -> Vec<Twin> {
    let mut all = Vec::new();
    for (split, count) in [Split::Train, Split::Validation].into_iter().zip(TWIN_PICTURES) {
        let sets = by_source(files, split, false);
        let one = |at: usize| {
            progress.update("passing pictures through the autoencoder", at as u64, count as u64);
            let mut rng = Rng::labelled(seed, &format!("twin {at}"));
            let set = rng.pick(&sets)?;
            let picture = read(&rng.pick(set)?.path).ok()?;
            let picture = if picture.width().min(picture.height()) > 2 * TWIN_SIDE && rng.chance(0.5) {
                let small = rng.range(1.2, 2.0);
                let size = |v: u32| (f64::from(v) / small) as u32;
                image::imageops::resize(&picture, size(picture.width()), size(picture.height()), FilterType::CatmullRom)
            } else {
                picture
            };
            let [width, height] = [picture.width(), picture.height()].map(|v| v.min(TWIN_SIDE) / 8 * 8);
            let x = rng.below((picture.width() - width) as usize + 1) as u32;
            let y = rng.below((picture.height() - height) as usize + 1) as u32;
            let real = image::imageops::crop_imm(&picture, x, y, width, height).to_image();
            let made = net.passed(real.as_raw(), [width, height].map(|v| v as usize));
            Some(Twin { split, pictures: [real, RgbImage::from_raw(width, height, made)?] })
        };
        if !sets.is_empty() {
            all.extend((0..count).into_par_iter().filter_map(one).collect::<Vec<_>>());
        }
    }
    all
}

fn by_source(files: &[Labelled], split: Split, is_fake: bool) -> Vec<Vec<&Labelled>> {
    let of: Vec<&Labelled> = files.iter().filter(|f| f.split == split && f.is_fake == is_fake).collect();
    let mut names: Vec<&str> = of.iter().map(|f| f.source.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| of.iter().filter(|f| f.source == *name).copied().collect()).collect()
}

/// What one side of the split has.
struct Side<'a> {
    sets: [Vec<Vec<&'a Labelled>>; 2],
    twins: Vec<&'a Twin>,
}

impl<'a> Side<'a> {
    fn of(material: &'a Material, split: Split) -> Self {
        Self {
            sets: [false, true].map(|is_fake| by_source(&material.files, split, is_fake)),
            twins: material.twins.iter().filter(|twin| twin.split == split).collect(),
        }
    }

    /// A recorded and a generated picture of any two sets; `None` where there are none that can be
    /// read.
    fn pair(&self, rng: &mut Rng) -> Option<[RgbImage; 2]> {
        let mut one = |sets: &[Vec<&Labelled>]| {
            (0..8).find_map(|_| {
                let set = rng.pick(sets)?;
                let picture = read(&rng.pick(set)?.path).ok()?;
                (picture.width().min(picture.height()) >= LEAST_PX).then_some(picture)
            })
        };
        Some([one(&self.sets[0])?, one(&self.sets[1])?])
    }
}

struct Pictures<'a> {
    train: Side<'a>,
    held_out: Side<'a>,
}

impl Draws for Pictures<'_> {
    fn draw(&self, reals: &Reals<'_>, rng: &mut Rng, _share: f64) -> [Example; 2] {
        let twin = rng.chance(TWINNED).then(|| rng.pick(&self.train.twins).copied()).flatten();
        if let Some(twin) = twin {
            return twinned(twin, reals, rng);
        }
        let black = || RgbImage::new(LEAST_PX, LEAST_PX);
        let pair = self.train.pair(rng).unwrap_or_else(|| [black(), black()]);
        apart(&pair, reals, rng)
    }

    fn held_out(&self, reals: &Reals<'_>, rng: &mut Rng) -> Vec<Example> {
        let pairs = (0..VALIDATED).filter_map(|_| Some(apart(&self.held_out.pair(rng)?, reals, rng)));
        let mut all: Vec<Example> = pairs.flatten().collect();
        all.extend(self.held_out.twins.iter().flat_map(|twin| twinned(twin, reals, rng)));
        all
    }
}

/// A recorded and a generated picture, each by draws of its own.
fn apart(pair: &[RgbImage; 2], reals: &Reals<'_>, rng: &mut Rng) -> [Example; 2] {
    let [real, fake] = pair.each_ref().map(|picture| crop(picture, reals.cut.side, rng));
    examples([real, fake], &PICTURES)
}

/// A picture and its twin, by the same draws.
fn twinned(twin: &Twin, reals: &Reals<'_>, rng: &mut Rng) -> [Example; 2] {
    let draws = Rng::new(rng.next_u64());
    examples(twin.pictures.each_ref().map(|p| crop(p, reals.cut.side, &mut draws.clone())), &TWINS)
}

fn examples([real, fake]: [Canvas; 2], sort: &'static Sort) -> [Example; 2] {
    [Example { crop: real, label: 0.0, mask: None, sort }, Example { crop: fake, label: 1.0, mask: None, sort }]
}

/// A crop of `side` pixels of a picture that was scaled, blurred, made brighter and saved by draws.
fn crop(picture: &RgbImage, side: usize, rng: &mut Rng) -> Canvas {
    let room = side + ROOM;
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let shorter = width.min(height);
    let drawn = rng.unit();
    let scale = match drawn {
        // As pictures are sent on: the whole of it in few pixels.
        d if d < 0.45 => rng.range(room as f64, 340.0) / shorter,
        d if d < 0.85 => rng.range(0.4, 1.3),
        _ => 1.0,
    };
    let scale = scale.max(room as f64 / shorter);
    let extent = (room as f64 / scale).min(shorter).floor();
    let x = rng.range(0.0, width - extent + 1.0).min(width - extent) as u32;
    let y = rng.range(0.0, height - extent + 1.0).min(height - extent) as u32;
    let part = image::imageops::crop_imm(picture, x, y, extent as u32, extent as u32).to_image();
    let filters = [FilterType::Triangle, FilterType::CatmullRom, FilterType::Lanczos3, FilterType::Nearest];
    // Nearest only now and then: few programs scale so.
    let usual = if rng.chance(0.1) { 4 } else { 3 };
    let filter = filters[rng.below(usual)];
    let scaled = if part.width() == room as u32 {
        part
    } else {
        image::imageops::resize(&part, room as u32, room as u32, filter)
    };
    let mut canvas = from_image(&scaled);
    if rng.chance(0.15) {
        blur(&mut canvas, room, rng.range(0.3, 1.2) as f32);
    }
    if rng.chance(0.3) {
        let (gain, offset) = (rng.range(0.85, 1.15) as f32, rng.range(-12.0, 12.0) as f32);
        canvas.iter_mut().flatten().for_each(|v| *v = (*v * gain + offset).clamp(0.0, 255.0));
    }
    for _ in 0..=usize::from(rng.chance(0.35)) {
        compress(&mut canvas, room, rng.between(30, 95) as u8);
    }
    let [x, y] = [rng.below(ROOM + 1), rng.below(ROOM + 1)];
    let mut out: Canvas = Vec::with_capacity(side * side);
    for row in canvas.chunks_exact(room).skip(y).take(side) {
        out.extend(&row[x..x + side]);
    }
    if rng.chance(0.5) {
        mirror(&mut out, side);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::task::{BaseName, Choice, Forgery};
    use super::*;

    fn grain(seed: u64, side: u32) -> RgbImage {
        let mut rng = Rng::new(seed);
        RgbImage::from_fn(side, side, |x, y| image::Rgb([0; 3].map(|_| (x + y) as u8 / 4 + rng.below(60) as u8)))
    }

    #[test]
    fn crops_have_one_size_whatever_the_picture_and_twins_share_their_draws() {
        let mut rng = Rng::new(3);
        for side in [96, 200, 256, 1000] {
            let picture = grain(u64::from(side), side);
            for _ in 0..6 {
                assert_eq!(crop(&picture, 224, &mut rng).len(), 224 * 224, "{side}");
            }
        }
        let picture = grain(9, 320);
        let twin = Twin { split: Split::Train, pictures: [picture.clone(), picture] };
        let material = Material::default();
        let choice = Choice { base: Some(BaseName::Clip), ..Choice::default() };
        let task = Forgery::new(&material, choice);
        for _ in 0..4 {
            let [real, fake] = twinned(&twin, task.reals(), &mut rng);
            assert!(real.label < 0.5 && fake.label > 0.5 && real.crop == fake.crop);
        }
    }

    #[test]
    fn sets_count_alike_and_only_their_own_side_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (source, is_fake, count, split) in [
            ("large", false, 30, Split::Train),
            ("small", false, 2, Split::Train),
            ("made", true, 3, Split::Train),
            ("other", true, 3, Split::Test),
        ] {
            for i in 0..count {
                let path = folder.path().join(format!("{source}{i}.png"));
                let grey = match source {
                    "large" => 10,
                    "small" => 90,
                    "made" => 170,
                    _ => 250,
                };
                RgbImage::from_pixel(100, 100, image::Rgb([grey; 3])).save(&path).unwrap();
                files.push(Labelled { path, is_fake, source: source.to_owned(), split });
            }
        }
        let material = Material { files, ..Material::default() };
        let side = Side::of(&material, Split::Train);
        let mut rng = Rng::new(8);
        let mut small = 0;
        for _ in 0..60 {
            let [real, fake] = side.pair(&mut rng).unwrap().map(|p| p.get_pixel(0, 0).0[0]);
            assert_eq!(fake, 170);
            small += usize::from(real == 90);
        }
        assert!((18..42).contains(&small), "{small} of 60 from the small set");
        assert!(Side::of(&material, Split::Validation).pair(&mut rng).is_none());
    }
}
