//! `assay scan`.
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use assay_evidence::{Failure, Report};
use assay_report::IndexRow;
use assay_workbench::{
    DEFAULT_FRAMES, Done, Inputs, Scan, Setup, Shard, Store, ThresholdChoice, read_case, report_name,
};
use clap::ValueEnum;

use crate::Exit;
use crate::commands::tool;
use crate::files::{JsonTarget, ScanWriter, write_whole};
use crate::progress::Bars;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Json,
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files, folders (walked), glob patterns; `-` reads a list of paths, one a line, from standard
    /// input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Folder for the reports, the index page and the store; a run with the same folder goes on
    /// where a killed one stopped
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to write into the folder
    #[arg(long, value_delimiter = ',', default_value = "html,json", requires = "out")]
    format: Vec<Format>,
    /// One JSON document of all reports; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
    /// Only these analyzers, by id (`assay analyzers list`)
    #[arg(long, value_delimiter = ',', value_name = "ID,ID")]
    analyzers: Vec<String>,
    /// Evenly spaced frames of a video kept for the report
    #[arg(long, default_value_t = DEFAULT_FRAMES, value_name = "N")]
    frames: u32,
    /// Likelihood ratio from which a statement counts as found: for all questions, or as ID=LR for
    /// one; may be given several times [default: those of `assay questions list`, at which at most
    /// 1 % of genuine files are above any]
    #[arg(long = "threshold", value_name = "LR|ID=LR")]
    thresholds: Vec<ThresholdChoice>,
    /// Files examined at the same time [default: number of processors, at most 8]
    #[arg(long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,
    /// Only the i-th of n parts of the list, for many machines
    #[arg(long, value_name = "i/n")]
    shard: Option<Shard>,
    /// Look for no faces
    #[arg(long, conflicts_with = "faces")]
    no_faces: bool,
    /// Look for faces also where none of the chosen analyzers needs them
    #[arg(long)]
    faces: bool,
    /// Stop at the first file that cannot be examined
    #[arg(long)]
    fail_fast: bool,
    /// Seconds without any output after which a decoder is taken to hang and is ended
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
    decoder_silence: u64,
    /// The examiner's record (TOML or JSON): case number, examiner, item, propositions with their
    /// questions, priors; see docs/case.example.toml
    #[arg(long, value_name = "FILE")]
    case: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let setup = Setup::new(&args.analyzers, args.frames)?.run_by(tool()?).with_thresholds(&args.thresholds);
    let networks = if args.no_faces { None } else { setup.open_networks(args.faces)? };
    let mut setup = setup.with_networks(networks);
    setup.command = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    if let Some(path) = &args.case {
        setup.case = read_case(path)?;
    }
    setup.limits.child_silence = std::time::Duration::from_secs(args.decoder_silence);
    let mut inputs = Inputs::expand(&named_paths(&args.paths)?);
    if let Some(shard) = args.shard {
        inputs.keep_shard(shard);
    }
    let store = match &args.out {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let store = Store::open(folder)?;
            store.log(&serde_json::json!({
                "event": "scan started", "command": setup.command, "settings": setup.settings,
                "binary_sha256": setup.tool.binary_sha256, "files": inputs.files.len(),
            }))?;
            Some(store)
        }
        None => None,
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.map_or(processors.min(8), std::num::NonZero::get);
    let bars = Arc::new(Bars::new(inputs.files.len()));
    let mut sink = Sink {
        args,
        single: inputs.files.len() == 1 && inputs.failures.is_empty(),
        json: args.json.clone().map(ScanWriter::open).transpose()?,
        rows: Vec::new(),
        failures: Vec::new(),
        above: 0,
        resumed: 0,
        broken: None,
        bars: Arc::clone(&bars),
    };
    for (path, reason) in std::mem::take(&mut inputs.failures) {
        sink.failed(Failure { path: path.to_string_lossy().into_owned(), reason });
    }
    let scan = Scan { setup: &setup, store: store.as_ref(), jobs, fail_fast: args.fail_fast };
    if !args.fail_fast || sink.failures.is_empty() {
        scan.run(&inputs.files, &|_| bars.worker(), &mut |done| sink.take(&done))?;
    }
    bars.clear();
    let exit = sink.finish(inputs.files.len(), inputs.passed_over)?;
    if let Some(store) = &store {
        store.log(&serde_json::json!({ "event": "scan finished", "exit": exit as u8 }))?;
    }
    Ok(exit)
}

fn named_paths(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut named = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            for line in std::io::stdin().lock().split(b'\n') {
                let line = line.context("cannot read the list on standard input")?;
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                if !line.is_empty() {
                    named.push(path_from_bytes(line));
                }
            }
        } else {
            named.push(path.clone());
        }
    }
    Ok(named)
}

#[cfg(unix)]
fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// Where finished files go.
struct Sink<'a> {
    args: &'a Args,
    single: bool,
    json: Option<ScanWriter>,
    rows: Vec<IndexRow>,
    failures: Vec<Failure>,
    above: usize,
    resumed: usize,
    broken: Option<anyhow::Error>,
    bars: Arc<Bars>,
}

impl Sink<'_> {
    fn quiet(&self) -> bool {
        matches!(self.args.json, Some(JsonTarget::Stdout))
    }

    fn failed(&mut self, failure: Failure) {
        self.bars.complain(&format!("assay: {}: {}", failure.reason, assay_report::plain(&failure.path)));
        self.rows.push(IndexRow::failed(failure.path.clone(), failure.reason.clone()));
        self.failures.push(failure);
    }

    fn take(&mut self, done: &Done) {
        self.bars.done();
        let report = match &done.outcome {
            Ok(report) => Some(report),
            Err(failure) => {
                self.failed(failure.clone());
                None
            }
        };
        self.resumed += usize::from(done.resumed);
        if let Some(report) = report {
            self.above += usize::from(report.result.verdict.above_threshold);
            let name = report_name(&done.path);
            if let Some(Err(error)) = self.args.out.as_deref().map(|out| self.write(out, &name, report)) {
                self.broken = self.broken.take().or(Some(error));
            }
            self.rows.push(IndexRow::of(report, format!("{name}.html")));
            if !self.quiet() {
                let text = if self.single { assay_report::summary(report) } else { assay_report::line(report) };
                self.bars.say(text.trim_end());
            }
        }
        if let Some(json) = &mut self.json
            && let Err(error) = json.take(done.index, report)
        {
            self.broken = self.broken.take().or(Some(error));
        }
    }

    fn write(&self, out: &Path, name: &str, report: &Report) -> anyhow::Result<()> {
        for format in &self.args.format {
            let file = out.join(format!("{name}.{}", if *format == Format::Html { "html" } else { "json" }));
            match format {
                Format::Html => write_whole(&file, assay_report::page(report).as_bytes())?,
                Format::Json => JsonTarget::File(file).write(report)?,
            }
        }
        Ok(())
    }

    fn finish(mut self, files: usize, passed_over: usize) -> anyhow::Result<Exit> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        self.failures.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(json) = self.json.take() {
            json.finish(&self.failures)?;
        }
        let html = self.args.format.contains(&Format::Html);
        if let Some(out) = &self.args.out {
            let index = match self.args.shard {
                Some(shard) => out.join(format!("index-{}-of-{}.html", shard.index, shard.count)),
                None => out.join("index.html"),
            };
            if html && !self.single {
                self.rows.sort_by(|a, b| a.path.cmp(&b.path));
                write_whole(&index, assay_report::index_page(&self.rows).as_bytes())?;
            }
            if !self.quiet() {
                let page = self
                    .rows
                    .first()
                    .and_then(|r| r.page.as_ref())
                    .filter(|_| self.single)
                    .map_or(index, |page| out.join(page));
                if html && page.exists() {
                    outln!("report: {}", page.display());
                }
            }
        }
        if !self.quiet() && !self.single {
            let mut text =
                format!("{files} files: {} above a threshold, {} not examined", self.above, self.failures.len());
            if self.resumed > 0 {
                text += &format!(", {} taken from the earlier run", self.resumed);
            }
            if passed_over > 0 {
                text += &format!("; {passed_over} files in the folders are no pictures or videos and were passed over");
            }
            outln!("{text}");
        }
        if files == 0 && self.failures.is_empty() && self.args.shard.is_none() {
            anyhow::bail!("nothing to examine: no picture or video was found");
        }
        Ok(match (self.failures.is_empty(), self.above) {
            (false, _) => Exit::Failed,
            (true, 0) => Exit::Clear,
            (true, _) => Exit::Found,
        })
    }
}
