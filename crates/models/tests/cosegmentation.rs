//! Motion co-segmentation against its reference implementation
//! (../shared/parity/cosegmentation-small).
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
mod common;

use assay_models::cosegmentation::{
    Encoded, ReconstructionConfig, ReconstructionModule, SegmentationConfig, SegmentationModule, Segments, Swap,
};
use assay_models::first_order::HourglassConfig;
use assay_models::layers::{AlignCorners, Fold};
use burn::tensor::{Device, Tensor};
use common::{Gaps, fixture, host, loaded, safetensors, section, tensor};

/// The README gives how far the reference's single precision is from its double precision: 5.2e-6,
/// and 1e-6 for the segmentation. Two implementations in single precision are each that far from
/// the truth, so they may be twice that far from one another.
const PLAIN: Tolerance = Tolerance { reconstruction: 2.0 * 5.2e-6, segmentation: 2.0 * 1e-6 };
/// The form for inference has batch normalisation in its weights and adds in the order of
/// Winograd's tiles, which rounds more often.
const FOLDED: Tolerance = Tolerance { reconstruction: 3e-5, segmentation: 5e-6 };

struct Tolerance {
    reconstruction: f32,
    segmentation: f32,
}

fn compare(
    title: &str,
    tolerance: &Tolerance,
    segmenter: &SegmentationModule,
    painter: &ReconstructionModule,
    folder: &std::path::Path,
) {
    let device = Device::default();
    let inputs = safetensors(&folder.join("inputs.safetensors"));
    let expected = safetensors(&folder.join("expected.safetensors"));
    let mut gaps = Gaps::default();
    let pictures: Vec<Tensor<4>> = ["source", "target"].map(|name| tensor(&inputs, name, &device)).into();
    let segments: Vec<Segments> = pictures.iter().map(|p| segmenter.forward(p.clone())).collect();
    for (name, found) in ["source", "target"].iter().zip(&segments) {
        let row = |what: &str| host(&expected, &format!("{name}.{what}"));
        gaps.compare("segmentation", found.segmentation.clone(), row("segmentation"), tolerance.segmentation);
        gaps.compare("shift", found.points.value.clone(), row("shift"), tolerance.segmentation);
        gaps.compare("affine", found.points.jacobian.clone().unwrap(), row("affine"), tolerance.segmentation);
    }
    let swap = |hard, mask_from_source| Swap { segments: vec![1, 2], hard, mask_from_source };
    for (name, hard) in [("soft", false), ("hard", true)] {
        for (place, found) in ["source", "target"].iter().zip(&segments) {
            gaps.compare(
                "mask",
                swap(hard, false).mask(found),
                host(&expected, &format!("mask.{name}.{place}")),
                tolerance.segmentation,
            );
        }
    }
    let mut swaps = 0;
    for (prefix, align) in [("ac_false", AlignCorners::Edges), ("ac_true", AlignCorners::Centres)] {
        let painter = painter.clone().with_align_corners(align);
        let encoded: Vec<Encoded> = pictures.iter().map(|p| painter.encode(p.clone())).collect();
        let made = painter.reconstruct(encoded[0].clone(), &segments[0], &segments[1]);
        let row = |what: &str| host(&expected, &format!("{prefix}.{what}"));
        gaps.compare("deformation", made.deformation, host(&expected, "deformation"), tolerance.reconstruction);
        gaps.compare("visibility", made.visibility.unwrap(), row("visibility"), tolerance.segmentation);
        gaps.compare("reconstruction", made.prediction, row("reconstruction.prediction"), tolerance.reconstruction);
        for (name, hard) in [("soft", false), ("hard", true)] {
            for (place, from_source) in [("source_mask", true), ("target_mask", false)] {
                let Some(theirs) = expected.get(&format!("{prefix}.part_swap.{name}.{place}.prediction")) else {
                    continue;
                };
                let [source, target] = [0, 1].map(|i| (encoded[i].clone(), &segments[i]));
                let ours = painter.swap(source, target, &swap(hard, from_source));
                gaps.compare("part swap", ours, theirs, tolerance.reconstruction);
                swaps += 1;
            }
        }
    }
    assert_eq!(swaps, 5);
    gaps.finish(title);
}

#[test]
fn shared_segments_and_swaps_equal_the_reference() {
    let Some(folder) = fixture("cosegmentation-small") else { return };
    let device = Device::default();
    let file = folder.join("vox-5segments-small.pth.tar");
    let segmentation = SegmentationConfig {
        hourglass: HourglassConfig { block_expansion: 8, max_features: 64, num_blocks: 5 },
        ..SegmentationConfig::published(5)
    };
    let reconstruction =
        ReconstructionConfig { block_expansion: 16, max_features: 64, ..ReconstructionConfig::PUBLISHED };
    let segmenter = loaded(segmentation.init(&device), &section(&file, "segmentation_module"));
    let painter = loaded(reconstruction.init(&device), &section(&file, "reconstruction_module"));
    compare("plain", &PLAIN, &segmenter, &painter, &folder);
    compare("folded", &FOLDED, &segmenter.fold(), &painter.fold(), &folder);
}
