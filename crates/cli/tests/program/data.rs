//! `assay data` and `assay evaluate` from outside: dividing without leaks, counting what cannot be
//! scored, and the figures' names.
use std::path::Path;

use image::RgbImage;
use serde_json::Value;

use crate::common::{assay, run};

/// The drawn scene has a bust that is found as a face; the fake is redder and softer in the middle
/// of it.
fn pictures(folder: &Path) {
    for (class, shift) in [("real", 0u8), ("fake", 14)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for seed in 52..54 {
            let mut picture = assay_material::scene::photograph(seed, 640, 480);
            for (x, y, p) in picture.enumerate_pixels_mut() {
                if (345..420).contains(&x) && (100..190).contains(&y) {
                    p.0[0] = p.0[0].saturating_add(shift);
                }
            }
            save(&picture, &folder.join(class).join(format!("{class}{seed}.png")));
        }
    }
}

fn save(picture: &RgbImage, path: &Path) {
    picture.save(path).unwrap();
}

#[test]
fn a_data_set_is_divided_without_leaks_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    // A file that is no picture and one without a face are counted, and the rest goes on.
    std::fs::write(at.join("real/broken.png"), "no picture").unwrap();
    save(&RgbImage::from_pixel(200, 200, image::Rgb([90, 120, 90])), &at.join("fake/empty.png"));
    let table = at.join("set.csv");
    // The twins are nearly the same picture, so a division that knows no persons may put them
    // apart.
    let (code, text, errors) = run(assay(at).args(["data", "index", ".", "--allow-leaks", "--out"]).arg(&table));
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("folders real and fake: 6 rows, 3 real, 3 fake"), "{text}");
    let (code, text, errors) =
        run(assay(at).args(["evaluate", "--json", "-", "--html", "page.html", "--manifest"]).arg(&table));
    assert_eq!(code, 2, "a file could not be decoded: {text}{errors}");
    let found: Value = serde_json::from_str(&text).unwrap();
    for name in ["frame_auc", "person_auc", "video_auc", "paired_accuracy", "eer", "average_precision", "log_loss"] {
        for part in ["value", "low", "high", "n"] {
            assert!(found[name].get(part).is_some(), "{name}.{part}: {text}");
        }
    }
    for name in ["fpr_at_tpr95", "tpr_at_fpr01", "brier", "ece"] {
        assert!(found[name]["n"].is_number(), "{name}");
    }
    let files = found["files"].as_array().unwrap();
    assert_eq!(files.len(), 6);
    assert_eq!(files.iter().filter(|f| f["score"].is_number()).count(), 4, "{files:?}");
    assert_eq!((found["failures"]["decode"].as_u64(), found["failures"]["no_face"].as_u64()), (Some(1), Some(1)));
    assert!(errors.contains("broken.png") && errors.contains("empty.png"), "{errors}");
    assert!(std::fs::read_to_string(at.join("page.html")).unwrap().contains("<svg"));
}

#[test]
fn a_leak_is_an_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    pictures(at);
    let rows = "path,label,person,split\nreal/real52.png,real,Ann,train\nfake/fake53.png,fake,Ann,test\n";
    std::fs::write(at.join("leaky.csv"), rows).unwrap();
    let (code, _, errors) = run(assay(at).args(["data", "index", "leaky.csv", "--out", "out.csv"]));
    assert_eq!(code, 2);
    assert!(errors.contains("one person in train and test: Ann"), "{errors}");
    assert!(!at.join("out.csv").exists());
    let (code, text, errors) = run(assay(at).args(["data", "index", "leaky.csv", "--split", "--out", "out.csv"]));
    assert_eq!(code, 0, "{text}{errors}");
    let written = std::fs::read_to_string(at.join("out.csv")).unwrap();
    assert_eq!(written.matches(",Ann,").count(), 2, "{written}");
}

#[test]
fn wrong_tables_and_detectors_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("odd.csv"), "path,label\na.png,genuine\n").unwrap();
    std::fs::write(at.join("one.csv"), "path,label\na.png,real\n").unwrap();
    for (arguments, words) in [
        (vec!["evaluate", "--manifest", "odd.csv"], vec!["odd.csv", "genuine"]),
        (vec!["evaluate", "--manifest", "missing.csv"], vec!["missing.csv"]),
        (vec!["evaluate", "--manifest", "one.csv", "--detector", "nobody"], vec!["nobody", "ensemble"]),
        (vec!["evaluate", "--manifest", "one.csv", "--split", "exam"], vec!["exam"]),
        (vec!["data", "index", "nowhere", "--out", "x.csv"], vec!["nowhere"]),
    ] {
        let (code, text, errors) = run(assay(at).args(&arguments));
        assert_eq!((code, errors.lines().count()), (2, 1), "{arguments:?}: {text}{errors}");
        for word in words {
            assert!(errors.contains(word), "{word}: {errors}");
        }
    }
}

/// Two people in folders of their own, and a descriptor that says so.
fn described(folder: &Path) {
    let text = r#"
schema = "assay.collection/1"
id = "mine"
about = "two people"

[[folder]]
path = "people"
media = "still"
label = "real"
owner = "person"
named_by = "parent"
uses = ["training", "photographs", "planted"]
defects = ["drawn"]
"#;
    std::fs::write(folder.join("mine.toml"), text).unwrap();
    for (person, seed) in [("Ann", 1), ("Bob", 2)] {
        std::fs::create_dir_all(folder.join("data/people").join(person)).unwrap();
        for i in 0..2 {
            let picture = crate::common::picture(seed * 10 + i, 96, 80);
            save(&picture, &folder.join("data/people").join(person).join(format!("{i}.png")));
        }
    }
}

#[test]
fn a_folder_is_checked_by_its_descriptor_and_gives_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    described(at);
    let (code, text, errors) = run(assay(at).args(["data", "check", "data", "--collection", "mine.toml"]));
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("mine: two people") && text.contains("4 files of 2 owners"), "{text}");
    assert!(text.contains("note: drawn"), "{text}");
    // The shipped descriptor names other folders.
    let (code, _, errors) = run(assay(at).args(["data", "check", "data"]));
    assert_eq!(code, 2);
    assert!(errors.contains("nothing that its descriptor names"), "{errors}");
    // A descriptor in the folder wins over one that is given.
    std::fs::copy(at.join("mine.toml"), at.join("data/collection.toml")).unwrap();
    std::fs::write(at.join("other.toml"), "schema = \"assay.collection/1\"\nid = \"x\"\nfolder = []\n").unwrap();
    let (code, _, errors) = run(assay(at).args(["data", "--collection", "other.toml", "check", "data"]));
    assert_eq!(code, 2);
    assert!(errors.contains("other.toml") && errors.contains("names no folder"), "{errors}");
    let (code, text, errors) =
        run(assay(at).args(["data", "check", "data", "--manifest", "data/set.csv", "--json", "-"]));
    assert_eq!(code, 0, "{errors}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((found["id"].as_str(), found["folders"][0]["owners"].as_u64()), (Some("mine"), Some(2)));
    let table = std::fs::read_to_string(at.join("data/set.csv")).unwrap();
    assert_eq!((table.matches(",Ann,").count(), table.matches(",real,").count()), (2, 4), "{table}");
}

#[test]
fn files_are_perturbed_one_by_one_and_marked_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    described(at);
    std::fs::write(at.join("data/people/Ann/broken.png"), "no picture").unwrap();
    let mark = ["mark", "data/people/Bob/0.png", "--claim", "mine", "--out", "data/people/Bob/signed.png"];
    let (code, text, errors) = run(assay(at).env("XDG_CONFIG_HOME", at.join("configuration")).args(mark));
    assert_eq!(code, 0, "{text}{errors}");
    let perturb = ["data", "perturb", "data", "out", "--with", "scale:0.5,jpeg:75", "--json", "-"];
    let (code, text, errors) = run(assay(at).args(perturb));
    assert_eq!(code, 2, "{text}{errors}");
    let found: Value = serde_json::from_str(&text).unwrap();
    let files = found["files"].as_array().unwrap();
    assert_eq!((files.len(), files.iter().filter(|f| f["made"].is_string()).count()), (6, 4), "{text}");
    assert!(errors.contains("broken.png") && errors.contains("signed.png: it carries a C2PA manifest"), "{errors}");
    assert_eq!(image::open(at.join("out/people/Ann/0.png.jpg")).unwrap().into_rgb8().dimensions(), (48, 40));
    assert!(!at.join("out/people/Bob/signed.png.jpg").exists());
    // The same again is the same.
    let bytes = std::fs::read(at.join("out/people/Ann/0.png.jpg")).unwrap();
    let one = ["data", "perturb", "data/people/Ann/0.png", "one.jpg", "--with", "scale:0.5,jpeg:75"];
    assert_eq!(run(assay(at).args(one)).0, 0);
    assert_eq!(std::fs::read(at.join("one.jpg")).unwrap(), bytes);
    for (args, words) in [
        (["data/people/Ann/0.png", "x.png", "--with", "jpeg:75"], "is a .jpg file, not x.png"),
        (["data/people/Ann/0.png", "x.jpg", "--with", "jpeg:0"], "from 1 to 100, not 0"),
        (["data/people/Ann/0.png", "x.png", "--with", "h264_crf:30"], "is for clips"),
        (["nowhere", "x.jpg", "--with", "jpeg:75"], "nowhere does not exist"),
    ] {
        let (code, _, errors) = run(assay(at).args(["data", "perturb"]).args(args));
        assert!(code == 2 && errors.contains(words), "{errors}");
    }
    let (code, text, _) = run(assay(at).args(["data", "perturb", "--list"]));
    assert!(code == 0 && text.contains("messenger:LEVEL") && text.contains("chroma=420|422|444"), "{text}");
}
