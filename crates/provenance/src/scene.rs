//! The drawn picture on which this crate's tests put marks: between a gradient and a texture, with
//! a grain, drifting a little from frame to frame.
//!
//! The decision that shapes it: one scene for unit and integration tests (the latter take this very
//! file in), because scenes that differ by accident test different things by accident. It is no
//! photograph: what marks survive is measured on photographs, in `examples/robustness.rs`.
use image::RgbImage;

/// A picture; `shift` moves what is in it to the left, in pixels.
pub(crate) fn scene(width: u32, height: u32, shift: u32) -> RgbImage {
    let mut state = 5u32;
    RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (state >> 29) as f32;
        let wave = 50.0 * ((x + shift) as f32 / 23.0).sin() * (y as f32 / 31.0).cos();
        let v = 110.0 + wave + grain + 30.0 * (y as f32 / height as f32);
        image::Rgb([v as u8, (v * 0.8) as u8, (v * 0.7) as u8])
    })
}
