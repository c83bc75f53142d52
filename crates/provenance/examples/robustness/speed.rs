//! Time per frame of 1920x1080.
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use assay_provenance::watermark::{self, Reading};
use image::imageops::{self, FilterType};

use crate::open;

pub(crate) fn speed(file: &Path) -> anyhow::Result<()> {
    let picture = open(file)?;
    let frame = imageops::resize(&picture, 1920, 1080, FilterType::CatmullRom);
    const TIMES: u32 = 5;
    let time = |name: &str, run: &dyn Fn() -> anyhow::Result<()>| -> anyhow::Result<()> {
        let mut all = Vec::new();
        for _ in 0..TIMES {
            let start = Instant::now();
            run()?;
            all.push(start.elapsed().as_secs_f64() * 1e3);
        }
        all.sort_by(f64::total_cmp);
        println!("| {name} | {:.0} ms | {:.0} ms |", all[0], all[all.len() / 2]);
        Ok(())
    };
    println!(
        "| 1920x1080, {} threads | fastest | median |\n|---|---|---|",
        std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "all".into())
    );
    let mut marked = frame.clone();
    watermark::embed(&mut marked, 1)?;
    time("embedding, a frame", &|| {
        let psnr = watermark::embed(&mut frame.clone(), 1)?;
        anyhow::ensure!(psnr > 0.0);
        Ok(())
    })?;
    let read = |reading: Option<Reading>| reading.map(|_| ()).context("too small");
    time("reading, a marked picture", &|| read(watermark::read(&marked)))?;
    time("reading, an unmarked picture", &|| read(watermark::read(&frame)))?;
    time("reading, 32 frames", &|| read(watermark::read_frames(std::iter::repeat_n(&marked, 32))))
}
