//! Which parts of a picture were drawn by a program: places of which methods that compare recorded
//! light say nothing.
//!
//! The decision that shapes it: a letter on an even ground has no noise, and its coefficients
//! follow from a font and not from a history of saves, so a difference there is no evidence. One
//! such cell proves nothing (a roof against an even sky looks the same); a neighbourhood counts as
//! drawn where most of what is not flat are strokes on a ground that goes on, or where strokes lie
//! on a wide even ground with little else.
use assay_media::Plane;

use crate::regions::{BoxSums, Window, connected};
use crate::screen_content::{Look, cells_of};

/// Side of a cell in pixels; cells lie on the coded 8x8 grid.
const CELL: usize = 8;
/// A neighbourhood reaches so many cells to every side.
const REACH: usize = 3;
/// Share of the cells with content in a neighbourhood from which strokes make it drawn.
const MOST: f64 = 0.5;
/// Share of flat cells of an even neighbourhood, the share of soft cells that it may have, and the
/// share of its lively cells that must be strokes.
const EVEN: f64 = 0.4;
const SOFT: f64 = 0.2;
const ON_EVEN: f64 = 0.2;
/// Share of a picture's cells with content that must be drawn; below it, they are edges before an
/// even sky or wall.
const LEAST_SHARE: f64 = 0.05;
/// Strokes that a neighbourhood must have.
const LEAST: f64 = 4.0;

/// The drawn cells of a picture; on a drawn page the flat ones are among them.
pub(crate) struct Drawn {
    columns: usize,
    rows: usize,
    cells: Vec<bool>,
    any: bool,
}

impl Drawn {
    /// Looks at a picture's luma (whole grey levels).
    pub(crate) fn of(luma: &Plane) -> Self {
        let found = cells_of(luma);
        let (columns, rows) = (found.columns, found.rows);
        let sums =
            |is: fn(&Look) -> bool| BoxSums::new(found.looks.iter().map(|l| f64::from(u8::from(is(l)))), columns, rows);
        let strokes = sums(|l| matches!(l, Look::Stroke(_)));
        let flat = sums(|l| matches!(l, Look::Flat(_)));
        let lively = sums(|l| matches!(l, Look::Stroke(_) | Look::Lively));
        let soft = sums(|l| matches!(l, Look::Soft(_)));
        let cells: Vec<bool> = (0..columns * rows)
            .map(|i| {
                let span = |at: usize, end: usize| (at.saturating_sub(REACH), (at + REACH + 1).min(end));
                let ((x, right), (y, bottom)) = (span(i % columns, columns), span(i / columns, rows));
                let around = Window { x, y, width: right - x, height: bottom - y };
                let of_strokes = strokes.sum(around);
                let is_content = !matches!(found.looks[i], Look::Flat(_));
                let (all, of_flat) = (around.area() as f64, flat.sum(around));
                let most = of_strokes >= MOST * (all - of_flat);
                // Compression blurs the ground inside letters; then it is the even ground around
                // them that tells.
                let on_even = of_flat >= EVEN * all
                    && soft.sum(around) <= SOFT * all
                    && of_strokes >= ON_EVEN * lively.sum(around);
                is_content && of_strokes >= LEAST && (most || on_even)
            })
            .collect();
        let with_content = found.looks.iter().filter(|l| !matches!(l, Look::Flat(_))).count();
        let any = cells.iter().filter(|d| **d).count() as f64 > LEAST_SHARE * with_content as f64;
        // On a drawn page whatever touches an even ground is drawn too: edges of boxes, symbols,
        // shadows.
        let beside_flat = |i: usize| {
            let span = |at: usize, end: usize| (at.saturating_sub(1), (at + 2).min(end));
            let ((x, right), (y, bottom)) = (span(i % columns, columns), span(i / columns, rows));
            flat.sum(Window { x, y, width: right - x, height: bottom - y }) > 0.0
        };
        let is_content = |i: usize| !matches!(found.looks[i], Look::Flat(_));
        let mut cells: Vec<bool> =
            (0..columns * rows).map(|i| cells[i] || (any && is_content(i) && beside_flat(i))).collect();
        if any {
            // What hangs together is of one kind: a word, a symbol, or a photograph with its edge.
            let content: Vec<bool> = (0..columns * rows).map(is_content).collect();
            for piece in connected(&content, columns, rows, 1) {
                if 2 * piece.cells.iter().filter(|i| cells[**i]).count() >= piece.cells.len() {
                    piece.cells.iter().for_each(|i| cells[*i] = true);
                }
            }
            // The last bit of an even ground follows from the save's rounding alone.
            cells.iter_mut().enumerate().for_each(|(i, out)| *out |= !content[i]);
        }
        Self { columns, rows, cells, any }
    }

    /// Nothing is drawn.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { columns: 0, rows: 0, cells: Vec::new(), any: false }
    }

    /// Is anything drawn at all?
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Is the cell of this column and row drawn? Cells that the picture's edge cuts are as their
    /// neighbours.
    pub(crate) fn cell(&self, column: usize, row: usize) -> bool {
        self.any && self.cells[row.min(self.rows - 1) * self.columns + column.min(self.columns - 1)]
    }

    /// Is the pixel in a drawn cell?
    pub(crate) fn pixel(&self, x: usize, y: usize) -> bool {
        self.cell(x / CELL, y / CELL)
    }

    /// Does the block of 8x8 pixels with this corner reach into a drawn cell?
    pub(crate) fn touches(&self, x: usize, y: usize) -> bool {
        self.any && (self.pixel(x, y) || self.pixel(x + 7, y) || self.pixel(x, y + 7) || self.pixel(x + 7, y + 7))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_material::graphics::{Kind, draw};
    use assay_material::scene::photograph;

    fn share(picture: &image::RgbImage) -> f64 {
        let drawn = Drawn::of(&Plane::luma_from_rgb(picture));
        if !drawn.any() {
            return 0.0;
        }
        drawn.cells.iter().filter(|d| **d).count() as f64 / drawn.cells.len() as f64
    }

    #[test]
    fn letters_are_drawn_and_a_photograph_beside_them_is_not() {
        let photo = photograph(4, 480, 360);
        assert_eq!(share(&photo), 0.0);
        let page = draw(Kind::Document, 1, None).picture;
        assert!(share(&page) > 0.3, "{}", share(&page));
        // The photograph is laid over the page's upper left corner.
        let mut both = page;
        image::imageops::replace(&mut both, &image::imageops::crop_imm(&photo, 0, 0, 200, 160).to_image(), 0, 0);
        let drawn = Drawn::of(&Plane::luma_from_rgb(&both));
        let inside = (0..15 * 20).filter(|i| drawn.cell(i % 20, i / 20)).count();
        assert_eq!(inside, 0, "cells of the photograph");
        assert!(drawn.touches(400, 300) || drawn.any());
    }

    #[test]
    fn nothing_is_drawn_in_a_picture_without_a_whole_cell() {
        assert!(!Drawn::of(&Plane::filled(7, 7, 3.0)).any());
        assert!(!Drawn::none().touches(3, 3));
    }
}
