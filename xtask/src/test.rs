//! `cargo xtask test`: everything that must hold before a change lands.
use std::time::Instant;

use crate::layers;
use crate::system::{self, RUN_TIME, TESTS, cargo, has, run as execute};

pub(crate) fn run() -> anyhow::Result<()> {
    let started = Instant::now();
    system::install(&RUN_TIME.iter().collect::<Vec<_>>(), true)?;
    system::install(&TESTS.iter().collect::<Vec<_>>(), false)?;
    // The official C2PA reader, which must find valid what `provenance` signs.
    system::python_package("c2pa-python", "0.38.1", "c2pa")?;
    tool("cargo-nextest", &["nextest", "--version"])?;
    tool("cargo-deny", &["deny", "--version"])?;
    execute(&mut cargo(&["fmt", "--all", "--check"]))?;
    layers::run()?;
    execute(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    execute(&mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    // The check reads every platform's crates; it must find them on the disk.
    execute(&mut cargo(&["fetch", "--locked", "--quiet"]))?;
    execute(&mut cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))?;
    // The fuzz targets use the unstable sanitizer flags only when they run; building them needs
    // none.
    execute(&mut cargo(&["build", "--quiet", "--manifest-path", "fuzz/Cargo.toml"]))?;
    // Last, so that its summary is the last thing on the screen.
    execute(&mut cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]))?;
    eprintln!("all of it in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn tool(name: &str, probe: &[&str]) -> anyhow::Result<()> {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    if has(&program, probe) {
        return Ok(());
    }
    let mut install = cargo(&["install", "--locked", name]);
    // A target folder of its own: tools must not throw away what the workspace has built.
    install.env_remove("CARGO_TARGET_DIR");
    execute(&mut install)
}
