//! The autoencoder taef2 against PyTorch, where its published files are at hand.
mod common;

use assay_models::state::floats;
use assay_models::tiny_autoencoder::{STEP, TinyAutoencoder};
use burn::tensor::{Device, Tensor, TensorData};
use common::shared;

/// `data/taef2.json` holds every 37th number of the code and of the picture of a made picture,
/// computed by PyTorch 2.9 in single precision from the published half-precision weights.
#[test]
fn code_and_picture_are_pytorchs() {
    let Some(folder) = shared("weights") else { return };
    let fixture: serde_json::Value = serde_json::from_str(include_str!("data/taef2.json")).unwrap();
    let of = |name: &str| fixture[name].as_u64().unwrap() as usize;
    let (height, width, every) = (of("height"), of("width"), of("every"));
    let mut planes = Vec::new();
    for channel in 0..3 {
        for at in 0..width * height {
            let (x, y) = (at % width, at / width);
            planes.push(match channel {
                0 => ((x * 5 + y * 3) % 97) as f32 / 96.0,
                1 => ((x * x + y * 7) % 89) as f32 / 88.0,
                _ => (((x + y) * 11) % 83) as f32 / 82.0,
            });
        }
    }
    let net = TinyAutoencoder::open(&folder).unwrap();
    let picture = Tensor::<4>::from_data(TensorData::new(planes, [1, 3, height, width]), &Device::default());
    let code = net.encode(picture);
    assert_eq!(code.dims()[2..], [height / STEP, width / STEP]);
    let decoded = net.decode(code.clone());
    for (name, ours) in [("code", floats(code)), ("picture", floats(decoded))] {
        let expected = fixture[name].as_array().unwrap();
        let far = expected.iter().zip(ours.iter().step_by(every)).map(|(e, o)| (e.as_f64().unwrap() as f32 - o).abs());
        let far = far.fold(0.0, f32::max);
        assert!(far < 2e-4, "{name}: {far} away");
    }
}
