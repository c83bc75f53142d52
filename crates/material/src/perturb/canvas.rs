//! Pictures in floating point, for what is done to them many times in training.
use image::RgbImage;

/// Pixels row by row, RGB in `0.0..=255.0`.
pub type Canvas = Vec<[f32; 3]>;

/// The pixels of a picture.
pub fn from_image(picture: &RgbImage) -> Canvas {
    picture.as_raw().as_chunks::<3>().0.iter().map(|p| p.map(f32::from)).collect()
}

/// A picture of this width; values beyond 0..=255 are cut off.
pub fn to_image(canvas: &[[f32; 3]], width: usize) -> RgbImage {
    let mut picture = RgbImage::new(width as u32, (canvas.len() / width.max(1)) as u32);
    for (p, q) in picture.pixels_mut().zip(canvas) {
        p.0 = q.map(|v| (v + 0.5) as u8);
    }
    picture
}
