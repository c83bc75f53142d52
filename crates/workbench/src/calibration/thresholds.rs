//! From which likelihood ratio on a statement counts as found, when nothing else is said.
//!
//! The decision that shapes it: genuine files may be called found by mistake in at most one of a
//! hundred cases, all questions taken together. So this budget is shared out equally over the
//! questions that are asked of a kind of file, and each question's default is the lowest likelihood
//! ratio of a grid that at most its share of the genuine calibration files reach, by values that
//! were fitted without them. The counts are kept, so that a default can be checked by hand and a
//! question that comes later takes a share instead of diluting the others. Where no value of the
//! grid is rare enough there is no default, and nothing is found.
use std::collections::{BTreeMap, BTreeSet};

use assay_evidence::{MediaKind, Threshold};
use serde::{Deserialize, Serialize};

use super::Condition;

/// Thresholds that a default is chosen from, as likelihood ratios.
pub const GRID_LR: [f64; 21] = [
    2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 18.0, 20.0, 22.0, 25.0, 28.0, 30.0, 35.0, 40.0, 50.0, 60.0, 80.0,
    100.0,
];

/// Share of genuine files that may be above any threshold by mistake.
const BUDGET: f64 = 0.01;

/// The embedded table.
const SHIPPED: &str = include_str!("../../calibration/thresholds.json");

/// A genuine file and what was said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct GenuineFile {
    /// What it is, such as "photographs".
    pub what: String,
    /// Its condition.
    pub condition: Condition,
    /// log10 likelihood ratio by question id; absent where a question got no value.
    pub values: BTreeMap<String, f64>,
}

/// Genuine files of one kind and condition under one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// Question id.
    pub question: String,
    /// What they are.
    pub what: String,
    /// Their condition.
    pub condition: Condition,
    /// How many, with and without a value.
    pub files: u32,
    /// How many reach each threshold of the grid.
    pub above: Vec<u32>,
}

/// Genuine files of which any question reaches its default threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Together {
    /// What they are.
    pub what: String,
    /// Their condition.
    pub condition: Condition,
    /// How many.
    pub files: u32,
    /// How many of them are above a default.
    pub above: u32,
}

/// How many genuine files reach which threshold of which question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// What the files are and how their values were come by.
    pub data: String,
    /// The command that made it.
    pub made_with: String,
    /// Share of genuine files that may be above any threshold by mistake.
    pub budget: f64,
    /// The grid, as likelihood ratios, rising.
    pub grid_lr: Vec<f64>,
    /// By question, kind and condition.
    pub parts: Vec<Counted>,
    /// All questions together, where files were counted as wholes.
    pub together: Vec<Together>,
}

/// The default threshold of a question for a kind of file, with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Default {
    /// The likelihood ratio; `None` where no value of the grid is rare enough or no genuine file
    /// was counted.
    pub lr: Option<f64>,
    /// Genuine files.
    pub files: u32,
    /// Those that reach it.
    pub above: u32,
    /// The share of the budget.
    pub share: f64,
    /// Over how many questions the budget is shared out.
    pub questions: usize,
}

impl Thresholds {
    /// The table that ships with this build.
    ///
    /// # Errors
    /// When the embedded file does not parse, which a test rules out.
    pub fn shipped() -> Result<Self, serde_json::Error> {
        serde_json::from_str(SHIPPED)
    }

    /// Counts files that were examined as wholes.
    pub fn count(data: &str, made_with: &str, files: &[GenuineFile]) -> Self {
        let kinds: BTreeSet<(&str, &Condition)> = files.iter().map(|f| (f.what.as_str(), &f.condition)).collect();
        let questions: BTreeSet<&String> = files.iter().flat_map(|f| f.values.keys()).collect();
        let mut parts = Vec::new();
        for question in questions {
            for (what, condition) in &kinds {
                let own = || files.iter().filter(|f| f.what == *what && f.condition == **condition);
                let above =
                    |t: f64| own().filter(move |f| f.values.get(question).is_some_and(|v| crate::reaches(*v, t)));
                parts.push(Counted {
                    question: question.clone(),
                    what: (*what).to_owned(),
                    condition: (*condition).clone(),
                    files: own().count() as u32,
                    above: GRID_LR.map(|t| above(t).count() as u32).to_vec(),
                });
            }
        }
        Self {
            data: data.to_owned(),
            made_with: made_with.to_owned(),
            budget: BUDGET,
            grid_lr: GRID_LR.to_vec(),
            parts,
            together: Vec::new(),
        }
    }

    /// Counts, by the defaults that have come of all parts, how many of the files are above any. To
    /// be called when the table is complete.
    pub fn count_together(&mut self, files: &[GenuineFile]) {
        let kinds: BTreeSet<(&str, &Condition)> = files.iter().map(|f| (f.what.as_str(), &f.condition)).collect();
        let is_above = |file: &GenuineFile| {
            let kind = file.condition.kind();
            file.values.iter().any(|(id, v)| self.of(id, kind).lr.is_some_and(|lr| crate::reaches(*v, lr)))
        };
        let together = |(what, condition): (&str, &Condition)| {
            let own = || files.iter().filter(|f| f.what == what && f.condition == *condition);
            Together {
                what: what.to_owned(),
                condition: condition.clone(),
                files: own().count() as u32,
                above: own().filter(|f| is_above(f)).count() as u32,
            }
        };
        self.together = kinds.into_iter().map(together).collect();
    }

    /// The default threshold of a question for pictures or for videos. The questions that share the
    /// budget are those of which genuine files of this kind were counted, whatever a run asks: a
    /// threshold does not move with the analyzers that are chosen.
    pub fn of(&self, question: &str, kind: MediaKind) -> Default {
        let of_kind = || self.parts.iter().filter(|p| p.condition.kind() == kind);
        let questions = of_kind().map(|p| p.question.as_str()).collect::<BTreeSet<_>>().len();
        let own = || of_kind().filter(|p| p.question == question);
        let files: u32 = own().map(|p| p.files).sum();
        let share = self.budget / questions.max(1) as f64;
        let reach = |at: usize| own().filter_map(|p| p.above.get(at)).sum::<u32>();
        let rare = |above: u32| files > 0 && f64::from(above) <= share * f64::from(files);
        let found = self.grid_lr.iter().enumerate().map(|(at, lr)| (*lr, reach(at))).find(|(_, above)| rare(*above));
        let (lr, above) = found.map_or((None, 0), |(lr, above)| (Some(lr), above));
        Default { lr, files, above, share, questions }
    }
}

impl Default {
    /// As it stands in a report.
    pub fn threshold(&self, kind: MediaKind) -> Threshold {
        let what = if kind == MediaKind::Image { "pictures" } else { "stretches of clips" };
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        let basis = match self.lr {
            Some(_) => format!(
                "default: {} of {} genuine {what} of the calibration reach it ({}); one of {} questions that share a budget of {} may take {}",
                self.above,
                self.files,
                percent(f64::from(self.above) / f64::from(self.files.max(1))),
                self.questions,
                percent(self.share * self.questions as f64),
                percent(self.share)
            ),
            None if self.files == 0 => format!("no default: no genuine {what} were counted under this question"),
            None => format!(
                "no default: more than {} of {} genuine {what} of the calibration reach every value of the grid",
                percent(self.share),
                self.files
            ),
        };
        Threshold { lr: self.lr, basis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: Condition = Condition::Lossless;

    fn file(what: &str, values: &[(&str, f64)]) -> GenuineFile {
        let values = values.iter().map(|(id, lr)| ((*id).to_owned(), lr.log10())).collect();
        GenuineFile { what: what.into(), condition: PHOTO, values }
    }

    #[test]
    fn shipped_defaults_keep_the_budget() {
        let shipped = Thresholds::shipped().unwrap();
        assert_eq!(shipped.budget, BUDGET);
        assert!(shipped.grid_lr.is_sorted() && shipped.parts.iter().all(|p| p.above.len() == shipped.grid_lr.len()));
        for kind in [MediaKind::Image, MediaKind::Video] {
            let mut spent = 0.0;
            for question in crate::questions::QUESTIONS {
                let default = shipped.of(question.id, kind);
                spent += f64::from(default.above) / f64::from(default.files.max(1));
                let at = default.lr.map(|lr| shipped.grid_lr.iter().position(|g| *g == lr).unwrap());
                // One step lower would be too many: the default is the lowest.
                if let Some(lower) = at.and_then(|at| at.checked_sub(1)) {
                    let own = shipped.parts.iter().filter(|p| p.question == question.id && p.condition.kind() == kind);
                    let above: u32 = own.map(|p| p.above[lower]).sum();
                    assert!(f64::from(above) > default.share * f64::from(default.files), "{}", question.id);
                }
            }
            assert!(spent <= BUDGET + 1e-12, "{spent}");
        }
        let files: u32 = shipped.parts.iter().filter(|p| p.question == "part_altered").map(|p| p.files).sum();
        assert!(files > 1000, "{files} genuine files");
    }

    #[test]
    fn the_budget_is_shared_out_over_the_questions() {
        // Of 400 files, two questions may have two each.
        let mut files: Vec<GenuineFile> = (0..395).map(|_| file("a", &[("x", 1.0), ("y", 1.0)])).collect();
        files.extend([file("b", &[("x", 11.0), ("y", 1.0)]), file("b", &[("x", 9.0), ("y", 1.0)])]);
        files.extend([file("b", &[("x", 7.0), ("y", 1.0)]), file("b", &[("y", 6.0)]), file("b", &[])]);
        let mut table = Thresholds::count("", "", &files);
        let x = table.of("x", MediaKind::Image);
        assert_eq!((x.lr, x.above, x.files, x.questions), (Some(8.0), 2, 400, 2));
        assert!((x.share - 0.005).abs() < 1e-12);
        assert_eq!(table.of("y", MediaKind::Image).lr, Some(2.0), "a question that never cries wolf keeps a low one");
        table.count_together(&files);
        assert_eq!(table.together.iter().map(|t| t.above).sum::<u32>(), 3);
        // A third question takes a share from each.
        table.parts.push(Counted { question: "z".into(), ..table.parts[0].clone() });
        let x = table.of("x", MediaKind::Image);
        assert_eq!((x.lr, x.above), (Some(10.0), 1));
    }

    #[test]
    fn where_no_threshold_is_supported_none_is_made_up() {
        let files: Vec<GenuineFile> = (0..50).map(|i| file("a", &[("x", if i < 3 { 1e4 } else { 1.0 })])).collect();
        let table = Thresholds::count("", "", &files);
        let x = table.of("x", MediaKind::Image);
        assert_eq!((x.lr, x.files), (None, 50));
        assert!(x.threshold(MediaKind::Image).basis.starts_with("no default: more than 1.00 % of 50 genuine pictures"));
        let clips = table.of("x", MediaKind::Video);
        assert!(clips.lr.is_none() && clips.threshold(MediaKind::Video).basis.contains("no genuine stretches"));
    }
}
