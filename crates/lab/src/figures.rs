//! The committed figures (`docs/figures.json`), for those who ask about one analyzer.
use crate::evaluate::{Figures, Localisation};

const COMMITTED: &str = include_str!("../../../docs/figures.json");

fn committed() -> Option<Figures> {
    serde_json::from_str(COMMITTED).ok()
}

/// The rows of one analyzer.
pub fn of(analyzer: &str) -> Vec<Localisation> {
    committed().map(|f| f.analyzers.into_iter().filter(|r| r.analyzer == analyzer).collect()).unwrap_or_default()
}

/// The rows of one analyzer as sentences: one a kind of edit.
pub fn lines(analyzer: &str) -> Vec<String> {
    let rows = of(analyzer);
    let mut kinds: Vec<&str> = rows.iter().map(|r| r.kind.as_str()).collect();
    kinds.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    let number = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{v:.2}"));
    kinds
        .into_iter()
        .map(|kind| {
            let cells: Vec<String> = rows
                .iter()
                .filter(|r| r.kind == kind)
                .map(|r| {
                    let at = if r.quality == 0 { "clips".to_owned() } else { format!("q{}", r.quality) };
                    format!(
                        "{at}: detection AUC {}, localisation AUC {}, F1 {}",
                        number(r.detection_auc),
                        number(r.map_auc),
                        number(r.map_f1)
                    )
                })
                .collect();
            format!(
                "on planted {kind} (test split, {} pairs a column): {}",
                rows.iter().find(|r| r.kind == kind).map_or(0, |r| r.items),
                cells.join("; ")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_figures_hold_every_table() {
        let figures = committed().unwrap();
        assert!(figures.detection.iter().any(|d| d.quality == 85 && d.kind == "all" && d.detected.total >= 40));
        // All untouched files, not a sample of them.
        assert!(figures.false_positives.iter().map(|a| a.false_positives.total).sum::<usize>() > 4500);
        assert!(!lines("jpeg_ghost").is_empty());
    }
}
