//! `assay train detector` on a table of one's own: a run's files, a mask, and what the weights say
//! in `assay evaluate`.
use serde_json::Value;

use crate::common::{assay, run};

/// Three drawn rooms with a head, each as it is and with a redder face, masked.
fn table(folder: &std::path::Path) {
    let mut text = String::from("path,label,mask,split,person\n");
    for seed in 52..55 {
        let real = assay_material::scene::photograph(seed, 640, 480);
        let mut fake = real.clone();
        let mut mask = image::RgbImage::new(640, 480);
        for (x, y, p) in fake.enumerate_pixels_mut() {
            if (345..420).contains(&x) && (100..190).contains(&y) {
                p.0[0] = p.0[0].saturating_add(14);
                mask.put_pixel(x, y, image::Rgb([255; 3]));
            }
        }
        for (name, picture) in [("real", &real), ("fake", &fake), ("mask", &mask)] {
            picture.save(folder.join(format!("{name}{seed}.png"))).unwrap();
        }
        text += &format!("real{seed}.png,real,,train,{seed}\nfake{seed}.png,fake,mask{seed}.png,train,{seed}\n");
    }
    std::fs::write(folder.join("set.csv"), text).unwrap();
}

#[test]
fn a_detector_is_trained_on_a_table_of_ones_own_and_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    let train = ["train", "detector", "--recipe", "generic", "--data", "set.csv", "--steps", "2", "--out", "first"];
    let (code, text, errors) = run(assay(at).args(train));
    assert_eq!(code, 0, "{text}{errors}");
    assert!(text.contains("written:"), "{text}");
    for file in ["run.json", "log.jsonl", "curves.html", "preview.jpg", "checkpoint.safetensors", "optimizer.bpk"] {
        assert!(at.join("first").join(file).exists(), "{file}");
    }
    let record: Value = serde_json::from_slice(&std::fs::read(at.join("first/run.json")).unwrap()).unwrap();
    assert_eq!(record["what"]["recipe"], "generic");
    assert_eq!(record["program"]["sha256"].as_str().map(str::len), Some(64));
    assert!(record["data"].as_object().unwrap().values().all(|d| d["sha256"].as_str().map(str::len) == Some(64)));
    let evaluate = ["evaluate", "--manifest", "set.csv", "--json", "-", "--detector", "first/weights.safetensors"];
    let (code, text, errors) = run(assay(at).args(evaluate));
    assert_eq!(code, 0, "{text}{errors}");
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["files"].as_array().unwrap().iter().filter(|f| f["score"].is_number()).count(), 6, "{text}");
}

#[test]
fn training_that_cannot_be_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    table(at);
    let refused = |arguments: &[&str]| {
        let (code, _, errors) = run(assay(at).args(["train", "detector", "--steps", "1"]).args(arguments));
        assert_eq!(code, 2, "{errors}");
        errors
    };
    std::fs::write(at.join("reals.csv"), "path,label,split\nreal52.png,real,train\n").unwrap();
    assert!(refused(&["--recipe", "generic", "--data", "reals.csv"]).contains("both are needed"));
    let leaky = "path,label,split,person\nreal52.png,real,train,Ann\nfake53.png,fake,test,Ann\n";
    std::fs::write(at.join("leaky.csv"), leaky).unwrap();
    assert!(refused(&["--recipe", "generic", "--data", "leaky.csv"]).contains("the splits leak"));
    assert!(refused(&["--recipe", "sbi", "--data", "nowhere"]).contains("cannot read"));
    let from_nothing = ["--recipe", "generic", "--data", "set.csv", "--from", "nowhere"];
    assert!(refused(&from_nothing).contains("no checkpoint to start from"));
    assert!(refused(&["--recipe", "sbi", "--data", ".", "--hold-out", "4/3"]).contains("PART/OF"));
    let patches = refused(&["--recipe", "synthesis", "--data", ".", "--patches"]);
    assert!(patches.contains("--patches belongs to the recipes sbi, pairs, reconstruct"), "{patches}");
    let animator = refused(&["--recipe", "sbi", "--data", ".", "--animator", "x"]);
    assert!(animator.contains("--animator belongs to the recipe reenactment"), "{animator}");
    assert!(
        refused(&["--recipe", "nothing", "--data", "."]).contains("no recipe is called \"nothing\"; there are sbi")
    );
}

#[test]
fn recipes_and_experiments_come_from_their_lists() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (code, text, errors) = run(assay(at).args(["train", "recipes"]));
    assert_eq!(code, 0, "{errors}");
    let recipes: Vec<&str> = assay_train::forgery::RECIPES.iter().map(|r| r.about().id).collect();
    let listed: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, recipes);
    let (code, help, errors) = run(assay(at).args(["lab", "--help"]));
    assert_eq!(code, 0, "{errors}");
    let known = ["planted", "calibrate-faces", "cases", "evaluate", "speed", "forgery", "train-speed", "swap"];
    for id in assay_lab::experiment::listed().map(|l| l.id).chain(known) {
        assert!(help.lines().any(|line| line.split_whitespace().next() == Some(id)), "{id} in {help}");
    }
    // Where the page goes and whether figures come as JSON is the list's to say.
    let (code, help, _) = run(assay(at).args(["lab", "temporal", "--help"]));
    assert_eq!(code, 0);
    assert!(
        help.contains("docs/temporal.md") && help.contains("--json <FILE>") && help.contains("--run <DIR>"),
        "{help}"
    );
    assert_eq!(run(assay(at).args(["lab", "temporal"])).0, 2, "its own arguments are asked for");
    let nothing = ["lab", "temporal", "--data", "nowhere", "--run", "none", "--out", "page.md"];
    let (code, _, errors) = run(assay(at).args(nothing));
    assert_eq!((code, at.join("page.md").exists()), (2, false), "{errors}");
    assert!(errors.contains("run.json"), "{errors}");
}
