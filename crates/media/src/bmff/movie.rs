//! The fields of `mvhd` and of the boxes of a track (ISO/IEC 14496-12 8.2 to 8.6, ISO/IEC 14496-15
//! for the codec configurations).
use super::fields::{Fields, text};
use super::walk::FourCc;

/// `mvhd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movie {
    /// Creation time in seconds since 1970 UTC; `None` when the file says 0.
    pub creation_unix: Option<i64>,
    /// Modification time in seconds since 1970 UTC.
    pub modification_unix: Option<i64>,
    /// Ticks a second.
    pub timescale: u32,
    /// Duration in ticks.
    pub duration: u64,
}

/// One entry of an edit list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Length in ticks of the movie.
    pub duration: u64,
    /// Start in ticks of the track's media; -1 for an empty edit.
    pub media_time: i64,
    /// Speed, 16.16 fixed point; 65536 is normal.
    pub rate: i32,
}

/// Summary of `stts`, the durations of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeToSample {
    /// Entries of the table.
    pub entries: u32,
    /// Samples in all.
    pub samples: u64,
    /// Shortest duration in ticks of the track.
    pub shortest: u32,
    /// Longest duration in ticks of the track.
    pub longest: u32,
}

impl TimeToSample {
    /// True when all samples last equally long; the last one is often different and is not let off
    /// here.
    pub fn is_constant(&self) -> bool {
        self.shortest == self.longest
    }
}

/// One track.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    /// Track id.
    pub id: u32,
    /// Creation time in seconds since 1970 UTC, from `tkhd`.
    pub creation_unix: Option<i64>,
    /// Modification time in seconds since 1970 UTC, from `tkhd`.
    pub modification_unix: Option<i64>,
    /// Duration in ticks of the movie.
    pub duration: u64,
    /// Transformation matrix as stored: a b u c d v x y w, 16.16 except u v w (2.30).
    pub matrix: [i32; 9],
    /// Width as shown before rotation, in pixels.
    pub width: f64,
    /// Height as shown before rotation, in pixels.
    pub height: f64,
    /// Edit list; empty when there is none.
    pub edits: Vec<Edit>,
    /// Creation time from `mdhd`.
    pub media_creation_unix: Option<i64>,
    /// Modification time from `mdhd`.
    pub media_modification_unix: Option<i64>,
    /// Ticks a second of the media.
    pub timescale: u32,
    /// Duration in ticks of the media.
    pub media_duration: u64,
    /// ISO 639-2 code, or the Macintosh code number of old QuickTime files.
    pub language: String,
    /// Handler type: `vide`, `soun`, `meta`, `tmcd` ...
    pub handler: FourCc,
    /// Handler name, often the writer's mark.
    pub handler_name: String,
    /// Types of the sample descriptions, in order; the first is the codec.
    pub codecs: Vec<FourCc>,
    /// Profile and level from the codec configuration, in words.
    pub profile: Option<String>,
    /// Compressor name of the visual sample entry, mostly empty or the encoder.
    pub compressor: String,
    /// Coded width and height of the visual sample entry.
    pub coded_size: Option<(u16, u16)>,
    /// `nclx` or `nclc` colour: primaries, transfer, matrix, full range (ISO/IEC 23091-2 code
    /// points).
    pub colour: Option<(u16, u16, u16, Option<bool>)>,
    /// Summary of `stts`.
    pub time_to_sample: Option<TimeToSample>,
    /// Sync samples; `None` means all are.
    pub sync_samples: Option<u32>,
    /// True with composition offsets (`ctts`), which reordered frames need.
    pub composition_offsets: bool,
}

impl Track {
    /// Clockwise turn in degrees that the matrix asks for: 0, 90, 180 or 270; `None` for anything
    /// that is not a quarter turn.
    pub fn rotation_degrees(&self) -> Option<i32> {
        let [a, b, _, c, d, ..] = self.matrix;
        match (a.signum(), b.signum(), c.signum(), d.signum()) {
            (1, 0, 0, 1) | (0, 0, 0, 0) => Some(0),
            (0, 1, -1, 0) => Some(90),
            (-1, 0, 0, -1) => Some(180),
            (0, -1, 1, 0) => Some(270),
            _ => None,
        }
    }

    /// Takes the payload of a box for which [`is_of_track`] holds; `false` when it is cut off.
    pub(super) fn take(&mut self, kind: [u8; 4], payload: &[u8]) -> bool {
        let mut fields = Fields(payload);
        let read = match &kind {
            b"tkhd" => self.header(&mut fields),
            b"elst" => self.edit_list(&mut fields),
            b"mdhd" => self.media_header(&mut fields),
            b"hdlr" => self.handler(&mut fields),
            b"stsd" => self.sample_descriptions(&mut fields),
            b"stts" => self.durations(&mut fields),
            b"stss" => fields.full_box().and_then(|_| fields.u32()).map(|count| self.sync_samples = Some(count)),
            _ => {
                self.composition_offsets = true;
                Some(())
            }
        };
        read.is_some()
    }

    fn header(&mut self, fields: &mut Fields) -> Option<()> {
        let (version, _) = fields.full_box()?;
        self.creation_unix = unix(fields.versioned(version)?);
        self.modification_unix = unix(fields.versioned(version)?);
        self.id = fields.u32()?;
        fields.u32()?;
        self.duration = fields.versioned(version)?;
        fields.bytes(16)?;
        for cell in &mut self.matrix {
            *cell = fields.u32()? as i32;
        }
        self.width = f64::from(fields.u32()?) / 65536.0;
        self.height = f64::from(fields.u32()?) / 65536.0;
        Some(())
    }

    fn edit_list(&mut self, fields: &mut Fields) -> Option<()> {
        let (version, _) = fields.full_box()?;
        let count = fields.u32()?;
        for _ in 0..count.min(65_536) {
            let duration = fields.versioned(version)?;
            let media_time = if version == 1 { fields.u64()? as i64 } else { i64::from(fields.u32()? as i32) };
            self.edits.push(Edit { duration, media_time, rate: fields.u32()? as i32 });
        }
        Some(())
    }

    fn media_header(&mut self, fields: &mut Fields) -> Option<()> {
        let (version, _) = fields.full_box()?;
        self.media_creation_unix = unix(fields.versioned(version)?);
        self.media_modification_unix = unix(fields.versioned(version)?);
        self.timescale = fields.u32()?;
        self.media_duration = fields.versioned(version)?;
        let packed = fields.u16()?;
        // QuickTime writes 0x7FFF for no language.
        self.language = if packed == 0x7fff {
            "unspecified".into()
        } else if packed < 0x400 {
            format!("Macintosh {packed}")
        } else {
            [10, 5, 0].map(|shift| char::from(0x60 + (packed >> shift & 31) as u8)).iter().collect()
        };
        Some(())
    }

    fn handler(&mut self, fields: &mut Fields) -> Option<()> {
        fields.full_box()?;
        let quicktime = fields.u32()? != 0;
        self.handler = FourCc(fields.array()?);
        fields.bytes(12)?;
        let name = fields.0;
        // QuickTime counts the name's bytes in front of it, ISO ends it with a zero.
        let counted = name.first().is_some_and(|&n| quicktime && usize::from(n) < name.len());
        self.handler_name = if counted { text(name.get(1..1 + usize::from(name[0]))?) } else { fields.c_text() };
        Some(())
    }

    fn durations(&mut self, fields: &mut Fields) -> Option<()> {
        fields.full_box()?;
        let entries = fields.u32()?;
        let mut summary = TimeToSample { entries, samples: 0, shortest: u32::MAX, longest: 0 };
        for _ in 0..entries {
            let (count, ticks) = (fields.u32()?, fields.u32()?);
            summary.samples += u64::from(count);
            if count > 0 {
                summary.shortest = summary.shortest.min(ticks);
                summary.longest = summary.longest.max(ticks);
            }
        }
        summary.shortest = summary.shortest.min(summary.longest);
        self.time_to_sample = Some(summary);
        Some(())
    }

    fn sample_descriptions(&mut self, fields: &mut Fields) -> Option<()> {
        fields.full_box()?;
        let count = fields.u32()?;
        for index in 0..count.min(64) {
            let size = fields.u32()? as usize;
            let kind = FourCc(fields.array()?);
            let mut entry = Fields(fields.bytes(size.checked_sub(8)?)?);
            self.codecs.push(kind);
            if index == 0 && self.handler.0 != *b"soun" {
                // A short entry of another kind of track (timed text, metadata) is not an error.
                let _ = self.visual_entry(&mut entry);
            }
        }
        Some(())
    }

    fn visual_entry(&mut self, entry: &mut Fields) -> Option<()> {
        entry.bytes(24)?;
        let (width, height) = (entry.u16()?, entry.u16()?);
        entry.bytes(14)?;
        let name = entry.array::<32>()?;
        entry.bytes(4)?;
        if width > 0 && height > 0 {
            self.coded_size = Some((width, height));
            self.compressor = text(name.get(1..1 + usize::from(name[0])).unwrap_or_default());
        }
        while let Some(size) = entry.u32() {
            let kind = entry.array::<4>()?;
            let payload = entry.bytes((size as usize).checked_sub(8)?)?;
            if let Some(profile) = profile(kind, payload) {
                self.profile = Some(profile);
            } else if kind == *b"colr" {
                self.colour = colour(&mut Fields(payload)).or(self.colour);
            }
        }
        Some(())
    }
}

/// True for the boxes that [`Track::take`] reads.
pub(super) fn is_of_track(kind: [u8; 4]) -> bool {
    matches!(&kind, b"tkhd" | b"elst" | b"mdhd" | b"hdlr" | b"stsd" | b"stts" | b"stss" | b"ctts")
}

/// Seconds since 1904 to seconds since 1970; 0 means not set.
fn unix(since_1904: u64) -> Option<i64> {
    (since_1904 != 0).then_some(since_1904 as i64).and_then(|seconds| seconds.checked_sub(2_082_844_800))
}

/// Reads `mvhd`.
pub(super) fn movie(payload: &[u8]) -> Option<Movie> {
    let mut fields = Fields(payload);
    let (version, _) = fields.full_box()?;
    Some(Movie {
        creation_unix: unix(fields.versioned(version)?),
        modification_unix: unix(fields.versioned(version)?),
        timescale: fields.u32()?,
        duration: fields.versioned(version)?,
    })
}

fn colour(fields: &mut Fields) -> Option<(u16, u16, u16, Option<bool>)> {
    let kind = fields.array::<4>()?;
    if !matches!(&kind, b"nclx" | b"nclc") {
        return None;
    }
    let (primaries, transfer, matrix) = (fields.u16()?, fields.u16()?, fields.u16()?);
    Some((primaries, transfer, matrix, fields.u8().filter(|_| kind == *b"nclx").map(|flags| flags & 0x80 != 0)))
}

fn profile(kind: [u8; 4], payload: &[u8]) -> Option<String> {
    let mut fields = Fields(payload);
    match &kind {
        b"avcC" => {
            let [_, profile, constraints, level] = fields.array()?;
            let name = match profile {
                66 if constraints & 0x40 != 0 => "Constrained Baseline",
                66 => "Baseline",
                77 => "Main",
                88 => "Extended",
                100 => "High",
                110 => "High 10",
                122 => "High 4:2:2",
                244 => "High 4:4:4 Predictive",
                _ => "unknown",
            };
            Some(format!("H.264 {name} ({profile}), level {}.{}", level / 10, level % 10))
        }
        b"hvcC" => {
            let [_, profile] = fields.array()?;
            fields.bytes(10)?;
            let level = fields.u8()?;
            let name = match profile & 31 {
                1 => "Main",
                2 => "Main 10",
                3 => "Main Still Picture",
                4 => "Range Extensions",
                _ => "unknown",
            };
            let tier = if profile & 32 != 0 { "High" } else { "Main" };
            Some(format!("HEVC {name} ({}), {tier} tier, level {:.1}", profile & 31, f32::from(level) / 30.0))
        }
        b"av1C" => {
            let [_, packed] = fields.array()?;
            Some(format!("AV1 profile {}, level index {}", packed >> 5, packed & 31))
        }
        b"vpcC" => {
            fields.full_box()?;
            let [profile, level] = fields.array()?;
            Some(format!("VP9 profile {profile}, level {}.{}", level / 10, level % 10))
        }
        _ => None,
    }
}
