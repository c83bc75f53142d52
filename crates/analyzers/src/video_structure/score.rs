//! From the four questions to one number.
//!
//! The decision that shapes it: each answer is brought to units of its own spread over untouched
//! clips, and the largest counts. The constants are the middle and the spread of the largest value
//! in three seconds of untouched talking-head clips, measured on the calibration split of the
//! planted clips.
use super::{Window, jumps, repeats, rhythm};

/// What a place is, from what explains least to what explains most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Frames are missing, or others begin.
    Jump,
    /// A frame is held.
    Freeze,
    /// Motion is shown twice.
    Repeat,
    /// Frames were put in.
    Insertion,
}

/// One place that stands out, or the most outstanding one of its kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// What it is.
    pub kind: Kind,
    /// Position of the first frame in the window.
    pub from: usize,
    /// Frames; 0 for a jump.
    pub frames: usize,
    /// In spreads over untouched clips.
    pub excess: f64,
    /// For a jump: its step relative to the largest around it.
    pub detail: f64,
}

/// Everything seen in one window.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Looked {
    /// Places by kind.
    pub found: Vec<Found>,
    /// Positions of cuts to another shot.
    pub cuts: Vec<usize>,
    /// Frames that repeat the one before.
    pub repeated: usize,
    /// Their period, if they have one.
    pub cadence: Option<usize>,
}

/// The excess of a kind of which there is no trace.
pub(super) const NOTHING: f64 = -2.0;
/// Excess beyond this tells no more.
const MOST: f64 = 12.0;

impl Looked {
    /// The largest excess.
    pub(super) fn score(&self) -> f64 {
        self.found.iter().map(|f| f.excess).fold(NOTHING, f64::max)
    }
}

/// Asks the four questions of one window.
pub(super) fn look(window: &Window) -> Looked {
    let mut looked = Looked::default();
    for jump in jumps::jumps(window) {
        if jump.cut {
            looked.cuts.push(jump.at);
            continue;
        }
        let excess = (jump.strength - 2.15 + 0.6 * (jump.factor.max(0.5) / 1.45).ln()) / 0.5;
        looked.found.push(Found {
            kind: Kind::Jump,
            from: jump.at,
            frames: 0,
            excess: excess.min(MOST),
            detail: jump.factor,
        });
    }
    let freezes = repeats::freezes(window);
    looked.repeated = freezes.iter().map(|f| f.frames).sum();
    looked.cadence = rhythm::cadence(&freezes.iter().map(|f| f.from).collect::<Vec<_>>());
    for (i, freeze) in freezes.iter().enumerate() {
        // Where pictures often stand still, one more such run says little.
        let usual = freezes.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, f)| f.frames).max().unwrap_or(0);
        let excess = freeze.frames as f64 - usual as f64 - 2.0;
        looked.found.push(Found {
            kind: Kind::Freeze,
            from: freeze.from,
            frames: freeze.frames,
            excess: excess.min(MOST),
            detail: freeze.catch_up,
        });
    }
    if let Some(repeat) = repeats::repeat(window) {
        let excess = repeat.strength / 0.5 - 1.0;
        let from = repeat.from + repeat.lag;
        looked.found.push(Found {
            kind: Kind::Repeat,
            from,
            frames: repeat.frames,
            excess: excess.min(MOST),
            detail: 0.0,
        });
    }
    if let Some(insertion) = repeats::insertion(window) {
        let excess = insertion.strength / 0.25 - 1.0;
        looked.found.push(Found {
            kind: Kind::Insertion,
            from: insertion.from,
            frames: insertion.frames,
            excess: excess.min(MOST),
            detail: 0.0,
        });
    }
    looked
}
