//! Speed and memory of the program on clips that anyone can make, beside ffmpeg's bare decode.
//!
//! The decision that shapes it: a time in seconds says more about the machine and its other users
//! than about the program, so each round runs the decode and the scan one after the other and only
//! their ratio counts; the median over the rounds is the figure.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::experiment::{Experiment, Markdown, Stage};
use anyhow::Context as _;
use assay_media::Progress;
use serde::{Deserialize, Serialize};

/// What is measured, on what.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where the clips are made, and taken from the next time
    #[arg(long, value_name = "DIR", default_value = "target/speed")]
    pub folder: PathBuf,
    /// Rounds of decode and scan
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Length of the clip for the memory, in seconds
    #[arg(long, default_value_t = 3600)]
    pub long_secs: u32,
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "speed";
    const ABOUT: &'static str =
        "Time scans beside ffmpeg's bare decode, and measure their memory, on clips that it makes";
    const PAGE: Option<&'static str> = Some("docs/speed.md");
    type Args = Options;
    type Figures = Speed;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Speed> {
        let options = Options { rounds: options.rounds.max(1), ..options };
        measure(&options, stage.program, stage.progress)
    }
}

impl Markdown for Speed {
    fn page(&self, _: &str) -> String {
        markdown(self)
    }
}

/// A command beside ffmpeg's decode of the same clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// The arguments of the program.
    pub arguments: String,
    /// Median over the rounds of its wall time over that of the decode.
    pub ratio: f64,
    /// Smallest ratio.
    pub least: f64,
    /// Largest ratio.
    pub most: f64,
    /// Median wall seconds of the decode in these rounds.
    pub decode_secs: f64,
    /// Median wall seconds of the program.
    pub secs: f64,
}

/// Peak memory of the program with all of its children.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The arguments of the program.
    pub arguments: String,
    /// Largest sum of resident sets in MB, seen every 20 ms; pages that processes share are counted
    /// in each.
    pub peak_mb: f64,
    /// Wall seconds.
    pub secs: f64,
}

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// On the ten-second clip.
    pub paces: Vec<Pace>,
    /// On the long clip.
    pub memory: Vec<Memory>,
    /// Length of the long clip in seconds.
    pub long_secs: u32,
    /// Rounds.
    pub rounds: usize,
}

/// Scans that are measured: the container alone, and everything.
const SCANS: [&[&str]; 2] = [&["--analyzers", "container"], &[]];
/// Frames that the networks are asked about in the clip with a face.
const LOOKS: &str = "32";

/// Makes a ten-second and a long 1080p clip and measures on them.
///
/// # Errors
/// When ffmpeg is missing, or a command fails.
fn measure(options: &Options, program: &Path, progress: &dyn Progress) -> anyhow::Result<Speed> {
    std::fs::create_dir_all(&options.folder)
        .with_context(|| format!("cannot make the folder {}", options.folder.display()))?;
    let short = options.folder.join("ten_seconds.mp4");
    let long = options.folder.join("long.mp4");
    let steps = (4 * (options.rounds + 1) + 3) as u64;
    progress.update("making the clips", 0, steps);
    make_clip(&short)?;
    loop_clip(&short, &long, options.long_secs)?;
    let mut done = 1;
    let mut paces = Vec::new();
    let with_face = options.folder.join("with_face.mp4");
    make_clip_with_face(&with_face, &options.folder)?;
    let table = options.folder.join("with_face.csv");
    std::fs::write(&table, "path,label\nwith_face.mp4,real\n").context("cannot write the table")?;
    let evaluate = || {
        let mut command = Command::new(program);
        command.args(["evaluate", "--detector", "ensemble", "--frames", LOOKS, "--manifest"]).arg(&table);
        command
    };
    let plain = |arguments: &'static [&'static str]| -> Timed<'_> {
        let command = || scan(program, &short, arguments, &options.folder);
        (shown(arguments), &short, Box::new(command))
    };
    let faces = || scan(program, &with_face, &[], &options.folder);
    let timed_commands: [Timed<'_>; 4] = [
        plain(SCANS[0]),
        plain(SCANS[1]),
        ("scan, one face in the clip".into(), &with_face, Box::new(faces)),
        (format!("evaluate --frames {LOOKS}, one face in the clip"), &with_face, Box::new(evaluate)),
    ];
    for (arguments, clip, command) in &timed_commands {
        let mut rounds: Vec<(f64, f64)> = Vec::new();
        // The first round warms the file cache and is thrown away.
        for round in 0..=options.rounds {
            progress.update("timing", done, steps);
            done += 1;
            let decode = timed(decode_only(clip))?;
            let scan = timed(command())?;
            if round > 0 {
                rounds.push((decode, scan));
            }
        }
        let of = |value: &dyn Fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let ratios = of(&|(decode, scan)| scan / decode);
        let middle = ratios.len() / 2;
        paces.push(Pace {
            arguments: arguments.clone(),
            ratio: ratios[middle],
            least: ratios[0],
            most: ratios[ratios.len() - 1],
            decode_secs: of(&|(decode, _)| *decode)[middle],
            secs: of(&|(_, scan)| *scan)[middle],
        });
    }
    let mut memory = Vec::new();
    for arguments in SCANS {
        progress.update("memory", done, steps);
        done += 1;
        let started = Instant::now();
        let peak_mb = peak(scan(program, &long, arguments, &options.folder))?;
        memory.push(Memory { arguments: shown(arguments), peak_mb, secs: started.elapsed().as_secs_f64() });
    }
    Ok(Speed { paces, memory, long_secs: options.long_secs, rounds: options.rounds })
}

/// Name, clip and command of what is timed.
type Timed<'a> = (String, &'a PathBuf, Box<dyn Fn() -> Command + 'a>);

fn shown(arguments: &[&str]) -> String {
    ["scan"].iter().chain(arguments).copied().collect::<Vec<_>>().join(" ")
}

/// Ten seconds of 1080p at 30 frames a second: a moving test picture with grain, so that the
/// decoder has as much to do as with a camera's clip.
fn make_clip(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=10"])
        .args(["-vf", "noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "60"])
        .args(["-pix_fmt", "yuv420p", "-movflags", "+faststart"])
        .arg(path);
    succeed(command).map(drop)
}

/// The same with a head in its middle, drawn by code.
fn make_clip_with_face(path: &Path, folder: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let head = folder.join("head.png");
    assay_material::scene::photograph(52, 1920, 1080).save(&head)?;
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-loop", "1", "-framerate", "30", "-t", "10", "-i"])
        .arg(&head)
        .args(["-vf", "noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "60"])
        .args(["-pix_fmt", "yuv420p", "-movflags", "+faststart"])
        .arg(path);
    succeed(command).map(drop)
}

/// The clip again and again without decoding, until it is that long.
fn loop_clip(short: &Path, long: &Path, seconds: u32) -> anyhow::Result<()> {
    if long.exists() {
        return Ok(());
    }
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-nostdin", "-y", "-stream_loop", &(seconds / 10).saturating_sub(1).to_string(), "-i"])
        .arg(short)
        .args(["-c", "copy", "-movflags", "+faststart"])
        .arg(long);
    succeed(command).map(drop)
}

fn decode_only(clip: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-i"]).arg(clip).args(["-f", "null", "-"]);
    command
}

fn scan(program: &Path, clip: &Path, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("scan").arg(clip).args(arguments).arg("--json").arg(folder.join("report.json"));
    command
}

fn timed(command: Command) -> anyhow::Result<f64> {
    let started = Instant::now();
    succeed(command)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Exit code 1 of a scan says that something was found.
fn succeed(mut command: Command) -> anyhow::Result<i32> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    let code = output.status.code().unwrap_or(-1);
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(matches!(code, 0 | 1), "{name} ended with {}: {}", output.status, said.trim());
    Ok(code)
}

/// Runs it and returns the largest sum of resident sets of the process and its descendants, in MB.
fn peak(mut command: Command) -> anyhow::Result<f64> {
    let name = command.get_program().to_string_lossy().into_owned();
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().with_context(|| format!("cannot run {name}"))?;
    let mut most = 0;
    let status = loop {
        most = most.max(resident_kb(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    anyhow::ensure!(matches!(status.code(), Some(0 | 1)), "{name} ended with {status}");
    anyhow::ensure!(most > 0, "/proc tells no memory of {name}");
    Ok(most as f64 / 1000.0)
}

/// Resident set of a process and its descendants in kB; what ended meanwhile counts nothing.
fn resident_kb(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let own = status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children: u64 = threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .map(resident_kb)
        .sum();
    own.unwrap_or(0) + children
}

/// The tables as Markdown.
fn markdown(speed: &Speed) -> String {
    let mut text = format!(
        "# Measured speed\n\n\
         Made by `assay lab speed`. Wall time over that of `ffmpeg -i clip -f null -` on the same clip, run one after the other; median of {} rounds with the \
         smallest and the largest. The clips: ten seconds, 1920 x 1080, 30 frames a second, H.264; a test picture without a face, and a drawn room with a head.\n\n\
         | command | times the decode | seconds | decode alone |\n|---|---|---|---|\n",
        speed.rounds
    );
    for p in &speed.paces {
        text += &format!(
            "| `assay {}` | {:.2} ({:.2} to {:.2}) | {:.2} | {:.2} |\n",
            p.arguments, p.ratio, p.least, p.most, p.secs, p.decode_secs
        );
    }
    text += &format!(
        "\nPeak memory of all processes together on {} seconds of the same material:\n\n| command | MB | seconds |\n|---|---|---|\n",
        speed.long_secs
    );
    for m in &speed.memory {
        text += &format!("| `assay {}` | {:.0} | {:.1} |\n", m.arguments, m.peak_mb, m.secs);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_children_is_counted() {
        // A shell that waits for a child which holds 60 MB.
        let mut command = Command::new("sh");
        command.args(["-c", "head -c 60000000 /dev/zero | tail -c 60000000 | { sleep 0.3; wc -c; }; true"]);
        let mb = peak(command).unwrap();
        assert!((55.0..400.0).contains(&mb), "{mb}");
    }

    #[test]
    fn failures_are_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such clip >&2; exit 2"]);
        assert!(succeed(command).unwrap_err().to_string().contains("no such clip"));
    }
}
