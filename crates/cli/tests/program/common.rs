//! Running the binary, and files to run it on.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary under test, in its own folder, with nothing from the caller's terminal.
pub(crate) fn assay(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.current_dir(folder);
    command
}

/// Runs and returns exit code, standard output and standard error.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A textured picture of its own, seeded.
pub(crate) fn picture(seed: u32, width: u32, height: u32) -> image::RgbImage {
    image::RgbImage::from_fn(width, height, |x, y| {
        let mut h = x
            .wrapping_mul(374_761_393)
            .wrapping_add(y.wrapping_mul(668_265_263))
            .wrapping_add(seed.wrapping_mul(2_654_435_761));
        h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177);
        let noise = ((h >> 24) % 24) as f32;
        let wave = 90.0 + 60.0 * ((x as f32 / 17.0).sin() + (y as f32 / 23.0 + seed as f32).cos());
        let v = (wave + noise).clamp(0.0, 255.0) as u8;
        image::Rgb([v, v.wrapping_add(20), 255 - v])
    })
}

/// Writes a JPEG or PNG by its ending and returns its path.
pub(crate) fn save(folder: &Path, name: &str, seed: u32) -> PathBuf {
    let path = folder.join(name);
    picture(seed, 256, 192).save(&path).unwrap();
    path
}

/// The `result` block of every report of a scan document, by file name, as the bytes that are
/// hashed.
pub(crate) fn results(document: &Path) -> Vec<(String, String)> {
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
    value["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["result"]["input"]["file_name"].as_str().unwrap().to_owned(), r["result"].to_string()))
        .collect()
}
