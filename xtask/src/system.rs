//! Running commands and installing what is missing on Debian and Ubuntu.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// Root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Runs a command in the root and fails when it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    eprintln!("$ {}", shown(command));
    let status = command.current_dir(root()).status().with_context(|| format!("cannot run {}", shown(command)))?;
    anyhow::ensure!(status.success(), "{} failed ({status})", shown(command));
    Ok(())
}

/// The cargo that runs this.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// True when the program can be started.
pub(crate) fn has(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// A package and how to see that it is there.
pub(crate) struct Package {
    /// Debian's name.
    pub(crate) name: &'static str,
    /// Whether it is there.
    pub(crate) present: fn() -> bool,
}

/// What a scan needs at run time.
pub(crate) const RUN_TIME: &[Package] = &[
    Package { name: "ffmpeg", present: || has("ffmpeg", &["-version"]) && has("ffprobe", &["-version"]) },
    Package {
        name: "libheif-examples",
        present: || has("sh", &["-c", "command -v heif-convert || command -v heif-dec"]),
    },
];

/// What the tests need besides.
pub(crate) const TESTS: &[Package] = &[
    Package {
        name: "libjpeg-dev",
        present: || has("sh", &["-c", "echo '#include <stdio.h>\n#include <jpeglib.h>' | cc -E -x c - "]),
    },
    Package { name: "libjpeg-turbo-progs", present: || has("sh", &["-c", "command -v cjpeg && command -v jpegtran"]) },
    Package { name: "g++", present: || has("g++", &["--version"]) },
    // `venv` without `ensurepip` makes an environment that can install nothing.
    Package { name: "python3-venv", present: || has("python3", &["-c", "import venv, ensurepip"]) },
];

/// The target folder that cargo uses here.
fn target() -> anyhow::Result<PathBuf> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).current_dir(root()).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
    metadata["target_directory"].as_str().map(PathBuf::from).context("cargo names no target folder")
}

/// Installs a Python package of this version for the tests: into a virtual environment in the
/// target folder, so that the system's Python stays as it is. Where that cannot be, the tests that
/// need it say so.
pub(crate) fn python_package(package: &str, version: &str, module: &str) -> anyhow::Result<()> {
    let folder = target()?.join("python");
    let python = folder.join("bin/python");
    let wanted = format!("{package}=={version}");
    let probe = format!("import {module}, importlib.metadata as m; assert m.version({package:?}) == {version:?}");
    if python.to_str().is_some_and(|python| has(python, &["-c", &probe])) {
        return Ok(());
    }
    let install = || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &wanted]))
    };
    if let Err(error) = install() {
        eprintln!("WITHOUT {package}: {error:#}; tests that need it say SKIPPED");
    }
    Ok(())
}

/// Installs the missing ones with apt-get; `needed` says whether the work can go on without.
pub(crate) fn install(packages: &[&Package], needed: bool) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages.iter().filter(|p| !(p.present)()).map(|p| p.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let installed = apt(&missing);
    if let Err(error) = &installed
        && !needed
    {
        eprintln!("WITHOUT {}: {error:#}; tests that need them say SKIPPED", missing.join(", "));
        return Ok(());
    }
    installed
}

fn apt(missing: &[&str]) -> anyhow::Result<()> {
    anyhow::ensure!(has("apt-get", &["--version"]), "please install: {}", missing.join(", "));
    let root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0"));
    let apt_get = |args: &[&str]| {
        let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
        if !root {
            command.arg("apt-get");
        }
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    apt_get(&["update", "-q"])?;
    let mut args = vec!["install", "-y", "-q", "--no-install-recommends"];
    args.extend(missing);
    apt_get(&args)
}
