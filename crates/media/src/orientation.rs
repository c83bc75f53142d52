//! The eight EXIF orientations, for pictures, maps and boxes alike.
//!
//! Forensic methods work in coded orientation, where the compression grid lies; people look at the
//! picture as shown. Everything that crosses from one to the other goes through [`Orientation`], so
//! rotation is applied exactly once.

/// EXIF orientation (Exif 2.32, tag 0x0112): how to turn the coded picture so that it is shown
/// upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation(u8);

impl Orientation {
    /// From the EXIF value 1..=8; anything else is taken as 1 (as viewers do).
    pub fn from_exif(value: u16) -> Self {
        Self(if (1..=8).contains(&value) { value as u8 - 1 } else { 0 })
    }

    /// From a display rotation in degrees clockwise, a multiple of 90.
    pub fn from_rotation_degrees(degrees: i32) -> Self {
        Self::from_exif(match degrees.rem_euclid(360) {
            90 => 6,
            180 => 3,
            270 => 8,
            _ => 1,
        })
    }

    /// From the upper left part of a display matrix, `[[a, b], [c, d]]`: a coded point `(x, y)` is
    /// shown at `(a x + c y, b x + d y)` and a shift (ISO/IEC 14496-12, 8.3.2.3). `None` where it
    /// does not turn by quarters: by some other angle, or not at all readable.
    pub fn from_matrix([[a, b], [c, d]]: [[f64; 2]; 2]) -> Option<Self> {
        let largest = [a, b, c, d].iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let sign = |v: f64| if v.abs() < 0.01 * largest { 0 } else { v.signum() as i8 };
        Some(Self::from_exif(match [a, b, c, d].map(sign) {
            [1, 0, 0, 1] => 1,
            [-1, 0, 0, 1] => 2,
            [-1, 0, 0, -1] => 3,
            [1, 0, 0, -1] => 4,
            [0, 1, 1, 0] => 5,
            [0, 1, -1, 0] => 6,
            [0, -1, -1, 0] => 7,
            [0, -1, 1, 0] => 8,
            _ => return None,
        }))
    }

    /// What is done to the coded picture, in words.
    pub fn words(self) -> &'static str {
        match self.0 {
            1 => "mirrored left to right",
            2 => "turned by 180°",
            3 => "mirrored top to bottom",
            4 => "mirrored along the diagonal",
            5 => "turned 90° clockwise",
            6 => "mirrored along the other diagonal",
            7 => "turned 90° counter-clockwise",
            _ => "as coded",
        }
    }

    /// The EXIF value 1..=8.
    pub fn exif(self) -> u8 {
        self.0 + 1
    }

    /// True when nothing has to be done.
    pub fn is_upright(self) -> bool {
        self.0 == 0
    }

    /// True when width and height change places.
    pub fn swaps_axes(self) -> bool {
        self.0 >= 4
    }

    /// Size as shown from the coded size.
    pub fn shown_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_axes() { (height, width) } else { (width, height) }
    }

    /// Where the coded point `(x, y)` lies as shown; the size is the coded one. Points are pixel
    /// indices.
    pub fn shown_from_coded(self, x: u32, y: u32, width: u32, height: u32) -> (u32, u32) {
        let (rx, ry) = (width.saturating_sub(1).saturating_sub(x), height.saturating_sub(1).saturating_sub(y));
        match self.0 {
            1 => (rx, y),
            2 => (rx, ry),
            3 => (x, ry),
            4 => (y, x),
            5 => (ry, x),
            6 => (ry, rx),
            7 => (y, rx),
            _ => (x, y),
        }
    }

    /// The shown box of the coded box `[x, y, width, height]` in a coded picture of the given size.
    pub fn shown_box(self, coded: [u32; 4], width: u32, height: u32) -> [u32; 4] {
        let [x, y, w, h] = coded;
        if w == 0 || h == 0 {
            return [0, 0, 0, 0];
        }
        let a = self.shown_from_coded(x, y, width, height);
        let b = self.shown_from_coded(x + w - 1, y + h - 1, width, height);
        let (left, top) = (a.0.min(b.0), a.1.min(b.1));
        [left, top, a.0.max(b.0) - left + 1, a.1.max(b.1) - top + 1]
    }

    /// Turns row-major cells of any kind; returns the cells with their shown columns and rows.
    pub fn turn<T: Copy + Default>(self, cells: &[T], columns: usize, rows: usize) -> (Vec<T>, usize, usize) {
        let (shown_columns, shown_rows) = if self.swaps_axes() { (rows, columns) } else { (columns, rows) };
        if self.is_upright() {
            return (cells.to_vec(), columns, rows);
        }
        let mut shown = vec![T::default(); cells.len()];
        for y in 0..rows {
            for x in 0..columns {
                let (sx, sy) = self.shown_from_coded(x as u32, y as u32, columns as u32, rows as u32);
                shown[sy as usize * shown_columns + sx as usize] = cells[y * columns + x];
            }
        }
        (shown, shown_columns, shown_rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_match_the_exif_table() {
        // A 3x2 picture numbered row by row; expected rows as a viewer shows them.
        let coded = [1, 2, 3, 4, 5, 6];
        for (exif, expected, columns) in [
            (1, vec![1, 2, 3, 4, 5, 6], 3),
            (2, vec![3, 2, 1, 6, 5, 4], 3),
            (3, vec![6, 5, 4, 3, 2, 1], 3),
            (4, vec![4, 5, 6, 1, 2, 3], 3),
            (5, vec![1, 4, 2, 5, 3, 6], 2),
            (6, vec![4, 1, 5, 2, 6, 3], 2),
            (7, vec![6, 3, 5, 2, 4, 1], 2),
            (8, vec![3, 6, 2, 5, 1, 4], 2),
        ] {
            let (shown, shown_columns, _) = Orientation::from_exif(exif).turn(&coded, 3, 2);
            assert_eq!((shown, shown_columns), (expected, columns), "orientation {exif}");
        }
    }

    #[test]
    fn a_matrix_says_where_every_corner_goes() {
        for exif in 1..=8 {
            let turn = Orientation::from_exif(exif);
            let at = |x: u32, y: u32| turn.shown_from_coded(x, y, 5, 3);
            let (zero, right, down) = (at(0, 0), at(1, 0), at(0, 1));
            let step = |to: (u32, u32)| {
                [f64::from(to.0) - f64::from(zero.0), f64::from(to.1) - f64::from(zero.1)].map(|v| v * 65536.0)
            };
            assert_eq!(Orientation::from_matrix([step(right), step(down)]), Some(turn), "orientation {exif}");
        }
        assert_eq!(Orientation::from_matrix([[46341.0, 46341.0], [-46341.0, 46341.0]]), None);
        assert_eq!(Orientation::from_matrix([[0.0; 2]; 2]), None);
    }

    #[test]
    fn boxes_turn_with_the_picture() {
        assert_eq!(Orientation::from_exif(6).shown_box([0, 0, 2, 1], 4, 3), [2, 0, 1, 2]);
        assert_eq!(Orientation::from_exif(1).shown_box([1, 1, 2, 1], 4, 3), [1, 1, 2, 1]);
    }
}
