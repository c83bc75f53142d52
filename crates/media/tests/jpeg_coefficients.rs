//! Quantised coefficients against libjpeg's, block by block, through a 64-bit hash of every file.
//!
//! The reference is `tests/reference/coefficients.c`, compiled here with the system's compiler.
//! Without a compiler or libjpeg, and for the shared photographs without those, a test says
//! `SKIPPED` and passes.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which stop at the first surprise")]
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assay_media::Limits;
use assay_media::jpeg::{Component, JpegStructure, coefficients};
use rayon::prelude::*;

/// Compiles the reference into a folder that lives as long as the returned guard.
fn reference() -> Option<(tempfile::TempDir, PathBuf)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/coefficients.c");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("coefficients");
    let compiler = Command::new("cc").arg("-O2").arg("-o").arg(&program).arg(&source).arg("-ljpeg").output();
    match compiler {
        Ok(output) if output.status.success() => Some((folder, program)),
        Ok(output) => {
            println!("SKIPPED: the reference does not compile: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            println!("SKIPPED: no C compiler ({error})");
            None
        }
    }
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211))
}

fn hash(components: &[Component]) -> u64 {
    let mut hash = 14_695_981_039_346_656_037;
    for component in components {
        hash = fnv(hash, &(component.blocks_wide as u32).to_le_bytes());
        hash = fnv(hash, &(component.blocks_high as u32).to_le_bytes());
        for block in &component.coefficients {
            for coefficient in block {
                hash = fnv(hash, &coefficient.to_le_bytes());
            }
        }
    }
    hash
}

/// What our reader says of a file, in the reference's words.
fn ours(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let structure = JpegStructure::parse(&bytes).map_err(|error| error.to_string())?;
    let components = coefficients(&bytes, &structure, &Limits::default()).map_err(|error| error.to_string())?;
    Ok(format!("{:016x}", hash(&components)))
}

/// Compares all files; returns how many were equal, how many neither side reads, and what differs.
fn compare(program: &Path, paths: &[PathBuf]) -> (usize, usize, Vec<String>) {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let list = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(list.as_bytes()));
    let reader = std::thread::spawn(move || child.wait_with_output());
    let mine: Vec<_> = paths.par_iter().map(|path| ours(path)).collect();
    writer.join().unwrap().unwrap();
    let output = reader.join().unwrap().unwrap();
    let lines: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    assert_eq!(lines.len(), paths.len(), "the reference answers for every file");
    let (mut equal, mut refused, mut differing) = (0, 0, Vec::new());
    for ((line, mine), path) in lines.iter().zip(mine).zip(paths) {
        let mut words = line.splitn(4, ' ');
        let (status, hash, warnings) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        match (&mine, status) {
            (Ok(mine), "ok") if mine == hash => equal += 1,
            // What libjpeg refuses we refuse; what it warns about and guesses on may be called
            // damaged.
            (Err(_), "error") => refused += 1,
            (Err(_), "ok") if warnings != "0" => refused += 1,
            _ => differing
                .push(format!("{}: reference {status} {hash} ({warnings} warnings), ours {mine:?}", path.display())),
        }
    }
    (equal, refused, differing)
}

fn jpegs_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            jpegs_below(&path, found);
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg")) {
            found.push(path);
        }
    }
}

#[test]
fn shared_photographs_equal_the_reference() {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let mut paths = Vec::new();
    jpegs_below(&shared.join("data"), &mut paths);
    if paths.is_empty() {
        println!("SKIPPED: no JPEG files under {}", shared.display());
        return;
    }
    let Some((_folder, program)) = reference() else { return };
    paths.sort();
    let (equal, refused, differing) = compare(&program, &paths);
    println!("{equal} of {} files equal the reference, {refused} are refused by both", paths.len());
    assert!(differing.is_empty(), "{} files differ:\n{}", differing.len(), differing.join("\n"));
}

/// A picture with edges, texture and flat parts, as binary PPM or PGM.
fn drawn(width: usize, height: usize, channels: usize) -> Vec<u8> {
    let mut state = 12_345u32;
    let mut pixels = Vec::with_capacity(width * height * channels);
    for y in 0..height {
        for x in 0..width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = if x > width / 2 { (state >> 27) as usize } else { 0 };
            let disc = if (x * 3) % 50 + (y * 2) % 40 < 30 { 120 } else { 20 };
            for channel in 0..channels {
                pixels.push((disc + noise + x * (channel + 1) / 3 + y / 2).min(255) as u8);
            }
        }
    }
    pixels
}

fn with_stdin(program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    (output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
}

/// Files by libjpeg's own tools, when they are installed.
fn variants_by_libjpeg(folder: &Path, paths: &mut Vec<PathBuf>) {
    const OPTIONS: [&[&str]; 16] = [
        &["-sample", "1x1"],
        &["-sample", "2x1"],
        &["-sample", "1x2"],
        &["-sample", "2x2"],
        &["-sample", "4x1"],
        &["-sample", "4x2"],
        &["-sample", "2x2,1x1,2x1"],
        &["-sample", "1x1,2x2,1x1"],
        &["-grayscale"],
        &["-grayscale", "-sample", "2x2"],
        &["-restart", "1"],
        &["-restart", "3B"],
        &["-optimize"],
        &["-rgb"],
        &["-quality", "100"],
        &["-quality", "3"],
    ];
    for (width, height) in [(1, 1), (8, 8), (16, 17), (61, 47), (130, 9), (257, 200)] {
        let ppm = [format!("P6 {width} {height} 255\n").as_bytes(), &drawn(width, height, 3)].concat();
        for options in OPTIONS {
            for progressive in [false, true] {
                let mut arguments = options.to_vec();
                if progressive {
                    arguments.push("-progressive");
                }
                let Some(jpeg) = with_stdin("cjpeg", &arguments, &ppm) else { continue };
                let name = format!("c{}{width}x{height}.jpg", arguments.join("_").replace([',', ' '], "."));
                std::fs::write(folder.join(&name), &jpeg).unwrap();
                paths.push(folder.join(name));
                for (index, change) in [["-restart", "2B"], ["-rotate", "90"]].iter().enumerate() {
                    let mut arguments = change.to_vec();
                    if progressive {
                        arguments.push("-progressive");
                    }
                    let Some(jpeg) = with_stdin("jpegtran", &arguments, &jpeg) else { continue };
                    let name = format!("t{index}_{}", paths.len());
                    std::fs::write(folder.join(&name), &jpeg).unwrap();
                    paths.push(folder.join(name));
                }
            }
        }
    }
}

/// Files by a Rust encoder, which also writes CMYK.
fn variants_by_rust(folder: &Path, paths: &mut Vec<PathBuf>) {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
    for (width, height) in [(1, 1), (61, 47), (200, 130)] {
        for (color, channels) in
            [(ColorType::Luma, 1), (ColorType::Rgb, 3), (ColorType::Cmyk, 4), (ColorType::CmykAsYcck, 4)]
        {
            for sampling in [
                SamplingFactor::F_1_1,
                SamplingFactor::F_2_1,
                SamplingFactor::F_1_2,
                SamplingFactor::F_2_2,
                SamplingFactor::F_4_1,
            ] {
                for (progressive, optimized, restart) in
                    [(false, false, 3), (false, true, 0), (true, true, 0), (true, false, 2)]
                {
                    let name = format!("r{}.jpg", paths.len());
                    let mut file = Vec::new();
                    let mut encoder = Encoder::new(&mut file, 83);
                    encoder.set_sampling_factor(sampling);
                    encoder.set_progressive(progressive);
                    encoder.set_optimized_huffman_tables(optimized);
                    if restart > 0 {
                        encoder.set_restart_interval(restart);
                    }
                    encoder.encode(&drawn(width, height, channels), width as u16, height as u16, color).unwrap();
                    std::fs::write(folder.join(&name), &file).unwrap();
                    paths.push(folder.join(name));
                }
            }
        }
    }
}

#[test]
fn variants_equal_the_reference() {
    let Some((folder, program)) = reference() else { return };
    let mut paths = Vec::new();
    variants_by_rust(folder.path(), &mut paths);
    let by_rust = paths.len();
    variants_by_libjpeg(folder.path(), &mut paths);
    if paths.len() == by_rust {
        println!("SKIPPED in part: cjpeg and jpegtran are not installed");
    }
    let (equal, refused, differing) = compare(&program, &paths);
    println!("{equal} of {} variants equal the reference, {refused} are refused by both", paths.len());
    assert_eq!(refused, 0);
    assert!(differing.is_empty(), "{} variants differ:\n{}", differing.len(), differing.join("\n"));
}
