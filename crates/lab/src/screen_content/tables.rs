//! The figures as Markdown.
use std::fmt::Write as _;

use assay_analyzers::screen::ScreenTable;

use super::{Counts, Figures};

/// The document.
pub fn markdown(table: &ScreenTable, figures: &Figures) -> String {
    let mut text = format!(
        "# Screen content\n\nMade by `{}`: {}. Weights are fitted on the training side, the level is set on the validation side (at most one \
         photograph in two hundred reaches it), and everything below is of the test side. Photographs of one person are on one side.\n\n\
         ## What was learned\n\n| saved as | photographs | drawings | level (ln odds) | photographs of the validation side that reach it |\n\
         |---|---|---|---|---|\n",
        figures.made_with, table.data
    );
    for learned in &table.learned {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {} of {} |",
            learned.saved_as.words(),
            learned.photographs,
            learned.drawn,
            learned.level,
            learned.level_reached,
            learned.level_photographs
        );
    }
    text += "\nThe weights of the numbers, each in units of its own spread:\n\n| number |";
    table.learned.iter().for_each(|l| text += &format!(" {} |", l.saved_as.words()));
    text += "\n|---|";
    table.learned.iter().for_each(|_| text += "---|");
    for (k, name) in table.numbers.iter().enumerate() {
        let _ = write!(text, "\n| {name} |");
        table.learned.iter().for_each(|l| text += &format!(" {:.2} |", l.weights.get(k).copied().unwrap_or(0.0)));
    }
    text += "\n\n";
    for (title, what, counts) in [
        ("Photographs that are called screen content", "folder, as found", &figures.as_found),
        ("Photographs saved again", "saved as", &figures.saved_again),
        ("Photographs saved again, by what was done before", "done", &figures.changed),
        ("Drawings that are called screen content, without a photograph", "kind", &figures.drawn),
        ("Drawings with a photograph inside", "kind", &figures.with_photograph),
        ("Drawings with a photograph inside, by the share that it covers", "share", &figures.by_share),
        ("Drawings by the way of saving", "saved as", &figures.drawn_saved),
        ("Screenshots from other programs", "folder", &figures.screens),
    ] {
        text += &section(title, what, counts);
    }
    if !figures.unreadable.is_empty() {
        let _ = writeln!(text, "{} files could not be read.", figures.unreadable.len());
    }
    text
}

fn section(title: &str, what: &str, counts: &Counts) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let mut text = format!("## {title}\n\n| {what} | called screen content | of | share |\n|---|---|---|---|\n");
    let row = |name: &str, reached: u32, of: u32| {
        format!("| {name} | {reached} | {of} | {:.1} % |\n", 100.0 * f64::from(reached) / f64::from(of.max(1)))
    };
    for (name, count) in counts {
        text += &row(name, count.reached, count.of);
    }
    let sum = counts.values().fold((0, 0), |(a, b), c| (a + c.reached, b + c.of));
    text + &row("all", sum.0, sum.1) + "\n"
}
