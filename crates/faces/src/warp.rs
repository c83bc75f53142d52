//! Crops cut out along an affine map, and pasted back.
//!
//! The decision that shapes it: a crop that is smaller than its face averages over the whole area
//! that a crop pixel covers. Bilinear sampling alone takes four of the many pixels below it and
//! lets the rest alias, and a network or a sharpness measure then sees texture that the face does
//! not have.
use image::RgbImage;

use crate::geometry::Affine;

/// What lies beyond the edge of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// The nearest pixel of the picture.
    Nearest,
    /// Black.
    Black,
}

/// A reduced part of the picture: means of `factor` x `factor` pixels, or the picture itself.
struct Samples<'a> {
    pixels: std::borrow::Cow<'a, [u8]>,
    width: i64,
    height: i64,
    border: Border,
    /// Samples in coordinates of this part from the picture's.
    part_from_frame: Affine,
}

/// Cuts a crop of `size` (width, height) in pixels out of `image`; `frame_from_crop` says where
/// each point of the crop lies in the picture.
pub fn crop(image: &RgbImage, frame_from_crop: &Affine, size: (u32, u32), border: Border) -> RgbImage {
    let (width, height) = size;
    let mut out = RgbImage::new(width, height);
    if image.width() == 0 || image.height() == 0 {
        return out;
    }
    let along = |row: [f64; 2]| row[0].hypot(row[1]);
    // Frame pixels to one crop pixel, the longer way.
    let step = along([frame_from_crop.x[0], frame_from_crop.y[0]])
        .max(along([frame_from_crop.x[1], frame_from_crop.y[1]]))
        .min(4096.0);
    let factor = ((step / 2.0).floor() as i64).max(1);
    let samples = Samples::new(image, frame_from_crop, size, factor, border);
    let part_from_crop = samples.part_from_frame.after(frame_from_crop);
    let taps = ((step / factor as f64).ceil() as u32).clamp(1, 4);
    let weight = 1.0 / f64::from(taps * taps);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let mut sum = [0.0; 3];
        for j in 0..taps {
            for i in 0..taps {
                let at = |v: u32, k: u32| f64::from(v) + (f64::from(k) + 0.5) / f64::from(taps);
                let [sx, sy] = part_from_crop.apply_f64([at(x, i), at(y, j)]);
                let value = samples.bilinear(sx - 0.5, sy - 0.5);
                sum.iter_mut().zip(value).for_each(|(s, v)| *s += v);
            }
        }
        pixel.0 = sum.map(|s| (s * weight).round().clamp(0.0, 255.0) as u8);
    }
    out
}

impl<'a> Samples<'a> {
    fn new(image: &'a RgbImage, frame_from_crop: &Affine, size: (u32, u32), factor: i64, border: Border) -> Self {
        let (width, height) = (i64::from(image.width()), i64::from(image.height()));
        if factor == 1 {
            return Self { pixels: image.as_raw().into(), width, height, border, part_from_frame: Affine::IDENTITY };
        }
        let (w, h) = (f64::from(size.0), f64::from(size.1));
        let corners = [[0.0, 0.0], [w, 0.0], [0.0, h], [w, h]].map(|c| frame_from_crop.apply_f64(c));
        let bound = |axis: usize, most: i64| {
            let low = corners.iter().map(|c| c[axis]).fold(f64::INFINITY, f64::min).floor() as i64 - 2 * factor;
            let high = corners.iter().map(|c| c[axis]).fold(f64::NEG_INFINITY, f64::max).ceil() as i64 + 2 * factor;
            let low = low.clamp(0, most - 1) / factor * factor;
            (low, high.clamp(low + 1, most))
        };
        let ((left, right), (top, bottom)) = (bound(0, width), bound(1, height));
        let (columns, rows) = ((right - left).div_euclid(factor).max(1), (bottom - top).div_euclid(factor).max(1));
        let raw = image.as_raw();
        let mut pixels = Vec::with_capacity((columns * rows * 3) as usize);
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = [0u32; 3];
                let mut count = 0u32;
                for y in top + row * factor..(top + (row + 1) * factor).min(height) {
                    let from = left + column * factor;
                    let to = (from + factor).min(width);
                    let line = raw.get(((y * width + from) * 3) as usize..((y * width + to) * 3) as usize);
                    for p in line.unwrap_or_default().as_chunks::<3>().0 {
                        sum.iter_mut().zip(p).for_each(|(s, v)| *s += u32::from(*v));
                        count += 1;
                    }
                }
                pixels.extend(sum.map(|s| ((s + count / 2) / count.max(1)) as u8));
            }
        }
        let scale = 1.0 / factor as f64;
        let shift = [-(left as f64) * scale, -(top as f64) * scale];
        let part_from_frame = Affine::scale_shift([scale; 2], shift);
        Self { pixels: pixels.into(), width: columns, height: rows, border, part_from_frame }
    }

    fn at(&self, x: i64, y: i64) -> [f64; 3] {
        let (cx, cy) = (x.clamp(0, self.width - 1), y.clamp(0, self.height - 1));
        if self.border == Border::Black && (cx != x || cy != y) {
            return [0.0; 3];
        }
        let start = ((cy * self.width + cx) * 3) as usize;
        self.pixels.get(start..start + 3).map_or([0.0; 3], |p| [p[0].into(), p[1].into(), p[2].into()])
    }

    fn bilinear(&self, x: f64, y: f64) -> [f64; 3] {
        // Far outside, a cast of the position must not wrap.
        let (x, y) = (x.clamp(-2.0, self.width as f64 + 1.0), y.clamp(-2.0, self.height as f64 + 1.0));
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let (x0, y0) = (x0 as i64, y0 as i64);
        let corners = [self.at(x0, y0), self.at(x0 + 1, y0), self.at(x0, y0 + 1), self.at(x0 + 1, y0 + 1)];
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let mut sum = [0.0; 3];
        for (corner, weight) in corners.iter().zip(weights) {
            sum.iter_mut().zip(corner).for_each(|(s, v)| *s += v * weight);
        }
        sum
    }
}

/// The whole picture made smaller: each pixel is the mean of the area that it covers. Sizes larger
/// than the picture's are cut down to it.
///
/// A separable sum in single precision; several times as fast as the thumbnail function of `image`,
/// which a clip would feel.
pub fn reduce(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (w, h) = image.dimensions();
    let (width, height) = (width.clamp(1, w.max(1)), height.clamp(1, h.max(1)));
    if w == 0 || h == 0 {
        return RgbImage::new(width, height);
    }
    let columns = shares(w, width);
    let rows = shares(h, height);
    let stride = w as usize * 3;
    let raw = image.as_raw();
    let mut out = Vec::with_capacity(width as usize * height as usize * 3);
    let mut line = vec![0.0f32; stride];
    for (top, weights) in &rows {
        line.fill(0.0);
        for (row, weight) in raw.chunks_exact(stride).skip(*top).zip(weights) {
            line.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * f32::from(*value));
        }
        let (pixels, _) = line.as_chunks::<3>();
        for (left, weights) in &columns {
            let mut sum = [0.0f32; 3];
            for (pixel, weight) in pixels.iter().skip(*left).zip(weights) {
                sum.iter_mut().zip(pixel).for_each(|(s, v)| *s += weight * v);
            }
            out.extend(sum.map(|v| (v + 0.5) as u8));
        }
    }
    RgbImage::from_raw(width, height, out).unwrap_or_default()
}

/// For each of `to` samples the first of the `from` samples that it covers, and the share of each
/// in its mean.
fn shares(from: u32, to: u32) -> Vec<(usize, Vec<f32>)> {
    let step = f64::from(from) / f64::from(to);
    let share = |i: u32| {
        let (start, end) = (f64::from(i) * step, (f64::from(i + 1) * step).min(f64::from(from)));
        let first = start.floor() as u32;
        let last = (end.ceil() as u32).clamp(first + 1, from);
        let part = |k: u32| ((f64::from(k + 1).min(end) - f64::from(k).max(start)).max(0.0) / step) as f32;
        (first as usize, (first..last).map(part).collect())
    };
    (0..to).map(share).collect()
}

/// Puts a crop back where it was cut from, blended by `mask` (0..=1, row-major, as large as the
/// crop). Pixels outside the crop stay as they are.
pub fn paste(image: &mut RgbImage, crop: &RgbImage, mask: &[f32], frame_from_crop: &Affine) {
    let Some(crop_from_frame) = frame_from_crop.inverse() else { return };
    let (cw, ch) = crop.dimensions();
    if mask.len() != cw as usize * ch as usize {
        return;
    }
    let corners = [[0, 0], [cw, 0], [0, ch], [cw, ch]].map(|[x, y]| frame_from_crop.apply([x as f32, y as f32]));
    let Some(around) = crate::geometry::Rect::around(&corners) else { return };
    let (left, top) = (around.x.floor().max(0.0) as u32, around.y.floor().max(0.0) as u32);
    let (right, bottom) = (
        (around.right().ceil().max(0.0) as u32).min(image.width()),
        (around.bottom().ceil().max(0.0) as u32).min(image.height()),
    );
    let source = Samples {
        pixels: crop.as_raw().into(),
        width: i64::from(cw),
        height: i64::from(ch),
        border: Border::Nearest,
        part_from_frame: Affine::IDENTITY,
    };
    for y in top..bottom {
        for x in left..right {
            let [u, v] = crop_from_frame.apply_f64([f64::from(x) + 0.5, f64::from(y) + 0.5]);
            if u < 0.0 || v < 0.0 || u >= f64::from(cw) || v >= f64::from(ch) {
                continue;
            }
            let share = f64::from(mask[v as usize * cw as usize + u as usize].clamp(0.0, 1.0));
            let value = source.bilinear(u - 0.5, v - 0.5);
            let pixel = image.get_pixel_mut(x, y);
            for (old, new) in pixel.0.iter_mut().zip(value) {
                *old = (f64::from(*old) * (1.0 - share) + new * share).round().clamp(0.0, 255.0) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 90]))
    }

    #[test]
    fn the_identity_copies_and_a_shift_shifts() {
        let image = ramp(40, 30);
        assert_eq!(crop(&image, &Affine::IDENTITY, (40, 30), Border::Nearest), image);
        let shifted = crop(&image, &Affine::scale_shift([1.0; 2], [5.0, 7.0]), (10, 10), Border::Nearest);
        assert_eq!(shifted.get_pixel(0, 0).0, [5, 7, 90]);
        assert_eq!(shifted.get_pixel(9, 9).0, [14, 16, 90]);
    }

    #[test]
    fn reduction_averages_instead_of_aliasing() {
        // Stripes of one pixel: every reduced crop is mid grey; single samples would give black and
        // white.
        let image = RgbImage::from_fn(512, 512, |x, _| image::Rgb([if x % 2 == 0 { 0 } else { 255 }; 3]));
        for (scale, side) in [(2.0, 200), (3.3, 150), (5.7, 80), (31.0, 16)] {
            let map = Affine::scale_shift([scale; 2], [3.0, 4.0]);
            let small = crop(&image, &map, (side, side), Border::Nearest);
            let worst = small.pixels().map(|p| (i32::from(p[0]) - 128).abs()).max().unwrap();
            assert!(worst <= 30, "scale {scale}: {worst}");
        }
    }

    #[test]
    fn a_reduced_picture_is_the_mean_of_its_areas() {
        let image = ramp(200, 120);
        let half = reduce(&image, 100, 60);
        assert_eq!(half.get_pixel(10, 20).0, [21, 41, 90]);
        let odd = reduce(&image, 77, 31);
        assert_eq!(odd.dimensions(), (77, 31));
        for (x, y, p) in odd.enumerate_pixels() {
            let at = [(x as f32 + 0.5) * 200.0 / 77.0 - 0.5, (y as f32 + 0.5) * 120.0 / 31.0 - 0.5];
            assert!((f32::from(p[0]) - at[0]).abs() < 1.1 && (f32::from(p[1]) - at[1]).abs() < 1.1, "{x} {y} {p:?}");
        }
        assert_eq!(reduce(&image, 999, 999), image);
        assert_eq!(reduce(&RgbImage::new(0, 0), 5, 5).dimensions(), (1, 1));
        let white = RgbImage::from_pixel(301, 299, image::Rgb([255; 3]));
        assert!(reduce(&white, 113, 57).iter().all(|v| *v == 255));
    }

    #[test]
    fn a_reduced_crop_keeps_its_place() {
        let image = RgbImage::from_fn(600, 600, |x, y| image::Rgb([(x / 3) as u8, (y / 3) as u8, 0]));
        for scale in [1.0, 2.5, 4.0, 9.3, 20.0] {
            let map = Affine::scale_shift([scale; 2], [60.0, 30.0]);
            let small = crop(&image, &map, (24, 24), Border::Nearest);
            for (x, y) in [(0, 0), (12, 7), (23, 23)] {
                let at = map.apply([x as f32 + 0.5, y as f32 + 0.5]);
                let p = small.get_pixel(x, y);
                assert!((f32::from(p[0]) - at[0] / 3.0).abs() < 1.2, "{scale} {x} {y} {p:?}");
                assert!((f32::from(p[1]) - at[1] / 3.0).abs() < 1.2, "{scale} {x} {y} {p:?}");
            }
        }
    }

    #[test]
    fn beyond_the_edge_lies_the_border() {
        let image = RgbImage::from_pixel(8, 8, image::Rgb([200; 3]));
        let far = Affine::scale_shift([1.0; 2], [-20.0, 1e9]);
        assert_eq!(crop(&image, &far, (4, 4), Border::Black).get_pixel(1, 1).0, [0; 3]);
        assert_eq!(crop(&image, &far, (4, 4), Border::Nearest).get_pixel(1, 1).0, [200; 3]);
        assert_eq!(crop(&RgbImage::new(0, 0), &far, (4, 4), Border::Nearest).dimensions(), (4, 4));
        let huge = Affine::scale_shift([300.0; 2], [-900.0, -900.0]);
        assert_eq!(crop(&image, &huge, (8, 8), Border::Nearest).get_pixel(3, 3).0, [200; 3]);
    }

    #[test]
    fn what_is_pasted_back_changes_little_and_only_its_place() {
        let image = RgbImage::from_fn(200, 200, |x, y| {
            let v = |k: f32| (128.0 + 90.0 * (x as f32 * k + y as f32 * 0.05).sin()) as u8;
            image::Rgb([v(0.03), v(0.05), v(0.02)])
        });
        let (a, b) = (0.9 * 0.4f64.cos(), 0.9 * 0.4f64.sin());
        let map = Affine { x: [a, -b, 90.0], y: [b, a, 40.0] };
        let cut = crop(&image, &map, (64, 64), Border::Nearest);
        let mut again = image.clone();
        paste(&mut again, &cut, &[1.0; 64 * 64], &map);
        let worst = image.iter().zip(again.iter()).map(|(p, q)| p.abs_diff(*q)).max().unwrap();
        assert!(worst <= 4, "{worst}");
        let mut other = image.clone();
        let red = RgbImage::from_pixel(64, 64, image::Rgb([255, 0, 0]));
        paste(&mut other, &red, &[1.0; 64 * 64], &map);
        let changed = image.pixels().zip(other.pixels()).filter(|(p, q)| p != q).count() as f64;
        assert!((changed - 64.0 * 64.0 * 0.81).abs() < 120.0, "{changed}");
        assert_eq!(other.get_pixel(5, 190), image.get_pixel(5, 190));
    }
}
