//! What distinguishes a drawn picture from a recorded one, as numbers of its pixels.
//!
//! The decision that shapes it: only pixels are read, so the same numbers hold for every format;
//! what a save does to them is learned apart for each way of saving. A recorded picture has noise,
//! a lens and few places of one exact value; a drawn one has areas of one colour, strokes on them
//! whose edges are one or two pixels wide, and straight edges along the rows and columns.
use std::collections::BTreeMap;

use assay_media::Plane;
use image::RgbImage;
use rayon::prelude::*;

/// Side of a cell in pixels.
pub(super) const CELL: usize = 8;
/// Grey levels of an edge from which its width is measured.
const EDGE: i32 = 48;
/// Grey levels a pixel from which a step belongs to an edge.
const STEP: i32 = 4;
/// Pixels of a straight edge along a row or column from which it counts.
const STRAIGHT: usize = 16;
/// Grey levels across such an edge.
const STRAIGHT_STEP: i32 = 8;
/// Share of a cell's pixels that its commonest level must have for a stroke on a ground.
const GROUND: usize = CELL * CELL * 3 / 10;
/// Tiles along a side in which strokes are counted apart.
const TILES: usize = 6;

/// The names of the numbers, in their order.
pub const NAMES: [&str; 20] = [
    "equal neighbours",
    "strong over middling steps",
    "middling steps",
    "edges",
    "edges at most two pixels wide",
    "edges between still sides",
    "flat cells",
    "flat black cells",
    "flat white cells",
    "soft cells",
    "soft cells without noise",
    "strokes on a ground",
    "strokes among lively cells",
    "strokes on white",
    "strokes on black",
    "strokes, third busiest tile",
    "flat cells of four colours",
    "straight edges along rows and columns",
    "mass of single grey levels",
    "colours for half of the picture",
];

/// How many numbers there are.
pub const COUNT: usize = NAMES.len();

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// One level, give or take one.
    Flat(u8),
    /// A stroke on a ground of this level that goes on in a flat neighbour.
    Stroke(u8),
    /// Little variation; true without noise.
    Soft(bool),
    /// Strong variation without a ground.
    Lively,
    /// Anything else.
    Other,
}

/// The cells of a picture, row-major.
pub(crate) struct Cells {
    /// Cells across.
    pub(crate) columns: usize,
    /// Cells down.
    pub(crate) rows: usize,
    pub(crate) looks: Vec<Look>,
}

/// Luma in whole grey levels.
struct Grey {
    width: usize,
    height: usize,
    levels: Vec<u8>,
}

impl Grey {
    fn of(picture: &RgbImage) -> Self {
        let level = |p: &image::Rgb<u8>| {
            (0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])).round() as u8
        };
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Self { width, height, levels: picture.pixels().map(level).collect() }
    }

    /// The same with rows and columns exchanged, so that one scan serves both directions.
    fn turned(&self) -> Self {
        let mut levels = Vec::with_capacity(self.levels.len());
        for x in 0..self.width {
            levels.extend((0..self.height).map(|y| self.levels[y * self.width + x]));
        }
        Self { width: self.height, height: self.width, levels }
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.levels[y * self.width..(y + 1) * self.width]
    }
}

/// Counts along rows; integers, so that any order of adding gives the same.
#[derive(Debug, Clone, Copy, Default)]
struct Along {
    pairs: u64,
    equal: u64,
    middling: u64,
    strong: u64,
    edges: u64,
    narrow: u64,
    still: u64,
    straight: u64,
}

impl Along {
    fn add(self, other: Self) -> Self {
        Self {
            pairs: self.pairs + other.pairs,
            equal: self.equal + other.equal,
            middling: self.middling + other.middling,
            strong: self.strong + other.strong,
            edges: self.edges + other.edges,
            narrow: self.narrow + other.narrow,
            still: self.still + other.still,
            straight: self.straight + other.straight,
        }
    }

    fn of(grey: &Grey) -> Self {
        (0..grey.height)
            .into_par_iter()
            .map(|y| {
                let mut found = Self::default();
                found.steps(grey.row(y));
                if y + 1 < grey.height {
                    found.straight(grey.row(y), grey.row(y + 1));
                }
                found
            })
            .reduce(Self::default, Self::add)
    }

    fn steps(&mut self, row: &[u8]) {
        let step = |x: usize| i32::from(row[x + 1]) - i32::from(row[x]);
        let last = row.len().saturating_sub(1);
        for x in 0..last {
            let size = step(x).abs();
            self.pairs += 1;
            self.equal += u64::from(size == 0);
            self.middling += u64::from((3..=16).contains(&size));
            self.strong += u64::from(size >= EDGE);
        }
        // Runs of steps in one direction are edges.
        let mut x = 0;
        while x < last {
            let first = step(x);
            if first.abs() < STEP {
                x += 1;
                continue;
            }
            let from = x;
            while x < last && step(x).signum() == first.signum() && step(x).abs() >= STEP {
                x += 1;
            }
            let height = i32::from(row[x]) - i32::from(row[from]);
            if height.abs() >= EDGE {
                self.edges += 1;
                let narrow = x - from <= 2;
                self.narrow += u64::from(narrow);
                let calm = |at: Option<usize>| at.is_some_and(|at| at < last && step(at).abs() <= 2);
                self.still += u64::from(narrow && calm(from.checked_sub(1)) && calm(Some(x)));
            }
        }
    }

    fn straight(&mut self, row: &[u8], next: &[u8]) {
        let across = |x: usize| i32::from(next[x]) - i32::from(row[x]);
        let mut x = 0;
        while x < row.len() {
            let first = across(x);
            let from = x;
            x += 1;
            if first.abs() < STRAIGHT_STEP {
                continue;
            }
            while x < row.len() && (across(x) - first).abs() <= 2 {
                x += 1;
            }
            self.straight += u64::from(x - from >= STRAIGHT);
        }
    }
}

fn look(grey: &Grey, column: usize, row: usize) -> (Look, Option<u8>) {
    let mut levels = [0u8; CELL * CELL];
    for (line, out) in levels.chunks_exact_mut(CELL).enumerate() {
        let at = (row * CELL + line) * grey.width + column * CELL;
        out.copy_from_slice(&grey.levels[at..at + CELL]);
    }
    let low = levels.iter().copied().min().unwrap_or(0);
    let high = levels.iter().copied().max().unwrap_or(0);
    match high - low {
        0..=1 => (Look::Flat(levels[27]), None),
        2..=24 => {
            // Second differences along the rows: a drawn gradient has steps of one level at most.
            let bend = |x: usize| {
                let v = |i: usize| i32::from(levels[i]);
                (v(x) - 2 * v(x + 1) + v(x + 2)).abs()
            };
            let bends = (0..CELL).flat_map(|y| (0..CELL - 2).map(move |x| y * CELL + x));
            let bent = bends.filter(|i| bend(*i) > 1).count();
            (Look::Soft(bent == 0), None)
        }
        _ => {
            let mut counts = [0usize; 256];
            levels.iter().for_each(|v| counts[usize::from(*v)] += 1);
            let near = |v: usize| counts[v.saturating_sub(1)..(v + 2).min(256)].iter().sum::<usize>();
            let ground = (usize::from(low)..=usize::from(high)).max_by_key(|v| (near(*v), counts[*v]));
            let ground = ground.filter(|v| near(*v) >= GROUND).map(|v| v as u8);
            (if high - low >= 48 { Look::Lively } else { Look::Other }, ground)
        }
    }
}

/// What every whole cell of a picture shows, from its luma in whole grey levels.
pub(crate) fn cells_of(luma: &Plane) -> Cells {
    let levels = luma.data.iter().map(|v| *v as u8).collect();
    cells(&Grey { width: luma.width, height: luma.height, levels })
}

fn cells(grey: &Grey) -> Cells {
    let (columns, rows) = (grey.width / CELL, grey.height / CELL);
    let seen: Vec<(Look, Option<u8>)> = (0..rows)
        .into_par_iter()
        .flat_map_iter(|row| (0..columns).map(move |column| look(grey, column, row)))
        .collect();
    let looks = (0..rows * columns)
        .map(|i| {
            let (look, ground) = seen[i];
            let (x, y) = (i % columns, i / columns);
            let goes_on = |x: usize, y: usize, level: u8| {
                let flat = (x < columns && y < rows).then(|| seen[y * columns + x].0);
                matches!(flat, Some(Look::Flat(v)) if v.abs_diff(level) <= 1)
            };
            match (look, ground) {
                (Look::Lively, Some(level))
                    if goes_on(x + 1, y, level)
                        || goes_on(x, y + 1, level)
                        || (x > 0 && goes_on(x - 1, y, level))
                        || (y > 0 && goes_on(x, y - 1, level)) =>
                {
                    Look::Stroke(level)
                }
                _ => look,
            }
        })
        .collect();
    Cells { columns, rows, looks }
}

/// Share of the pixels whose grey level is far commoner than those beside it; black and white do
/// not count.
fn spikes(grey: &Grey) -> f64 {
    let mut counts = [0u64; 256];
    grey.levels.iter().for_each(|v| counts[usize::from(*v)] += 1);
    let beside = |v: usize| {
        let around = [v - 2, v - 1, v + 1, v + 2].map(|i| counts[i]);
        around.iter().sum::<u64>() / 4
    };
    let above: u64 = (3..253).map(|v| counts[v].saturating_sub(2 * beside(v))).sum();
    above as f64 / grey.levels.len().max(1) as f64
}

/// How many colours (four bits a channel) cover half of the pixels.
fn colours_for_half(picture: &RgbImage) -> f64 {
    let mut counts = vec![0u64; 4096];
    for p in picture.pixels() {
        counts[usize::from(p[0] >> 4) << 8 | usize::from(p[1] >> 4) << 4 | usize::from(p[2] >> 4)] += 1;
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let half = u64::from(picture.width()) * u64::from(picture.height()) / 2;
    let mut sum = 0;
    let needed = counts.iter().take_while(|n| {
        let short = sum <= half;
        sum += **n;
        short
    });
    needed.count() as f64
}

/// Share of all cells that are flat and of the four commonest colours among the flat ones, black
/// and white left out.
fn few_colours(picture: &RgbImage, cells: &Cells) -> f64 {
    let mut counts: BTreeMap<[u8; 3], u64> = BTreeMap::new();
    for (i, look) in cells.looks.iter().enumerate() {
        if matches!(look, Look::Flat(3..=252)) {
            let (x, y) = (i % cells.columns * CELL + 3, i / cells.columns * CELL + 3);
            *counts.entry(picture.get_pixel(x as u32, y as u32).0).or_default() += 1;
        }
    }
    let mut counts: Vec<u64> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.iter().take(4).sum::<u64>() as f64 / cells.looks.len().max(1) as f64
}

/// Share of strokes in the tile that has the third most of them.
fn third_tile(cells: &Cells) -> f64 {
    let mut tiles = [(0u32, 0u32); TILES * TILES];
    for (i, look) in cells.looks.iter().enumerate() {
        let (x, y) = (i % cells.columns, i / cells.columns);
        let tile = &mut tiles[y * TILES / cells.rows * TILES + x * TILES / cells.columns];
        tile.0 += u32::from(matches!(look, Look::Stroke(3..)));
        tile.1 += 1;
    }
    let mut shares = tiles.map(|(n, of)| f64::from(n) / f64::from(of.max(1)));
    shares.sort_by(|a, b| b.total_cmp(a));
    shares[2]
}

/// The numbers of a picture, in the order of [`NAMES`], and what its cells show. Shares are taken
/// as logarithms with a floor, so that a screenshot in which a photograph fills most of the page
/// still differs from a photograph.
pub(super) fn measure(picture: &RgbImage) -> ([f64; COUNT], Cells) {
    let grey = Grey::of(picture);
    let along = Along::of(&grey).add(Along::of(&grey.turned()));
    let cells = cells(&grey);
    let share = |n: u64, of: u64| n as f64 / of.max(1) as f64;
    let ratio = |n: u64, of: u64, prior: f64| (n as f64 + prior) / (of as f64 + 2.0 * prior);
    let floor = |v: f64, floor: f64| (v + floor).ln();
    let all = cells.looks.len() as u64;
    let count = |is: &dyn Fn(&Look) -> bool| cells.looks.iter().filter(|l| is(l)).count() as u64;
    let strokes = count(&|l| matches!(l, Look::Stroke(_)));
    let lively = count(&|l| matches!(l, Look::Lively)) + strokes;
    let (soft, smooth) = (count(&|l| matches!(l, Look::Soft(_))), count(&|l| matches!(l, Look::Soft(true))));
    let sides = (picture.width() + picture.height()).max(1);
    let numbers = [
        share(along.equal, along.pairs),
        floor(share(along.strong, along.pairs), 1e-4) - floor(share(along.middling, along.pairs), 1e-3),
        floor(share(along.middling, along.pairs), 1e-3),
        floor(share(along.edges, along.pairs), 1e-4),
        ratio(along.narrow, along.edges, 5.0),
        ratio(along.still, along.edges, 5.0),
        share(count(&|l| matches!(l, Look::Flat(3..=252))), all),
        share(count(&|l| matches!(l, Look::Flat(0..=2))), all),
        share(count(&|l| matches!(l, Look::Flat(253..))), all),
        share(soft, all),
        ratio(smooth, soft, 5.0),
        floor(share(count(&|l| matches!(l, Look::Stroke(3..=252))), all), 1e-3),
        ratio(strokes, lively, 5.0),
        floor(share(count(&|l| matches!(l, Look::Stroke(253..))), all), 1e-3),
        floor(share(count(&|l| matches!(l, Look::Stroke(0..=2))), all), 1e-3),
        floor(third_tile(&cells), 3e-3),
        few_colours(picture, &cells),
        floor(along.straight as f64 / f64::from(sides), 1e-2),
        spikes(&grey),
        colours_for_half(picture).ln(),
    ];
    (numbers, cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::graphics::{Kind, draw};
    use assay_material::scene::photograph;

    fn of(name: &str, numbers: &[f64; COUNT]) -> f64 {
        numbers[NAMES.iter().position(|n| *n == name).unwrap()]
    }

    #[test]
    fn drawn_pages_have_flat_cells_strokes_and_narrow_straight_edges() {
        let (page, cells) = measure(&draw(Kind::Chat, 2, None).picture);
        let (photo, _) = measure(&photograph(2, 320, 240));
        for (name, more) in
            [("equal neighbours", 0.3), ("edges between still sides", 0.05), ("strokes among lively cells", 0.05)]
        {
            assert!(of(name, &page) > of(name, &photo) + more, "{name}: {} {}", of(name, &page), of(name, &photo));
        }
        let straight = "straight edges along rows and columns";
        assert!(of(straight, &page) > of(straight, &photo) + 1.0);
        assert!(cells.looks.iter().filter(|l| matches!(l, Look::Stroke(_))).count() > 50);
    }

    #[test]
    fn rows_and_columns_count_alike() {
        let page = draw(Kind::Settings, 5, None).picture;
        let (a, b) = (measure(&page).0, measure(&image::imageops::rotate90(&page)).0);
        for i in (0..COUNT).filter(|i| ![10, 11, 12, 13, 14, 15].contains(i)) {
            // Cells at the right and lower edge may fall away on turning.
            assert!((a[i] - b[i]).abs() < 0.08, "{}: {} and {}", NAMES[i], a[i], b[i]);
        }
    }

    #[test]
    fn numbers_are_finite_for_the_smallest_and_the_plainest_picture() {
        for (w, h) in [(1, 1), (7, 300), (64, 64)] {
            assert!(measure(&RgbImage::new(w, h)).0.iter().all(|v| v.is_finite()));
        }
    }
}
