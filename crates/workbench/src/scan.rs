//! Many files: a queue, a few workers, a store that lets a killed run go on.
//!
//! Files are handed to plain threads, not to the rayon pool that the analyzers compute in: a pool
//! thread that waits for its own pixels would otherwise start on another whole file, and the stacks
//! would grow with the folder.
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use assay_evidence::{Failure, Report};
use assay_media::{MediaError, Progress};

use crate::pipeline::{Setup, scan_file};
use crate::store::{Store, StoreError, WorkKey};

/// A report, or why there is none.
type Outcome = Result<Report, Failure>;

/// What came of one file.
#[derive(Debug)]
pub struct Done {
    /// Position in the list of files.
    pub index: usize,
    /// The file.
    pub path: PathBuf,
    /// Its report, or why there is none.
    pub outcome: Result<Report, Failure>,
    /// Taken from the store: an earlier run had finished it.
    pub resumed: bool,
}

/// How to run.
pub struct Scan<'a> {
    /// Shared set-up.
    pub setup: &'a Setup,
    /// Where results are kept, if anywhere.
    pub store: Option<&'a Store>,
    /// Files worked on at the same time.
    pub jobs: usize,
    /// Stop at the first file that cannot be examined.
    pub fail_fast: bool,
}

/// Progress with the name of the file before each phase.
struct Named<'a> {
    name: String,
    inner: &'a dyn Progress,
}

impl<'a> Named<'a> {
    /// The name without control characters, which strangers may have put there.
    fn new(path: &Path, inner: &'a dyn Progress) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self { name: name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(40).collect(), inner }
    }
}

impl Progress for Named<'_> {
    fn update(&self, phase: &str, done: u64, total: u64) {
        self.inner.update(&format!("{}: {phase}", self.name), done, total);
    }

    fn cancelled(&self) -> bool {
        self.inner.cancelled()
    }
}

impl Scan<'_> {
    /// Examines the files; `progress_of` gives the progress sink of a worker, `done` hears of every
    /// finished file, one at a time and in the order of finishing.
    ///
    /// # Errors
    /// [`StoreError`] when results can no longer be kept; files that cannot be examined are
    /// reported to `done` instead.
    pub fn run(
        &self,
        files: &[PathBuf],
        progress_of: &(dyn Fn(usize) -> Box<dyn Progress + Send> + Sync),
        done: &mut (dyn FnMut(Done) + Send),
    ) -> Result<(), StoreError> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let broken: Mutex<Option<StoreError>> = Mutex::new(None);
        let done = Mutex::new(done);
        std::thread::scope(|scope| {
            for worker in 0..self.jobs.clamp(1, files.len().max(1)) {
                let (next, stop, broken, done) = (&next, &stop, &broken, &done);
                scope.spawn(move || {
                    let progress = progress_of(worker);
                    while !stop.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(path) = files.get(index) else { break };
                        let named = Named::new(path, progress.as_ref());
                        match self.one(path, &named) {
                            Ok(Some((outcome, resumed))) => {
                                if self.fail_fast && outcome.is_err() {
                                    stop.store(true, Ordering::Relaxed);
                                }
                                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                                done(Done { index, path: path.clone(), outcome, resumed });
                            }
                            Ok(None) => stop.store(true, Ordering::Relaxed),
                            Err(error) => {
                                stop.store(true, Ordering::Relaxed);
                                broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                            }
                        }
                    }
                });
            }
        });
        match broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// One file: its outcome and whether it came from the store; `None` when the run was cancelled.
    fn one(&self, path: &Path, progress: &dyn Progress) -> Result<Option<(Outcome, bool)>, StoreError> {
        let key = WorkKey::of(path, self.setup);
        if let (Some(store), Some(key)) = (self.store, &key)
            && let Some(report) = store.finished(key)?
            // Size and time can be kept by what exchanged the content; evidence is tied to the
            // hash.
            && crate::hash_file(path).is_ok_and(|hash| hash == report.result.input.sha256)
        {
            return Ok(Some((Ok(report), true)));
        }
        // A bug that one file brings out must not take the rest of a batch with it, and must not
        // pass as a result either.
        let examined = std::panic::catch_unwind(AssertUnwindSafe(|| scan_file(path, self.setup, progress)))
            .unwrap_or_else(|_| Err(MediaError::Decoder("an internal error; please report it".into())));
        match examined {
            Ok(mut report) => {
                if let (Some(store), Some(key)) = (self.store, &key) {
                    store.finish(key, &mut report)?;
                }
                Ok(Some((Ok(report), false)))
            }
            Err(MediaError::Cancelled) => Ok(None),
            Err(error) => {
                let failure = Failure { path: path.to_string_lossy().into_owned(), reason: error.to_string() };
                if let Some(store) = self.store {
                    let event = serde_json::json!({ "event": "file could not be examined", "path": failure.path, "reason": failure.reason });
                    store.log(&event)?;
                }
                Ok(Some((Err(failure), false)))
            }
        }
    }
}
