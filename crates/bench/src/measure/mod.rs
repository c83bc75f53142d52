//! Figures of merit for detection and localisation.
//!
//! The decision that shapes it: a score has one sign (higher speaks for forgery) and an abstention is a miss, in every figure. An area
//! under the curve below one half is reported as it is, never turned over. Intervals say how far a figure can be trusted: Wilson's for
//! rates, a bootstrap over source photos for areas.
mod detection;
mod localisation;

pub use detection::{Interval, Judged, Rate, auc, auc_interval};
pub use localisation::{Cells, F1, Localisation, mean_localisation};
