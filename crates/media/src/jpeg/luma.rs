//! Luma samples straight from the coefficients, without colour conversion and its rounding.
//!
//! Accurate float transform, rounded once: what a decoder with an exact inverse transform shows in
//! its Y channel.
use rayon::prelude::*;

use super::Component;
use crate::{Plane, dct::inverse8};

/// Dequantises and transforms a component to `width` x `height` samples in 0..=255 (T.81 A.3.3 and
/// A.3.1, level shift 128).
///
/// A component that is stored smaller than that is enlarged by repeating samples. The plane is
/// empty when a side is 0.
pub fn luma_plane(component: &Component, width: u32, height: u32) -> Plane {
    let (width, height) = (width as usize, height as usize);
    let (own_width, own_height) = (component.blocks_wide * 8, component.blocks_high * 8);
    if width == 0
        || height == 0
        || own_width == 0
        || component.coefficients.len() < component.blocks_wide * component.blocks_high
    {
        return Plane { width: 0, height: 0, data: Vec::new() };
    }
    let (cut_width, cut_height) = (own_width.min(width), own_height.min(height));
    let mut data = vec![0.0; cut_width * cut_height];
    let table = component.quantisation.map(f32::from);
    data.par_chunks_mut(cut_width * 8).zip(component.coefficients.par_chunks(component.blocks_wide)).for_each(
        |(rows, blocks)| {
            for (column, block) in blocks.iter().enumerate() {
                let left = column * 8;
                if left >= cut_width {
                    break;
                }
                let samples = inverse8(&std::array::from_fn(|i| f32::from(block[i]) * table[i]));
                let across = (cut_width - left).min(8);
                for (row, line) in rows.chunks_exact_mut(cut_width).zip(samples.chunks_exact(8)) {
                    for (to, from) in row[left..left + across].iter_mut().zip(line) {
                        *to = ((from + 128.0).clamp(0.0, 255.0) + 0.5) as i32 as f32;
                    }
                }
            }
        },
    );
    let cut = Plane { width: cut_width, height: cut_height, data };
    if (cut_width, cut_height) == (width, height) { cut } else { enlarge(&cut, width, height) }
}

fn enlarge(small: &Plane, width: usize, height: usize) -> Plane {
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = small.row(y * small.height / height);
        data.extend((0..width).map(|x| row[x * small.width / width]));
    }
    Plane { width, height, data }
}
