//! Counts of one treatment, and rows of the tables.
use assay_provenance::watermark::Reading;

/// One treatment's tally.
#[derive(Default)]
pub(crate) struct Tally {
    found: usize,
    read: usize,
    wrong: usize,
    of: usize,
    statistics: Vec<f32>,
}

impl Tally {
    pub(crate) fn add(&mut self, reading: Option<Reading>, id: u32) {
        self.of += 1;
        self.statistics.push(reading.map_or(0.0, |r| r.statistic));
        self.found += usize::from(reading.is_some_and(|r| r.found));
        match reading.and_then(|r| r.id) {
            Some(read) if read == id => self.read += 1,
            Some(_) => self.wrong += 1,
            None => {}
        }
    }

    pub(crate) fn row(&mut self, name: &str) -> String {
        self.statistics.sort_by(f32::total_cmp);
        let at = |share: usize| self.statistics.get(self.statistics.len() * share / 100).copied().unwrap_or_default();
        let percent = |n: usize| 100.0 * n as f64 / self.of.max(1) as f64;
        format!(
            "| {name} | {} of {} ({:.1} %) | {:.1} % | {} | {:.1} | {:.1} |",
            self.read,
            self.of,
            percent(self.read),
            percent(self.found),
            self.wrong,
            at(1),
            at(50)
        )
    }
}

pub(crate) const HEAD: &str =
    "| treatment | number read | pattern found | wrong number | statistic, 1 % | median |\n|---|---|---|---|---|---|";

/// A table of treatments.
pub(crate) fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a mut Tally)>) {
    println!("{HEAD}");
    rows.filter(|(_, tally)| tally.of > 0).for_each(|(name, tally)| println!("{}", tally.row(name)));
    println!();
}

/// How strong the marks were.
pub(crate) fn decibels(what: &str, all: &mut [f64], drowned: usize) {
    all.sort_by(f64::total_cmp);
    let weaker = all.iter().filter(|v| **v < 42.0).count();
    let lowest = all.first().copied().unwrap_or_default();
    println!(
        "{} {what} marked, lowest PSNR {lowest:.2} dB, {weaker} below 42 dB, {drowned} could not carry the mark\n",
        all.len()
    );
}
