//! A decoded frame and its colours.
//!
//! The decision that shapes it: frames keep the planes that the codec stores, and colour is
//! computed here, on request, in integers, so that the same samples give the same RGB on every
//! machine and with every FFmpeg build. Chroma is repeated over the pixels that share it, not
//! interpolated: no sample is invented. Matrices: ITU-R BT.601-7, BT.709-6 and BT.2020-2, each in
//! full and limited range.
use std::sync::OnceLock;

use image::RgbImage;
use rayon::prelude::*;

use super::probe::StreamInfo;

/// What a reader needs of each frame. Luma alone spares the pipe half of a frame or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameSamples {
    /// The luma plane at full size.
    Luma,
    /// All planes as they are stored.
    Yuv,
    /// All planes; the reader will ask for RGB.
    Rgb,
}

/// How the samples of a frame lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One plane.
    Luma,
    /// Three planes; chroma is reduced by these powers of two.
    Yuv { shift_x: u32, shift_y: u32 },
    /// Interleaved, from codecs that store RGB.
    Rgb,
}

impl Layout {
    /// Bytes of one frame.
    pub(crate) fn bytes(self, width: u32, height: u32) -> usize {
        let (w, h) = (width as usize, height as usize);
        match self {
            Self::Luma => w * h,
            Self::Yuv { shift_x, shift_y } => w * h + 2 * (w.div_ceil(1 << shift_x) * h.div_ceil(1 << shift_y)),
            Self::Rgb => 3 * w * h,
        }
    }
}

/// Conversion constants in 1/65536: `rgb = ((y - black) * scale + ...)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matrix {
    black: i32,
    scale: i32,
    red_from_v: i32,
    green_from_u: i32,
    green_from_v: i32,
    blue_from_u: i32,
}

impl Matrix {
    fn new(kr: f64, kb: f64, full_range: bool) -> Self {
        let kg = 1.0 - kr - kb;
        let (black, luma, chroma) = if full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |v: f64| (v * 65536.0).round() as i32;
        Self {
            black,
            scale: fixed(luma),
            red_from_v: fixed(2.0 * (1.0 - kr) * chroma),
            green_from_u: fixed(-2.0 * kb * (1.0 - kb) / kg * chroma),
            green_from_v: fixed(-2.0 * kr * (1.0 - kr) / kg * chroma),
            blue_from_u: fixed(2.0 * (1.0 - kb) * chroma),
        }
    }

    /// The matrix that a stream names; unnamed ones are taken as players do: BT.709 from 720 lines
    /// up, BT.601 below.
    pub(crate) fn of(stream: &StreamInfo) -> Self {
        let pixel_format = stream.pixel_format.as_str();
        let full = match stream.color_range.as_str() {
            "pc" => true,
            "tv" => false,
            _ => pixel_format.starts_with("yuvj") || pixel_format.starts_with("gray"),
        };
        let (kr, kb) = match stream.color_matrix.as_str() {
            "bt709" => (0.2126, 0.0722),
            "smpte170m" | "bt470bg" => (0.299, 0.114),
            "bt2020nc" | "bt2020c" => (0.2627, 0.0593),
            "smpte240m" => (0.212, 0.087),
            "fcc" => (0.30, 0.11),
            _ if stream.height >= 720 => (0.2126, 0.0722),
            _ => (0.299, 0.114),
        };
        Self::new(kr, kb, full)
    }

    fn rgb(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let y = (i32::from(y) - self.black) * self.scale + (1 << 15);
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let clip = |value: i32| (value >> 16).clamp(0, 255) as u8;
        [
            clip(y + self.red_from_v * v),
            clip(y + self.green_from_u * u + self.green_from_v * v),
            clip(y + self.blue_from_u * u),
        ]
    }
}

/// One decoded frame in coded orientation.
#[derive(Debug)]
pub struct Frame {
    /// Presentation index in the whole stream, by the packet table.
    pub index: u64,
    /// Presentation time in seconds, as the container has it (it may start below or above zero).
    pub pts_secs: f64,
    /// True when its packet is marked as a key frame.
    pub key: bool,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    layout: Layout,
    matrix: Matrix,
    samples: Vec<u8>,
    luma_of_rgb: OnceLock<Vec<u8>>,
}

impl Frame {
    pub(crate) fn new(size: (u32, u32), layout: Layout, matrix: Matrix, samples: Vec<u8>) -> Self {
        let (width, height) = size;
        let luma_of_rgb = OnceLock::new();
        Self { index: 0, pts_secs: 0.0, key: false, width, height, layout, matrix, samples, luma_of_rgb }
    }

    pub(crate) fn into_samples(self) -> Vec<u8> {
        self.samples
    }

    /// The luma plane as it is stored (limited range stays limited): `height * width` bytes,
    /// row-major. For codecs that store RGB it is BT.601 luma.
    pub fn luma(&self) -> &[u8] {
        let pixels = self.width as usize * self.height as usize;
        if self.layout != Layout::Rgb {
            return self.samples.get(..pixels).unwrap_or_default();
        }
        self.luma_of_rgb.get_or_init(|| {
            let weigh = |p: &[u8; 3]| {
                (19595 * u32::from(p[0]) + 38470 * u32::from(p[1]) + 7471 * u32::from(p[2]) + (1 << 15)) >> 16
            };
            self.samples.as_chunks::<3>().0.iter().map(|p| weigh(p) as u8).collect()
        })
    }

    /// The chroma planes `(Cb, Cr)` as they are stored, with their width and height; `None` without
    /// chroma.
    pub fn chroma(&self) -> Option<(&[u8], &[u8], usize, usize)> {
        let Layout::Yuv { shift_x, shift_y } = self.layout else { return None };
        let (w, h) = (self.width as usize, self.height as usize);
        let (cw, ch) = (w.div_ceil(1 << shift_x), h.div_ceil(1 << shift_y));
        let (u, v) = self.samples.get(w * h..)?.split_at_checked(cw * ch)?;
        Some((u, v.get(..cw * ch)?, cw, ch))
    }

    /// The frame as 8-bit RGB in coded orientation. Grey when only luma was asked for by every
    /// reader.
    pub fn rgb(&self) -> RgbImage {
        let (w, h) = (self.width as usize, self.height as usize);
        if self.layout == Layout::Rgb {
            return RgbImage::from_raw(self.width, self.height, self.samples.clone()).unwrap_or_default();
        }
        let mut out = vec![0u8; w * h * 3];
        let luma = self.luma();
        let rows = out.par_chunks_exact_mut((w * 3).max(1)).zip(luma.par_chunks_exact(w.max(1)));
        match (self.chroma(), self.layout) {
            (Some((u, v, cw, _)), Layout::Yuv { shift_x, shift_y }) => rows.enumerate().for_each(|(y, (row, luma))| {
                let start = (y >> shift_y) * cw;
                let (Some(u), Some(v)) = (u.get(start..start + cw), v.get(start..start + cw)) else { return };
                for (x, (pixel, y)) in row.as_chunks_mut::<3>().0.iter_mut().zip(luma).enumerate() {
                    *pixel = self.matrix.rgb(*y, u[x >> shift_x], v[x >> shift_x]);
                }
            }),
            _ => rows.for_each(|(row, luma)| {
                for (pixel, y) in row.as_chunks_mut::<3>().0.iter_mut().zip(luma) {
                    *pixel = self.matrix.rgb(*y, 128, 128);
                }
            }),
        }
        RgbImage::from_raw(self.width, self.height, out).unwrap_or_default()
    }

    /// Lower-case hexadecimal SHA-256 of the decoded planes, one after the other (Y, Cb, Cr, or RGB
    /// interleaved). Luma alone when no reader of the pass asked for more.
    pub fn sha256(&self) -> String {
        assay_files::sha256(&self.samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_primaries_come_out() {
        let limited = Matrix::new(0.2126, 0.0722, false);
        assert_eq!(limited.rgb(16, 128, 128), [0, 0, 0]);
        assert_eq!(limited.rgb(235, 128, 128), [255, 255, 255]);
        let full = Matrix::new(0.299, 0.114, true);
        assert_eq!(full.rgb(0, 128, 128), [0, 0, 0]);
        assert_eq!(full.rgb(255, 128, 128), [255, 255, 255]);
        // JFIF: pure red is Y 76, Cb 85, Cr 255.
        assert_eq!(full.rgb(76, 85, 255), [254, 0, 0]);
    }

    #[test]
    fn integer_conversion_stays_within_one_level_of_the_formula() {
        for (kr, kb, full) in
            [(0.299, 0.114, true), (0.299, 0.114, false), (0.2126, 0.0722, false), (0.2627, 0.0593, true)]
        {
            let matrix = Matrix::new(kr, kb, full);
            let kg = 1.0 - kr - kb;
            for y in (0..=255u8).step_by(5) {
                for u in (0..=255u8).step_by(15) {
                    for v in (0..=255u8).step_by(15) {
                        let (black, luma, chroma) =
                            if full { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
                        let l = (f64::from(y) - black) * luma;
                        let (cb, cr) = ((f64::from(u) - 128.0) * chroma, (f64::from(v) - 128.0) * chroma);
                        let r = l + 2.0 * (1.0 - kr) * cr;
                        let b = l + 2.0 * (1.0 - kb) * cb;
                        let g = (l - kr * r - kb * b) / kg;
                        for (ours, exact) in matrix.rgb(y, u, v).into_iter().zip([r, g, b]) {
                            let exact = exact.clamp(0.0, 255.0);
                            assert!((f64::from(ours) - exact).abs() <= 0.51, "y {y} u {u} v {v}: {ours} for {exact}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn chroma_of_odd_sizes_is_repeated() {
        let matrix = Matrix::new(0.299, 0.114, true);
        let layout = Layout::Yuv { shift_x: 1, shift_y: 1 };
        let mut samples = vec![100u8; 9];
        samples.extend([128, 128, 128, 255, 128, 128, 128, 128]);
        assert_eq!(layout.bytes(3, 3), samples.len());
        let frame = Frame::new((3, 3), layout, matrix, samples);
        let rgb = frame.rgb();
        assert_eq!(rgb.get_pixel(0, 0).0, [100, 100, 100]);
        assert!(rgb.get_pixel(2, 2).0[2] > 200, "the last chroma sample belongs to the last pixel");
    }
}
