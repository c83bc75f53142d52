//! Faces whose place no detector said: hand-made points, a data set's fixed geometry, faces laid at
//! a known place.
//!
//! The decision that shapes it: all truths are brought to one box, the tight one around a face from
//! the hair line to the chin. Hand-made points end at the brows; how far the hair line lies above
//! them is the mean of the training people, so no test face has a say in it.
use std::path::Path;

use anyhow::Context as _;
use image::RgbImage;

use assay_material::rng::Rng;
use assay_train::faces::augment::{self, Strength};
use assay_bench::collections::{Collection, Split};
use assay_train::faces::data::{Hand, HandPoints, Picture, file_of};
use assay_train::faces::points::tight_box;
use assay_train::faces::warp::Similarity;

/// A picture with every face that is known to be in it.
pub struct Known {
    /// Where it comes from: `ytfaces68`, `dlib`, `celeba178`, `pasted`.
    pub source: &'static str,
    /// The picture.
    pub picture: RgbImage,
    /// Left, top, width, height in pixels.
    pub boxes: Vec<[f32; 4]>,
}

/// dlib's example pictures with the points of their faces; none in a folder without them.
///
/// # Errors
/// When the tables or pictures cannot be read.
pub fn dlib(data: &Path) -> anyhow::Result<Vec<(RgbImage, Vec<Hand>)>> {
    let folder = data.join("landmarks/dlib_examples");
    let mut out = Vec::new();
    if !folder.is_dir() {
        return Ok(out);
    }
    for table in ["testing_with_face_landmarks.xml", "training_with_face_landmarks.xml"] {
        let text = std::fs::read_to_string(folder.join(table)).with_context(|| format!("cannot read {table}"))?;
        for part in text.split("<image ").skip(1) {
            let Some(file) = attribute(part, "file") else { continue };
            let faces = part.split("<box ").skip(1).map(|b| -> Hand {
                let points = b.split("<part ").skip(1);
                points
                    .filter_map(|p| Some([attribute(p, "x")?.parse().ok()?, attribute(p, "y")?.parse().ok()?]))
                    .collect()
            });
            let faces = faces.filter(|f| f.len() == 68).collect();
            let picture = image::open(folder.join(file)).with_context(|| format!("cannot read {file}"))?.into_rgb8();
            out.push((picture, faces));
        }
    }
    Ok(out)
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = text.find(&format!("{name}='"))? + name.len() + 2;
    text[start..].split('\'').next()
}

/// What brings hand-made points and aligned pictures to boxes, learned from the training people.
pub struct Geometry {
    /// Hair line above the middle of the eyes, in distances from there to the chin.
    lift: f32,
    /// The mean mesh of CelebA's aligned pictures, in their pixels.
    celeba: Vec<[f32; 2]>,
}

fn eyes(hand: &Hand) -> [f32; 2] {
    [0, 1].map(|c| hand[36..48].iter().map(|p| p[c]).sum::<f32>() / 12.0)
}

impl Geometry {
    /// From the training people's hand-made points beside their meshes, and the training pictures
    /// of CelebA.
    pub fn learn(pictures: &[Picture], hand: &HandPoints) -> Self {
        let mut lifts = Vec::new();
        let mut celeba: (Vec<[f32; 2]>, f32) = (vec![[0.0; 2]; 468], 0.0);
        for picture in pictures.iter().filter(|p| p.split == Split::Train) {
            let [face] = picture.faces.as_slice() else { continue };
            if picture.source == "celeba178" {
                celeba.0.iter_mut().zip(&face.mesh).for_each(|(s, p)| *s = [s[0] + p[0], s[1] + p[1]]);
                celeba.1 += 1.0;
            }
            let Some(points) = hand.get(file_of(&picture.name)) else { continue };
            let (middle, chin) = (eyes(points), points[8]);
            let up = [middle[0] - chin[0], middle[1] - chin[1]];
            let square = up[0] * up[0] + up[1] * up[1];
            let along = |p: &[f32; 2]| ((p[0] - middle[0]) * up[0] + (p[1] - middle[1]) * up[1]) / square.max(1.0);
            lifts.push(face.mesh.iter().map(along).fold(0.0, f32::max));
        }
        lifts.sort_by(f32::total_cmp);
        let count = celeba.1.max(1.0);
        Self {
            lift: lifts.get(lifts.len() / 2).copied().unwrap_or(0.6),
            celeba: celeba.0.iter().map(|p| p.map(|v| v / count)).collect(),
        }
    }

    /// The hand-made points and one on the hair line.
    fn whole(&self, hand: &Hand) -> Hand {
        let (middle, chin) = (eyes(hand), hand[8]);
        let top = [0, 1].map(|c| middle[c] + self.lift * (middle[c] - chin[c]));
        hand.iter().copied().chain([top]).collect()
    }

    /// The box of hand-made points.
    pub fn box_of(&self, hand: &Hand) -> [f32; 4] {
        tight_box(&self.whole(hand))
    }

    /// Held-out people and files of one split with their boxes.
    pub fn known(&self, pictures: &[Picture], hand: &HandPoints, split: Split) -> Vec<Known> {
        let mut out = Vec::new();
        for (picture, points) in self.outlines(pictures, hand, split) {
            let source = if picture.source == "celeba178" { "celeba178" } else { "ytfaces68" };
            // Two thirds of CelebA and YouTube Faces show other people too, whom nobody marked;
            // only the marked one is asked for.
            out.push(Known { source, picture: picture.levels.full().clone(), boxes: vec![tight_box(&points)] });
        }
        out
    }

    fn outlines<'a>(&self, pictures: &'a [Picture], hand: &HandPoints, split: Split) -> Vec<(&'a Picture, Hand)> {
        let of = |p: &'a Picture| match p.source.as_str() {
            _ if p.told.has_points => hand.get(file_of(&p.name)).map(|h| (p, self.whole(h))),
            "celeba178" => Some((p, self.celeba.clone())),
            _ => None,
        };
        pictures.iter().filter(|p| p.split == split).filter_map(of).collect()
    }

    /// `count` pictures without faces, each with one face of a held-out person laid into it: 12 to
    /// 400 pixels, turned, blurred, encoded again.
    pub fn pasted(
        &self,
        pictures: &[Picture],
        hand: &HandPoints,
        backs: &[&Picture],
        split: Split,
        count: usize,
    ) -> Vec<Known> {
        const SIDE: usize = 512;
        let faces = self.outlines(pictures, hand, split);
        let mut rng = Rng::new(68);
        let mut out = Vec::new();
        for _ in 0..count {
            let (Some((face, points)), Some(back)) = (rng.pick(&faces), rng.pick(backs)) else { break };
            let mut canvas = vec![[0.0; 3]; SIDE * SIDE];
            let full = back.levels.full();
            let middle = [full.width() as f32 / 2.0, full.height() as f32 / 2.0];
            // A little larger than the canvas, so that no edge of the picture shows.
            let cover = 1.02 * SIDE as f32 / full.width().min(full.height()) as f32;
            back.levels.draw(&Similarity::about(middle, 0.0, cover, [SIDE as f32 / 2.0; 2]), SIDE, &mut canvas);
            let [x, y, w, h] = tight_box(points);
            let size = rng.range(12f64.ln(), 400f64.ln()).exp() as f32;
            let scale = size / (w * h).sqrt().max(1.0);
            let room = f64::from(size * 0.62);
            let to = std::array::from_fn(|_| rng.range(room, (SIDE as f64 - room).max(room + 1.0)) as f32);
            let view = Similarity::about([x + w / 2.0, y + h / 2.0], rng.normal() as f32 * 0.35, scale, to);
            let mut layer = canvas.clone();
            face.levels.draw(&view, SIDE, &mut layer);
            let reach = size * 0.72;
            for (at, p) in canvas.iter_mut().enumerate() {
                let (dx, dy) = ((at % SIDE) as f32 + 0.5 - to[0], (at / SIDE) as f32 + 0.5 - to[1]);
                let share = ((reach - dx.hypot(dy)) / (0.12 * size).max(1.0)).clamp(0.0, 1.0);
                (0..3).for_each(|c| p[c] += (layer[at][c] - p[c]) * share);
            }
            augment::degrade(&mut canvas, SIDE, Strength { chance: 0.5, cover: 0.0 }, &mut rng);
            let turned: Hand = points.iter().map(|p| view.apply(*p)).collect();
            let picture = augment::to_image(&canvas, SIDE);
            out.push(Known { source: "pasted", picture, boxes: vec![tight_box(&turned)] });
        }
        out
    }
}

/// Pictures that were looked at one by one and show nobody: scenes but for those that the
/// collection names.
pub fn shows_nobody(collection: &Collection, picture: &Picture) -> bool {
    picture.is_scene() && !collection.shows_people(&picture.name)
}
