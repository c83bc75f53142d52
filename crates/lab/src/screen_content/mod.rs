//! Learning to tell drawn pictures from recorded ones, and how often that is right.
//!
//! The decision that shapes it: weights are fitted on the training side, the level is set on the
//! validation side, and figures are of the test side, on which some kinds of drawings stand that no
//! fit has seen. Photographs count as found and saved again, also scaled, blurred, blown out and
//! darkened, because areas of one value come with these too.
mod items;
mod tables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use assay_analyzers::screen::{Learned, NAMES, SavedAs, ScreenTable};
use assay_bench::collections::{Collection, Split};
use assay_media::Progress;
use assay_workbench::calibration::Logistic;
use serde::{Deserialize, Serialize};

use crate::experiment::{Experiment, Markdown, Stage};
use items::{Item, drawings, photographs, screens};
pub use tables::markdown;

/// Share of the photographs that may be called screen content.
const MISTAKEN: f64 = 0.005;
/// Logarithm of the odds below which nothing is called screen content, however few photographs come
/// near.
const LEAST_LEVEL: f64 = 1.0;
/// Weight of the squared coefficients against the mean loss of one item.
const PENALTY: f64 = 1e-3;

/// What to learn from.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Folder of photographs and clips
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Folder of screenshots to be judged besides; nothing is learned from them
    #[arg(long, value_name = "DIR")]
    pub screens: Option<PathBuf>,
    /// Drawings of each kind
    #[arg(long, default_value_t = 48, value_name = "N")]
    pub per_kind: usize,
    /// Only every n-th photograph of the large folders
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub every: usize,
    /// Where the table is written; build again to embed it
    #[arg(long, value_name = "FILE", default_value = "crates/analyzers/src/screen_content/table.json")]
    pub table: PathBuf,
}

impl Options {
    /// The command, for the record.
    fn made_with(&self) -> String {
        let data = self.data.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        format!("assay lab screen-content --data {data} --every {} --per-kind {}", self.every, self.per_kind)
    }
}

/// The experiment.
pub struct The;

impl Experiment for The {
    const ID: &'static str = "screen-content";
    const ABOUT: &'static str = "Learn to tell drawn pictures (screenshots, slides, charts, memes) from photographs, \
                                 and measure it on the test side";
    const PAGE: Option<&'static str> = Some("docs/screen-content.md");
    const KEEPS_JSON: bool = true;
    type Args = Options;
    type Figures = Found;

    fn run(options: Options, stage: &Stage<'_>) -> anyhow::Result<Found> {
        let (table, figures) = run(&options, stage.progress)?;
        let text = serde_json::to_string_pretty(&table)? + "\n";
        assay_material::saving::write_whole(&options.table, text.as_bytes())?;
        Ok(Found { table, figures })
    }
}

/// What was learned, and how often it is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The table.
    pub table: ScreenTable,
    /// The figures of the test side.
    pub figures: Figures,
}

impl Markdown for Found {
    fn page(&self, _: &str) -> String {
        markdown(&self.table, &self.figures)
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Called screen content.
    pub reached: u32,
    /// Of so many.
    pub of: u32,
}

impl Count {
    fn add(&mut self, reached: bool) {
        self.reached += u32::from(reached);
        self.of += 1;
    }
}

/// Counts by a name.
pub type Counts = BTreeMap<String, Count>;

/// What was found on the test side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The command.
    pub made_with: String,
    /// Photographs as found, by folder.
    pub as_found: Counts,
    /// Photographs saved again, by the way of saving.
    pub saved_again: Counts,
    /// Photographs saved again, by what was done to them before.
    pub changed: Counts,
    /// Drawings without a photograph inside, by kind; kinds of which nothing was learned are
    /// marked.
    pub drawn: Counts,
    /// Drawings with a photograph inside, by kind.
    pub with_photograph: Counts,
    /// Drawings with a photograph inside, by the share that it covers.
    pub by_share: Counts,
    /// Drawings by the way of saving.
    pub drawn_saved: Counts,
    /// Screenshots that were given, by folder.
    pub screens: Counts,
    /// Photographs of the test side that are called screen content, for those who want to look at
    /// them.
    pub mistaken: Vec<String>,
    /// What could not be read.
    pub unreadable: Vec<String>,
}

/// Draws, measures, fits, sets the levels and counts.
///
/// # Errors
/// When the data folder cannot be read, or a way of saving has too few items of a class.
pub fn run(options: &Options, progress: &dyn Progress) -> anyhow::Result<(ScreenTable, Figures)> {
    let mut figures = Figures { made_with: options.made_with(), ..Figures::default() };
    let collection = Collection::of(&options.data)?;
    let (photos, unreadable) = photographs(&collection, options.every, progress)?;
    figures.unreadable = unreadable;
    let drawn = drawings(&collection, options.per_kind, progress)?;
    let given = options.screens.as_deref().map_or_else(|| Ok(Vec::new()), |folder| screens(folder, progress))?;
    let table = fit(options, &photos, &drawn)?;
    count(&mut figures, &table, photos.iter().chain(&drawn), &given);
    Ok((table, figures))
}

/// The table of all ways of saving.
fn fit(options: &Options, photos: &[Item], drawn: &[Item]) -> anyhow::Result<ScreenTable> {
    let all: Vec<&Item> = photos.iter().chain(drawn).collect();
    let mut learned = Vec::new();
    for saved_as in SavedAs::ALL {
        let own: Vec<&Item> =
            all.iter().copied().filter(|i| saved_as == SavedAs::Other || i.saved_as == saved_as).collect();
        let mut entry = learn(saved_as, &own)?;
        if saved_as == SavedAs::Other {
            // Nothing was measured on such files, so nothing below the highest level is believed.
            entry.level = learned.iter().map(|l: &Learned| l.level).fold(entry.level, f64::max);
            let (reached, of) = reached(&entry, &own, Split::Validation);
            (entry.level_reached, entry.level_photographs) = (reached, of);
        }
        learned.push(entry);
    }
    Ok(ScreenTable {
        data: format!(
            "{} photographs as found and saved again, {} drawings of {} kinds saved in three ways each",
            photos.iter().filter(|p| p.change.is_none()).count(),
            drawn.len() / 3,
            drawn.iter().map(|d| d.kind.as_str()).collect::<std::collections::BTreeSet<_>>().len()
        ),
        made_with: options.made_with(),
        numbers: NAMES.iter().map(ToString::to_string).collect(),
        learned,
    })
}

fn learn(saved_as: SavedAs, items: &[&Item]) -> anyhow::Result<Learned> {
    let train: Vec<&Item> = items.iter().copied().filter(|i| i.split == Split::Train).collect();
    let of = |drawn: bool| train.iter().filter(|i| i.drawn() == drawn).count();
    anyhow::ensure!(
        of(true) >= 20 && of(false) >= 20,
        "{} drawings and {} photographs are too few to learn from ({})",
        of(true),
        of(false),
        saved_as.words()
    );
    let count = train.len() as f64;
    let mean: Vec<f64> = (0..NAMES.len()).map(|k| train.iter().map(|i| i.numbers[k]).sum::<f64>() / count).collect();
    let spread: Vec<f64> = (0..NAMES.len())
        .map(|k| (train.iter().map(|i| (i.numbers[k] - mean[k]).powi(2)).sum::<f64>() / count).sqrt().max(1e-6))
        .collect();
    let rows: Vec<Vec<f64>> =
        train.iter().map(|i| (0..NAMES.len()).map(|k| (i.numbers[k] - mean[k]) / spread[k]).collect()).collect();
    let labels: Vec<bool> = train.iter().map(|i| i.drawn()).collect();
    let fit = Logistic::fit(&rows, &labels, PENALTY, false)
        .ok_or_else(|| anyhow::anyhow!("the fit for {} did not come to an end", saved_as.words()))?;
    let short = |list: Vec<f64>| list.into_iter().map(|v| (v * 1e6).round() / 1e6).collect();
    let mut learned = Learned {
        saved_as,
        photographs: of(false) as u32,
        drawn: of(true) as u32,
        mean: short(mean),
        spread: short(spread),
        weights: short(fit.weights),
        level: 0.0,
        level_photographs: 0,
        level_reached: 0,
    };
    let level = |split: Split| {
        let photos = items.iter().filter(|i| !i.drawn() && i.split == split);
        let mut scores: Vec<f64> = photos.map(|i| learned.score(&i.numbers)).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let most = (MISTAKEN * scores.len() as f64).floor() as usize;
        // Just above the first score that must stay below.
        scores.get(most).map_or(f64::INFINITY, |s| s + 1e-3)
    };
    learned.level = (level(Split::Validation).max(level(Split::Train)).max(LEAST_LEVEL) * 1e3).ceil() / 1e3;
    let (reached, of) = reached(&learned, items, Split::Validation);
    (learned.level_reached, learned.level_photographs) = (reached, of);
    Ok(learned)
}

/// Photographs of a side that reach the level, and how many there are.
fn reached(learned: &Learned, items: &[&Item], split: Split) -> (u32, u32) {
    let photos: Vec<&&Item> = items.iter().filter(|i| !i.drawn() && i.split == split).collect();
    let above = photos.iter().filter(|i| learned.score(&i.numbers) >= learned.level).count();
    (above as u32, photos.len() as u32)
}

fn count<'a>(figures: &mut Figures, table: &ScreenTable, all: impl Iterator<Item = &'a Item>, given: &[Item]) {
    let is_reached =
        |item: &Item| table.of(item.saved_as).is_some_and(|learned| learned.score(&item.numbers) >= learned.level);
    let add = |counts: &mut Counts, name: &str, reached: bool| counts.entry(name.to_owned()).or_default().add(reached);
    for item in all.filter(|i| i.split == Split::Test) {
        let reached = is_reached(item);
        if reached && !item.drawn() {
            let how = item.change.as_ref().map_or_else(String::new, |c| format!(", {c}"));
            figures.mistaken.push(format!("{} ({}{how})", item.name, item.saved_as.words()));
        }
        match (item.share, &item.change) {
            (None, None) => add(&mut figures.as_found, &item.kind, reached),
            (None, Some(change)) => {
                add(&mut figures.saved_again, item.saved_as.words(), reached);
                add(&mut figures.changed, change, reached);
            }
            (Some(share), _) => {
                add(&mut figures.drawn_saved, item.saved_as.words(), reached);
                if share > 0.0 {
                    add(&mut figures.with_photograph, &item.kind, reached);
                    let from = ((share * 5.0).floor() * 20.0) as u32;
                    add(&mut figures.by_share, &format!("{from} to {} %", from + 20), reached);
                } else {
                    add(&mut figures.drawn, &item.kind, reached);
                }
            }
        }
    }
    for item in given {
        add(&mut figures.screens, &item.kind, is_reached(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_analyzers::screen::COUNT;

    fn item(drawn: bool, split: Split, value: f64) -> Item {
        let mut numbers = [0.0; COUNT];
        numbers[0] = value;
        Item {
            name: "x".into(),
            kind: "x".into(),
            split,
            saved_as: SavedAs::Lossless,
            numbers,
            share: drawn.then_some(0.0),
            change: None,
        }
    }

    #[test]
    fn the_level_lets_one_photograph_in_two_hundred_pass_on_the_validation_side() {
        let mut items = Vec::new();
        for i in 0..600 {
            let spread = f64::from(i) / 600.0;
            for split in [Split::Train, Split::Validation] {
                items.push(item(false, split, spread));
                items.push(item(true, split, 0.6 + spread));
            }
        }
        let items: Vec<&Item> = items.iter().collect();
        let learned = learn(SavedAs::Lossless, &items).unwrap();
        assert_eq!((learned.level_reached, learned.level_photographs), (3, 600));
        assert!(learned.weights[0] > 0.0 && learned.photographs == 600);
        let drawn = items.iter().filter(|i| i.drawn() && learned.score(&i.numbers) >= learned.level).count();
        assert!(drawn > 600, "{drawn}");
        assert!(learn(SavedAs::Lossless, &items[..20]).is_err());
    }
}
