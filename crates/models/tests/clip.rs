//! The shipped part of CLIP's image tower against ONNX Runtime, block by block.
#![cfg(feature = "large")]
use assay_models::clip::{BLOCKS, Base, SIDE, TOKENS, WIDTH, append};

/// The picture that `data/clip.json` describes.
fn picture() -> Vec<[f32; 3]> {
    let pixel = |i: usize| {
        let (x, y) = ((i % SIDE) as i64, (i / SIDE) as i64);
        let blue = ((x - 112).pow(2) + (y - 90).pow(2)) / 64;
        [(3 * x + 5 * y) % 256, (x * y / 7 + 40) % 256, blue % 256].map(|v| v as f32)
    };
    (0..SIDE * SIDE).map(pixel).collect()
}

/// The fixture was computed in single precision from the same integers, so what differs is
/// rounding: ours of the rows to 15 bits, and the order of sums.
#[test]
fn every_block_says_what_onnx_runtime_says() {
    let fixture: serde_json::Value = serde_json::from_str(include_str!("data/clip.json")).unwrap();
    let base = Base::shipped().unwrap();
    let mut pixels = Vec::new();
    append(&mut pixels, &picture());
    let blocks = fixture["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), BLOCKS);
    for (i, expected) in blocks.iter().enumerate() {
        let tokens = base.tokens_after(base.norms(), &pixels, i + 1);
        assert_eq!(tokens.len(), TOKENS * WIDTH);
        let count = tokens.len() as f64;
        let mean = tokens.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        let deviation = (tokens.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count).sqrt();
        let of = |name: &str| expected[name].as_f64().unwrap();
        assert!((mean - of("mean")).abs() < 1e-4, "block {i}: mean {mean}, not {}", of("mean"));
        assert!((deviation / of("deviation") - 1.0).abs() < 2e-3, "block {i}: {deviation}, not {}", of("deviation"));
        let values = expected["values"].as_array().unwrap();
        let far = values
            .iter()
            .enumerate()
            .map(|(k, v)| (f64::from(tokens[k * 7919 % tokens.len()]) - v.as_f64().unwrap()).abs());
        let far = far.fold(0.0, f64::max);
        assert!(far < 4e-3 * of("deviation") + 2e-4 * of("largest") + 2e-3, "block {i}: {far} away");
    }
}
