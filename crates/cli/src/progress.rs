//! Progress on a terminal: one bar for the files, one line a worker. Elsewhere nothing is drawn.
use std::io::IsTerminal as _;
use std::time::Duration;

use assay_media::{NoProgress, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The bars of a run.
pub(crate) struct Bars {
    all: Option<(MultiProgress, ProgressBar)>,
}

impl Bars {
    /// Bars for `files` units; hidden unless standard error is a terminal.
    pub(crate) fn new(files: usize) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { all: None };
        }
        let multi = MultiProgress::new();
        let bar = multi.add(ProgressBar::new(files as u64));
        let template = "{bar:30.cyan/dim} {pos}/{len} files, {elapsed} passed, {eta} left {msg}";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { all: Some((multi, bar)) }
    }

    /// The sink of one worker.
    pub(crate) fn worker(&self) -> Box<dyn Progress + Send> {
        let Some((multi, _)) = &self.all else { return Box::new(NoProgress) };
        let bar = multi.add(ProgressBar::new_spinner());
        bar.set_style(
            ProgressStyle::with_template("  {spinner} {msg} {wide_bar:.dim} {percent:>3}%")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Box::new(Worker(bar))
    }

    /// One more file done.
    pub(crate) fn done(&self) {
        if let Some((_, bar)) = &self.all {
            bar.inc(1);
        }
    }

    /// Prints a line on standard output without tearing the bars.
    pub(crate) fn say(&self, text: &str) {
        match &self.all {
            Some((multi, _)) => multi.suspend(|| outln!("{text}")),
            None => outln!("{text}"),
        }
    }

    /// Prints a line on standard error without tearing the bars.
    pub(crate) fn complain(&self, text: &str) {
        match &self.all {
            Some((multi, _)) => multi.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bars away.
    pub(crate) fn clear(&self) {
        if let Some((multi, bar)) = &self.all {
            bar.finish_and_clear();
            let _ = multi.clear();
        }
    }
}

struct Worker(ProgressBar);

impl Progress for Worker {
    fn update(&self, phase: &str, done: u64, total: u64) {
        if self.0.message() != phase {
            self.0.set_message(phase.to_owned());
        }
        self.0.set_length(total.max(1));
        self.0.set_position(done);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
