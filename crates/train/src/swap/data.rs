//! The faces of one person, as `assay swap extract` left them.
//!
//! The decision that shapes it: the last part of every clip is held out, so that what a preview or
//! a figure shows was not learned. Crops are kept a little larger than the network's share of them,
//! because every batch cuts them anew.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use assay_faces::track::unit;
use assay_generators::swap::{FaceTable, align};
use image::RgbImage;
use image::imageops::{self, FilterType};
use rayon::prelude::*;

/// How many pixels of a kept crop there are to one of the network's.
const FINER: f32 = 1.3;

/// One face.
pub(super) struct Face {
    /// Name of the file.
    pub(super) file: String,
    /// Square, with the margin of kept crops.
    pub(super) picture: RgbImage,
    /// The mesh in pixels of `picture`.
    pub(super) mesh: Vec<[f32; 2]>,
    /// The 68 points in pixels of `picture`.
    pub(super) points68: Vec<[f32; 2]>,
}

/// The faces of one person.
pub(super) struct Faces {
    /// Where they lie.
    pub(super) folder: PathBuf,
    /// To learn from.
    pub(super) train: Vec<Face>,
    /// To look at and to measure on; never learned from.
    pub(super) held_out: Vec<Face>,
    /// Mean identity of `train`, of unit length; empty where no face has one.
    pub(super) identity: Vec<f32>,
}

/// Reads a folder of crops for a network of `side` pixels; the last `held_out` (a share) of the
/// faces of every source are kept apart.
///
/// # Errors
/// When the folder holds no table, another template's crops, more than one person, or too few
/// faces.
pub(super) fn load(folder: &Path, side: usize, held_out: f64) -> anyhow::Result<Faces> {
    let table = FaceTable::read(folder)?;
    let expected = assay_faces::template::Template::DlibPadding(align::KEPT_MARGIN).name();
    anyhow::ensure!(
        table.template == expected,
        "{} holds crops of the template {:?}; training takes {expected:?}",
        folder.display(),
        table.template
    );
    let persons: std::collections::BTreeSet<usize> = table.faces.iter().map(|f| f.person).collect();
    anyhow::ensure!(
        persons.len() <= 1,
        "{} holds faces of {} persons; take out one with `assay swap extract --person N`",
        folder.display(),
        persons.len()
    );
    anyhow::ensure!(
        table.faces.len() >= 4,
        "{} holds {} faces; training needs at least 4, and some hundreds to be any good",
        folder.display(),
        table.faces.len()
    );
    let share = f64::from((1.0 + 2.0 * align::KEPT_MARGIN) / (1.0 + 2.0 * align::NET_MARGIN));
    let size = ((side as f64 * share * f64::from(FINER)).round() as u32).min(table.side);
    let scale = size as f32 / table.side.max(1) as f32;
    let mut rows: Vec<&assay_generators::swap::FaceRow> = table.faces.iter().collect();
    rows.sort_by(|a, b| a.source.cmp(&b.source).then(a.at_secs.total_cmp(&b.at_secs)).then(a.file.cmp(&b.file)));
    let of_source = |source: usize| rows.iter().filter(|r| r.source == source).count();
    let counts: Vec<usize> = (0..table.sources.len()).map(of_source).collect();
    let mut seen = vec![0usize; counts.len()];
    let mut apart = Vec::new();
    for row in &rows {
        let (Some(seen), Some(count)) = (seen.get_mut(row.source), counts.get(row.source)) else {
            anyhow::bail!("{}: the row of {:?} names no source", folder.display(), row.file)
        };
        *seen += 1;
        // A source of one picture has no last part.
        apart.push(*count > 1 && *seen as f64 > *count as f64 * (1.0 - held_out));
    }
    let read = |row: &&assay_generators::swap::FaceRow| -> anyhow::Result<Face> {
        let path = folder.join(&row.file);
        let picture = image::open(&path).with_context(|| format!("cannot read {}", path.display()))?.into_rgb8();
        anyhow::ensure!(
            picture.dimensions() == (table.side, table.side),
            "{} is {} x {} pixels, the table says {}",
            path.display(),
            picture.width(),
            picture.height(),
            table.side
        );
        let points = |p: &[[f32; 2]]| p.iter().map(|q| q.map(|v| v * scale)).collect();
        let picture =
            if size == table.side { picture } else { imageops::resize(&picture, size, size, FilterType::Triangle) };
        Ok(Face { file: row.file.clone(), picture, mesh: points(&row.mesh), points68: points(&row.points68) })
    };
    let faces = rows.par_iter().map(read).collect::<anyhow::Result<Vec<Face>>>()?;
    let mut sum: Vec<f32> = Vec::new();
    let (mut train, mut held) = (Vec::new(), Vec::new());
    for ((face, row), apart) in faces.into_iter().zip(&rows).zip(apart) {
        if apart {
            held.push(face);
            continue;
        }
        if !row.identity.is_empty() {
            sum.resize(row.identity.len(), 0.0);
            sum.iter_mut().zip(&row.identity).for_each(|(s, v)| *s += v);
        }
        train.push(face);
    }
    anyhow::ensure!(!train.is_empty(), "{}: nothing is left to train on", folder.display());
    Ok(Faces { folder: folder.to_owned(), train, held_out: held, identity: unit(&sum).unwrap_or_default() })
}
