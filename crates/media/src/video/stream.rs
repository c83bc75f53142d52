//! One decode pass over a video for all readers.
//!
//! The decision that shapes it: `ffmpeg` writes two outputs from one decoder: to a second pipe one
//! line of times for every decoded frame (`framecrc` of a small corner, so it costs nothing), and
//! the raw planes of the wanted ones to its standard output. Each frame is thus known by the exact
//! PTS that the container gave it and looked up in the packet table. Wanted frames that lie far
//! apart are reached by seeking to the key frame before them; if any does not come out as the table
//! promises (some containers seek badly), the rest is decoded from the start.
//!
//! Frames go through a channel bounded in bytes to the readers, which run side by side; buffers are
//! used again. Frame order, rate conversion, autorotation and automatic scaling are switched off:
//! what comes is what is stored. Samples of more than 8 bits are reduced to 8 without dithering. A
//! stream whose picture size changes half-way is refused.
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use rayon::prelude::*;

use super::color::{Frame, FrameSamples, Matrix};
use super::command::Tool;
use super::packets::{PacketTable, StreamPackets};
use super::plan::FramePlan;
use super::probe::{StreamInfo, VideoInfo};
use super::pump::{Chosen, Raw, pump, read_times};
use super::samples::Samples;
use crate::child;
use crate::{MediaError, Progress};

/// Starting a decoder costs about as much as decoding this many pixels.
const START_COST_PIXELS: u64 = 80_000_000;
/// Runs of wanted frames in one filter expression; more are split over several decoders.
const MAX_RUNS: usize = 256;
/// Decoder threads at most; more cost memory and gain nothing at usual sizes.
const MAX_THREADS: usize = 8;

/// Somebody who looks at frames while they are decoded.
pub trait FrameReader: Send {
    /// Which frames.
    fn plan(&self) -> FramePlan;
    /// Which samples of them.
    fn samples(&self) -> FrameSamples;
    /// Called for each wanted frame in presentation order, on any thread, never twice at a time. A
    /// frame may hold more than was asked for.
    ///
    /// # Errors
    /// Any error ends the pass.
    fn read(&mut self, frame: &Frame) -> Result<(), MediaError>;
}

/// How a decode pass went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecodeSummary {
    /// Frames given to at least one reader.
    pub frames: u64,
    /// Frames of the stream by the packet table.
    pub frames_in_stream: u64,
    /// Decoders started.
    pub passes: u32,
    /// Wanted frames before the first key frame, which no decoder can show.
    pub before_first_key: u64,
    /// Wanted packets that gave no picture in codecs that allow this (hidden reference frames,
    /// skipped frames).
    pub without_picture: u64,
    /// Complaints of the decoder about data that it could still decode; the first few, without
    /// addresses.
    pub complaints: Vec<String>,
}

/// A frame of the table in presentation order.
struct Slot {
    pts: i64,
    secs: f64,
    key: bool,
}

/// Part of the work for one decoder process.
struct Segment {
    /// Slot of the key frame to seek to; `None` decodes from the start.
    seek: Option<usize>,
    /// Wanted slots, ascending.
    wanted: Vec<usize>,
}

struct Pass<'a> {
    tool: &'a Tool<'a>,
    stream: &'a StreamInfo,
    slots: Vec<Slot>,
    /// Frames are found by their PTS; otherwise they are counted.
    by_time: bool,
    samples: Samples,
    matrix: Matrix,
    first_key: usize,
}

/// Frames on their way from the pump, and the way back for their buffers.
struct Incoming {
    frames: Receiver<Result<Raw, MediaError>>,
    give_back: Sender<Vec<u8>>,
}

/// Decodes once for all readers.
///
/// # Errors
/// [`MediaError::Damaged`] when the decoder gives fewer frames than the packet table promises,
/// [`MediaError::Cancelled`], the errors of the child and the first error of a reader.
pub(crate) fn decode(
    tool: &Tool,
    info: &VideoInfo,
    table: &PacketTable,
    readers: &mut [&mut dyn FrameReader],
    progress: &dyn Progress,
) -> Result<DecodeSummary, MediaError> {
    let stream = info.main_stream();
    let packets = table.stream(stream.index).ok_or_else(|| MediaError::Damaged {
        format: tool.label(),
        reason: format!("video stream {} has no packets", stream.index),
    })?;
    let times = packets.times_secs(stream.average_rate);
    let plans: Vec<Vec<bool>> = readers.iter().map(|reader| reader.plan().resolve(&times)).collect();
    let wanted: Vec<usize> = (0..times.len()).filter(|i| plans.iter().any(|plan| plan[*i])).collect();
    let slots = slots(packets, &times);
    // A key frame that an edit list cuts off still lets the decoder start.
    let hidden_key = packets.packets.iter().take_while(|p| p.discarded).any(|p| p.key);
    let first_key = if hidden_key { 0 } else { slots.iter().position(|slot| slot.key).unwrap_or(0) };
    let luma_only = readers.iter().all(|reader| reader.samples() == FrameSamples::Luma);
    let samples = Samples::of(stream, luma_only, tool)?;
    let matrix = Matrix::of(stream);
    let pass = Pass { tool, stream, by_time: packets.exact_times, samples, matrix, first_key, slots };
    let mut summary = DecodeSummary { frames_in_stream: times.len() as u64, ..DecodeSummary::default() };
    let mut sink = Sink { readers, plans: &plans, progress, total: wanted.len() as u64, done: 0 };
    pass.run(&wanted, &mut sink, &mut summary)?;
    Ok(summary)
}

fn slots(packets: &StreamPackets, times: &[f64]) -> Vec<Slot> {
    let pts = |p: &super::Packet| p.pts.or(p.dts).unwrap_or(0);
    packets.presented().zip(times).map(|((_, p), secs)| Slot { pts: pts(p), secs: *secs, key: p.key }).collect()
}

/// The readers and how far they are.
struct Sink<'a, 'b> {
    readers: &'a mut [&'b mut dyn FrameReader],
    plans: &'a [Vec<bool>],
    progress: &'a dyn Progress,
    total: u64,
    done: u64,
}

impl Sink<'_, '_> {
    fn give(&mut self, slot: usize, frame: &Frame) -> Result<(), MediaError> {
        let wants = |plan: &Vec<bool>| plan.get(slot).copied().unwrap_or(false);
        let pairs = self.readers.par_iter_mut().zip(self.plans.par_iter());
        let results: Vec<_> = pairs.filter(|(_, plan)| wants(plan)).map(|(reader, _)| reader.read(frame)).collect();
        self.done += 1;
        self.progress.update("decode", self.done, self.total);
        results.into_iter().collect()
    }
}

impl Pass<'_> {
    fn run(&self, wanted: &[usize], sink: &mut Sink, summary: &mut DecodeSummary) -> Result<(), MediaError> {
        let mut next = 0;
        for segment in self.segments(wanted) {
            let goal = next + segment.wanted.len();
            next += self.segment(&segment, sink, summary)?;
            if next < goal {
                // Only a seek may miss; what is left is decoded from the start.
                let rest = wanted.get(next..).unwrap_or_default().to_vec();
                self.segment(&Segment { seek: None, wanted: rest }, sink, summary)?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Wanted frames grouped by the key frame from which they are reached.
    fn segments(&self, wanted: &[usize]) -> Vec<Segment> {
        let seekable = self.by_time && matches!(self.tool.demuxer(), "mov" | "matroska" | "avi" | "mpegts");
        let pixels = (u64::from(self.stream.width) * u64::from(self.stream.height)).max(1);
        let far = (START_COST_PIXELS / pixels).max(8) as usize;
        let mut segments: Vec<Segment> = Vec::new();
        let (mut key, mut scanned) = (None, 0);
        let mut runs = 0;
        for &slot in wanted {
            while scanned <= slot {
                if self.slots[scanned].key {
                    key = Some(scanned);
                }
                scanned += 1;
            }
            let start = key.filter(|_| seekable);
            if let Some(segment) = segments.last_mut() {
                let before = segment.wanted.last().copied().unwrap_or(0);
                let new_run = slot != before + 1;
                let apart = start.is_some_and(|key| key > before + far) || (seekable && new_run && runs >= MAX_RUNS);
                if !apart {
                    runs += usize::from(new_run);
                    segment.wanted.push(slot);
                    continue;
                }
            }
            // The first frames are as near from the start as from their key frame.
            let seek = start.filter(|key| !segments.is_empty() || *key > far);
            segments.push(Segment { seek, wanted: vec![slot] });
            runs = 1;
        }
        segments
    }

    /// Decodes one segment; returns how many wanted frames are settled. Fewer than wanted only
    /// after a seek.
    fn segment(&self, segment: &Segment, sink: &mut Sink, summary: &mut DecodeSummary) -> Result<usize, MediaError> {
        summary.passes += 1;
        let frame_bytes = self.samples.layout.bytes(self.stream.width, self.stream.height);
        let (times_read, times_write) = child::pipe()?;
        let select = self.select(segment);
        let before = self.before(segment);
        let after = self.after(&select, times_write.as_raw_fd());
        let mut child = self.tool.start_ffmpeg(&before, &after, &[times_write.as_raw_fd()])?;
        drop(times_write);
        let Some(stdout) = child.stdout() else {
            return Err(MediaError::Decoder("ffmpeg has no output".into()));
        };
        let (lines, patience) = (child.listen(times_read), child.patience());
        let waiting = (self.tool.limits().channel_bytes / frame_bytes.max(1)).clamp(2, 64);
        let outcome = std::thread::scope(|scope| {
            let (send, frames) = sync_channel(waiting - 1);
            let (give_back, take_back) = channel::<Vec<u8>>();
            let (send_time, times) = channel();
            let chosen = &select.chosen;
            scope.spawn(move || read_times(lines, chosen, &send_time));
            scope.spawn(move || pump(stdout, &times, &patience, frame_bytes, &send, &take_back));
            let incoming = Incoming { frames, give_back };
            let result = self.deliver(segment, &select, &incoming, sink, summary);
            if result.is_err() || result.as_ref().is_ok_and(|settled| settled.stop) {
                child.kill();
            }
            // Both threads end when their pipes end or nobody listens any more.
            drop(incoming);
            result
        });
        let exit = child.finish();
        if let Err(MediaError::Decoder(_)) = &outcome {
            // Why the decoder broke off is in its own words, or in the watchdog's.
            let exit = exit?;
            self.tool.accept(&exit)?;
            return outcome.map(|settled| settled.count);
        }
        let settled = outcome?;
        if settled.stop {
            return Ok(settled.count);
        }
        let exit = exit?;
        if settled.count < segment.wanted.len() {
            if segment.seek.is_some() {
                return Ok(settled.count);
            }
            self.tool.accept(&exit)?;
            return Err(self.short(&settled, segment, &exit));
        }
        self.tool.accept(&exit)?;
        if exit.complaints.any && summary.complaints.is_empty() {
            summary.complaints = exit.complaints.first_lines();
        }
        Ok(settled.count)
    }

    fn short(&self, settled: &Settled, segment: &Segment, exit: &child::Exit) -> MediaError {
        let said = exit.complaints.first_lines().into_iter().next().map_or(String::new(), |line| format!(" ({line})"));
        let missing = segment.wanted.get(settled.count).copied().unwrap_or(0);
        MediaError::Damaged {
            format: self.tool.label(),
            reason: format!(
                "frame {missing} of {} in video stream {} cannot be decoded{said}",
                self.slots.len(),
                self.stream.index
            ),
        }
    }

    /// Takes frames from the pump, finds their slots, gives the wanted ones to the readers.
    fn deliver(
        &self,
        segment: &Segment,
        select: &Select,
        incoming: &Incoming,
        sink: &mut Sink,
        summary: &mut DecodeSummary,
    ) -> Result<Settled, MediaError> {
        let mut settled = Settled { count: 0, stop: false };
        let end = segment.wanted.len();
        loop {
            let raw = match incoming.frames.recv_timeout(Duration::from_millis(100)) {
                Ok(raw) => raw?,
                Err(RecvTimeoutError::Timeout) => {
                    if sink.progress.cancelled() {
                        return Err(MediaError::Cancelled);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if sink.progress.cancelled() {
                return Err(MediaError::Cancelled);
            }
            let slot = if self.by_time { self.slot_at(raw.time.pts) } else { usize::try_from(raw.time.number).ok() };
            let slot = slot.filter(|slot| *slot < self.slots.len());
            let Some(slot) = slot else {
                let _ = incoming.give_back.send(raw.bytes);
                continue;
            };
            let size = (self.stream.width, self.stream.height);
            let mut frame = Frame::new(size, self.samples.layout, self.matrix, raw.bytes);
            // Wanted frames before this one will not come any more.
            while settled.count < end && segment.wanted[settled.count] < slot {
                if !self.may_lack(segment.wanted[settled.count], summary) {
                    settled.stop = segment.seek.is_some();
                    if settled.stop {
                        return Ok(settled);
                    }
                    return Err(self.missing(segment.wanted[settled.count]));
                }
                settled.count += 1;
            }
            if settled.count < end && segment.wanted[settled.count] == slot {
                let at = &self.slots[slot];
                frame.index = slot as u64;
                frame.pts_secs = at.secs;
                frame.key = at.key;
                sink.give(slot, &frame)?;
                summary.frames += 1;
                settled.count += 1;
            }
            let _ = incoming.give_back.send(frame.into_samples());
            if settled.count == end && !select.to_the_end {
                settled.stop = true;
                return Ok(settled);
            }
        }
        while settled.count < end && segment.seek.is_none() && self.may_lack(segment.wanted[settled.count], summary) {
            settled.count += 1;
        }
        Ok(settled)
    }

    fn missing(&self, slot: usize) -> MediaError {
        MediaError::Damaged {
            format: self.tool.label(),
            reason: format!(
                "frame {slot} of {} in video stream {} is missing from the decoder's output",
                self.slots.len(),
                self.stream.index
            ),
        }
    }

    /// Whether this slot may stay without a frame; counts it if so.
    fn may_lack(&self, slot: usize, summary: &mut DecodeSummary) -> bool {
        if slot < self.first_key {
            summary.before_first_key += 1;
            return true;
        }
        // VP8 stores hidden reference frames as packets of their own, MPEG-4 Part 2 in AVI has
        // packets for skipped pictures.
        let hidden = matches!(
            self.stream.codec.as_str(),
            "vp8" | "mpeg4" | "msmpeg4v2" | "msmpeg4v3" | "wmv1" | "wmv2" | "wmv3" | "vc1" | "h263"
        );
        if hidden {
            summary.without_picture += 1;
        }
        hidden
    }

    /// The slot of a frame with this PTS: the exact one, or the last before it.
    fn slot_at(&self, pts: Option<i64>) -> Option<usize> {
        let pts = pts?;
        self.slots.partition_point(|slot| slot.pts <= pts).checked_sub(1)
    }
}

/// How far a segment came.
struct Settled {
    /// Wanted frames that were given or are known to have no picture.
    count: usize,
    /// Nothing more is needed from this decoder.
    stop: bool,
}

/// Which frames the decoder's own filter lets through.
struct Select {
    chosen: Chosen,
    /// The last wanted frame is the last of the stream, so the decoder must come to its end in
    /// order.
    to_the_end: bool,
}

impl Pass<'_> {
    /// The filter that passes the wanted frames; none when they are all, or in too many runs.
    fn select(&self, segment: &Segment) -> Select {
        let to_the_end = segment.wanted.last().is_some_and(|last| last + 1 == self.slots.len());
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for &slot in &segment.wanted {
            match runs.last_mut() {
                Some((_, last)) if slot == *last + 1 => *last = slot,
                _ => runs.push((slot, slot)),
            }
        }
        let whole = segment.seek.is_none() && runs.len() == 1 && segment.wanted.len() == self.slots.len();
        let chosen = if whole || runs.len() > MAX_RUNS {
            Chosen::All
        } else if self.by_time {
            Chosen::Times(runs.iter().map(|(first, last)| (self.slots[*first].pts, self.slots[*last].pts)).collect())
        } else {
            Chosen::Numbers(runs.iter().map(|(first, last)| (*first as i64, *last as i64)).collect())
        };
        Select { chosen, to_the_end }
    }

    /// Options in front of the input.
    fn before(&self, segment: &Segment) -> Vec<String> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS);
        let mut args: Vec<String> =
            ["-copyts", "-noautorotate", "-flags", "+bitexact", "-threads"].map(Into::into).to_vec();
        args.push(threads.to_string());
        if let Some(slot) = segment.seek {
            // Rounded up: a target just below the key frame would reach the one before it.
            let micros = (self.slots[slot].secs * 1e6).ceil() as i64;
            args.extend(["-seek_timestamp", "1", "-noaccurate_seek", "-ss"].map(Into::into));
            args.push(format!("{micros}us"));
        }
        args
    }

    /// The two outputs.
    fn after(&self, select: &Select, times: i32) -> Vec<String> {
        let stream = format!("0:{}", self.stream.index);
        // An encoder with threads of its own holds back as many frames as it has threads, and an
        // output that is not flushed the end of one: the last wanted frame would not come before
        // the decoder is through with all the rest.
        let common = ["-fps_mode", "passthrough", "-enc_time_base", "-1", "-autoscale", "0", "-c:v", "rawvideo"];
        let at_once = ["-threads", "1", "-flush_packets", "1"];
        let mut args = Vec::new();
        args.extend(["-map".to_owned(), stream.clone()]);
        let corner = "crop=w=min(iw\\,max(16\\,iw/8)):h=min(ih\\,max(16\\,ih/8)):x=0:y=0:exact=1";
        args.extend(["-vf", corner].map(Into::into));
        args.extend(common.iter().chain(&at_once).map(|a| (*a).to_owned()));
        args.extend(["-f", "framecrc"].map(Into::into));
        args.push(format!("pipe:{times}"));
        args.extend(["-map".to_owned(), stream]);
        let filters = select.chosen.filter().into_iter().chain(self.samples.filters.iter().map(|f| (*f).to_owned()));
        let filters: Vec<String> = filters.collect();
        if !filters.is_empty() {
            args.extend(["-vf".to_owned(), filters.join(",")]);
        }
        args.extend(common.iter().chain(&at_once).map(|a| (*a).to_owned()));
        args.extend(["-f", "rawvideo", "pipe:1"].map(Into::into));
        args
    }
}
