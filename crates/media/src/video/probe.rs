//! What the container says of its streams, from `ffprobe -show_streams -show_format`. Nothing is
//! decoded for the caller; `ffprobe` itself may decode a first frame to learn the pixel format.
use assay_evidence::{Fact, FactGroup};
use serde_json::Value;

use super::command::Tool;
use crate::{MediaError, Orientation};

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamKind {
    /// Pictures in time.
    Video,
    /// Sound.
    Audio,
    /// Text or pictures of text.
    Subtitle,
    /// Anything else: timed metadata, time code, attachments.
    Data,
}

impl StreamKind {
    /// The word for facts and hashes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Subtitle => "subtitle",
            Self::Data => "data",
        }
    }
}

/// One stream of a container. Empty strings and `None` mean that the container does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamInfo {
    /// Index in the container.
    pub index: u32,
    /// What it carries.
    pub kind: StreamKind,
    /// Codec name as FFmpeg calls it.
    pub codec: String,
    /// Profile of the codec.
    pub profile: String,
    /// Codec tag in the container (`avc1`).
    pub tag: String,
    /// Width in pixels, coded orientation; 0 when not video.
    pub width: u32,
    /// Height in pixels, coded orientation; 0 when not video.
    pub height: u32,
    /// Pixel format as FFmpeg calls it.
    pub pixel_format: String,
    /// Colour matrix (`bt709`, `smpte170m`, `gbr`).
    pub color_matrix: String,
    /// Colour range: `tv` (limited) or `pc` (full).
    pub color_range: String,
    /// Colour primaries.
    pub color_primaries: String,
    /// Transfer characteristics.
    pub color_transfer: String,
    /// Pixel aspect ratio, `1:1` for square pixels.
    pub pixel_aspect: String,
    /// `progressive`, `tt`, `bb` ...
    pub field_order: String,
    /// Smallest common frame rate in frames a second (FFmpeg's `r_frame_rate`), as a fraction.
    pub nominal_rate: Option<(u32, u32)>,
    /// Frames divided by duration, as a fraction.
    pub average_rate: Option<(u32, u32)>,
    /// Seconds in one tick of the stream's clock, as a fraction.
    pub time_base: (u32, u32),
    /// First presentation time in ticks.
    pub start_ticks: Option<i64>,
    /// First presentation time in seconds; negative when sound or pre-roll starts earlier.
    pub start_secs: Option<f64>,
    /// Duration in seconds.
    pub duration_secs: Option<f64>,
    /// Number of frames that the container claims.
    pub claimed_frames: Option<u64>,
    /// Bits a second.
    pub bit_rate: Option<u64>,
    /// Frames that the decoder must reorder (0: no B frames).
    pub reordered_frames: u32,
    /// From coded to shown orientation, by the display matrix.
    pub orientation: Orientation,
    /// True where the container marks it as the one to be played.
    pub is_default: bool,
    /// True when this is a cover picture and not a video.
    pub cover_picture: bool,
    /// Samples a second, sound only.
    pub sample_rate: Option<u32>,
    /// Channels, sound only.
    pub channels: Option<u32>,
    /// Tags in file order (`handler_name`, `encoder`, `language` ...).
    pub tags: Vec<Fact>,
}

impl StreamInfo {
    /// Seconds of a time in ticks of this stream.
    pub fn secs(&self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.time_base.0) / f64::from(self.time_base.1)
    }

    /// The stream's facts for the report.
    pub fn facts(&self) -> FactGroup {
        let mut facts = vec![Fact::new("codec", &self.codec)];
        let mut text = |name: &str, value: &str| {
            if !value.is_empty() && value != "unknown" {
                facts.push(Fact::new(name, value));
            }
        };
        text("profile", &self.profile);
        text("codec tag", &self.tag);
        if self.kind == StreamKind::Video {
            text("coded size", &format!("{} x {}", self.width, self.height));
            text("pixel format", &self.pixel_format);
            text("colour matrix", &self.color_matrix);
            text("colour range", &self.color_range);
            text("colour primaries", &self.color_primaries);
            text("transfer characteristics", &self.color_transfer);
            text("pixel aspect ratio", &self.pixel_aspect);
            text("field order", &self.field_order);
            let rate = |rate: Option<(u32, u32)>| rate.map_or(String::new(), |(n, d)| format!("{n}/{d} frames/s"));
            text("nominal frame rate", &rate(self.nominal_rate));
            text("average frame rate", &rate(self.average_rate));
            text("reordered frames", &self.reordered_frames.to_string());
            if !self.orientation.is_upright() {
                text("display", self.orientation.words());
            }
            if self.cover_picture {
                text("role", "cover picture");
            }
        }
        text("time base", &format!("{}/{} s", self.time_base.0, self.time_base.1));
        let number = |value: Option<f64>, unit: &str| value.map_or(String::new(), |v| format!("{v:.6} {unit}"));
        text("start", &number(self.start_secs, "s"));
        text("duration", &number(self.duration_secs, "s"));
        text("frames claimed", &self.claimed_frames.map_or(String::new(), |v| v.to_string()));
        text("bit rate", &self.bit_rate.map_or(String::new(), |v| format!("{v} bit/s")));
        text("sample rate", &self.sample_rate.map_or(String::new(), |v| format!("{v} Hz")));
        text("channels", &self.channels.map_or(String::new(), |v| v.to_string()));
        facts.extend(self.tags.iter().cloned());
        let name = self.kind.name();
        let title = format!("{}{} stream {}", name[..1].to_uppercase(), &name[1..], self.index);
        FactGroup { title, facts }
    }
}

/// What the container says of itself and its streams.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoInfo {
    /// Duration of the whole in seconds.
    pub duration_secs: Option<f64>,
    /// Earliest start of any stream in seconds.
    pub start_secs: Option<f64>,
    /// Bits a second of the whole.
    pub bit_rate: Option<u64>,
    /// Tags of the container in file order.
    pub tags: Vec<Fact>,
    /// Every stream in container order.
    pub streams: Vec<StreamInfo>,
    /// Position in `streams` of the video stream that is examined, which players show: the first
    /// that is marked as the default and is no cover picture, or else the first.
    pub main: usize,
}

impl VideoInfo {
    /// The video stream that is examined.
    pub fn main_stream(&self) -> &StreamInfo {
        &self.streams[self.main]
    }

    /// From coded to shown orientation.
    pub fn orientation(&self) -> Orientation {
        self.main_stream().orientation
    }

    /// Width of a pixel over its height as shown; `None` where pixels are square or the container
    /// does not say.
    pub fn pixel_aspect(&self) -> Option<[u32; 2]> {
        let (width, height) = self.main_stream().pixel_aspect.split_once(':')?;
        let ratio = [width.parse().ok()?, height.parse().ok()?];
        let [across, up] = if self.orientation().swaps_axes() { [ratio[1], ratio[0]] } else { ratio };
        (across != up && across > 0 && up > 0).then_some([across, up])
    }

    /// The other video streams, in words: nobody looked at them.
    pub fn not_examined(&self) -> Vec<String> {
        let others = self.streams.iter().filter(|s| s.kind == StreamKind::Video && s.index != self.main_stream().index);
        let words = |s: &StreamInfo| {
            let what = if s.cover_picture { "Cover picture" } else { "Video stream" };
            format!("{what} {} of the container ({} x {})", s.index, s.width, s.height)
        };
        others.map(words).collect()
    }

    /// One group for the container, one for each stream.
    pub fn facts(&self) -> Vec<FactGroup> {
        let mut facts = Vec::new();
        if let Some(secs) = self.duration_secs {
            facts.push(Fact::new("duration", format!("{secs:.6} s")));
        }
        if let Some(secs) = self.start_secs {
            facts.push(Fact::new("start", format!("{secs:.6} s")));
        }
        if let Some(rate) = self.bit_rate {
            facts.push(Fact::new("bit rate", format!("{rate} bit/s")));
        }
        facts.extend(self.tags.iter().cloned());
        let mut groups = vec![FactGroup { title: "Container".into(), facts }];
        groups.extend(self.streams.iter().map(StreamInfo::facts));
        groups
    }
}

/// Asks `ffprobe` for the streams.
///
/// # Errors
/// [`MediaError::Damaged`] when the demuxer cannot read the container, [`MediaError::Unsupported`]
/// without a video stream, [`MediaError::OverLimit`] for pictures that are too large, and those of
/// the child.
pub(crate) fn probe(tool: &Tool) -> Result<VideoInfo, MediaError> {
    let json = tool.ffprobe(&["-show_format", "-show_streams", "-of", "json"])?;
    let value: Value = serde_json::from_slice(&json)
        .map_err(|error| MediaError::Decoder(format!("ffprobe answered no JSON ({error})")))?;
    parse(&value, tool)
}

fn parse(value: &Value, tool: &Tool) -> Result<VideoInfo, MediaError> {
    let streams: Vec<StreamInfo> =
        value["streams"].as_array().map(|list| list.iter().map(stream).collect()).unwrap_or_default();
    let main = main(&streams)
        .ok_or_else(|| MediaError::Unsupported { format: tool.label(), reason: "it has no video stream".into() })?;
    let found = &streams[main];
    if found.width == 0 || found.height == 0 {
        let reason = format!("the size of video stream {} cannot be read", found.index);
        return Err(MediaError::Damaged { format: tool.label(), reason });
    }
    let format = &value["format"];
    Ok(VideoInfo {
        duration_secs: number(&format["duration"]),
        start_secs: number(&format["start_time"]),
        bit_rate: number(&format["bit_rate"]),
        tags: tags(&format["tags"]),
        main,
        streams,
    })
}

/// Place of the video stream that players show.
fn main(streams: &[StreamInfo]) -> Option<usize> {
    let is_shown = |s: &StreamInfo| s.kind == StreamKind::Video && !s.cover_picture;
    let by_default = streams.iter().position(|s| is_shown(s) && s.is_default);
    by_default.or_else(|| streams.iter().position(is_shown))
}

fn stream(value: &Value) -> StreamInfo {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let kind = match value["codec_type"].as_str() {
        Some("video") => StreamKind::Video,
        Some("audio") => StreamKind::Audio,
        Some("subtitle") => StreamKind::Subtitle,
        _ => StreamKind::Data,
    };
    StreamInfo {
        index: number(&value["index"]).unwrap_or(0),
        kind,
        codec: value["codec_name"].as_str().unwrap_or("unknown").to_owned(),
        profile: text("profile"),
        tag: value["codec_tag_string"].as_str().filter(|tag| !tag.starts_with("[0]")).unwrap_or_default().to_owned(),
        width: number(&value["width"]).unwrap_or(0),
        height: number(&value["height"]).unwrap_or(0),
        pixel_format: text("pix_fmt"),
        color_matrix: text("color_space"),
        color_range: text("color_range"),
        color_primaries: text("color_primaries"),
        color_transfer: text("color_transfer"),
        pixel_aspect: text("sample_aspect_ratio"),
        field_order: text("field_order"),
        nominal_rate: fraction(&value["r_frame_rate"]),
        average_rate: fraction(&value["avg_frame_rate"]),
        time_base: fraction(&value["time_base"]).unwrap_or((1, 1)),
        start_ticks: number(&value["start_pts"]),
        start_secs: number(&value["start_time"]),
        duration_secs: number(&value["duration"]),
        claimed_frames: number(&value["nb_frames"]),
        bit_rate: number(&value["bit_rate"]),
        reordered_frames: number(&value["has_b_frames"]).unwrap_or(0),
        orientation: display(value),
        is_default: value["disposition"]["default"] == 1,
        cover_picture: value["disposition"]["attached_pic"] == 1,
        sample_rate: number(&value["sample_rate"]),
        channels: number(&value["channels"]),
        tags: tags(&value["tags"]),
    }
}

/// From the display matrix, of which `ffprobe` prints three rows of fixed-point numbers, and beside
/// them degrees counter-clockwise that know no mirroring.
fn display(stream: &Value) -> Orientation {
    let sides = stream["side_data_list"].as_array().map_or(&[][..], Vec::as_slice);
    let printed = sides.iter().find_map(|side| side["displaymatrix"].as_str());
    let row = |line: &str| -> Option<[f64; 2]> {
        let mut numbers = line.split_once(':')?.1.split_whitespace().map(|n| n.parse().ok());
        Some([numbers.next()??, numbers.next()??])
    };
    let mut rows = printed.into_iter().flat_map(str::lines).filter_map(row);
    let matrix = rows.next().zip(rows.next()).map(|(first, second)| [first, second]);
    matrix.and_then(Orientation::from_matrix).unwrap_or_else(|| {
        let degrees = sides.iter().find_map(|side| number::<f64>(&side["rotation"])).unwrap_or(0.0);
        Orientation::from_rotation_degrees((-degrees.round() as i32).rem_euclid(360))
    })
}

/// A number that `ffprobe` prints as a JSON number or as text.
fn number<T: std::str::FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn fraction(value: &Value) -> Option<(u32, u32)> {
    let (n, d) = value.as_str()?.split_once('/')?;
    let (n, d) = (n.parse().ok()?, d.parse().ok()?);
    (n > 0 && d > 0).then_some((n, d))
}

fn tags(value: &Value) -> Vec<Fact> {
    let list = value.as_object().map(|map| map.iter().map(|(k, v)| (k, v.as_str().unwrap_or_default())));
    list.map(|pairs| pairs.map(|(k, v)| Fact::new(k.as_str(), v)).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_is_clockwise() {
        for (matrix, clockwise) in [(-90, 90), (90, 270), (180, 180), (-180, 180), (0, 0)] {
            let stream =
                serde_json::json!({ "side_data_list": [{ "side_data_type": "Display Matrix", "rotation": matrix }] });
            assert_eq!(display(&stream), Orientation::from_rotation_degrees(clockwise), "ffprobe rotation {matrix}");
        }
    }

    #[test]
    fn the_whole_matrix_is_read() {
        let stream = serde_json::json!({ "side_data_list": [{ "side_data_type": "Display Matrix", "rotation": -180,
            "displaymatrix": "\n00000000:       -65536           0           0\n00000001:            0       65536           0\n\
             00000002:     41943040           0  1073741824\n" }] });
        assert_eq!(display(&stream).exif(), 2, "a mirror image is no half turn");
    }

    #[test]
    fn the_stream_that_players_show_is_examined_and_the_others_are_named() {
        let streams = serde_json::json!([
            { "index": 0, "codec_type": "video", "width": 160, "height": 90, "disposition": { "default": 0 } },
            { "index": 1, "codec_type": "video", "width": 640, "height": 360, "disposition": { "default": 1 } },
            { "index": 2, "codec_type": "audio", "disposition": { "default": 1 } },
        ]);
        let streams: Vec<StreamInfo> = streams.as_array().unwrap().iter().map(stream).collect();
        let info = VideoInfo {
            duration_secs: None,
            start_secs: None,
            bit_rate: None,
            tags: vec![],
            main: main(&streams).unwrap(),
            streams,
        };
        assert_eq!(info.main_stream().index, 1);
        assert_eq!(info.pixel_aspect(), None);
        let with = |aspect: &str, exif: u16| {
            let mut info = info.clone();
            info.streams[1].pixel_aspect = aspect.into();
            info.streams[1].orientation = Orientation::from_exif(exif);
            info.pixel_aspect()
        };
        assert_eq!([with("64:45", 1), with("64:45", 6), with("1:1", 1)], [Some([64, 45]), Some([45, 64]), None]);
        assert_eq!([with("0:1", 1), with("N/A", 1)], [None, None]);
        assert_eq!(info.not_examined(), ["Video stream 0 of the container (160 x 90)"]);
    }

    #[test]
    fn numbers_come_as_text_or_number() {
        assert_eq!(number::<u32>(&serde_json::json!("30")), Some(30));
        assert_eq!(number::<f64>(&serde_json::json!(1.5)), Some(1.5));
        assert_eq!(number::<u32>(&serde_json::json!("N/A")), None);
        assert_eq!(fraction(&serde_json::json!("0/0")), None);
        assert_eq!(fraction(&serde_json::json!("30000/1001")), Some((30000, 1001)));
    }
}
