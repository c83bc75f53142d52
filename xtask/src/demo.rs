//! `cargo xtask demo`: from nothing to a report.
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::system::{self, RUN_TIME, cargo, root};

pub(crate) fn run() -> anyhow::Result<()> {
    let started = Instant::now();
    system::install(&RUN_TIME.iter().collect::<Vec<_>>(), true)?;
    run_demo()?;
    eprintln!("done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn run_demo() -> anyhow::Result<()> {
    system::run(&mut cargo(&["build", "--release"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let out = root().join("target").join("demo");
    let program = target.join("release").join("assay");
    // People who do not exist, so that there is somebody to be seen and a mark to be read; their
    // key stays with the demo.
    let people = root().join("target").join("demo-people");
    let mut made = Command::new(&program);
    made.args(["synthesize", "--count", "3", "--seed", "4", "--out"]).arg(&people);
    made.env("XDG_CONFIG_HOME", root().join("target").join("demo-key"));
    eprintln!("$ assay synthesize --count 3 --seed 4 --out target/demo-people");
    system::run(&mut made)?;
    let mut scan = Command::new(program);
    scan.args(["scan", "examples", "target/demo-people", "--out"]).arg(&out);
    eprintln!("$ assay scan examples target/demo-people --out target/demo");
    // Exit code 1 says that something was found, which is what the example is for.
    let status = scan.current_dir(root()).status()?;
    anyhow::ensure!(matches!(status.code(), Some(0 | 1)), "the scan failed ({status})");
    println!("\nThe reports: target/demo/index.html (open it in a browser). The plant is in scene_spliced.jpg.");
    Ok(())
}
