//! A scan that is killed in the middle goes on where it stopped, and the results are those of an
//! uninterrupted run.
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{assay, results, run, save};
use assay_workbench::Store;

const FILES: usize = 24;

#[test]
fn a_killed_scan_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let media = folder.path().join("media");
    std::fs::create_dir(&media).unwrap();
    for i in 0..FILES {
        save(&media, &format!("photo{i:02}.jpg"), i as u32);
    }
    let scan = |out: &str| {
        let mut command = assay(folder.path());
        command.args(["scan", "media", "--jobs", "2", "--out", out, "--json"]).arg(format!("{out}.json"));
        command
    };
    let finished = |out: &str| -> usize {
        let path = folder.path().join(out);
        if !path.join(assay_workbench::STORE_NAME).exists() {
            return 0;
        }
        let (entries, broken) = Store::open(&path).unwrap().log_entries().unwrap();
        assert_eq!(broken, None);
        entries.iter().filter(|e| e.event.contains("\"file examined\"")).count()
    };
    let (code, _, errors) = run(&mut scan("whole"));
    assert!(code < 2, "{errors}");

    let mut killed_at = Vec::new();
    loop {
        let before = finished("cut");
        let mut child = scan("cut").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let wanted = before + 5;
        let started = Instant::now();
        while finished("cut") < wanted && child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_mins(5), "no progress");
            std::thread::sleep(Duration::from_millis(5));
        }
        let over = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        if over || killed_at.len() == 2 {
            break;
        }
        killed_at.push(finished("cut"));
    }
    assert!(!killed_at.is_empty() && killed_at[0] < FILES, "the scan was never killed in the middle: {killed_at:?}");
    let before = finished("cut");
    let (code, _, errors) = run(&mut scan("cut"));
    assert!(code < 2, "{errors}");
    assert_eq!(finished("cut"), FILES, "each file was examined exactly once over all runs (before the last: {before})");
    let (whole, cut) = (results(&folder.path().join("whole.json")), results(&folder.path().join("cut.json")));
    assert_eq!(whole.len(), FILES);
    assert!(whole == cut, "the results differ");
    let pages = |out: &str| {
        let entries = std::fs::read_dir(folder.path().join(out)).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|n| !n.starts_with("assay.sqlite"));
        names.sort();
        names
    };
    assert_eq!(pages("whole"), pages("cut"), "nothing is missing and no part is left behind");
}

#[test]
fn shards_share_the_work_and_reproduce_confirms_it() {
    let folder = tempfile::tempdir().unwrap();
    let media = folder.path().join("media");
    std::fs::create_dir(&media).unwrap();
    for i in 0..5 {
        save(&media, &format!("photo{i}.jpg"), i);
    }
    for shard in ["1/2", "2/2"] {
        let name = format!("part{}.json", &shard[..1]);
        let (code, _, errors) = run(assay(folder.path()).args(["scan", "media", "--shard", shard, "--json", &name]));
        assert!(code < 2, "{errors}");
    }
    let mut names: Vec<String> = ["part1.json", "part2.json"]
        .iter()
        .flat_map(|f| results(&folder.path().join(f)))
        .map(|(name, _)| name)
        .collect();
    names.sort();
    assert_eq!(names, ["photo0.jpg", "photo1.jpg", "photo2.jpg", "photo3.jpg", "photo4.jpg"]);

    let (code, text, errors) = run(assay(folder.path()).args(["reproduce", "part1.json"]));
    assert_eq!(code, 0, "{text}{errors}");
    assert_eq!(text.matches("identical, byte for byte").count(), 3);

    std::fs::copy(media.join("photo1.jpg"), media.join("photo0.jpg")).unwrap();
    let (code, text, _) = run(assay(folder.path()).args(["reproduce", "part1.json"]));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("/input/sha256"), "{text}");
}

#[test]
fn a_changed_log_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "photo.jpg", 1);
    run(assay(folder.path()).args(["scan", "photo.jpg", "--out", "out"]));
    let (code, text, _) = run(assay(folder.path()).args(["log", "out"]));
    assert_eq!(code, 0);
    assert!(
        text.contains("scan started") && text.contains("file examined") && text.contains("scan finished"),
        "{text}"
    );
    let store = rusqlite::Connection::open(folder.path().join("out").join(assay_workbench::STORE_NAME)).unwrap();
    store.execute("UPDATE log SET event = replace(event, 'photo', 'other') WHERE seq = 2", []).unwrap();
    drop(store);
    let (code, _, errors) = run(assay(folder.path()).args(["log", "out"]));
    assert_eq!(code, 2);
    assert!(errors.contains("broken at entry 2"), "{errors}");
}

#[test]
fn a_finished_file_is_not_taken_for_another_and_settings_reach_the_reports() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let path = at.join("x.bmp");
    let scan = |threshold: &str| {
        let mut command = assay(at);
        command.args(["scan", "x.bmp", "--out", "out", "--json", "all.json", "--analyzers", "error_level"]);
        command.args(["--threshold", threshold]);
        let (code, _, errors) = run(&mut command);
        assert_eq!(code, 0, "{errors}");
        let document: serde_json::Value = serde_json::from_slice(&std::fs::read(at.join("all.json")).unwrap()).unwrap();
        document["reports"][0]["result"].clone()
    };
    let written = || -> serde_json::Value {
        let mut entries = std::fs::read_dir(at.join("out")).unwrap().map(|e| e.unwrap().path());
        let json = entries.find(|p| p.extension().is_some_and(|e| e == "json")).unwrap();
        serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
    };
    crate::common::picture(1, 256, 192).save(&path).unwrap();
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    let first = scan("10");
    scan("500");
    scan("10");
    assert_eq!(
        written()["result"]["verdict"]["statements"][0]["threshold"]["lr"],
        10.0,
        "the folder shows the last run's settings"
    );

    // Another picture of the same size in bytes under the same name and time.
    crate::common::picture(2, 256, 192).save(&path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let second = scan("10");
    assert_ne!(first["input"]["sha256"], second["input"]["sha256"]);
    assert_eq!(second["input"]["sha256"], written()["result"]["input"]["sha256"]);
}
