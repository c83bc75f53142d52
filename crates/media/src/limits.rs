//! How much an examined file may cost.
use std::time::Duration;

/// Bounds for every decoder, in this process and in the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest picture or frame, in pixels.
    pub max_pixels: u64,
    /// Largest still picture file that is read into memory, in bytes.
    pub max_image_bytes: u64,
    /// Address space of a decoder child, in bytes.
    pub child_address_space: u64,
    /// Processor time of a decoder child.
    pub child_cpu: Duration,
    /// Wall time without any output from a decoder child before it is killed.
    pub child_silence: Duration,
    /// Wall time of a decoder child in all.
    pub child_wall: Duration,
    /// Decoded frames waiting between the decoder and its readers, in bytes.
    pub channel_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 200_000_000,
            max_image_bytes: 1 << 30,
            child_address_space: 4 << 30,
            child_cpu: Duration::from_hours(2),
            child_silence: Duration::from_mins(1),
            child_wall: Duration::from_hours(4),
            channel_bytes: 64 << 20,
        }
    }
}
