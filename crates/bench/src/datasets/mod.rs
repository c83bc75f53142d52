//! Data sets of real and fake media: what is in them, how they are divided, and what a detector is
//! worth on them.
//!
//! The decision that shapes it: everything goes through one table, the [`Manifest`], one row a file
//! and part. A published layout is read into that table once, the table says who is seen in a file,
//! and only then is anything divided or measured. So nothing is divided by file, and a file that
//! could not be scored stays in the table and is counted.
//!
//! The order of use: [`index`] or [`Manifest::read`], [`assign`], [`leaks`], score the files,
//! [`evaluate`], [`page`].
mod csv;
mod evaluate;
mod groups;
mod layouts;
mod manifest;
mod near;
mod plots;
mod results;
mod split;
mod tally;

pub use evaluate::evaluate;
pub use layouts::{Indexed, Layout, index};
pub use manifest::{Label, Manifest, Part, Row, Split};
pub use plots::{page, reliability_svg, roc_svg};
pub use results::{Counts, Curves, Drawn, Failure, FailureKind, FileResult, FrameScore, Results, Slice};
pub use split::{Assigned, Leak, LeakKind, Leaks, assign, leaks};
