//! A drawing surface with anti-aliased shapes, as toolkits draw them.
//!
//! The decision that shapes it: a shape is a signed distance in pixels, and a pixel's coverage is
//! that distance clamped over one pixel. So straight edges on whole pixels are exact steps and all
//! others are one pixel wide, which is what distinguishes drawn from recorded edges.
use image::{Rgb, RgbImage, imageops};

/// 8-bit sRGB.
pub(super) type Colour = [u8; 3];

/// Left, top, width and height in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rect {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) w: f32,
    pub(super) h: f32,
}

impl Rect {
    pub(super) fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// Smaller by `by` on every side.
    pub(super) fn inset(self, by: f32) -> Self {
        Self { x: self.x + by, y: self.y + by, w: (self.w - 2.0 * by).max(0.0), h: (self.h - 2.0 * by).max(0.0) }
    }
}

/// A colour between two, `t` in 0..=1.
pub(super) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    std::array::from_fn(|i| (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * t).round() as u8)
}

/// The surface.
pub(super) struct Canvas {
    /// What was drawn so far.
    pub(super) picture: RgbImage,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, ground: Colour) -> Self {
        Self { picture: RgbImage::from_pixel(width, height, Rgb(ground)) }
    }

    pub(super) fn width(&self) -> f32 {
        self.picture.width() as f32
    }

    pub(super) fn height(&self) -> f32 {
        self.picture.height() as f32
    }

    /// Lays `colour` over a pixel with a weight for each channel, each in 0..=1.
    pub(super) fn blend(&mut self, x: i64, y: i64, colour: Colour, weights: [f32; 3]) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if let Some(pixel) = self.picture.get_pixel_mut_checked(x, y) {
            for i in 0..3 {
                let below = f32::from(pixel[i]);
                pixel[i] = (below + (f32::from(colour[i]) - below) * weights[i].clamp(0.0, 1.0)).round() as u8;
            }
        }
    }

    /// Fills where `distance` (of a pixel's middle to the shape's edge, negative inside) is
    /// negative, within `bounds`.
    pub(super) fn shape(
        &mut self,
        bounds: Rect,
        opacity: f32,
        colour: impl Fn(f32, f32) -> Colour,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        let from = |v: f32| (v - 1.0).floor().max(0.0) as i64;
        let (right, bottom) = (bounds.x + bounds.w + 1.0, bounds.y + bounds.h + 1.0);
        let (right, bottom) = (right.min(self.width()).ceil() as i64, bottom.min(self.height()).ceil() as i64);
        for y in from(bounds.y)..bottom {
            for x in from(bounds.x)..right {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let covered = (0.5 - distance(px, py)).clamp(0.0, 1.0) * opacity;
                if covered > 0.0 {
                    self.blend(x, y, colour(px, py), [covered; 3]);
                }
            }
        }
    }

    /// A filled box on whole pixels.
    pub(super) fn block(&mut self, r: Rect, colour: Colour) {
        let r = Rect::new(r.x.round(), r.y.round(), r.w.round(), r.h.round());
        self.rounded(r, 0.0, colour);
    }

    /// A filled box with rounded corners.
    pub(super) fn rounded(&mut self, r: Rect, radius: f32, colour: Colour) {
        self.shape(r, 1.0, |_, _| colour, box_distance(r, radius));
    }

    /// The outline of a box with rounded corners, `thick` pixels wide, inside its edge.
    pub(super) fn outline(&mut self, r: Rect, radius: f32, thick: f32, colour: Colour) {
        let outer = box_distance(r, radius);
        self.shape(r, 1.0, |_, _| colour, move |x, y| outer(x, y).max(-outer(x, y) - thick));
    }

    /// A soft shadow below a box.
    pub(super) fn shadow(&mut self, r: Rect, radius: f32, reach: f32, strength: f32) {
        let low = Rect::new(r.x, r.y + reach / 3.0, r.w, r.h);
        let around = Rect::new(low.x - reach, low.y - reach, low.w + 2.0 * reach, low.h + 2.0 * reach);
        let distance = box_distance(low, radius);
        let soft = move |x: f32, y: f32| {
            let t = (distance(x, y) / reach).clamp(0.0, 1.0);
            0.5 - strength * (1.0 - t) * (1.0 - t)
        };
        self.shape(around, 1.0, |_, _| [0; 3], soft);
    }

    /// A box whose colour changes evenly from top to bottom, or from left to right.
    pub(super) fn gradient(&mut self, r: Rect, radius: f32, [a, b]: [Colour; 2], across: bool) {
        let at = move |x: f32, y: f32| {
            let t = if across { (x - r.x) / r.w.max(1.0) } else { (y - r.y) / r.h.max(1.0) };
            mix(a, b, t.clamp(0.0, 1.0))
        };
        self.shape(r, 1.0, at, box_distance(r, radius));
    }

    pub(super) fn disc(&mut self, x: f32, y: f32, radius: f32, colour: Colour) {
        let bounds = Rect::new(x - radius, y - radius, 2.0 * radius, 2.0 * radius);
        self.shape(bounds, 1.0, |_, _| colour, move |px, py| (px - x).hypot(py - y) - radius);
    }

    /// A sector of a disc between two angles in radians, clockwise from the right.
    pub(super) fn sector(&mut self, [x, y]: [f32; 2], radius: f32, [from, to]: [f32; 2], colour: Colour) {
        let bounds = Rect::new(x - radius, y - radius, 2.0 * radius, 2.0 * radius);
        let distance = move |px: f32, py: f32| {
            let angle = (py - y).atan2(px - x).rem_euclid(std::f32::consts::TAU);
            let far = (px - x).hypot(py - y);
            let aside = (from - angle).max(angle - to) * far;
            (far - radius).max(aside)
        };
        self.shape(bounds, 1.0, |_, _| colour, distance);
    }

    /// A straight line with round ends.
    pub(super) fn line(&mut self, a: [f32; 2], b: [f32; 2], thick: f32, colour: Colour) {
        let half = thick / 2.0;
        let (x, y) = (a[0].min(b[0]) - half, a[1].min(b[1]) - half);
        let bounds = Rect::new(x, y, (a[0] - b[0]).abs() + thick, (a[1] - b[1]).abs() + thick);
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let length = (dx * dx + dy * dy).max(1e-6);
        let distance = move |px: f32, py: f32| {
            let t = (((px - a[0]) * dx + (py - a[1]) * dy) / length).clamp(0.0, 1.0);
            (px - a[0] - t * dx).hypot(py - a[1] - t * dy) - half
        };
        self.shape(bounds, 1.0, |_, _| colour, distance);
    }

    /// Lines from point to point.
    pub(super) fn path(&mut self, points: &[[f32; 2]], thick: f32, colour: Colour) {
        for pair in points.windows(2) {
            self.line(pair[0], pair[1], thick, colour);
        }
    }

    /// A filled polygon (even-odd), its edges anti-aliased.
    pub(super) fn polygon(&mut self, points: &[[f32; 2]], colour: Colour) {
        let end = |i: usize, of: fn(f32, f32) -> f32, start: f32| points.iter().map(|p| p[i]).fold(start, of);
        let (x0, y0) = (end(0, f32::min, f32::MAX), end(1, f32::min, f32::MAX));
        let (x1, y1) = (end(0, f32::max, f32::MIN), end(1, f32::max, f32::MIN));
        if points.len() < 3 {
            return;
        }
        let distance = |px: f32, py: f32| {
            let (mut inside, mut nearest) = (false, f32::MAX);
            for (i, a) in points.iter().enumerate() {
                let b = points[(i + 1) % points.len()];
                if (a[1] > py) != (b[1] > py) && px < (b[0] - a[0]) * (py - a[1]) / (b[1] - a[1]) + a[0] {
                    inside = !inside;
                }
                let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
                let t = (((px - a[0]) * dx + (py - a[1]) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
                nearest = nearest.min((px - a[0] - t * dx).hypot(py - a[1] - t * dy));
            }
            if inside { -nearest } else { nearest }
        };
        self.shape(Rect::new(x0, y0, x1 - x0, y1 - y0), 1.0, |_, _| colour, distance);
    }

    /// A photograph, cut and scaled so that it fills the box.
    pub(super) fn photograph(&mut self, photograph: &RgbImage, r: Rect) {
        let (w, h) = (r.w.round().max(1.0) as u32, r.h.round().max(1.0) as u32);
        let (pw, ph) = photograph.dimensions();
        let scale = (w as f32 / pw as f32).max(h as f32 / ph as f32);
        let side = |v: u32, of: u32| ((v as f32 / scale).round() as u32).clamp(1, of);
        let (cw, ch) = (side(w, pw), side(h, ph));
        let cut = imageops::crop_imm(photograph, (pw - cw) / 2, (ph - ch) / 2, cw, ch).to_image();
        let scaled = imageops::resize(&cut, w, h, imageops::FilterType::CatmullRom);
        imageops::replace(&mut self.picture, &scaled, r.x.round() as i64, r.y.round() as i64);
    }
}

/// Distance to the edge of a box with rounded corners, negative inside.
fn box_distance(r: Rect, radius: f32) -> impl Fn(f32, f32) -> f32 {
    let radius = radius.min(r.w / 2.0).min(r.h / 2.0);
    let (cx, cy) = (r.x + r.w / 2.0, r.y + r.h / 2.0);
    let (hw, hh) = (r.w / 2.0 - radius, r.h / 2.0 - radius);
    move |x, y| {
        let (dx, dy) = ((x - cx).abs() - hw, (y - cy).abs() - hh);
        dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_on_whole_pixels_are_steps_and_others_one_pixel_wide() {
        let mut canvas = Canvas::new(20, 20, [0; 3]);
        canvas.block(Rect::new(5.0, 5.0, 10.0, 10.0), [200; 3]);
        let row: Vec<u8> = (0..20).map(|x| canvas.picture.get_pixel(x, 10)[0]).collect();
        assert!(row.iter().enumerate().all(|(x, v)| *v == if (5..15).contains(&x) { 200 } else { 0 }), "{row:?}");
        let mut canvas = Canvas::new(20, 20, [0; 3]);
        canvas.rounded(Rect::new(5.5, 5.0, 9.0, 10.0), 0.0, [200; 3]);
        assert_eq!(canvas.picture.get_pixel(5, 10)[0], 100);
        assert_eq!(canvas.picture.get_pixel(4, 10)[0], 0);
    }

    #[test]
    fn a_polygon_is_filled_inside_only() {
        let mut canvas = Canvas::new(40, 40, [0; 3]);
        canvas.polygon(&[[5.0, 5.0], [35.0, 5.0], [20.0, 35.0]], [255; 3]);
        assert_eq!(canvas.picture.get_pixel(20, 15)[0], 255);
        assert_eq!(canvas.picture.get_pixel(6, 30)[0], 0);
    }
}
