//! Made sets whose figures are known.
use super::*;
use crate::datasets::{Row, Split};
use assay_material::rng::Rng;

fn score(path: &str, part: Part, frame: u64, log_odds: f64) -> FrameScore {
    FrameScore { path: path.into(), part, person: 0, frame, log_odds, face_px: None, yaw_deg: None }
}

/// A table of clips with their log-odds in two frames each, half a unit apart.
fn set(clips: &[(&str, Label, &str, f64)]) -> (Manifest, Vec<FrameScore>) {
    let rows = clips.iter().map(|(name, label, source, _)| Row {
        source: Some((*source).to_owned()),
        compression: Some("c23".into()),
        split: Some(Split::Test),
        ..Row::new(format!("/set/{name}"), *label)
    });
    let manifest = Manifest { root: "/set".into(), rows: rows.collect() };
    let scores = clips.iter().flat_map(|(name, _, _, odds)| {
        [0, 1].map(|frame| score(&format!("/set/{name}"), Part::Whole, frame, odds + 0.5 * frame as f64 - 0.25))
    });
    (manifest, scores.collect())
}

const CLIPS: [(&str, Label, &str, f64); 6] = [
    ("a.mp4", Label::Fake, "swap", 2.0),
    ("b.mp4", Label::Fake, "swap", 1.0),
    ("c.mp4", Label::Fake, "puppet", -2.0),
    ("d.mp4", Label::Real, "camera", -1.0),
    ("e.mp4", Label::Real, "camera", -3.0),
    ("f.mp4", Label::Real, "camera", 1.5),
];

#[test]
fn figures_are_those_made_by_hand() {
    let (manifest, scores) = set(&CLIPS);
    let results = evaluate(&manifest, &scores, &[], 1).unwrap();
    // 2.0 beats 3, 1.0 beats 2, -2.0 beats 1 of 3.
    assert!((results.video_auc.value.unwrap() - 6.0 / 9.0).abs() < 1e-12);
    assert_eq!((results.video_auc.n, results.frame_auc.n, results.person_auc.n), (6, 12, 6));
    assert!(results.video_auc.low.unwrap() <= 2.0 / 3.0 && 2.0 / 3.0 <= results.video_auc.high.unwrap());
    let loss: f64 = CLIPS.iter().map(|c| (1.0 + if c.1 == Label::Fake { -c.3 } else { c.3 }.exp()).ln()).sum();
    assert!((results.log_loss.value.unwrap() - loss / 6.0).abs() < 1e-12);
    assert_eq!(results.files[0].path, "a.mp4");
    assert_eq!((results.files[0].score, results.files[0].frames), (Some(2.0), 2));
    assert_eq!(results.curves.roc.first(), Some(&[0.0, 0.0]));
    assert_eq!(results.curves.roc.last(), Some(&[1.0, 1.0]));
    assert_eq!(results.curves.reliability.iter().map(|b| b.2).sum::<usize>(), 6);
    assert_eq!(results.paired_accuracy.value, None);
    assert!(results.paired_accuracy.reason.unwrap().contains("real and a fake part"));
}

#[test]
fn a_source_of_one_class_is_compared_with_all_of_the_other() {
    let (manifest, scores) = set(&CLIPS);
    let results = evaluate(&manifest, &scores, &[], 1).unwrap();
    let names: Vec<&str> = results.by_source.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["camera", "puppet", "swap"]);
    let swap = &results.by_source[2];
    assert_eq!((swap.against.as_deref(), swap.real, swap.fake), (Some("all real"), 3, 2));
    assert!((swap.video_auc.value.unwrap() - 5.0 / 6.0).abs() < 1e-12);
    assert_eq!(results.by_source[0].video_auc, results.by_compression[0].video_auc);
    assert_eq!(results.by_compression.len(), 1);
}

#[test]
fn sizes_and_poses_take_their_own_frames() {
    let (manifest, mut scores) = set(&CLIPS);
    for (i, score) in scores.iter_mut().enumerate() {
        score.face_px = Some(if i % 2 == 0 { 64.0 } else { 63.9 });
        score.yaw_deg = (i > 1).then_some(if i % 2 == 0 { -50.0 } else { 20.0 });
    }
    let results = evaluate(&manifest, &scores, &[], 1).unwrap();
    let row = |s: &Slice| (s.name.clone(), s.frame_auc.n);
    let sizes: Vec<(String, usize)> = results.by_size.iter().map(row).collect();
    let named = |list: &[(&str, usize)]| list.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect::<Vec<_>>();
    assert_eq!(sizes, named(&[("below 64 px", 6), ("64 to 128 px", 6), ("128 to 256 px", 0), ("256 px and above", 0)]));
    assert_eq!(results.by_size[2].video_auc.reason.as_deref(), Some("no video has a score"));
    let poses: Vec<(String, usize)> = results.by_pose.iter().map(row).collect();
    assert_eq!(poses, named(&[("below 20 deg", 0), ("20 to 45 deg", 5), ("45 deg and above", 5), ("not given", 2)]));
}

#[test]
fn what_failed_is_counted_and_stays_in_the_list() {
    let (manifest, mut scores) = set(&CLIPS);
    // a: no score, decode failure; f: no score, nothing said; b: scored, with a failed frame.
    scores.retain(|s| !s.path.ends_with("a.mp4") && !s.path.ends_with("f.mp4"));
    let failure =
        |name: &str, kind| Failure { path: format!("/set/{name}").into(), part: Part::Whole, kind, reason: "x".into() };
    let failures = [failure("a.mp4", FailureKind::Decode), failure("b.mp4", FailureKind::NoFace)];
    let results = evaluate(&manifest, &scores, &failures, 1).unwrap();
    let wanted = Counts {
        decode: 1,
        no_face: 1,
        abstained: 0,
        not_reported: 1,
        files: 6,
        real_without_score: 1,
        fake_without_score: 1,
        videos_without_score: 2,
    };
    assert_eq!(results.failures, wanted);
    assert_eq!((results.files.len(), results.video_auc.n), (6, 4));
    assert_eq!((results.files[0].score, results.files[0].failures[0].0), (None, FailureKind::Decode));
    assert_eq!(results.files[5].failures[0].0, FailureKind::NotReported);
    assert_eq!(results.files[1].score, Some(1.0));
}

#[test]
fn parts_of_one_file_are_pairs() {
    let mut manifest = Manifest::default();
    let mut scores = Vec::new();
    for (name, real, fake) in [("1.png", -1.0, 1.0), ("2.png", 0.0, 0.0), ("3.png", 1.0, -1.0), ("4.png", -1.0, 2.0)] {
        for (part, label, odds) in [(Part::Left, Label::Real, real), (Part::Right, Label::Fake, fake)] {
            manifest.rows.push(Row { part, ..Row::new(name, label) });
            scores.push(score(name, part, 0, odds));
        }
    }
    let results = evaluate(&manifest, &scores, &[], 1).unwrap();
    assert_eq!((results.paired_accuracy.value, results.paired_accuracy.n), (Some(2.5 / 4.0), 4));
    assert!(results.paired_accuracy.low.unwrap() < results.paired_accuracy.high.unwrap());
    assert_eq!(results.video_auc.n, 8);
    assert!(results.by_compression.is_empty());
}

#[test]
fn one_class_gives_null_and_a_reason() {
    let (manifest, scores) = set(&CLIPS[..3]);
    let results = evaluate(&manifest, &scores, &[], 1).unwrap();
    assert_eq!((results.video_auc.value, results.video_auc.n), (None, 3));
    assert_eq!(results.video_auc.reason.as_deref(), Some("no real video has a score"));
    assert!(results.log_loss.value.is_some());
    let json = serde_json::to_value(&results).unwrap();
    assert!(json["eer"]["value"].is_null() && json["eer"]["reason"].is_string());
    let none = evaluate(&manifest, &[], &[], 1).unwrap();
    assert!(none.figures().iter().all(|(_, i)| i.value.is_none() && i.reason.is_some()));
}

#[test]
fn the_order_of_scores_and_the_number_of_threads_change_nothing() {
    let mut rng = Rng::new(4);
    let clips: Vec<(String, Label, f64)> = (0..40)
        .map(|i| {
            (
                format!("{i}.mp4"),
                if i % 2 == 0 { Label::Fake } else { Label::Real },
                rng.normal() + f64::from(i % 2 == 0),
            )
        })
        .collect();
    let clips: Vec<(&str, Label, &str, f64)> = clips.iter().map(|(n, l, s)| (n.as_str(), *l, "x", *s)).collect();
    let (manifest, mut scores) = set(&clips);
    let first = serde_json::to_string(&evaluate(&manifest, &scores, &[], 9).unwrap()).unwrap();
    scores.reverse();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = one.install(|| evaluate(&manifest, &scores, &[], 9).unwrap());
    assert_eq!(serde_json::to_string(&again).unwrap(), first);
    let back: Results = serde_json::from_str(&first).unwrap();
    assert_eq!(back, again);
}

#[test]
fn frames_of_one_video_do_not_narrow_the_interval() {
    let (manifest, scores) = set(&CLIPS);
    let mut many = Vec::new();
    for score in scores.iter().filter(|s| s.frame == 0) {
        many.extend((0..200).map(|frame| FrameScore { frame, ..score.clone() }));
    }
    let [few, many] = [&scores, &many].map(|s| evaluate(&manifest, s, &[], 1).unwrap().frame_auc);
    let width = |i: &Estimate| i.high.unwrap() - i.low.unwrap();
    assert!(width(&many) > 0.5 && (width(&many) - width(&few)).abs() < 0.25, "{few:?} {many:?}");
}

#[test]
fn scores_that_fit_nothing_are_refused() {
    let (manifest, scores) = set(&CLIPS);
    let with = |change: &dyn Fn(&mut Vec<FrameScore>)| {
        let mut scores = scores.clone();
        change(&mut scores);
        format!("{:#}", evaluate(&manifest, &scores, &[], 1).unwrap_err())
    };
    assert!(with(&|s| s[0].path = "other.mp4".into()).contains("is not in the table"));
    assert!(with(&|s| s[0].part = Part::Left).contains("part left, is not in the table"));
    assert!(with(&|s| s[0].log_odds = f64::NAN).contains("not finite"));
    assert!(with(&|s| s[1].frame = 0).contains("scored twice"));
}
