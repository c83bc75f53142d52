//! What thresholds on the whole verdict would do to genuine files.
//!
//! The decision that shapes it: the verdict is put together from several questions, so a threshold has to be judged on files of which every question was asked, by
//! values that none of the tables was fitted with. The default is chosen here and nowhere else: the lowest threshold that at most 1 % of the genuine files
//! reach. It says nothing of forged files, and it does not learn how the questions are put together; that is fixed.
use serde::{Deserialize, Serialize};

use super::Condition;

/// Thresholds that the default is chosen from: finer than those of one question, because a mean over questions stays below any one of them.
const THRESHOLDS: [f64; 10] = [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0];

/// The embedded table.
const SHIPPED: &str = include_str!("../../calibration/verdict.json");

/// A genuine file and the whole verdict's value.
#[derive(Debug, Clone, PartialEq)]
pub struct GenuineFile {
    /// What it is, such as "photographs".
    pub what: String,
    /// Its condition.
    pub condition: Condition,
    /// The verdict's log10 likelihood ratio.
    pub log10_lr: f64,
}

/// Genuine files of one kind and condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenuineFiles {
    /// What they are.
    pub what: String,
    /// Their condition.
    pub condition: Condition,
    /// How many.
    pub files: u32,
    /// How many reach each threshold.
    pub above: Vec<u32>,
}

/// How many genuine files reach which threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// What the files are and how their values were come by.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    /// The thresholds, as likelihood ratios, rising.
    pub thresholds_lr: Vec<f64>,
    /// By kind and condition.
    pub parts: Vec<GenuineFiles>,
}

impl Whole {
    /// The table that ships with this build.
    ///
    /// # Errors
    /// When the embedded file does not parse, which a test rules out.
    pub fn shipped() -> Result<Self, serde_json::Error> {
        serde_json::from_str(SHIPPED)
    }

    /// Counts them.
    pub fn count(data: &str, made_with: &str, files: &[GenuineFile]) -> Self {
        let mut kinds: Vec<(&str, &Condition)> = files.iter().map(|f| (f.what.as_str(), &f.condition)).collect();
        kinds.sort();
        kinds.dedup();
        let part = |(what, condition): (&str, &Condition)| {
            let own = || files.iter().filter(|f| f.what == what && f.condition == *condition);
            GenuineFiles {
                what: what.to_owned(),
                condition: condition.clone(),
                files: own().count() as u32,
                above: THRESHOLDS.map(|t| own().filter(|f| crate::reaches(f.log10_lr, t)).count() as u32).to_vec(),
            }
        };
        Self {
            data: data.to_owned(),
            made_with: made_with.to_owned(),
            thresholds_lr: THRESHOLDS.to_vec(),
            parts: kinds.into_iter().map(part).collect(),
        }
    }

    /// All files.
    pub fn files(&self) -> u32 {
        self.parts.iter().map(|p| p.files).sum()
    }

    /// How many files reach each threshold.
    pub fn above(&self) -> impl Iterator<Item = (f64, u32)> {
        let sum = |at: usize| self.parts.iter().filter_map(|p| p.above.get(at)).sum();
        self.thresholds_lr.iter().enumerate().map(move |(at, t)| (*t, sum(at)))
    }

    /// The lowest threshold that at most 1 % of the files reach; `None` where there is none.
    pub fn threshold(&self) -> Option<f64> {
        let most = 0.01 * f64::from(self.files());
        self.above().find(|(_, above)| f64::from(*above) <= most).map(|(t, _)| t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_threshold_is_the_lowest_that_one_percent_of_genuine_files_reach() {
        let shipped = Whole::shipped().unwrap();
        assert!(shipped.files() > 1000, "{} genuine files", shipped.files());
        assert_eq!(shipped.threshold(), Some(crate::DEFAULT_THRESHOLD_LR));
    }

    #[test]
    fn files_of_every_kind_count_alike() {
        let file =
            |what: &str, lr: f64| GenuineFile { what: what.into(), condition: Condition::Video, log10_lr: lr.log10() };
        let mut files: Vec<GenuineFile> = (0..150).map(|_| file("a", 1.0)).collect();
        files.extend([file("b", 5.0), file("b", 6.5)]);
        let table = Whole::count("", "", &files);
        let above: Vec<(f64, u32)> = table.above().filter(|(t, _)| (5.0..=8.0).contains(t)).collect();
        assert_eq!((table.files(), above), (152, vec![(5.0, 2), (6.0, 1), (8.0, 0)]));
        assert_eq!(table.threshold(), Some(6.0), "one of 152 may be above, two may not");
        assert_eq!((table.parts[1].what.as_str(), table.parts[1].files), ("b", 2));
    }
}
