//! Boxes, tracks and clocks of a video file.
//!
//! The tables hold strings that writers are known to leave; each was read in files of that writer
//! or in its public source, and each can be imitated. A remark says "typical of".
use assay_evidence::{Evidence, Severity};
use assay_media::bmff::{BoxTree, Track};
use assay_media::{Source, StreamKind};

use super::quoted;

/// Handler names and whose habit they are.
const HANDLERS: &[(&str, &str)] = &[
    ("Core Media Video", "Apple devices and programs"),
    ("Core Media Audio", "Apple devices and programs"),
    ("VideoHandler", "FFmpeg and what builds on it"),
    ("SoundHandler", "FFmpeg and what builds on it"),
    ("VideoHandle", "the recorder of Android"),
    ("SoundHandle", "the recorder of Android"),
    ("GPAC ISO Video Handler", "GPAC MP4Box, which many converters use"),
    ("GPAC ISO Audio Handler", "GPAC MP4Box, which many converters use"),
    ("ISO Media file produced by Google", "YouTube and other services of Google"),
    ("Mainconcept Video Media Handler", "Adobe's exporters (MainConcept encoder)"),
    ("#Mainconcept", "Adobe's exporters (MainConcept encoder)"),
    ("Apple Video Media Handler", "QuickTime and Adobe's exporters"),
    ("GoPro AVC", "GoPro cameras"),
    ("GoPro H.265", "GoPro cameras"),
    ("DJI.AVC", "DJI cameras"),
    ("Twitter-vork muxer", "Twitter"),
    ("Vireo Eyes", "Twitter's Vireo library"),
    ("Bento4", "the Bento4 tools"),
    ("L-SMASH", "the L-SMASH tools"),
];

/// Clocks that FFmpeg gives a track: frame rate, ticks a second (it doubles the rate until it
/// exceeds 10,000).
const DOUBLED_CLOCK: u32 = 10_000;

pub(super) fn check(source: &Source, evidence: &mut Evidence) {
    if let Some(boxes) = source.boxes() {
        layout(boxes, evidence);
        for (index, track) in boxes.tracks.iter().enumerate() {
            handler(track, evidence);
            edits(boxes, index, track, evidence);
            clock(index, track, evidence);
        }
        durations(boxes, evidence);
        for problem in boxes.problems.iter().take(6) {
            evidence.remark(
                Severity::Notice,
                format!("The boxes are not well formed: {problem}. Damage and careless programs do this."),
            );
        }
    }
    streams(source, evidence);
}

fn layout(boxes: &BoxTree, evidence: &mut Evidence) {
    let order: Vec<String> = boxes.top_level().iter().take(12).map(ToString::to_string).collect();
    if let Some(brands) = &boxes.brands {
        let compatible: Vec<String> = brands.compatible.iter().take(12).map(ToString::to_string).collect();
        let major = brands.major.to_string();
        let habit = match (major.as_str(), brands.minor, compatible.join(" ").as_str()) {
            ("isom", 512, "isom iso2 avc1 mp41" | "isom iso2 mp41") => " This is what FFmpeg writes by default.",
            ("qt  ", 512, "qt  ") => " This is what FFmpeg writes for QuickTime.",
            ("qt  ", 0, "qt  ") => " Apple's devices write this.",
            ("mp42", 0, "isom mp42") => " Android's recorder, Google's services and several editors write this.",
            ("mp42", 512, _) => " FFmpeg-based converters such as HandBrake write this.",
            ("mp41", 538_120_216, _) => " GoPro cameras write this.",
            ("XAVC", _, _) => " Sony cameras write this.",
            ("MSNV", _, _) => " Sony devices and exporters for them write this.",
            _ => "",
        };
        evidence.remark(
            Severity::Info,
            format!(
                "Brand {} {}, compatible {}; boxes in the order {}.{habit}",
                quoted(&major),
                brands.minor,
                quoted(&compatible.join(" ")),
                quoted(&order.join(" "))
            ),
        );
    } else {
        evidence
            .remark(Severity::Info, "There is no file type box: an old QuickTime file, or one whose start was cut.");
    }
    if boxes.is_fragmented() {
        evidence.remark(
            Severity::Info,
            "The media come in fragments: streaming services and screen recorders write so, cameras hardly ever.",
        );
    } else {
        match boxes.moov_first() {
            Some(true) => evidence.remark(
                Severity::Info,
                "The index (moov) stands before the media: made ready for streaming by a program or platform. A camera writes the index when the recording ends, so it comes last.",
            ),
            Some(false) => evidence.remark(Severity::Info, "The index (moov) stands after the media, as cameras and simple converters write it."),
            None => {}
        }
    }
    let (movies, media) = (boxes.count(b"moov"), boxes.count(b"mdat"));
    if movies > 1 {
        evidence.remark(
            Severity::Notice,
            format!("There are {movies} movie boxes where one belongs: files were joined, or an index was rebuilt."),
        );
    }
    if media > 1 && !boxes.is_fragmented() {
        evidence.remark(Severity::Info, format!("The media lie in {media} separate boxes; some cameras split long recordings so, most programs write one."));
    }
}

fn handler(track: &Track, evidence: &mut Evidence) {
    let name = track.handler_name.trim();
    let whose = HANDLERS.iter().filter(|(start, _)| name.starts_with(start)).max_by_key(|(start, _)| start.len());
    if let Some((_, whose)) = whose {
        evidence.remark(Severity::Info, format!("A track has the handler name {}: typical of {whose}.", quoted(name)));
    }
    let has_turn = track.rotation_degrees().is_some();
    if track.handler.0 == *b"vide" && !has_turn && track.matrix != [0; 9] {
        evidence.remark(
            Severity::Notice,
            "The display matrix of the picture track mirrors, scales or shears; devices only turn by quarters. Front cameras that mirror, and editors, write this.",
        );
    }
}

fn edits(boxes: &BoxTree, index: usize, track: &Track, evidence: &mut Evidence) {
    if track.timescale == 0 || track.edits.is_empty() {
        return;
    }
    let movie_scale = f64::from(boxes.movie.as_ref().map_or(0, |m| m.timescale).max(1));
    let ticks = f64::from(track.timescale);
    let played: Vec<_> = track.edits.iter().filter(|e| e.media_time >= 0).collect();
    if played.len() > 1 {
        evidence.remark(
            Severity::Notice,
            format!(
                "The edit list of track {index} plays {} separate stretches of the recorded media: it was cut without new encoding, in an editor or on the telephone.",
                played.len()
            ),
        );
    }
    if let Some(odd) = track.edits.iter().find(|e| e.rate != 65_536 && e.media_time >= 0) {
        evidence.remark(
            Severity::Notice,
            format!("The edit list of track {index} plays at {:.2} times the recorded speed; slow-motion modes of telephones do this.", f64::from(odd.rate) / 65_536.0),
        );
    }
    if let [only] = played[..] {
        let hidden_start = only.media_time as f64 / ticks;
        let shown = only.duration as f64 / movie_scale;
        let hidden_end = track.media_duration as f64 / ticks - hidden_start - shown;
        // A start of a few frames is the delay of reordered frames or of a sound encoder. A
        // duration of 0 means "to the end".
        if hidden_start > 0.5 {
            evidence.remark(
                Severity::Notice,
                format!(
                    "The first {hidden_start:.2} s of track {index} are in the file but hidden by the edit list: it was trimmed without new encoding. The hidden part can be looked at."
                ),
            );
        }
        if shown > 0.0 && hidden_end > 0.5 {
            evidence.remark(
                Severity::Notice,
                format!("The last {hidden_end:.2} s of track {index} are in the file but hidden by the edit list: it was trimmed without new encoding."),
            );
        }
    }
}

fn clock(index: usize, track: &Track, evidence: &mut Evidence) {
    let Some(times) = track.time_to_sample else { return };
    if track.handler.0 != *b"vide" || times.longest == 0 || track.timescale == 0 {
        return;
    }
    if times.is_constant() {
        let rate = f64::from(track.timescale) / f64::from(times.longest);
        let whole = rate.fract() == 0.0 && rate > 0.0;
        let doublings = (f64::from(track.timescale) / rate).log2();
        if whole
            && track.timescale > DOUBLED_CLOCK
            && track.timescale / 2 <= DOUBLED_CLOCK
            && doublings.fract() == 0.0
            && doublings > 4.0
        {
            evidence.remark(
                Severity::Info,
                format!(
                    "Track {index} counts {} ticks a second at {rate} frames: FFmpeg doubles the frame rate until it passes {DOUBLED_CLOCK}, which gives this number; telephones mostly \
                     count 600, 30,000 or 90,000.",
                    track.timescale
                ),
            );
        }
    } else if f64::from(times.longest) > 1.9 * f64::from(track.timescale) * track_step(track, times.samples) {
        evidence.remark(
            Severity::Info,
            format!(
                "The longest frame of track {index} lasts {:.0} ms, the shortest {:.0} ms: a variable frame rate, as telephones and screen recorders write it.",
                f64::from(times.longest) * 1000.0 / f64::from(track.timescale),
                f64::from(times.shortest) * 1000.0 / f64::from(track.timescale)
            ),
        );
    }
}

/// Mean seconds of a sample.
fn track_step(track: &Track, samples: u64) -> f64 {
    track.media_duration as f64 / f64::from(track.timescale.max(1)) / samples.max(1) as f64
}

fn durations(boxes: &BoxTree, evidence: &mut Evidence) {
    let secs = |t: &&Track| t.media_duration as f64 / f64::from(t.timescale.max(1));
    let of = |kind: &[u8; 4]| {
        boxes
            .tracks
            .iter()
            .filter(|t| t.handler.0 == *kind && t.media_duration > 0)
            .map(|t| secs(&t))
            .fold(0.0, f64::max)
    };
    let (picture, sound) = (of(b"vide"), of(b"soun"));
    if picture > 0.0 && sound > 0.0 && (picture - sound).abs() > 0.5_f64.max(0.02 * picture) {
        evidence.remark(
            Severity::Notice,
            format!("The picture track lasts {picture:.2} s, the sound {sound:.2} s: one was cut or replaced, or the recording ended badly."),
        );
    }
    if let Some(movie) = boxes.movie.as_ref().filter(|m| m.timescale > 0 && m.duration > 0) {
        let stated = movie.duration as f64 / f64::from(movie.timescale);
        let longest = boxes.tracks.iter().map(|t| t.duration as f64 / f64::from(movie.timescale)).fold(0.0, f64::max);
        if longest > 0.0 && (stated - longest).abs() > 0.1_f64.max(0.01 * longest) {
            evidence.remark(
                Severity::Inconsistent,
                format!("The movie header states {stated:.2} s, its longest track {longest:.2} s; by the standard they are equal. An index edited by hand or by a careless program differs."),
            );
        }
    }
}

fn streams(source: &Source, evidence: &mut Evidence) {
    let Some(video) = source.video() else { return };
    let main = video.main_stream();
    if let (Some((n, d)), Some((an, ad))) = (main.nominal_rate, main.average_rate) {
        let (nominal, average) = (f64::from(n) / f64::from(d), f64::from(an) / f64::from(ad));
        if (nominal / average - 1.0).abs() > 0.05 {
            evidence.remark(
                Severity::Info,
                format!("The nominal frame rate is {nominal:.2}, the average {average:.2}: frames are missing from an even rhythm, or the rate is variable."),
            );
        }
    }
    if let (Some(start), Some(first)) = (video.start_secs, main.start_secs)
        && first - start > 0.5
    {
        evidence.remark(
            Severity::Notice,
            format!(
                "The picture starts {:.2} s after the sound: the start was cut off without new encoding.",
                first - start
            ),
        );
    }
    let sounds = video.streams.iter().filter(|s| s.kind == StreamKind::Audio).count();
    if sounds == 0 {
        evidence.remark(Severity::Info, "There is no sound. Cameras record it; converters, platforms' previews and screen recorders often leave it out.");
    }
    if let (Some(file), Some(track)) = (video.duration_secs, main.duration_secs)
        && (file - track).abs() > 0.5_f64.max(0.02 * file)
        && source.boxes().is_none()
    {
        evidence
            .remark(Severity::Notice, format!("The container states {file:.2} s, the picture stream {track:.2} s."));
    }
}
