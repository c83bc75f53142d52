//! Which samples a decoder is to write for a pixel format, and the filters that make them.
//!
//! The decision that shapes it: 8-bit planar formats pass as they are; deeper ones are reduced to 8
//! bits without dithering (dither would be noise that no camera made), packed and semi-planar ones
//! are only reordered. Luma alone is cut out of the planes, without a change of range.
use super::color::Layout;
use super::command::Tool;
use super::probe::StreamInfo;
use crate::MediaError;

/// What is piped, and the filters that make it.
pub(super) struct Samples {
    pub(super) layout: Layout,
    pub(super) filters: Vec<&'static str>,
}

impl Samples {
    pub(super) fn of(stream: &StreamInfo, luma_only: bool, tool: &Tool) -> Result<Self, MediaError> {
        let name = stream.pixel_format.as_str();
        let yuv = |shift_x, shift_y| Layout::Yuv { shift_x, shift_y };
        let stored = |part: &str| {
            name.trim_start_matches("yuva").trim_start_matches("yuvj").trim_start_matches("yuv").starts_with(part)
        };
        let (layout, convert) = match name {
            "yuv420p" | "yuvj420p" => (yuv(1, 1), None),
            "yuv422p" | "yuvj422p" => (yuv(1, 0), None),
            "yuv444p" | "yuvj444p" => (yuv(0, 0), None),
            "gray" => (Layout::Luma, None),
            _ if name.starts_with("gray") || name.starts_with("ya") || name.starts_with("mono") => {
                (Layout::Luma, Some("format=gray"))
            }
            "nv12" | "nv21" | "p010le" | "p010be" | "p016le" | "p016be" => (yuv(1, 1), Some("format=yuv420p")),
            "yuyv422" | "uyvy422" | "yvyu422" | "nv16" | "p210le" | "y210le" => (yuv(1, 0), Some("format=yuv422p")),
            _ if name.starts_with("yuv") && stored("420p") => (yuv(1, 1), Some("format=yuv420p")),
            _ if name.starts_with("yuv") && stored("422p") => (yuv(1, 0), Some("format=yuv422p")),
            // 4:4:4 and the rare 4:4:0, 4:1:1 and 4:1:0, whose chroma the scaler brings to full
            // size.
            _ if name.starts_with("yuv") || name.starts_with("nv24") || name.starts_with("ayuv") => {
                (yuv(0, 0), Some("format=yuv444p"))
            }
            _ if name.contains("rgb")
                || name.contains("bgr")
                || name.starts_with("gbr")
                || name == "pal8"
                || name == "0bgr" =>
            {
                (Layout::Rgb, (name != "rgb24").then_some("format=rgb24"))
            }
            _ => {
                let shown = if name.is_empty() { "unknown" } else { name };
                let reason = format!("pixel format {shown} of codec {}", stream.codec);
                return Err(MediaError::Unsupported { format: tool.label(), reason });
            }
        };
        let mut filters = Vec::new();
        if let Some(convert) = convert {
            // Both ranges are named alike so that the scaler leaves the range as it is; which one
            // it is, is applied later.
            filters
                .push("scale=in_range=full:out_range=full:flags=accurate_rnd+full_chroma_int+bitexact:sws_dither=none");
            filters.push(convert);
        }
        if luma_only && matches!(layout, Layout::Yuv { .. }) {
            filters.push("extractplanes=y");
            return Ok(Self { layout: Layout::Luma, filters });
        }
        Ok(Self { layout, filters })
    }
}
