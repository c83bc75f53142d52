//! What was learned: the weights of the numbers and the level of the score, apart for each way of
//! saving.
//!
//! The decision that shapes it: the table is a file in the repository that an experiment writes,
//! with the counts behind its levels, so that nobody tunes a constant here.
use assay_media::jpeg::nearest_quality;
use serde::{Deserialize, Serialize};

use super::measure::COUNT;

const SHIPPED: &str = include_str!("table.json");

/// How a still picture was saved, as far as it changes the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedAs {
    /// JPEG whose luma table is nearest to an IJG quality of 90 to 100.
    Jpeg90,
    /// 80 to 89.
    Jpeg80,
    /// 70 to 79.
    Jpeg70,
    /// Below 70.
    JpegLow,
    /// PNG, BMP, TIFF.
    Lossless,
    /// Every other format: what was learned from all the others together, at the highest of their
    /// levels.
    Other,
}

impl SavedAs {
    /// Those that are learned, then [`SavedAs::Other`].
    pub const ALL: [Self; 6] = [Self::Jpeg90, Self::Jpeg80, Self::Jpeg70, Self::JpegLow, Self::Lossless, Self::Other];

    /// Of a file of this format, with its luma quantisation table when it is a JPEG.
    pub fn of(format: &str, luma_table: Option<&[u16; 64]>) -> Self {
        match (luma_table, format) {
            (Some(table), _) => Self::of_quality(nearest_quality(table, false).0),
            (None, "png" | "bmp" | "tiff") => Self::Lossless,
            _ => Self::Other,
        }
    }

    /// Of a JPEG of this IJG quality.
    pub fn of_quality(quality: u8) -> Self {
        match quality {
            90.. => Self::Jpeg90,
            80..=89 => Self::Jpeg80,
            70..=79 => Self::Jpeg70,
            _ => Self::JpegLow,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Jpeg90 => "JPEG of quality 90 to 100",
            Self::Jpeg80 => "JPEG of quality 80 to 89",
            Self::Jpeg70 => "JPEG of quality 70 to 79",
            Self::JpegLow => "JPEG of a quality below 70",
            Self::Lossless => "lossless",
            Self::Other => "any other format",
        }
    }
}

/// What was learned for one way of saving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// The way of saving.
    pub saved_as: SavedAs,
    /// Photographs that the weights were fitted to.
    pub photographs: u32,
    /// Drawn pictures that they were fitted to.
    pub drawn: u32,
    /// Mean of each number over both, which is taken off.
    pub mean: Vec<f64>,
    /// Standard deviation of each number, by which it is divided.
    pub spread: Vec<f64>,
    /// Weights of the numbers, then the intercept; the score is the natural logarithm of the odds
    /// at equal classes.
    pub weights: Vec<f64>,
    /// From this score on a picture is called screen content.
    pub level: f64,
    /// Photographs that the level was set with, none of which the weights had seen.
    pub level_photographs: u32,
    /// Those of them that reach the level.
    pub level_reached: u32,
}

impl Learned {
    /// The score of a picture with these numbers, to four decimals.
    pub fn score(&self, numbers: &[f64; COUNT]) -> f64 {
        let part = |i: usize| {
            let at = |list: &[f64]| list.get(i).copied().unwrap_or(0.0);
            at(&self.weights) * (numbers[i] - at(&self.mean)) / at(&self.spread).max(1e-9)
        };
        let sum: f64 = (0..COUNT).map(part).sum::<f64>() + self.weights.get(COUNT).copied().unwrap_or(0.0);
        (sum * 1e4).round() / 1e4
    }
}

/// Everything learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScreenTable {
    /// What it was learned from, one line.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    /// The names of the numbers.
    pub numbers: Vec<String>,
    /// One entry a way of saving.
    pub learned: Vec<Learned>,
}

impl ScreenTable {
    /// The table that ships with this build.
    ///
    /// # Errors
    /// When the embedded file does not parse, which a test rules out.
    pub fn shipped() -> Result<Self, serde_json::Error> {
        serde_json::from_str(SHIPPED)
    }

    /// The entry for a way of saving.
    pub fn of(&self, saved_as: SavedAs) -> Option<&Learned> {
        self.learned.iter().find(|l| l.saved_as == saved_as)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen_content::measure::NAMES;

    #[test]
    fn the_shipped_table_is_complete_and_its_levels_keep_their_promise() {
        let table = ScreenTable::shipped().unwrap();
        assert_eq!(table.numbers, NAMES);
        for saved_as in SavedAs::ALL {
            let learned = table.of(saved_as).unwrap();
            assert_eq!((learned.mean.len(), learned.spread.len(), learned.weights.len()), (COUNT, COUNT, COUNT + 1));
            assert!(learned.drawn >= 80 && learned.photographs >= 300, "{saved_as:?}");
            assert!(200 * learned.level_reached <= learned.level_photographs, "{saved_as:?}");
        }
    }

    #[test]
    fn formats_and_tables_have_their_entry() {
        let table = |quality| assay_media::jpeg::standard_table(quality, false);
        assert_eq!(SavedAs::of("jpeg", Some(&table(92))), SavedAs::Jpeg90);
        assert_eq!(SavedAs::of("jpeg", Some(&table(72))), SavedAs::Jpeg70);
        assert_eq!(SavedAs::of("png", None), SavedAs::Lossless);
        assert_eq!(SavedAs::of("webp", None), SavedAs::Other);
    }
}
