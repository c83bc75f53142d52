//! Video and sound through the system's `ffprobe` and `ffmpeg`, always inside the limited child of
//! `crate::child`.
//!
//! The decision that shapes it: the packet table comes first. It is read without decoding, it is
//! evidence in itself, and every frame plan is resolved against it, so a frame is named by its
//! presentation index and its PTS and never by a guess from the frame rate. One decode pass serves
//! every reader. Sound is probed and hashed here; it is not decoded.
mod color;
pub(crate) mod command;
mod packets;
mod plan;
mod probe;
mod pump;
mod samples;
mod stream;

pub use color::{Frame, FrameSamples};
pub use packets::{Packet, PacketTable, StreamPackets};
pub use plan::FramePlan;
pub use probe::{StreamInfo, StreamKind, VideoInfo};
pub use stream::{DecodeSummary, FrameReader};

pub(crate) use packets::read_packets;
pub(crate) use probe::probe;
pub(crate) use stream::decode;
