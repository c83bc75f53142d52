//! The packet table: when, where and how large every packet is, and which are key frames, read
//! without decoding.
//!
//! The decision that shapes it: two children read the container side by side, `ffprobe` for the
//! rows (streamed line by line, never a whole JSON text) and `ffmpeg -c copy -f streamhash` for the
//! hash of each stream, which anyone can repeat with the same command. Packets that an edit list
//! cuts off stay in the table, marked; they take no place in presentation order. AVI stores no
//! presentation times: there packets are presented in the order of decoding times, which is exact
//! as long as nothing is reordered.
use std::io::{BufRead, BufReader};

use assay_evidence::StreamHash;

use super::command::Tool;
use super::probe::{StreamInfo, StreamKind, VideoInfo};
use crate::MediaError;

/// Rows beyond this number make the file refused; 40 hours at 60 frames a second.
const MAX_PACKETS: usize = 10_000_000;

/// One packet of a video stream. Times are in ticks of the stream's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Presentation time; some containers do not say.
    pub pts: Option<i64>,
    /// Decoding time.
    pub dts: Option<i64>,
    /// Duration.
    pub duration: Option<i64>,
    /// Marked as a key frame.
    pub key: bool,
    /// Cut off by an edit list: decoded as a reference, never shown.
    pub discarded: bool,
    /// Size in bytes.
    pub size: u32,
    /// Byte position in the file.
    pub position: Option<u64>,
}

/// The packets of one video stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamPackets {
    /// Stream index in the container.
    pub stream: u32,
    /// Codec name.
    pub codec: String,
    /// Seconds in one tick, as a fraction.
    pub time_base: (u32, u32),
    /// Packets in file order, which is decoding order.
    pub packets: Vec<Packet>,
    /// Positions in `packets` in presentation order, without the discarded ones.
    pub presentation: Vec<u32>,
    /// True when every shown packet has its own presentation time, so that frames can be found by
    /// it.
    pub exact_times: bool,
}

impl StreamPackets {
    fn new(info: &StreamInfo) -> Self {
        Self {
            stream: info.index,
            codec: info.codec.clone(),
            time_base: info.time_base,
            packets: Vec::new(),
            presentation: Vec::new(),
            exact_times: false,
        }
    }

    /// Seconds of a time in ticks.
    pub fn secs(&self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.time_base.0) / f64::from(self.time_base.1)
    }

    /// Packets in presentation order with their presentation index.
    pub fn presented(&self) -> impl Iterator<Item = (u64, &Packet)> {
        self.presentation.iter().enumerate().filter_map(|(i, at)| Some((i as u64, self.packets.get(*at as usize)?)))
    }

    /// The presentation time of each shown packet in seconds, ascending. Where the container has no
    /// presentation times, the decoding times or, without any, steps of `1 / rate` stand in.
    pub fn times_secs(&self, rate: Option<(u32, u32)>) -> Vec<f64> {
        let (n, d) = rate.unwrap_or((25, 1));
        let step = f64::from(d) / f64::from(n);
        let mut times: Vec<f64> =
            self.presented().map(|(i, p)| p.pts.or(p.dts).map_or(i as f64 * step, |ticks| self.secs(ticks))).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn order(&mut self) {
        let shown = |at: &u32| self.packets.get(*at as usize).is_some_and(|p| !p.discarded && p.size > 0);
        let mut order: Vec<u32> = (0..self.packets.len() as u32).filter(shown).collect();
        let time = |at: &u32| self.packets.get(*at as usize).and_then(|p| p.pts);
        if order.iter().all(|at| time(at).is_some()) {
            order.sort_by_key(time);
            self.exact_times = order.windows(2).all(|pair| matches!(pair, [a, b] if time(a) < time(b)));
        } else {
            self.exact_times = false;
        }
        self.presentation = order;
    }
}

/// The packets of every video stream and the hash of every stream.
#[derive(Debug, Clone, PartialEq)]
pub struct PacketTable {
    /// Video streams in container order, cover pictures left out.
    pub streams: Vec<StreamPackets>,
    /// SHA-256 of the packet data of every video and sound stream, in container order. To repeat:
    /// `ffmpeg -i FILE -map 0:N -c copy -copyinkf -copypriorss 1 -f streamhash -hash sha256 -`.
    pub hashes: Vec<StreamHash>,
}

impl PacketTable {
    /// The packets of the stream with this container index.
    pub fn stream(&self, index: u32) -> Option<&StreamPackets> {
        self.streams.iter().find(|s| s.stream == index)
    }
}

/// Reads the table and the hashes.
///
/// # Errors
/// [`MediaError::Damaged`] when the container cannot be read to its end, and those of the child.
pub(crate) fn read_packets(tool: &Tool, info: &VideoInfo) -> Result<PacketTable, MediaError> {
    let (rows, hashes) = std::thread::scope(|scope| {
        let hashes = scope.spawn(|| hash_streams(tool, info));
        let rows = read_rows(tool, info);
        let hashes =
            hashes.join().unwrap_or_else(|_| Err(MediaError::Decoder("reading the stream hashes broke off".into())));
        (rows, hashes)
    });
    Ok(PacketTable { streams: rows?, hashes: hashes? })
}

fn read_rows(tool: &Tool, info: &VideoInfo) -> Result<Vec<StreamPackets>, MediaError> {
    let mut streams: Vec<StreamPackets> = info
        .streams
        .iter()
        .filter(|s| s.kind == StreamKind::Video && !s.cover_picture)
        .map(StreamPackets::new)
        .collect();
    let entries = "packet=stream_index,pts,dts,duration,size,pos,flags";
    let mut child = tool.start_ffprobe(&["-select_streams", "v", "-show_entries", entries, "-of", "csv=p=0"])?;
    let mut rows = 0usize;
    if let Some(pipe) = child.stdout() {
        let mut reader = BufReader::with_capacity(1 << 16, pipe);
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                break;
            }
            let Some((stream, packet)) = parse_row(line.trim_end()) else { continue };
            rows += 1;
            if rows > MAX_PACKETS {
                return Err(MediaError::OverLimit(format!("the container has more than {MAX_PACKETS} video packets")));
            }
            if let Some(to) = streams.iter_mut().find(|s| s.stream == stream) {
                to.packets.push(packet);
            }
        }
    }
    tool.accept(&child.finish()?)?;
    streams.iter_mut().for_each(StreamPackets::order);
    Ok(streams)
}

/// `stream_index,pts,dts,duration,size,pos,flags`; side data of a packet may follow on the same
/// line.
fn parse_row(line: &str) -> Option<(u32, Packet)> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    let stream = next()?.parse().ok()?;
    let [pts, dts, duration] = [next()?, next()?, next()?].map(|text| text.parse().ok());
    let size = next()?.parse().ok()?;
    let position = next()?.parse().ok();
    let flags = next()?;
    let packet =
        Packet { pts, dts, duration, key: flags.contains('K'), discarded: flags.contains('D'), size, position };
    Some((stream, packet))
}

fn hash_streams(tool: &Tool, info: &VideoInfo) -> Result<Vec<StreamHash>, MediaError> {
    let hashed: Vec<&StreamInfo> =
        info.streams.iter().filter(|s| matches!(s.kind, StreamKind::Video | StreamKind::Audio)).collect();
    let mut after: Vec<String> = Vec::new();
    for stream in &hashed {
        after.extend(["-map".into(), format!("0:{}", stream.index)]);
    }
    after.extend(
        ["-c", "copy", "-copyinkf", "-copypriorss", "1", "-f", "streamhash", "-hash", "sha256", "pipe:1"]
            .map(Into::into),
    );
    // The hashes come at the end of the file; the lines of progress among them show the watchdog
    // that it is getting there.
    let before = ["-copyts", "-progress", "pipe:1"].map(Into::into);
    let mut child = tool.start_ffmpeg(&before, &after, &[])?;
    let mut hashes = Vec::new();
    if let Some(pipe) = child.stdout() {
        for line in BufReader::new(pipe).lines() {
            // "0,v,SHA256=..."; the number is the position among the mapped streams.
            let line = line?;
            let Some((place, sha256)) = line.split_once(',').zip(line.split_once("SHA256=")).map(|(a, b)| (a.0, b.1))
            else {
                continue;
            };
            let Some(stream) = place.parse::<usize>().ok().and_then(|at| hashed.get(at)) else { continue };
            hashes.push(StreamHash {
                stream: stream.index,
                kind: stream.kind.name().into(),
                codec: stream.codec.clone(),
                sha256: sha256.trim().to_ascii_lowercase(),
            });
        }
    }
    tool.accept(&child.finish()?)?;
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_gaps() {
        let (stream, packet) = parse_row("0,512,N/A,512,1234,48,K_").expect("a row");
        assert_eq!(stream, 0);
        assert_eq!((packet.pts, packet.dts, packet.key, packet.discarded), (Some(512), None, true, false));
        assert_eq!((packet.size, packet.position), (1234, Some(48)));
        assert!(parse_row("0,512,N/A,512,1234,N/A,_D,Skip Samples").is_some_and(|(_, p)| p.discarded && !p.key));
        assert!(parse_row("").is_none());
        assert!(parse_row("side_data,x").is_none());
    }

    #[test]
    fn presentation_follows_the_times() {
        let packet =
            |pts, discarded| Packet { pts, dts: None, duration: None, key: false, discarded, size: 1, position: None };
        let table = |packets| {
            let mut s = StreamPackets {
                stream: 0,
                codec: String::new(),
                time_base: (1, 10),
                packets,
                presentation: vec![],
                exact_times: false,
            };
            s.order();
            s
        };
        let reordered = table(vec![
            packet(Some(0), false),
            packet(Some(30), false),
            packet(Some(10), false),
            packet(Some(-5), true),
        ]);
        assert_eq!(reordered.presentation, [0, 2, 1]);
        assert!(reordered.exact_times);
        assert_eq!(reordered.times_secs(None), [0.0, 1.0, 3.0]);
        let untimed = table(vec![packet(None, false), packet(None, false)]);
        assert_eq!((untimed.presentation.as_slice(), untimed.exact_times), (&[0, 1][..], false));
        assert_eq!(untimed.times_secs(Some((10, 1))), [0.0, 0.1]);
    }
}
