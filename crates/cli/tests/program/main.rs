//! The program from outside: what users type, and what comes of it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]
mod animate;
mod bad_input;
mod common;
mod data;
mod models;
mod provenance;
mod resume;
mod surface;
mod swap;
mod synthesize;
mod training;
