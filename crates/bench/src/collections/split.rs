//! On which side of the split a name falls.
//!
//! The decision that shapes it: the side follows from the name of who is seen and from nothing
//! else, so that the same person is on the same side in every folder, table and program, whatever
//! else is there.
use std::collections::BTreeMap;

use assay_material::rng::hash;

pub use crate::datasets::Split;

/// The side of a person, group, camera or file by its name ([`super::Collection::owner`]): 70, 10
/// and 20 of 100.
pub fn split_of(owner: &str) -> Split {
    match hash(owner) % 10 {
        0..=6 => Split::Train,
        7 => Split::Validation,
        _ => Split::Test,
    }
}

/// The part from 0 that each clip belongs to, by pairs of clip and owner: owners by their number of
/// clips, the next always to the smallest part.
pub fn parts(clips: &[(String, String)], of: usize) -> BTreeMap<String, usize> {
    let mut groups: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    clips.iter().for_each(|(clip, owner)| groups.entry(owner).or_default().push(clip));
    let mut groups: Vec<(&str, Vec<&String>)> = groups.into_iter().collect();
    groups.sort_by_key(|(name, clips)| (std::cmp::Reverse(clips.len()), *name));
    let mut sizes = vec![0; of.max(1)];
    let mut out = BTreeMap::new();
    for (_, clips) in groups {
        let smallest = (0..sizes.len()).min_by_key(|i| sizes[*i]).unwrap_or(0);
        sizes[smallest] += clips.len();
        out.extend(clips.into_iter().map(|clip| (clip.clone(), smallest)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_seventy_ten_and_twenty() {
        let mut sides = [0; 3];
        (0..10_000).for_each(|i| sides[split_of(&format!("person:{i}")) as usize] += 1);
        for (found, wanted) in sides.iter().zip([7_000i32, 1_000, 2_000]) {
            assert!((found - wanted).abs() < 200, "{sides:?}");
        }
    }

    #[test]
    fn an_owner_is_in_one_part_and_parts_are_even() {
        let clips: Vec<(String, String)> = (0..12).map(|i| (format!("{i}.mp4"), format!("group:{}", i / 3))).collect();
        let parts = parts(&clips, 2);
        for group in clips.chunks(3) {
            assert!(group.iter().all(|(clip, _)| parts[clip] == parts[&group[0].0]));
        }
        assert_eq!(parts.values().filter(|part| **part == 0).count(), 6);
    }
}
