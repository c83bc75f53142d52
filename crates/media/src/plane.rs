//! One channel of samples, the currency of the pixel analyzers.

/// Row-major single-channel samples. Luma is in grey levels 0..=255.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Width in samples.
    pub width: usize,
    /// Height in samples.
    pub height: usize,
    /// `height * width` samples, row-major.
    pub data: Vec<f32>,
}

impl Plane {
    /// A plane of one value.
    pub fn filled(width: usize, height: usize, value: f32) -> Self {
        Self { width, height, data: vec![value; width * height] }
    }

    /// BT.601 luma (ITU-R BT.601-7, as in JFIF), rounded to whole grey levels.
    pub fn luma_from_rgb(rgb: &image::RgbImage) -> Self {
        let data = rgb
            .pixels()
            .map(|p| (0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])).round())
            .collect();
        Self { width: rgb.width() as usize, height: rgb.height() as usize, data }
    }

    /// Row `y`.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// Sample at `(x, y)`.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.data[y * self.width + x]
    }
}
