//! `assay doctor`: whether this machine has what Assay calls upon.
use std::process::{Command, Stdio};

use assay_models::registry::Registry;
use serde_json::{Value, json};

use crate::Exit;
use crate::files::JsonTarget;

#[derive(clap::Args)]
#[command(after_help = "Example: assay doctor --json - | jq '.checks[] | select(.fine | not)'")]
pub(crate) struct Args {
    /// As JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

/// One thing that was looked at.
struct Check {
    name: &'static str,
    fine: bool,
    /// Without it nothing works; else a part of the program is left out.
    is_needed: bool,
    said: String,
}

/// Programs that are called, what they are for, and the Debian package that has them. Of those
/// before the names one is enough.
const PROGRAMS: [(&str, &[&str], &str, &str); 3] = [
    ("ffmpeg", &["ffmpeg"], "decodes video and sound", "ffmpeg"),
    ("ffprobe", &["ffprobe"], "reads what containers say", "ffmpeg"),
    ("libheif", &["heif-convert", "heif-dec"], "decodes HEIC and AVIF", "libheif-examples"),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut checks: Vec<Check> = PROGRAMS
        .iter()
        .map(|(name, programs, what, package)| {
            let found = programs.iter().find_map(|program| Some((program, first_line(program)?)));
            let missing = || format!("not found: {what}; Debian and Ubuntu have it in the package {package}");
            Check {
                name,
                fine: found.is_some(),
                is_needed: false,
                said: found.map_or_else(missing, |(program, line)| format!("{program}: {line}")),
            }
        })
        .collect();
    checks.push(weights());
    checks.push(temporary_folder());
    checks.push(Check {
        name: "processors",
        fine: true,
        is_needed: false,
        said: std::thread::available_parallelism().map_or_else(|e| e.to_string(), |n| n.to_string()),
    });
    if let Some(target) = &args.json {
        let row =
            |c: &Check| -> Value { json!({ "name": c.name, "fine": c.fine, "needed": c.is_needed, "said": c.said }) };
        target.write(
            &json!({ "version": env!("CARGO_PKG_VERSION"), "checks": checks.iter().map(row).collect::<Vec<_>>() }),
        )?;
    }
    if !matches!(args.json, Some(JsonTarget::Stdout)) {
        for check in &checks {
            let state = if check.fine {
                "fine"
            } else if check.is_needed {
                "BROKEN"
            } else {
                "missing"
            };
            outln!("{state:<8} {:<11} {}", check.name, check.said);
        }
    }
    Ok(if checks.iter().all(|c| c.fine) {
        Exit::Clear
    } else if checks.iter().any(|c| c.is_needed && !c.fine) {
        Exit::Failed
    } else {
        Exit::Found
    })
}

/// The first line that a program says of itself.
fn first_line(program: &str) -> Option<String> {
    let flag = if program.starts_with("heif") { "--help" } else { "-version" };
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output().ok()?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    Some(line.chars().filter(|c| !c.is_control()).take(90).collect())
}

/// Every shipped and imported file of weights, hashed again.
fn weights() -> Check {
    let checked = Registry::of_user().and_then(|registry| {
        let all = registry.list()?;
        let broken: Vec<String> = all
            .iter()
            .filter_map(|listed| registry.load(listed).err().map(|e| format!("{}: {e}", listed.entry.id)))
            .collect();
        Ok((all.len(), broken))
    });
    let (fine, said) = match checked {
        Ok((count, broken)) if broken.is_empty() => (true, format!("{count} files, all as their hashes say")),
        Ok((_, broken)) => (false, broken.join("; ")),
        Err(error) => (false, error.to_string()),
    };
    Check { name: "weights", fine, is_needed: true, said }
}

/// Decoders and reports write into it.
fn temporary_folder() -> Check {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("assay-doctor-{}", std::process::id()));
    let written = std::fs::write(&path, b"written").and_then(|()| std::fs::remove_file(&path));
    let said = written.as_ref().map_or_else(
        |error| format!("{} cannot be written: {error}", folder.display()),
        |()| format!("{} can be written", folder.display()),
    );
    Check { name: "temporary", fine: written.is_ok(), is_needed: true, said }
}
