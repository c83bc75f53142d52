//! Training, validation and test, divided by who is seen; and the search for what is in two of them all the same.
//!
//! The decision that shapes it: what is connected (over a person, a driver, a group, a video or a file, and over others) is one piece, and the
//! piece goes where the hash of its name says. So the same table gives the same split everywhere, whatever the order of its rows. The price:
//! a set whose persons are all connected is one piece, which [`Assigned::largest`] shows; a split of it would leak.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use super::groups::{Groups, keys};
use super::manifest::{Manifest, Split};
use super::near;
use assay_material::rng;

/// Shares of the three splits; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Of training.
    pub train: f64,
    /// Of validation.
    pub validation: f64,
    /// Of the test.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { train: 0.72, validation: 0.14, test: 0.14 }
    }
}

impl Shares {
    /// The split at `draw` of 0..1. Rounding of the sum must not fill a split without a share.
    fn pick(self, draw: f64) -> Split {
        let all = [(Split::Train, self.train), (Split::Validation, self.validation), (Split::Test, self.test)];
        let (mut sum, mut last) = (0.0, Split::Train);
        for (split, share) in all.into_iter().filter(|(_, share)| *share > 0.0) {
            (sum, last) = (sum + share, split);
            if draw < sum {
                break;
            }
        }
        last
    }
}

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
///
/// # Errors
/// When the shares are not shares.
pub fn assign(manifest: &mut Manifest, shares: Shares, seed: u64) -> anyhow::Result<Assigned> {
    let all = [shares.train, shares.validation, shares.test];
    ensure!(
        all.iter().all(|s| (0.0..=1.0).contains(s)) && (all.iter().sum::<f64>() - 1.0).abs() < 1e-9,
        "the shares {all:?} are not between 0 and 1 or do not add up to 1"
    );
    let mut groups = Groups::default();
    let keys: Vec<Vec<String>> = manifest.rows.iter().map(|r| keys(manifest, r)).collect();
    keys.iter().for_each(|k| groups.join_all(k));
    let mut pieces: HashMap<String, usize> = HashMap::new();
    let mut rows = [0; 3];
    for (row, keys) in manifest.rows.iter_mut().zip(&keys) {
        let piece = groups.name(&keys[0]);
        let draw = rng::Rng::labelled(seed, &piece).unit();
        let split = shares.pick(draw);
        row.split = Some(split);
        rows[split as usize] += 1;
        *pieces.entry(piece).or_default() += 1;
    }
    Ok(Assigned { rows, pieces: pieces.len(), largest: pieces.into_values().max().unwrap_or(0) })
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

/// What the search found. Any leak makes a figure measured on the split worthless; the caller stops there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaks {
    /// By kind and name.
    pub leaks: Vec<Leak>,
    /// Pictures that were compared; clips are compared by their names only.
    pub compared: usize,
    /// Pictures that could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Looks for persons, groups, videos and nearly identical pictures in more than one split. Rows without a split are left alone.
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
    // A still in two splits by its parts is reported as a video already; it is compared under the first.
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
        let assigned = assign(&mut manifest, Shares { train: 0.6, validation: 0.2, test: 0.2 }, 1).unwrap();
        assert_eq!((assigned.pieces, assigned.largest, assigned.rows.iter().sum::<usize>()), (150, 6, 900));
        assert!((assigned.rows[0] as f64 / 900.0 - 0.6).abs() < 0.12, "{assigned:?}");
        assert_eq!(leaks(&manifest).leaks, []);
        let mut turned = manifest.clone();
        turned.rows.reverse();
        assign(&mut turned, Shares { train: 0.6, validation: 0.2, test: 0.2 }, 1).unwrap();
        turned.rows.reverse();
        assert_eq!(turned, manifest);
    }

    #[test]
    fn empty_splits_stay_empty_and_bad_shares_are_refused() {
        let names: Vec<String> = (0..200).map(|i| i.to_string()).collect();
        let people: Vec<(&str, Option<&str>)> = names.iter().map(|n| (n.as_str(), None)).collect();
        let mut manifest = table(&people);
        let assigned = assign(&mut manifest, Shares { train: 0.7, validation: 0.3, test: 0.0 }, 5).unwrap();
        assert_eq!(assigned.rows[2], 0);
        let assigned = assign(&mut manifest, Shares { train: 0.0, validation: 0.0, test: 1.0 }, 5).unwrap();
        assert_eq!(assigned.rows, [0, 0, 200]);
        assert!(assign(&mut manifest, Shares { train: 0.7, validation: 0.7, test: -0.4 }, 5).is_err());
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
