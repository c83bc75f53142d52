//! What belongs together: a union-find over names.
//!
//! The decision that shapes it: a set is named by its first name in a fixed order, so that the name
//! does not depend on the order in which things were joined. Persons come first: who is seen in a
//! table is on the side of the split on which that person is everywhere.
use std::collections::HashMap;

use super::manifest::{Manifest, Row};

/// Kinds of names, those that lead a set first. Written as
/// [`crate::collections::Collection::owner`] writes them.
const KINDS: [&str; 4] = ["person:", "group:", "video:", "file:"];

fn order(name: &str) -> (usize, &str) {
    (KINDS.iter().position(|kind| name.starts_with(kind)).unwrap_or(KINDS.len()), name)
}

/// Disjoint sets of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    places: HashMap<String, usize>,
    names: Vec<String>,
    parents: Vec<usize>,
}

impl Groups {
    fn place(&mut self, name: &str) -> usize {
        if let Some(at) = self.places.get(name) {
            return *at;
        }
        let at = self.names.len();
        self.places.insert(name.to_owned(), at);
        self.names.push(name.to_owned());
        self.parents.push(at);
        at
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// Joins the sets of two names.
    pub(super) fn join(&mut self, a: &str, b: &str) {
        let (a, b) = (self.place(a), self.place(b));
        let (a, b) = (self.root(a), self.root(b));
        // The first name leads its set; halving the paths keeps the walks short enough without
        // ranks.
        let (lead, other) = if order(&self.names[a]) <= order(&self.names[b]) { (a, b) } else { (b, a) };
        self.parents[other] = lead;
    }

    /// Joins all of them.
    pub(super) fn join_all(&mut self, names: &[String]) {
        for name in names {
            self.join(&names[0], name);
        }
    }

    /// The first name of the set of `name`.
    pub(super) fn name(&mut self, name: &str) -> String {
        let at = self.place(name);
        let root = self.root(at);
        self.names[root].clone()
    }
}

/// What a row shares with others. Persons and drivers are one set of names: who drives here may be
/// seen there.
pub(super) fn keys(manifest: &Manifest, row: &Row) -> Vec<String> {
    let people = [&row.person, &row.driver].into_iter().flatten().map(|p| format!("person:{p}"));
    let group = row.group.iter().map(|g| format!("group:{g}"));
    group
        .chain(people)
        .chain([format!("video:{}", manifest.video(row)), format!("file:{}", manifest.name(&row.path))])
        .collect()
}

/// Gives every row the name of what it is connected with, directly or over others, as its group.
/// Rows that name neither person, driver nor group keep none.
pub(super) fn fill(manifest: &mut Manifest) {
    let mut groups = Groups::default();
    let people = |row: &Row| -> Vec<String> {
        let people = [&row.person, &row.driver].into_iter().flatten().cloned();
        people.chain(row.group.iter().cloned()).collect()
    };
    for row in &manifest.rows {
        groups.join_all(&people(row));
    }
    for row in &mut manifest.rows {
        row.group = people(row).first().map(|p| groups.name(p));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::Label;

    #[test]
    fn chains_are_one_set_named_by_its_smallest_name() {
        let mut groups = Groups::default();
        groups.join("d", "c");
        groups.join("b", "a");
        assert_ne!(groups.name("a"), groups.name("c"));
        groups.join("c", "b");
        for name in ["a", "b", "c", "d"] {
            assert_eq!(groups.name(name), "a");
        }
        assert_eq!(groups.name("alone"), "alone");
    }

    #[test]
    fn persons_lead() {
        let mut groups = Groups::default();
        groups.join("file:a.mp4", "video:a");
        groups.join("video:a", "person:Zoe");
        groups.join("group:g", "file:a.mp4");
        assert_eq!(groups.name("group:g"), "person:Zoe");
    }

    #[test]
    fn targets_and_sources_share_a_group() {
        let row = |person: Option<&str>, driver: Option<&str>| Row {
            person: person.map(str::to_owned),
            driver: driver.map(str::to_owned),
            ..Row::new("x", Label::Fake)
        };
        let rows = vec![
            row(Some("2"), None),
            row(Some("2"), Some("7")),
            row(Some("7"), None),
            row(Some("9"), None),
            row(None, None),
        ];
        let mut manifest = Manifest { root: "".into(), rows };
        fill(&mut manifest);
        let groups: Vec<Option<&str>> = manifest.rows.iter().map(|r| r.group.as_deref()).collect();
        assert_eq!(groups, [Some("2"), Some("2"), Some("2"), Some("9"), None]);
    }
}
