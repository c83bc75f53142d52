//! Sets of known truth: collections and their one split, manifests, metrics, and asking detectors
//! and whole scans about a set.
//!
//! The decision that shapes it: who a person is and on which side of the split a file lies is
//! answered here and nowhere else, for training, planted sets, calibration and figures alike.
pub mod collect;
pub mod collections;
pub mod datasets;
pub mod judge;
pub mod map_units;
pub mod metrics;
pub mod planted;
