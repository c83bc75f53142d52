//! Takes a picture as if a generator had made it, and writes it with all marks: for looking at, and
//! for checks with other readers.
//!
//! ```text
//! mark_file PICTURE OUTPUT.png|.jpg|.mp4 KEY_FOLDER
//! ```
use std::path::{Path, PathBuf};

use anyhow::Context;
use assay_provenance::{ClipShape, Making, MarkedWriter, Record, Signer, SourceUsed, Synthetic, Trust, verify};

fn main() -> anyhow::Result<()> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to, keys] = args.as_slice() else { anyhow::bail!("see the head of this file") };
    let picture = image::load_from_memory(&std::fs::read(from)?)?.into_rgb8();
    let record = Record {
        making: if to.extension().is_some_and(|e| e == "jpg") { Making::Generated } else { Making::Altered },
        generator: "example".into(),
        weights: Vec::new(),
        settings: serde_json::json!({}),
        seed: None,
        sources: vec![SourceUsed { path: from.clone(), role: "source picture".into() }],
    };
    let writer = MarkedWriter::new(record, Signer::own(Some(keys))?);
    if to.extension().is_some_and(|e| e == "mp4") {
        write_clip(writer, &picture, to).context("cannot write the clip")?;
    } else {
        writer.write_still(Synthetic::new(picture), to)?;
    }
    println!("{}", serde_json::to_string_pretty(&verify(to, &Trust::default())?)?);
    Ok(())
}

/// The picture drifting slowly.
fn write_clip(writer: MarkedWriter, picture: &image::RgbImage, to: &Path) -> anyhow::Result<()> {
    let (width, height) = ((picture.width() - 26) & !1, picture.height() & !1);
    let mut clip = writer.start_clip(to, ClipShape { width, height, frame_secs: 0.04 }, None)?;
    for at in 0..25 {
        let frame = image::imageops::crop_imm(picture, at, 0, width, height).to_image();
        clip.push(Synthetic::new(frame), f64::from(at) * 0.04)?;
    }
    clip.finish()?;
    Ok(())
}
