//! Clips for the tests, made on the spot by the system's ffmpeg.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses its own part")]
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, MediaError};

/// Says so and answers false when the system has no ffmpeg.
pub fn have_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("SKIPPED: ffmpeg is not installed");
    }
    found
}

/// True when this ffmpeg has the encoder; says so when not.
pub fn have_encoder(name: &str) -> bool {
    let output = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output();
    let found = output.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).split_whitespace().any(|word| word == name));
    if !found {
        eprintln!("SKIPPED: this ffmpeg has no encoder {name}");
    }
    found
}

/// Runs ffmpeg with these arguments and a target file.
pub fn ffmpeg(args: &str, target: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-v", "error", "-y"]).args(args.split_whitespace()).arg(target);
    let output = command.output().expect("ffmpeg runs");
    assert!(output.status.success(), "ffmpeg {args}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A 160x120 test pattern of two seconds at 25 frames a second; `coding` are the encoder's options.
pub fn clip(folder: &Path, name: &str, coding: &str) -> PathBuf {
    let target = folder.join(name);
    ffmpeg(&format!("-f lavfi -i testsrc2=s=160x120:r=25:d=2 {coding}"), &target);
    target
}

/// One kept frame: index, time, key flag, luma, hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub index: u64,
    pub pts_secs: f64,
    pub key: bool,
    pub luma: Vec<u8>,
    pub sha256: String,
}

/// Keeps what it is given.
pub struct Keeper {
    pub plan: FramePlan,
    pub samples: FrameSamples,
    pub kept: Vec<Kept>,
}

impl Keeper {
    pub fn new(plan: FramePlan, samples: FrameSamples) -> Self {
        Self { plan, samples, kept: Vec::new() }
    }

    pub fn indices(&self) -> Vec<u64> {
        self.kept.iter().map(|k| k.index).collect()
    }
}

impl FrameReader for Keeper {
    fn plan(&self) -> FramePlan {
        self.plan.clone()
    }

    fn samples(&self) -> FrameSamples {
        self.samples
    }

    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        assert_eq!(frame.luma().len(), frame.width as usize * frame.height as usize);
        self.kept.push(Kept {
            index: frame.index,
            pts_secs: frame.pts_secs,
            key: frame.key,
            luma: frame.luma().to_vec(),
            sha256: frame.sha256(),
        });
        Ok(())
    }
}
