//! What every recipe draws from one seed, and what a few steps of one of them come to.
//!
//! The decision that shapes it: a run must be repeatable by a later version of this program, so the
//! draws of made pictures are held to digests, in quarters of a grey level, since the last bits of
//! a sine are the platform's.
use assay_models::device::DeviceChoice;

use super::examples::Example;
use super::given::Given;
use super::reconstruct::{Passed, Reconstructed};
use super::task::Forgery;
use super::*;
use crate::faces::data::{Face, Picture, Told};
use crate::faces::warp::{Levels, Similarity};
use assay_bench::collections::{Split, Use};
use assay_bench::datasets::Label;
use assay_material::rng::mix;

/// A face of `extent` pixels in the middle of a picture of grain.
pub(super) fn picture(name: &str, split: Split, extent: f32) -> Picture {
    let mut rng = Rng::new(extent as u64);
    let pixels = image::RgbImage::from_fn(400, 400, |x, y| {
        image::Rgb([0, 1, 2].map(|c| (80 + (x + y * c) / 8 % 60) as u8 + rng.below(30) as u8))
    });
    let point = |i: u16| {
        let (angle, reach) = (f32::from(i) * 0.7, (f32::from(i) / 467.0).sqrt() * extent / 2.0);
        [200.0 + 0.8 * reach * angle.cos(), 200.0 + reach * angle.sin()]
    };
    let faces = vec![Face { mesh: (0..468).map(point).collect(), hand: None }];
    let (name, person) = (format!("faces/{name}.jpg"), name.to_owned());
    let told = told("lfw250", &name);
    Picture { name, source: "lfw250".to_owned(), person, split, levels: Levels::new(pixels), told, faces }
}

/// What the collection says of pictures of these folders.
fn told(source: &str, name: &str) -> Told {
    let is_swap = source == "clips";
    let is_fake = source == "stylegan256" || name.contains("#right");
    Told {
        label: Some(if is_fake { Label::Fake } else { Label::Real }),
        is_swap,
        is_matched: matches!(source, "ffhq256" | "stylegan256"),
        uses: [if is_swap { Use::Swaps } else { Use::Portraits }].into(),
        ..Told::default()
    }
}

/// The same of another source and name, with a warmer face where it is forged.
fn other(source: &str, name: &str, split: Split, is_warm: bool) -> Picture {
    let base = picture(name, split, 150.0);
    let mut pixels = base.levels.full().clone();
    for (x, y, p) in pixels.enumerate_pixels_mut() {
        if is_warm && (150..250).contains(&x) && (140..260).contains(&y) {
            p.0[0] = p.0[0].saturating_add(40);
        }
    }
    let told = told(source, name);
    Picture { name: name.to_owned(), source: source.to_owned(), levels: Levels::new(pixels), told, ..base }
}

/// Photographs, both halves of side-by-side clips, and portraits.
fn pictures() -> Vec<Picture> {
    let mut all = vec![
        picture("a", Split::Train, 150.0),
        picture("b", Split::Train, 330.0),
        Picture { source: "celeba178".to_owned(), ..picture("c", Split::Train, 210.0) },
        picture("v", Split::Validation, 150.0),
        picture("w", Split::Validation, 180.0),
    ];
    for split in [Split::Train, Split::Validation] {
        let clip = format!("pairs/faceswap_sbs/{split:?}_1.mp4");
        all.push(other("clips", &format!("{clip}#left,0"), split, false));
        all.push(other("clips", &format!("{clip}#right,0"), split, true));
        all.push(other("ffhq256", &format!("faces/ffhq256/{split:?}.png"), split, false));
        all.push(other("stylegan256", &format!("faces/stylegan256/{split:?}.png"), split, true));
    }
    all
}

/// A face of a table; a forged one has a mask.
pub(super) fn given_face(split: Split, is_fake: bool) -> Given {
    let mask = || Levels::new(image::RgbImage::from_fn(400, 400, |x, _| image::Rgb([(x / 2) as u8; 3])));
    Given { picture: other("own", "own/a.png", split, is_fake), is_fake, mask: is_fake.then(mask) }
}

fn given() -> Vec<Given> {
    let both = |s| [given_face(s, false), given_face(s, true)];
    [Split::Train, Split::Validation].into_iter().flat_map(both).collect()
}

/// What a crop and all that is true of it come to.
fn digest<'a>(examples: impl Iterator<Item = &'a Example>) -> u64 {
    let mut digest = 0u64;
    let mut note = |value: f32| {
        digest = mix(digest.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ u64::from((value * 4.0).round() as i32 as u32));
    };
    for example in examples {
        note(example.label * 64.0);
        example.crop.iter().flatten().copied().for_each(&mut note);
        example.mask.iter().flatten().for_each(|v| note(v * 64.0));
    }
    digest
}

/// Of eight draws, the same half-way through a run, and of the validation crops.
fn digests(task: &Forgery<'_>) -> [u64; 3] {
    let drawn = |share: f64| {
        let mut rng = Rng::new(11);
        let all: Vec<Example> = (0..8).flat_map(|_| task.draw(&mut rng, share)).collect();
        digest(all.iter())
    };
    [drawn(0.0), drawn(0.5), digest(task.validation.iter())]
}

#[test]
fn every_recipe_draws_what_it_always_drew() {
    let photographed = Material { pictures: pictures(), ..Material::default() };
    let table = Material { given: given(), ..Material::default() };
    let plain = Choice::default();
    let of = |choice: Choice| digests(&Forgery::new(&photographed, choice));
    let banks = |task: &Forgery<'_>| {
        let passed = |i: usize| Passed::made(Similarity::about([200.0; 2], 0.1, 0.4, [48.0; 2]), 96, i as u8);
        vec![(0..task.faces().len()).map(passed).collect(), (0..task.faces().len()).map(passed).collect()]
    };
    let reconstruct = Forgery::new(&photographed, Choice { recipe: Chosen::new(&reconstruct::The), ..plain });
    let passed = banks(&reconstruct);
    let reconstruct = reconstruct.with_draws(Box::new(Reconstructed { banks: passed }));
    let given =
        |recipe: &'static dyn Recipe| digests(&Forgery::new(&table, Choice { recipe: Chosen::new(recipe), ..plain }));
    let with = |recipe: &'static dyn Recipe| of(Choice { recipe: Chosen::new(recipe), ..plain });
    let held_out = Choice { held_out: Some(Fold { part: 1, of: 2 }), ..plain };
    let bare = Choice { shapes: masks::Shapes::Ellipse, degrades: false, ..plain };
    let swaps = [0xfe7b_f92f_acfc_b6f5, 0xda6b_d50b_eb14_f3a7, 0xee31_3118_1c79_487a];
    let table = [0xddb2_223f_b347_2135, 0xddb2_223f_b347_2135, 0x5eba_156c_d2dc_0ab7];
    let noted: [(&str, [u64; 3], [u64; 3]); 9] = [
        ("sbi", of(plain), [0x71a9_ac4c_10b2_f346, 0x05d1_1f26_b892_1310, 0x1418_4ae4_650f_0f64]),
        (
            "sbi, patches",
            of(Choice { scale: Scale::Patches, ..plain }),
            [0x1336_2107_42e6_e719, 0x1b56_57b4_09ad_82d0, 0x0a6a_ac4a_ace2_b785],
        ),
        ("sbi, bare", of(bare), [0x2eee_7962_a3d0_3773, 0xda91_220b_31a0_4957, 0xfe6f_ab03_175b_d73b]),
        ("pairs", with(&pairs::The), swaps),
        ("pairs, held out", of(Choice { recipe: Chosen::new(&pairs::The), ..held_out }), swaps),
        ("synthesis", with(&synthesis::The), [0x9748_eba4_ca73_d1c3, 0x9748_eba4_ca73_d1c3, 0x2090_00d5_69c0_0d45]),
        ("reconstruct", digests(&reconstruct), [0xbd1b_3910_f77a_e63b, 0x7241_78bf_a444_f769, 0x1418_4ae4_650f_0f64]),
        ("generic", given(&generic::The), table),
        ("reenactment", given(&reenactment::The), table),
    ];
    for (name, found, noted) in noted {
        assert_eq!(found, noted, "{name}: {found:#x?}");
    }
}

#[test]
fn a_few_steps_come_to_the_loss_that_they_always_came_to() {
    let material = Material { pictures: pictures(), ..Material::default() };
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        budget: Budget::Steps(2),
        out: folder.path().to_owned(),
        seed: 2026,
        learning_rate: 2e-3,
        from: None,
        device: DeviceChoice::Cpu,
    };
    train(&Forgery::new(&material, Choice::default()), &options, &assay_media::NoProgress).unwrap();
    let log = std::fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(line["steps"], 2);
    // To what processors with other vector units make of the last bits.
    assert!((line["loss"].as_f64().unwrap() - 1.417_994_797).abs() < 1e-4, "{log}");
}
