//! Structural dissimilarity and its gradient against the recorded ones (`losses-and-metrics`).
mod common;

use assay_models::face_swap::losses::{dssim, window};
use assay_models::state::floats;
use burn::tensor::{Device, Tensor};
use common::{Gaps, fixture, host, safetensors, tensor};

/// What the fixture's README allows: single precision loses so much in smooth areas.
const TOLERANCE: f32 = 2e-5;

#[test]
fn dissimilarity_and_its_gradient_are_the_published_ones() {
    let Some(folder) = fixture("losses-and-metrics") else { return };
    let (inputs, expected) =
        (safetensors(&folder.join("inputs.safetensors")), safetensors(&folder.join("expected.safetensors")));
    let mut gaps = Gaps::default();
    let mut seen = 0;
    let names: Vec<&String> =
        expected.keys().filter(|n| n.starts_with("dssim.") && n.rsplit('.').next() == Some("f64")).collect();
    for name in names {
        let parts: Vec<&str> = name.splitn(4, '.').collect();
        let (side, rest) = (parts[1], name.trim_end_matches(".f64"));
        let number: usize = side.parse().unwrap_or(0);
        let size = host(&expected, &format!("{rest}.kernel")).shape[0];
        if rest.ends_with("div11.6") {
            assert_eq!(window(number), size);
        }
        let device = Device::default();
        let of = |which: &str, device: &Device| tensor::<4>(&inputs, &format!("img_{which}.{side}"), device);
        gaps.compare("value", dssim(of("a", &device), of("b", &device), size), host(&expected, name), TOLERANCE);
        // By the loop that training runs on, too.
        let device = device.autodiff();
        let a = of("a", &device).require_grad();
        let values: Tensor<2> = dssim(a.clone(), of("b", &device), size);
        gaps.compare("value in training", values.clone().inner(), host(&expected, name), TOLERANCE);
        if let Some(gradient) = expected.get(&format!("{rest}.grad_a_of_sum_10xmean_c")) {
            let back = (values.mean_dim(1) * 10.0).sum().backward();
            let Some(ours) = a.grad(&back) else { panic!("no gradient") };
            gaps.relative("gradient", &floats(ours), &gradient.to_f32(), 1e-3);
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
    gaps.finish("dssim");
}
