//! Who a person is, and on which side of the split a file lies.
//!
//! The decision that shapes it: a picture's split follows from the name of who is in it, and people of LFW and YouTube Faces share their names,
//! so that nobody is on two sides. Pictures without a name are split by file, clips by their group.
use std::collections::BTreeMap;

use assay_material::rng::hash;

/// Which side of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// To learn from.
    Train,
    /// To follow a run and to choose thresholds.
    Validation,
    /// For figures only.
    Test,
}

/// Groups of side-by-side clips that share a driver or a swapped person.
const GROUPS: [&[&str]; 4] =
    [&["Emily_Winston", "Natasha_Former", "Yohanna_Coralson"], &["Dean_Wiesel"], &["Keanu_Reeves"], &["Tim_Norland"]];

/// The split that a person, file or group belongs to: 70, 10 and 20 of 100.
pub fn split_of(person: &str) -> Split {
    match hash(person) % 10 {
        0..=6 => Split::Train,
        7 => Split::Validation,
        _ => Split::Test,
    }
}

/// The person's name in an LFW or YouTube Faces file name: without the trailing number.
pub fn person_of(stem: &str) -> &str {
    stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_')
}

/// The split of a file of the data folder, by who is in it.
pub fn split_of_file(file: &str) -> Split {
    split_of(&owner(file))
}

/// The name of the person, group or file that decides on which side of a split a file lies.
pub fn owner(file: &str) -> String {
    let mut parts = file.rsplit('/');
    let name = parts.next().unwrap_or(file);
    let folder = parts.next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(s, _)| s);
    match folder {
        "lfw250" | "lfw_multi" | "ytfaces68" => format!("person:{}", person_of(stem)),
        "faceswap_sbs" => {
            let group = GROUPS.iter().find(|g| g.iter().any(|p| stem.starts_with(p)));
            format!("group:{}", group.map_or(stem, |g| g[0]))
        }
        _ => format!("file:{file}"),
    }
}

/// The part that each clip of `clips` (paths below the data folder) belongs to: groups by size, the next always to the smallest part.
pub fn parts(clips: &[String], of: usize) -> BTreeMap<String, usize> {
    let mut groups: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    clips.iter().for_each(|clip| groups.entry(owner(clip)).or_default().push(clip));
    let mut groups: Vec<(String, Vec<&String>)> = groups.into_iter().collect();
    groups.sort_by_key(|(name, clips)| (std::cmp::Reverse(clips.len()), name.clone()));
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
    fn a_person_is_on_one_side_wherever_the_picture_lies() {
        let files = [
            "faces/lfw250/Wes_Craven_0001.jpg",
            "faces/lfw_multi/Wes_Craven_0002.jpg",
            "landmarks/ytfaces68/Wes_Craven_31.jpg",
        ];
        assert!(files.iter().all(|f| owner(f) == "person:Wes_Craven"));
        assert_eq!(owner("pairs/faceswap_sbs/Natasha_Former_2.mp4"), owner("pairs/faceswap_sbs/Emily_Winston_1.mp4"));
        assert_ne!(owner("video/talking/vr_1.mp4"), owner("video/talking/vr_2.mp4"));
        let shares = (0..10_000).filter(|i| split_of(&format!("person:{i}")) == Split::Test).count();
        assert!((1800..2200).contains(&shares), "{shares}");
    }
}
