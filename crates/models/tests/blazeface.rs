//! BlazeFace and the tiling around it against the reference (../shared/parity/blazeface).
#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
mod common;

use assay_checkpoints::Checkpoint;
use assay_models::blazeface::{
    BlazeFace, BlazeFaceConfig, BlazeFaceNetwork, Detection, INPUT, Tiling, anchors, crop_box, margin, suppress,
};
use assay_models::layers::Fold;
use assay_models::state::floats;
use burn::tensor::{Device, Tensor, TensorData};
use common::{Gaps, fixture, host, loaded, safetensors};

fn rows(found: &[Detection]) -> Vec<f32> {
    found.iter().flat_map(Detection::row).collect()
}

fn network(folder: &std::path::Path) -> BlazeFaceNetwork {
    let state = Checkpoint::read(&folder.join("blazeface.pth")).unwrap().into_tensors();
    assert_eq!(state.len(), 74);
    loaded(BlazeFaceConfig {}.init(&Device::default()), &state)
}

#[test]
fn shared_anchors_equal_the_published_ones() {
    let Some(folder) = fixture("blazeface") else { return };
    let bytes = std::fs::read(folder.join("anchors.npy")).unwrap();
    let values: Vec<f64> =
        bytes[bytes.len() - 896 * 32..].as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let ours = anchors();
    assert_eq!(ours.len(), 896);
    for (ours, theirs) in ours.iter().zip(values.as_chunks::<4>().0) {
        for (a, b) in ours.iter().zip(theirs) {
            assert!((f64::from(*a) - b).abs() < 1e-7);
        }
    }
}

#[test]
fn shared_tilings_equal_the_recorded_ones() {
    let Some(folder) = fixture("blazeface") else { return };
    let text = std::fs::read_to_string(folder.join("tile_params.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let field = |name: &str| case[name].as_u64().unwrap() as usize;
        let tiling = Tiling::of(field("W"), field("H"));
        let expected = Tiling {
            side: field("split"),
            count: [field("num_h"), field("num_v")],
            step: [field("x_step"), field("y_step")],
        };
        assert_eq!(tiling, expected, "{case}");
    }
}

#[test]
fn shared_stages_equal_the_reference() {
    let Some(folder) = fixture("blazeface") else { return };
    let expected = safetensors(&folder.join("expected.safetensors"));
    let device = Device::default();
    let plain = network(&folder);
    for (title, network) in [("plain", plain.clone()), ("folded", plain.fold())] {
        let mut gaps = Gaps::default();
        // The README gives the reference's gap to double precision; two implementations may be
        // twice that far apart.
        let pixels = host(&expected, "images_nhwc_u8").to_f32();
        let nhwc: Tensor<4> = Tensor::from_data(TensorData::new(pixels, [6, INPUT, INPUT, 3]), &device);
        let raw = network.forward(nhwc.permute([0, 3, 1, 2]) / 127.5 - 1.0);
        gaps.compare("raw boxes", raw.boxes.clone(), host(&expected, "raw_boxes"), 2.0 * 6.5e-5);
        gaps.compare("raw scores", raw.scores.clone(), host(&expected, "raw_scores"), 2.0 * 1.4e-5);
        let all = assay_models::blazeface::decode(&floats(raw.boxes), &floats(raw.scores), &anchors().repeat(6), -1.0);
        let decoded: Vec<f32> = all.iter().flat_map(|d| d.row()[..16].to_vec()).collect();
        gaps.slices("decoded boxes", &decoded, &host(&expected, "decoded_boxes").to_f32(), 2e-6);

        let detector = BlazeFace::new(network.clone());
        let images: Vec<Vec<u8>> =
            host(&expected, "images_nhwc_u8").bytes.chunks_exact(3 * INPUT * INPUT).map(<[u8]>::to_vec).collect();
        for (i, found) in detector.detect_tiles(&images).iter().enumerate() {
            gaps.slices("before merging", &rows(found), &host(&expected, &format!("det_pre_nms.{i}")).to_f32(), 5e-6);
            let merged = suppress(found, detector.max_overlap);
            gaps.slices("merged", &rows(&merged), &host(&expected, &format!("det_nms.{i}")).to_f32(), 5e-6);
        }

        let tiles: Vec<Vec<u8>> =
            host(&expected, "frame.tiles").bytes.chunks_exact(3 * INPUT * INPUT).map(<[u8]>::to_vec).collect();
        let found = detector.detect_tiles(&tiles);
        for (i, found) in found.iter().enumerate() {
            gaps.slices("tile", &rows(found), &host(&expected, &format!("frame.tile_det.{i}")).to_f32(), 5e-6);
        }
        let windows = Tiling::of(1280, 720).windows();
        let placed: Vec<Detection> = found.into_iter().zip(windows).flat_map(|(f, w)| w.place(f)).collect();
        gaps.slices("placed", &rows(&placed), &host(&expected, "frame.untiled").to_f32(), 2e-3);
        let merged = suppress(&placed, detector.max_overlap);
        gaps.slices("frame", &rows(&merged), &host(&expected, "frame.nms").to_f32(), 2e-3);
        let wide: Vec<Detection> = merged.iter().map(|d| margin(d, [1280, 720], 0.2)).collect();
        gaps.slices("margin", &rows(&wide), &host(&expected, "frame.margin").to_f32(), 2e-3);
        let crops: Vec<f32> = wide.iter().flat_map(crop_box).map(|v| v as f32).collect();
        gaps.slices("crop", &crops, &host(&expected, "frame.crop_boxes_ymin_xmin_ymax_xmax").to_f32(), 0.0);
        let mut sorted = wide;
        sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
        gaps.slices("result", &rows(&sorted), &host(&expected, "frame.process_image.detections_sorted").to_f32(), 2e-3);
        gaps.finish(title);
    }
}

#[test]
fn shared_frame_is_shrunk_as_opencv_does_and_gives_the_same_faces() {
    let Some(folder) = fixture("blazeface") else { return };
    let expected = safetensors(&folder.join("expected.safetensors"));
    let frame = image::open(folder.join("frame_1280x720.png")).unwrap().into_rgb8();
    let tiles = &host(&expected, "frame.tiles").bytes;
    let ours: Vec<u8> = Tiling::of(1280, 720).windows().flat_map(|w| w.shrunk(frame.as_raw(), 1280)).collect();
    assert_eq!(ours.len(), tiles.len());
    let far = ours.iter().zip(tiles).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let differing = ours.iter().zip(tiles).filter(|(a, b)| a != b).count();
    println!("area resampling: largest difference {far} grey levels, in {differing} of {} values", tiles.len());
    assert!(far <= 1 && differing * 1000 < tiles.len());

    let detector = BlazeFace::new(network(&folder).fold());
    let mut found = detector.detect(frame.as_raw(), 1280, 720);
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let theirs = host(&expected, "frame.process_image.detections_sorted").to_f32();
    assert_eq!(found.len(), 3);
    for (ours, theirs) in found.iter().zip(theirs.as_chunks::<17>().0) {
        let wide = margin(ours, [1280, 720], 0.2).row();
        // One grey level in the tile moves a box by hundredths of a pixel.
        assert!(wide[..16].iter().zip(theirs).all(|(a, b)| (a - b).abs() < 0.5), "{wide:?} {theirs:?}");
    }
    assert!(detector.detect(&[0; 10], 1280, 720).is_empty());
}
