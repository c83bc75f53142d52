//! Bytes to pixels, times and container facts. The only crate that opens examined files.
//!
//! The decision that shapes it: a file is opened once as a [`Source`] (hashes and facts, nothing
//! decoded), and everything costly is asked for afterwards: the picture, the JPEG coefficients, the
//! packet table, the frames. Formats with a safe Rust decoder are read here under [`Limits`];
//! everything else goes through the system's `ffprobe`, `ffmpeg` and `heif-convert` in a limited
//! child process. It writes no media; the limited child is lent to the crate that does.
mod beside;
mod complete;
mod error;
mod heif;
mod limits;
mod orientation;
mod plane;
mod progress;
mod sniff;
mod source;
mod still;
mod video;

pub mod bmff;
pub mod child;
pub mod dct;
pub mod jpeg;
pub mod metadata;

pub use error::MediaError;
pub use limits::Limits;
pub use orientation::Orientation;
pub use plane::Plane;
pub use progress::{NoProgress, Progress};
pub use source::{Source, SourceReader, looks_like_media};
pub use video::{
    DecodeSummary, Frame, FramePlan, FrameReader, FrameSamples, Packet, PacketTable, StreamInfo, StreamKind,
    StreamPackets, VideoInfo,
};
