//! The fixtures' checkpoints, of which tensors and counts are known; skipped, visibly, where they
//! are absent.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::path::{Path, PathBuf};
use std::time::Instant;

use assay_checkpoints::{Checkpoint, Container, Dtype, Options, PlainValue};

fn fixture(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join("parity").join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("SKIPPED: {} is absent", path.display());
    None
}

fn timed(path: &Path, options: Options) -> Checkpoint {
    let started = Instant::now();
    let checkpoint = Checkpoint::read_with(path, options).unwrap();
    let bytes: usize = checkpoint.sections.values().flat_map(|s| s.values()).map(|t| t.bytes.len()).sum();
    println!("{}: {bytes} bytes in {:.3} s", path.display(), started.elapsed().as_secs_f64());
    checkpoint
}

#[test]
fn shared_animation_checkpoints_are_the_same_in_both_containers() {
    let (Some(zip), Some(stream)) =
        (fixture("fomm-small/vox-small.pth.tar"), fixture("fomm-small/vox-small-legacy.pth.tar"))
    else {
        return;
    };
    let everything = Options { optimisers: true };
    let (zip, stream) = (timed(&zip, everything), timed(&stream, everything));
    assert_eq!((zip.container, stream.container), (Container::TorchZip, Container::TorchStream));
    assert_eq!(zip.sections, stream.sections);
    assert_eq!(zip.values, stream.values);
    assert_eq!(zip.values["epoch"], PlainValue::Int(7));
    let names: Vec<&str> = zip.sections.keys().map(String::as_str).collect();
    assert_eq!(names, ["discriminator", "generator", "kp_detector", "optimizer_discriminator"]);
    assert_eq!(zip.sections["kp_detector"]["jacobian.weight"].shape, [40, 11, 7, 7]);
    assert_eq!(zip.sections["optimizer_discriminator"]["state.0.step"].to_f32(), [1.0]);
    let weights = Checkpoint::read(&fixture("fomm-small/vox-small.pth.tar").unwrap()).unwrap();
    assert_eq!(
        weights.skipped.keys().collect::<Vec<_>>(),
        ["optimizer_discriminator", "optimizer_generator", "optimizer_kp_detector"]
    );
    assert_eq!(weights.sections.len(), 3);
    assert!(weights.sections.iter().all(|(name, tensors)| zip.sections[name] == *tensors));
}

#[test]
fn shared_flat_checkpoints_are_read() {
    if let Some(path) = fixture("effnet/EfficientNetAutoAttB4_small_f16.pth") {
        let checkpoint = timed(&path, Options::default());
        let tensors = &checkpoint.sections[""];
        assert_eq!((checkpoint.sections.len(), tensors.len()), (1, 708));
        assert_eq!(tensors["efficientnet.attconv.weight"].shape, [1, 56, 1, 1]);
        assert_eq!(tensors["efficientnet._conv_stem.weight"].dtype, Dtype::F16);
        assert_eq!(tensors["efficientnet._bn0.num_batches_tracked"].dtype, Dtype::I64);
    }
    if let Some(path) = fixture("blazeface/blazeface.pth") {
        let checkpoint = timed(&path, Options::default());
        assert_eq!((checkpoint.container, checkpoint.sections[""].len()), (Container::TorchStream, 74));
        let count: usize = checkpoint.sections[""].values().map(|t| t.to_f32().len()).sum();
        assert_eq!(count, 101_390);
    }
    if let Some(path) = fixture("cosegmentation-small/vox-5segments-small.pth.tar") {
        let checkpoint = timed(&path, Options::default());
        assert_eq!(checkpoint.values["epoch"], PlainValue::Int(4));
        assert_eq!(checkpoint.sections.keys().collect::<Vec<_>>(), ["reconstruction_module", "segmentation_module"]);
    }
}
