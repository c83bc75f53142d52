//! What is known of each generator, as users read it and manifests record it.
//!
//! The decision that shapes it: one static value a generator and one list, as with analyzers. The
//! family test walks the list, so a generator that is not in it does not exist and one that is must
//! carry all marks.
use assay_provenance::Making;

/// A generator in words.
#[derive(Debug)]
pub struct About {
    /// Stands in manifests: lower case.
    pub id: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What comes out, for label and source type.
    pub making: Making,
    /// The publication that it follows.
    pub reference: &'static str,
    /// Where it fails, a sentence each.
    pub limits: &'static [&'static str],
}

/// Every generator.
pub static GENERATORS: &[&About] =
    &[&crate::animate::ABOUT, &crate::partswap::ABOUT, &crate::swap::ABOUT, &crate::synthesize::ABOUT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_nothing_is_left_empty() {
        for (i, about) in GENERATORS.iter().enumerate() {
            assert!(GENERATORS[..i].iter().all(|other| other.id != about.id), "{}", about.id);
            assert!(about.id.chars().all(|c| c.is_ascii_lowercase()), "{}", about.id);
            assert!(!about.summary.is_empty() && !about.reference.is_empty() && !about.limits.is_empty());
        }
    }
}
