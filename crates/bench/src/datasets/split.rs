//! Training, validation and test, divided by who is seen; and the search for what is in two of them
//! all the same.
//!
//! The decision that shapes it: what is connected (over a person, a driver, a group, a video or a
//! file, and over others) is one piece, and the piece goes where [`split_of`] sends its name. So
//! the same table gives the same split everywhere, whatever the order of its rows, and a person who
//! stands alone is on the side on which a collection of folders has that name. The price: a set
//! whose persons are all connected is one piece, which [`Assigned::largest`] shows; a split of it
//! would leak.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::groups::{Groups, keys};
use super::manifest::{Manifest, Split};
use super::near;
use crate::collections::split_of;

/// How a table was divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// Rows in training, validation and test.
    pub rows: [usize; 3],
    /// Pieces that could have been put apart.
    pub pieces: usize,
    /// Rows of the largest piece; near the number of rows, the set cannot be divided by persons.
    pub largest: usize,
}

/// Gives every row its split, in place of the one it has.
pub fn assign(manifest: &mut Manifest) -> Assigned {
    let mut groups = Groups::default();
    let keys: Vec<Vec<String>> = manifest.rows.iter().map(|r| keys(manifest, r)).collect();
    keys.iter().for_each(|k| groups.join_all(k));
    let mut pieces: HashMap<String, usize> = HashMap::new();
    let mut rows = [0; 3];
    for (row, keys) in manifest.rows.iter_mut().zip(&keys) {
        let piece = groups.name(&keys[0]);
        let split = split_of(&piece);
        row.split = Some(split);
        rows[split as usize] += 1;
        *pieces.entry(piece).or_default() += 1;
    }
    Assigned { rows, pieces: pieces.len(), largest: pieces.into_values().max().unwrap_or(0) }
}

/// What two splits have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeakKind {
    /// Someone who is seen or drives.
    Person,
    /// A group.
    Group,
    /// Frames of one video, or parts of one file.
    Video,
    /// Pictures that are nearly the same.
    Picture,
}

/// Something that is in two splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// What it is.
    pub kind: LeakKind,
    /// Which; a picture by its path.
    pub name: String,
    /// The splits.
    pub splits: BTreeSet<Split>,
    /// How many files.
    pub files: usize,
    /// One file of each split for a name; up to eight of the files for a picture.
    pub examples: Vec<PathBuf>,
}

/// What the search found. Any leak makes a figure measured on the split worthless; the caller stops
/// there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaks {
    /// By kind and name.
    pub leaks: Vec<Leak>,
    /// Pictures that were compared; clips are compared by their names only.
    pub compared: usize,
    /// Pictures that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Looks for persons, groups, videos and nearly identical pictures in more than one split. Rows
/// without a split are left alone.
pub fn leaks(manifest: &Manifest) -> Leaks {
    let mut seen: BTreeMap<(LeakKind, String), BTreeMap<Split, (usize, PathBuf)>> = BTreeMap::new();
    let mut stills: BTreeMap<PathBuf, BTreeSet<Split>> = BTreeMap::new();
    for row in &manifest.rows {
        let Some(split) = row.split else { continue };
        let people: BTreeSet<&String> = [&row.person, &row.driver].into_iter().flatten().collect();
        let people = people.into_iter().map(|p| (LeakKind::Person, p.clone()));
        let group = row.group.iter().map(|g| (LeakKind::Group, g.clone()));
        for key in people.chain(group).chain([(LeakKind::Video, manifest.video(row))]) {
            let files = seen.entry(key).or_default();
            files.entry(split).or_insert_with(|| (0, row.path.clone())).0 += 1;
        }
        if near::is_still(&row.path) {
            stills.entry(row.path.clone()).or_default().insert(split);
        }
    }
    let leak = |((kind, name), files): ((LeakKind, String), BTreeMap<Split, (usize, PathBuf)>)| Leak {
        kind,
        name,
        splits: files.keys().copied().collect(),
        files: files.values().map(|f| f.0).sum(),
        examples: files.into_values().map(|f| f.1).collect(),
    };
    let mut found: Vec<Leak> = seen.into_iter().filter(|(_, files)| files.len() > 1).map(leak).collect();
    // A still in two splits by its parts is reported as a video already; it is compared under the
    // first.
    let stills: Vec<(PathBuf, Split)> =
        stills.into_iter().filter_map(|(path, splits)| Some((path, splits.into_iter().next()?))).collect();
    let near = near::duplicates(&stills);
    found.extend(near.clusters.into_iter().map(|cluster| Leak {
        kind: LeakKind::Picture,
        name: cluster.first().map(|&i| manifest.name(&stills[i].0)).unwrap_or_default(),
        splits: cluster.iter().map(|&i| stills[i].1).collect(),
        files: cluster.len(),
        examples: cluster.iter().take(8).map(|&i| stills[i].0.clone()).collect(),
    }));
    Leaks { leaks: found, compared: stills.len() - near.unreadable.len(), unreadable: near.unreadable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Label, Row};

    fn table(people: &[(&str, Option<&str>)]) -> Manifest {
        let row = |(i, (person, driver)): (usize, &(&str, Option<&str>))| Row {
            person: Some((*person).to_owned()),
            driver: driver.map(str::to_owned),
            ..Row::new(format!("/set/{i}.mp4"), Label::Real)
        };
        Manifest { root: "/set".into(), rows: people.iter().enumerate().map(row).collect() }
    }

    #[test]
    fn connected_persons_stay_together_and_shares_are_kept() {
        let names: Vec<(String, String)> =
            (0..900).map(|i| (format!("p{:03}", i / 3), format!("p{:03}", (i / 3) ^ 1))).collect();
        let people: Vec<(&str, Option<&str>)> =
            names.iter().enumerate().map(|(i, (p, d))| (p.as_str(), (i % 3 == 0).then_some(d.as_str()))).collect();
        let mut manifest = table(&people);
        let assigned = assign(&mut manifest);
        assert_eq!((assigned.pieces, assigned.largest, assigned.rows.iter().sum::<usize>()), (150, 6, 900));
        assert!((assigned.rows[0] as f64 / 900.0 - 0.7).abs() < 0.12, "{assigned:?}");
        assert_eq!(leaks(&manifest).leaks, []);
        let mut turned = manifest.clone();
        turned.rows.reverse();
        assign(&mut turned);
        turned.rows.reverse();
        assert_eq!(turned, manifest);
    }

    #[test]
    fn a_person_is_on_the_side_that_a_collection_has_for_the_name() {
        let names: Vec<String> = (0..200).map(|i| format!("Person_{i}")).collect();
        let people: Vec<(&str, Option<&str>)> = names.iter().map(|n| (n.as_str(), None)).collect();
        let mut manifest = table(&people);
        assign(&mut manifest);
        for row in &manifest.rows {
            let person = row.person.as_deref().unwrap();
            assert_eq!(row.split, Some(split_of(&format!("person:{person}"))), "{person}");
        }
    }

    #[test]
    fn a_person_who_drives_in_another_split_is_found() {
        let mut manifest = table(&[("ann", None), ("bob", Some("ann")), ("cid", None)]);
        for (row, split) in manifest.rows.iter_mut().zip([Split::Train, Split::Test, Split::Test]) {
            row.split = Some(split);
        }
        manifest.rows[0].video = Some("v".into());
        manifest.rows[2].video = Some("v".into());
        let found = leaks(&manifest).leaks;
        let names: Vec<(LeakKind, &str, usize)> = found.iter().map(|l| (l.kind, l.name.as_str(), l.files)).collect();
        assert_eq!(names, [(LeakKind::Person, "ann", 2), (LeakKind::Video, "v", 2)]);
        assert_eq!(found[0].splits, [Split::Train, Split::Test].into());
        assert_eq!(found[0].examples, [PathBuf::from("/set/0.mp4"), PathBuf::from("/set/1.mp4")]);
    }
}
