//! The boxes in words.
use assay_evidence::{Fact, FactGroup};

use super::{BoxTree, Track};
use crate::metadata::time::unix_text;

/// Boxes listed in the outline at most.
const OUTLINE: usize = 200;

impl BoxTree {
    /// Facts for the report: the file, each track, the metadata entries.
    pub fn facts(&self) -> Vec<FactGroup> {
        let mut groups = vec![self.file_facts()];
        for (index, track) in self.tracks.iter().enumerate() {
            groups.push(track_facts(index, track));
        }
        if !self.tags.is_empty() {
            let facts = self.tags.iter().map(|tag| Fact::new(tag.key.as_str(), &tag.value)).collect();
            groups.push(FactGroup { title: "Container metadata".into(), facts });
        }
        groups
    }

    fn file_facts(&self) -> FactGroup {
        let mut facts = Vec::new();
        let mut say = |name: &str, value: String| facts.push(Fact::new(name, value));
        if let Some(brands) = &self.brands {
            say("major brand", brands.major.to_string());
            say("minor version", brands.minor.to_string());
            say("compatible brands", list(&brands.compatible));
        }
        say("top-level boxes", list(&runs(&self.top_level())));
        if let Some(first) = self.moov_first() {
            say("moov", if first { "before mdat" } else { "after mdat" }.into());
        }
        if self.is_fragmented() {
            say("fragments", format!("{} moof, {} sidx", self.count(b"moof"), self.count(b"sidx")));
        }
        for kind in [b"free", b"skip", b"wide"] {
            let sizes: Vec<String> =
                self.boxes.iter().filter(|b| b.is(kind)).take(16).map(|b| b.size.to_string()).collect();
            if !sizes.is_empty() {
                say(&format!("{} boxes (bytes)", String::from_utf8_lossy(kind)), sizes.join(", "));
            }
        }
        if let Some(movie) = &self.movie {
            if let Some(at) = movie.creation_unix {
                say("movie created", unix_text(at));
            }
            if let Some(at) = movie.modification_unix {
                say("movie modified", unix_text(at));
            }
            say("movie timescale", movie.timescale.to_string());
            say("movie duration (ticks)", movie.duration.to_string());
        }
        if self.c2pa {
            say("C2PA manifest", "present, not verified".into());
        }
        if !self.xmp.is_empty() {
            say("XMP packets", self.xmp.len().to_string());
        }
        say("outline", self.outline());
        for problem in self.problems.iter().take(32) {
            say("problem", problem.clone());
        }
        FactGroup { title: "ISO base media boxes".into(), facts }
    }

    /// Box types in file order with their nesting: `ftyp moov(mvhd trak(tkhd ...))`. Box order
    /// tells writers apart.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        let mut depth = 0;
        for (index, node) in self.boxes.iter().take(OUTLINE).enumerate() {
            if index > 0 && node.depth > depth {
                out.push('(');
            } else {
                out.extend(std::iter::repeat_n(')', usize::from(depth - node.depth.min(depth))));
                if index > 0 {
                    out.push(' ');
                }
            }
            depth = node.depth;
            out.push_str(&node.kind.to_string());
        }
        out.extend(std::iter::repeat_n(')', usize::from(depth)));
        if self.boxes.len() > OUTLINE {
            out.push_str(" …");
        }
        out
    }
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Folds repeats: a fragmented file has thousands of `moof mdat`.
fn runs(kinds: &[super::FourCc]) -> Vec<String> {
    let mut names: Vec<String> = kinds.iter().take(64).map(ToString::to_string).collect();
    if kinds.len() > 64 {
        names.push(format!("… ({} in all)", kinds.len()));
    }
    names
}

fn track_facts(index: usize, track: &Track) -> FactGroup {
    let mut facts = Vec::new();
    let mut say = |name: &str, value: String| facts.push(Fact::new(name, value));
    say("handler", format!("{} “{}”", track.handler, track.handler_name));
    say("codec", list(&track.codecs));
    if let Some(profile) = &track.profile {
        say("profile", profile.clone());
    }
    if !track.compressor.is_empty() {
        say("compressor name", track.compressor.clone());
    }
    if let Some((width, height)) = track.coded_size {
        say("coded size", format!("{width} x {height}"));
    }
    if track.width > 0.0 {
        say("track size", format!("{} x {}", track.width, track.height));
        let turn = track.rotation_degrees();
        say("rotation", turn.map_or_else(|| format!("matrix {:?}", track.matrix), |degrees| format!("{degrees}°")));
    }
    if let Some((primaries, transfer, matrix, full)) = track.colour {
        let range = full.map_or("", |full| if full { ", full range" } else { ", limited range" });
        say("colour code points", format!("{primaries}/{transfer}/{matrix}{range}"));
    }
    say("language", track.language.clone());
    for (name, time) in [
        ("created", track.creation_unix),
        ("modified", track.modification_unix),
        ("media created", track.media_creation_unix),
        ("media modified", track.media_modification_unix),
    ] {
        if let Some(at) = time {
            say(name, unix_text(at));
        }
    }
    say("timescale", track.timescale.to_string());
    say("media duration (ticks)", track.media_duration.to_string());
    for edit in track.edits.iter().take(16) {
        let what = if edit.media_time < 0 { "empty".into() } else { format!("from {}", edit.media_time) };
        say("edit", format!("{what}, {} ticks, rate {}", edit.duration, f64::from(edit.rate) / 65536.0));
    }
    if let Some(times) = track.time_to_sample {
        say("samples", times.samples.to_string());
        let pace = if times.is_constant() {
            format!("constant, {} ticks", times.longest)
        } else {
            format!("{} to {} ticks in {} runs", times.shortest, times.longest, times.entries)
        };
        say("sample durations", pace);
    }
    if let Some(count) = track.sync_samples {
        say("sync samples", count.to_string());
    }
    say("composition offsets", if track.composition_offsets { "yes" } else { "no" }.into());
    FactGroup { title: format!("Track {index}"), facts }
}
