//! The one split on the project's own data: nobody is on two sides of anything, and the sides are
//! those that the shipped networks learned by.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use assay_bench::collections::{Collection, Split, Use};
use sha2::{Digest, Sha256};

/// Every file name of the data's table; none, visibly, without the data.
fn shared_files() -> Vec<String> {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let table = shared.join("data/manifest.csv");
    let Ok(text) = std::fs::read_to_string(&table) else {
        println!("SKIPPED: no shared data at {}", table.display());
        return Vec::new();
    };
    text.lines().skip(1).filter_map(|line| line.split(',').next().map(str::to_owned)).collect()
}

#[test]
fn shared_nobody_is_on_two_sides() {
    let files = shared_files();
    let data = Collection::of(Path::new("nowhere")).unwrap();
    assert_eq!(data.leaks(&files.iter().map(String::as_str).collect::<Vec<_>>()), [""; 0]);
    if files.is_empty() {
        return;
    }
    println!("{} files", files.len());
    for (name, what_for) in Use::ALL {
        assert!(files.iter().any(|file| data.may(file, what_for)), "nothing for {name}");
    }
    // Across uses too: whoever networks learn from, or tables, is nobody whom figures are measured
    // on.
    let mut tested: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for file in files.iter().filter(|file| Use::ALL.iter().any(|(_, what_for)| data.may(file, *what_for))) {
        tested.entry(data.owner(file)).or_default().insert(data.side(file) == Split::Test);
    }
    let crossing: Vec<&String> = tested.iter().filter(|(_, sides)| sides.len() > 1).map(|(owner, _)| owner).collect();
    assert!(crossing.is_empty(), "{crossing:?}");
    let in_several = |owner: &String| {
        let folders: BTreeSet<&str> = files
            .iter()
            .filter(|file| data.owner(file) == *owner)
            .filter_map(|file| file.rsplit_once('/').map(|(folder, _)| folder))
            .collect();
        folders.len() > 1
    };
    let people: Vec<&String> = tested.keys().filter(|owner| owner.starts_with("person:A")).collect();
    assert!(people.iter().filter(|owner| in_several(owner)).count() > 10, "people recur in the folders");
}

/// A fixed digest of what the rule said when the shipped networks were trained.
#[test]
fn shared_sides_are_those_of_the_shipped_networks() {
    const FOLDERS: [&str; 13] = [
        "faces/lfw250",
        "faces/lfw_multi",
        "landmarks/ytfaces68",
        "faces/celeba178",
        "faces/ffhq256",
        "faces/stylegan256",
        "faces/gan256",
        "faces/selfies",
        "pairs/faceswap_sbs",
        "video/talking",
        "video/blink",
        "video/pulse",
        "drive256",
    ];
    let mut files = shared_files();
    files.retain(|file| file.rsplit_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder)));
    if files.is_empty() {
        return;
    }
    files.sort();
    let data = Collection::of(Path::new("nowhere")).unwrap();
    let mut text = String::new();
    files.iter().for_each(|file| writeln!(text, "{file} {}", data.side(file).name()).unwrap());
    let digest = format!("{:x}", Sha256::digest(text.as_bytes()));
    let known = "4f0815f6160871f2fadef195c4991b6abba73c3f7fcbb4f461749b9df4fee71b";
    assert_eq!((files.len(), digest.as_str()), (7102, known));
}
