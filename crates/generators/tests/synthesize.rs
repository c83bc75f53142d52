//! Synthetic faces, from the shipped weights to a file that carries every mark.
use std::path::Path;

use assay_generators::synthesize::{Request, Synthesize};
use assay_generators::{GeneratorError, Outcome, write};
use assay_media::NoProgress;
use assay_models::face_generator::LastLayers;
use assay_provenance::{Signer, Trust, verify};

fn request() -> Request {
    Request { weights: None, variant: None, seed: 7, grid: (1, 1), size: None, truncation: 0.8 }
}

fn written(request: Request, folder: &Path, name: &str) -> Result<Outcome, GeneratorError> {
    let mut faces = Synthesize::open(request)?;
    write(&mut faces, &folder.join(name), Signer::own(Some(folder))?, &NoProgress)
}

#[test]
fn every_picture_carries_label_watermark_and_manifest() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    for (name, grid, size) in [("face.png", (1, 1), (256, 256)), ("sheet.jpg", (5, 4), (320, 256))] {
        let Outcome { tally, .. } = written(Request { grid, ..request() }, at, name)?;
        assert_eq!((tally.frames, tally.failures.len()), (1, 0));
        assert_eq!(image::image_dimensions(at.join(name))?, size);
        let found = verify(&at.join(name), &Trust::default())?;
        assert!(
            found.marks.watermark.id.is_some() && found.marks.watermark.id == found.marks.manifest.watermark_id,
            "{found:?}"
        );
        assert_eq!(found.marks.label.words.as_deref(), Some("AI-GENERATED"));
        assert!(found.marks.manifest.source_types.iter().any(|t| t.ends_with("/trainedAlgorithmicMedia")), "{found:?}");
        let record = serde_json::to_value(&found.marks.manifest.record)?;
        assert_eq!((&record["generator"], &record["seed"]), (&"synthesize".into(), &7.into()), "{record}");
        assert_eq!(record["settings"]["made_px"], 64);
        assert_eq!(record["settings"]["shown_px"], if grid == (1, 1) { 256 } else { 64 });
    }
    Ok(())
}

#[test]
fn the_same_seed_makes_the_same_face_and_another_one_another() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut pictures = Vec::new();
    for (name, seed) in [("a.png", 7), ("b.png", 7), ("c.png", 8)] {
        written(Request { seed, ..request() }, folder.path(), name)?;
        pictures.push(image::open(folder.path().join(name))?.into_rgb8());
    }
    // The watermark's number differs from file to file; it is worth a grey level or two.
    let apart = |a: usize, b: usize| {
        let pairs = pictures[a].as_raw().iter().zip(pictures[b].as_raw());
        pairs.map(|(x, y)| f64::from(x.abs_diff(*y))).sum::<f64>() / pictures[a].as_raw().len() as f64
    };
    assert!(apart(0, 1) < 4.0 && apart(0, 2) > 10.0, "{} {}", apart(0, 1), apart(0, 2));
    Ok(())
}

#[test]
fn what_cannot_be_made_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let cases = [
        (Request { size: Some(100), ..request() }, "x.png", "the marks need 256"),
        (Request { grid: (64, 2), size: Some(1000), ..request() }, "x.png", "8192 pixels a side"),
        (Request { grid: (0, 1), ..request() }, "x.png", "holds no face"),
        (Request { truncation: f32::NAN, ..request() }, "x.png", "between 0 and 2"),
        (Request { weights: Some("face-mesh-1".into()), ..request() }, "x.png", "face-mesh-1 is a face-mesh"),
        (Request { variant: Some(LastLayers::K7), ..request() }, "x.png", "train synthesizer --variant"),
        (request(), "x.webp", ".png, .jpg or .jpeg"),
    ];
    for (request, name, words) in cases {
        let error = written(request, folder.path(), name).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(words), "{error}");
        assert!(!folder.path().join(name).exists());
    }
    let left = std::fs::read_dir(folder.path()).unwrap_or_else(|e| panic!("{e}")).flatten();
    let left: Vec<String> = left.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| !name.contains('x')), "{left:?}");
}
