//! Figures of merit: ranking, probabilities, places, and how far each can be trusted.
//!
//! The decision that shapes it: a score has one sign (higher speaks for a forgery) and an
//! abstention is a miss, in every figure. There is one area under the curve, one interval for rates
//! (Wilson's) and one for everything else (a bootstrap over what is independent: sources, videos,
//! people). An area below one half is reported as it is, never turned over.
mod intervals;
mod localisation;
mod probabilities;
mod ranking;

pub use intervals::{DRAWS, Estimate, Interval, Judged, Rate, auc_interval, bootstrap};
pub use localisation::{Cells, F1, Localisation, mean_localisation};
pub use probabilities::{BINS, Bin, CLIP, reliability, weighted_brier, weighted_ece, weighted_log_loss};
pub use ranking::{Ranked, Roc, RocPoint, Scored, auc, credit};
