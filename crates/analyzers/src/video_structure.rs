//! # Video structure
//!
//! Looks at a clip along time and asks: were frames taken out, shown again, or put in, *inside a
//! shot*? It also tells how the clip is built: key frames, packet sizes, frame times, repeated
//! frames, and whether a beat of an earlier encoding is left.
//!
//! ## How
//! The packet table is read without decoding. Then one pass over the luma of the frames (the whole
//! clip up to 60 s, beyond that ten stretches of 6 s, evenly spread; the report says what share was
//! looked at) gives each frame a small record. Four questions are asked of the records:
//!
//! 1. **Jump.** The picture is divided into blocks of about 1/16 of its long side. For each block
//!    the logarithm of its difference to the frame before is compared with the largest of the four
//!    transitions before and the four after; the block has one vote, held within ±1.5. Missing
//!    frames lift every moving block for a single transition; a start of motion lifts several, a
//!    blink lifts few blocks. The mean vote is standardised by the votes of the 90 transitions
//!    around. Repeated frames are first taken out and the time that they fill is allowed for, so
//!    the stutter of a video call is no jump.
//! 2. **Freeze.** A run of frames that differ by less than a fifth of what is usual around them,
//!    with motion of the same shot before and after: motion that ends, a title or an end card are
//!    none, and a key frame that codes the still picture anew does not end the run.
//! 3. **Repeat.** Two showings of the same motion: frames i, i+1, ... and i+k, i+k+1, ... closer to
//!    each other than half of the motion between neighbours.
//! 4. **Insertion.** Two jumps, and the step from the frame before the first to the frame after the
//!    second is no larger than usual: without the frames between, the picture runs on.
//!
//! The score is the largest of the four, each in units of its own spread on untouched clips: 0 is
//! the middle of them, above 3.2, from where a place is named in words, none of the untouched
//! three-second stretches of the calibration split came. A cut to another shot (the pictures before
//! and after do not correlate) is usual editing: it is marked on the timeline and is no jump,
//! unless the old shot goes on after it as if nothing had been between.
//!
//! The beat of an earlier encoding (frames at an even distance, not key frames now, that differ
//! more from the frame before than their neighbours) is told with the number of false alarms
//! expected. It is never scored, because encoding again is what every platform does.
//!
//! ## How to read it
//! The charts share the time axis. A single tall line in *change* with calm around it is a jump; a
//! stretch at zero is a freeze. The places name the moment. Look at the frames before and after it:
//! a hand or a head that is suddenly elsewhere while the rest of the picture stays is a jump cut.
//!
//! ## What fools it
//! Frames taken out while nothing moves leave no trace. A cut placed on a shot change, or covered
//! by a cross-fade or by a synthesised in-between, is not seen. Lost frames (a stalled camera, a
//! bad connection) look like removed ones, a frozen transmission looks like a frozen edit, a photo
//! flash like a short insertion.
//!
//! ## When it does not apply
//! Still pictures, fewer than 20 frames in a row, and clips in which hardly anything moves.
//!
//! ## References
//! W. Wang, H. Farid, *Exposing digital forgeries in video by detecting double MPEG compression*,
//! MM&Sec 2006, and *... by detecting duplication*, MM&Sec 2007. M. C. Stamm, W. S. Lin, K. J. R.
//! Liu, *Temporal forensics and anti-forensics for motion compensated video*, IEEE TIFS 7(4), 2012.
//! C. D. Kuglin, D. C. Hines, *The phase correlation image alignment method*, 1975.
mod charts;
mod jumps;
mod packets;
mod repeats;
mod rhythm;
mod score;

use assay_evidence::{Evidence, Family, MediaKind, Outcome, Role, Severity, Span, Status, Where};
use assay_media::VideoInfo;

use crate::sample::{FrameRecord, FrameStatistics};
use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};
use score::{Found, Kind, Looked};

/// Frames in a row that the method needs.
const LEAST_FRAMES: usize = 20;
/// Difference from frame to frame below which nothing moves, in grey levels; three quarters of the
/// frames must lie below.
const STILL_LEVEL: f32 = 0.05;
/// A finding above this is named; untouched clips of three seconds stay below.
const NAMED_ABOVE: f64 = 3.2;
/// Places listed at most.
const MOST_PLACES: usize = 24;

pub(crate) struct VideoStructure;

/// The analyzer.
pub(crate) static THE: VideoStructure = VideoStructure;

static ABOUT: About = About {
    id: "video_structure",
    title: "Video structure",
    summary: "frames dropped, repeated or inserted inside a shot; key frames, frame times, traces of an earlier encoding",
    family: Family::Temporal,
    status: Status::Calibrated,
    needs: &[Need::Facts, Need::Packets, Need::FrameStatistics],
    fooled_by: &[
        "Frames removed while nothing moves leave no trace.",
        "A cut on a shot change, under a cross-fade or bridged by synthesised frames is not seen.",
        "Frames lost by a stalled camera or a bad connection look like removed ones; a frozen transmission looks like a frozen edit.",
        "A photo flash or a decoding fault can look like a short insertion.",
    ],
    not_applicable_when: &[
        "The file is a still picture.",
        "Fewer than 20 frames in a row could be seen.",
        "Hardly anything moves in the clip.",
    ],
    references: &[
        "W. Wang, H. Farid, Exposing Digital Forgeries in Video by Detecting Double MPEG Compression, ACM MM&Sec 2006",
        "W. Wang, H. Farid, Exposing Digital Forgeries in Video by Detecting Duplication, ACM MM&Sec 2007",
        "M. C. Stamm, W. S. Lin, K. J. R. Liu, Temporal Forensics and Anti-Forensics for Motion Compensated Video, IEEE TIFS 7(4), 2012",
        "C. D. Kuglin, D. C. Hines, The Phase Correlation Image Alignment Method, 1975",
    ],
};

/// Consecutive frames that were all seen.
struct Window<'a> {
    /// In presentation order.
    records: &'a [FrameRecord],
}

impl Window<'_> {
    /// Mean of the block differences of each frame; 0 for the first.
    fn block_means(&self) -> Vec<f32> {
        let mean = |r: &FrameRecord| r.block_difference.iter().sum::<f32>() / r.block_difference.len().max(1) as f32;
        self.records.iter().enumerate().map(|(i, r)| if i == 0 { 0.0 } else { mean(r) }).collect()
    }

    /// Median time from frame to frame in seconds.
    fn usual_step(&self) -> f64 {
        let steps: Vec<f64> = self.records.windows(2).map(|w| w[1].pts_secs - w[0].pts_secs).collect();
        if steps.is_empty() { 0.04 } else { packets::median(&steps).max(1e-3) }
    }

    /// Mean absolute difference of two reduced frames in grey levels.
    fn apart(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (&self.records[a].signature, &self.records[b].signature);
        let sum: u32 = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        f64::from(sum) / (128.0 * a.len().max(1) as f64)
    }

    /// Correlation -1..=1 of two reduced frames; of an even one, whether they differ at all.
    fn alike(&self, a: usize, b: usize) -> f32 {
        let (first, second) = (&self.records[a].signature, &self.records[b].signature);
        let mean = |s: &[u16]| s.iter().map(|v| f64::from(*v)).sum::<f64>() / s.len().max(1) as f64;
        let (ma, mb) = (mean(first), mean(second));
        let (mut cov, mut va, mut vb) = (0.0, 0.0, 0.0);
        for (x, y) in first.iter().zip(second) {
            let (x, y) = (f64::from(*x) - ma, f64::from(*y) - mb);
            cov += x * y;
            va += x * x;
            vb += y * y;
        }
        if va > 1.0 && vb > 1.0 { (cov / (va * vb).sqrt()) as f32 } else { f32::from(u8::from(self.apart(a, b) < 1.0)) }
    }

    fn time(&self, at: usize) -> f64 {
        self.records.get(at).or(self.records.last()).map_or(0.0, |r| r.pts_secs)
    }
}

fn windows(statistics: &FrameStatistics) -> Vec<Window<'_>> {
    let runs = statistics.records.chunk_by(|_, next| next.follows);
    runs.filter(|records| records.len() >= LEAST_FRAMES).map(|records| Window { records }).collect()
}

impl Analyzer for VideoStructure {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, context: &Context) -> Result<Outcome, AnalyzerError> {
        if sample.kind() == MediaKind::Image {
            return Ok(Outcome::not_applicable("It is a still picture; this method needs frames in time."));
        }
        let statistics = sample.frame_statistics()?;
        let windows = windows(statistics);
        if windows.is_empty() {
            let frames = statistics.records.len();
            return Ok(Outcome::not_applicable(format!(
                "Only {frames} frames could be seen, and never {LEAST_FRAMES} in a row; motion cannot be judged on so few."
            )));
        }
        let mut levels: Vec<f32> = windows.iter().flat_map(|w| &w.records[1..]).map(|r| r.difference).collect();
        levels.sort_by(f32::total_cmp);
        let usual = levels[levels.len() / 2];
        if levels[levels.len() * 3 / 4] < STILL_LEVEL {
            return Ok(Outcome::not_applicable(
                "Hardly anything moves in this clip; missing or repeated frames would leave no trace.",
            ));
        }
        let looked: Vec<Looked> = windows.iter().map(score::look).collect();
        if context.progress.cancelled() {
            return Err(AnalyzerError::Cancelled);
        }
        let best = looked.iter().map(Looked::score).fold(f64::MIN, f64::max);
        let mut found: Vec<(&Window, Found)> =
            windows.iter().zip(&looked).flat_map(|(w, l)| l.found.iter().map(move |f| (w, *f))).collect();
        found.retain(|(_, f)| f.excess > NAMED_ABOVE);
        // What was put in begins and ends with a jump: the explanation that covers the other comes
        // first.
        found.sort_by(|a, b| b.1.kind.cmp(&a.1.kind).then(b.1.excess.total_cmp(&a.1.excess)));

        // Where little moves, little can be seen.
        let reliability = f64::from((usual / 1.0).clamp(0.2, 1.0))
            * (windows.iter().map(|w| w.records.len()).sum::<usize>() as f64 / 60.0).min(1.0);
        let mut evidence = Evidence::new(Role::Scored, reliability, explanation(&found, statistics)).with_score(
            (best * 1e4).round() / 1e4,
            "largest excess of a jump, freeze, repeat or insertion over untouched clips, in their spread",
        );
        for (window, f) in found.iter().take(MOST_PLACES) {
            evidence.places.push(place(window, f));
        }
        let cuts: Vec<f64> =
            windows.iter().zip(&looked).flat_map(|(w, l)| l.cuts.iter().map(|at| w.time(*at))).collect();
        for at in cuts.iter().take(MOST_PLACES) {
            let span = Span { start_secs: *at, end_secs: *at };
            evidence.places.push(Where::Time { span, label: "cut to another shot".into() });
        }
        measures(statistics, &looked, best, &mut evidence);
        remarks(&windows, &looked, &cuts, &mut evidence);
        let packets = sample.packets()?;
        let info = sample.source()?.video().map(VideoInfo::main_stream);
        if let Some((stream, info)) = info.and_then(|i| Some((packets.stream(i.index)?, i))) {
            packets::report(stream, &stream.times_secs(info.average_rate), &mut evidence);
        }
        charts::add(&windows, &mut evidence);
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn explanation(found: &[(&Window, Found)], statistics: &FrameStatistics) -> String {
    let share = statistics.looked_at_secs / statistics.duration_secs.max(1e-6);
    let looked = if share > 0.999 {
        "The whole clip was looked at.".to_owned()
    } else {
        format!(
            "{:.0} of {:.0} seconds ({:.0} %) were looked at, in {} stretches evenly spread; the rest was not tested.",
            statistics.looked_at_secs,
            statistics.duration_secs,
            share * 100.0,
            statistics.windows.len()
        )
    };
    let Some((window, first)) = found.first() else {
        return format!(
            "Inside its shots the clip runs on as motion does: no place was found where frames seem to be missing, repeated or inserted beyond what untouched \
             clips show. Frames removed while nothing moved would not be noticed. {looked}"
        );
    };
    let at = window.time(first.from);
    let what = match first.kind {
        Kind::Jump => format!(
            "At {at:.2} s the picture moves on by {:.1} times the largest step around it, in one frame: frames are missing there, or the recording was cut. A \
             stalled camera or a bad connection does this too.",
            first.detail
        ),
        Kind::Freeze => format!(
            "From {at:.2} s the picture stands still for {} frames in the middle of motion and then goes on: a frame was held. A stalled transmission does this too.",
            first.frames
        ),
        Kind::Repeat => format!(
            "The motion of the {} frames before {:.2} s is shown a second time: frames were repeated.",
            first.frames,
            window.time(first.from)
        ),
        Kind::Insertion => format!(
            "The {} frames from {at:.2} s do not belong there: with them left out, the picture would run on without a break.",
            first.frames
        ),
    };
    let more = if found.len() > 1 { format!(" {} more places are listed.", found.len() - 1) } else { String::new() };
    format!("{what}{more} {looked}")
}

fn place(window: &Window, found: &Found) -> Where {
    let end = if found.kind == Kind::Jump { found.from } else { found.from + found.frames };
    let span = Span { start_secs: window.time(found.from), end_secs: window.time(end) };
    let label = match found.kind {
        Kind::Jump => format!("jump: {:.1} times the steps around it", found.detail),
        Kind::Freeze => format!("{} frames stand still", found.frames),
        Kind::Repeat => format!("{} frames are shown again", found.frames),
        Kind::Insertion => format!("{} inserted frames", found.frames),
    };
    Where::Time { span, label }
}

fn measures(statistics: &FrameStatistics, looked: &[Looked], best: f64, evidence: &mut Evidence) {
    evidence.measure("largest excess", best, "spreads");
    for (kind, name) in
        [(Kind::Jump, "jump"), (Kind::Freeze, "freeze"), (Kind::Repeat, "repeated run"), (Kind::Insertion, "insertion")]
    {
        let most = looked
            .iter()
            .flat_map(|l| &l.found)
            .filter(|f| f.kind == kind)
            .map(|f| f.excess)
            .fold(score::NOTHING, f64::max);
        evidence.measure(format!("excess: {name}"), (most * 100.0).round() / 100.0, "spreads");
    }
    let repeated: usize = looked.iter().map(|l| l.repeated).sum();
    evidence.measure("frames without motion amid motion", repeated as f64, "");
    evidence.measure(
        "share of the clip looked at",
        (statistics.looked_at_secs / statistics.duration_secs.max(1e-6) * 1000.0).round() / 10.0,
        "%",
    );
}

fn remarks(windows: &[Window], looked: &[Looked], cuts: &[f64], evidence: &mut Evidence) {
    if let Some((period, count)) = looked.iter().find_map(|l| Some((l.cadence?, l.repeated))) {
        evidence.remark(
            Severity::Info,
            format!(
                "{count} frames repeat the one before, about every {period}th frame: the frame rate was converted (for example 24 to 30 frames a second), \
                 which is usual processing."
            ),
        );
    } else if looked.iter().any(|l| l.repeated > 0) {
        let count: usize = looked.iter().map(|l| l.repeated).sum();
        let short = "single ones are usual in screen recordings and video calls";
        evidence
            .remark(Severity::Info, format!("{count} frames repeat the one before without a fixed rhythm; {short}."));
    }
    if !cuts.is_empty() {
        let cut = if cuts.len() == 1 { "cut" } else { "cuts" };
        evidence.remark(
            Severity::Info,
            format!(
                "{} {cut} to another shot; cutting between shots is usual editing and is not held against the clip.",
                cuts.len()
            ),
        );
    }
    // The clearest window speaks; the others repeat it.
    let beats = windows.iter().filter_map(|w| Some((w, rhythm::beat(w)?)));
    if let Some((window, beat)) = beats.min_by(|a, b| a.1.log10_nfa.total_cmp(&b.1.log10_nfa))
        && beat.log10_nfa < -2.0
    {
        evidence.measure(
            "beat of an earlier encoding, log10 of false alarms",
            (beat.log10_nfa * 100.0).round() / 100.0,
            "",
        );
        evidence.remark(
            Severity::Info,
            format!(
                "Every {} frames from {:.2} s on the change between frames beats, though there is no key frame now (10^{:.1} such beats are expected by chance): \
                 the clip was probably encoded before with key frames at this distance. Every platform encodes again.",
                beat.period,
                window.time(beat.phase),
                beat.log10_nfa
            ),
        );
    }
}
