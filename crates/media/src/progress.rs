//! How libraries say how far they are and hear that they should stop.

/// A sink for progress. Called from worker threads, often; implementations must be cheap.
pub trait Progress: Sync {
    /// `done` of `total` units of `phase`; `total` 0 means unknown.
    fn update(&self, phase: &str, done: u64, total: u64);
    /// True once the user wants to stop; long loops ask now and then.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Says nothing, never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _phase: &str, _done: u64, _total: u64) {}
}
