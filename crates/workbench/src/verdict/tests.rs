//! Verdicts over made findings and made tables whose raw score is the log10 likelihood ratio
//! itself.
use assay_evidence::{
    BoundKind, Evidence, FacesFound, Finding, Heatmap, Legend, Person, PngData, Prior, Proposition, Role, Verdict,
    Where,
};

use super::*;
use crate::calibration::interval::Delta;
use crate::calibration::{AnalyzerMap, CalibrationTable, ConditionTable, Logistic, ScoreMap};
use crate::known::tests::{finding, photograph};
use crate::pipeline::ThresholdChoice;

const PHOTO: Condition = Condition::Lossless;
const CAP: f64 = 1.8;

fn table(question: &str, analyzer: &str, conditions: &[Condition]) -> CalibrationTable {
    let identity = |covariance: Vec<f64>| Logistic { weights: vec![std::f64::consts::LN_10, 0.0], covariance };
    let condition = |condition: &Condition| ConditionTable {
        condition: condition.clone(),
        forged: 200,
        genuine: 300,
        analyzers: vec![AnalyzerMap {
            analyzer: analyzer.into(),
            forged: 200,
            genuine: 300,
            map: ScoreMap::Logistic(identity(vec![0.0; 4])),
            cllr: 0.5,
            cap_log10: 9.0,
        }],
        fusion: identity(vec![0.0; 4]),
        forged_sources: 63,
        genuine_sources: 90,
        cllr: 0.5,
        cllr_min: 0.4,
        bounds: vec![assay_evidence::Bound { kind: BoundKind::Sources, upper_log10: CAP, lower_log10: -CAP }],
        cap_log10: CAP,
        floor_log10: -CAP,
        interval: vec![Delta { at_log10: 0.0, low: -0.3, high: 0.2 }],
        operating_points: Vec::new(),
    };
    CalibrationTable {
        id: question.into(),
        question: question.into(),
        data: String::new(),
        made_with: String::new(),
        conditions: conditions.iter().map(condition).collect(),
    }
}

/// The first analyzer of each question carries it.
fn setup() -> Setup {
    let mut setup = Setup::new(&[], 1).unwrap();
    for asked in &mut setup.questions {
        let conditions: &[Condition] = if asked.question.needs_face { &[PHOTO] } else { &[PHOTO, Condition::Video] };
        asked.table = table(asked.question.id, carrier(asked.question.id), conditions);
    }
    setup.with_thresholds(&[ThresholdChoice { question: None, lr: 20.0 }])
}

fn carrier(question: &str) -> &'static str {
    crate::questions::find(question).unwrap().analyzers()[0]
}

fn scored(question: &str, log10: f64) -> Finding {
    finding(carrier(question), Evidence::new(Role::Scored, 1.0, "").with_score(log10, ""))
}

fn searched(persons: usize) -> FaceSearch {
    let range = assay_evidence::Range { low: 0.0, median: 0.0, high: 0.0 };
    let quality = assay_evidence::FaceQuality {
        overall: 1.0,
        size: 1.0,
        sharpness: 1.0,
        pose: 1.0,
        visibility: 1.0,
        exposure: 1.0,
    };
    let person = |i: usize| Person {
        id: format!("P{i}"),
        seen: Vec::new(),
        frames: 1,
        boxes: Vec::new(),
        size_px: range,
        yaw_degrees: None,
        pitch_degrees: None,
        roll_degrees: None,
        eyes_open: range,
        mouth_open: range,
        quality,
        likeness: Vec::new(),
        thumbnails: Vec::new(),
    };
    FaceSearch::Searched(Box::new(FacesFound {
        frames: 1,
        windows: Vec::new(),
        smallest_face_px: 24.0,
        cuts_secs: Vec::new(),
        persons: (0..persons).map(person).collect(),
        more_persons: 0,
        same_person_cosine: 0.4,
    }))
}

fn clip() -> Examined<'static> {
    Examined { kind: MediaKind::Video, format: "mp4", duration_secs: Some(3.0), ..photograph() }
}

fn said(values: &[(&str, f64)], faces: &FaceSearch, setup: &Setup) -> Verdict {
    let mut findings: Vec<Finding> = values.iter().map(|(q, v)| scored(q, *v)).collect();
    decide(&mut findings, &photograph(), Some(&PHOTO), faces, setup)
}

fn all(value: f64) -> Vec<(&'static str, f64)> {
    crate::questions::QUESTIONS.iter().map(|q| (q.id, value)).collect()
}

#[test]
fn one_find_leads_and_no_other_question_dilutes_it() {
    // LR 23 for one question, 1/10 for the others: the mean is 7.7 and hid the find.
    let mut values = all(-1.0);
    values[0].1 = 23f64.log10();
    let verdict = said(&values, &searched(1), &setup());
    assert!(verdict.above_threshold && verdict.statements[0].above && !verdict.statements[1].above);
    assert_eq!(verdict.headline.question.as_deref(), Some("part_altered"));
    assert_eq!(verdict.headline.sentence, "A part of this picture was probably altered.");
    assert!((10f64.powf(verdict.headline.llr.unwrap().log10) - 23.0).abs() < 0.01);
    assert!((10f64.powf(verdict.mean.unwrap().log10) - 7.73).abs() < 0.01, "the mean stays a number");
    let mut values = all(0.0);
    values[2].1 = 21f64.log10();
    let verdict = said(&values, &searched(1), &setup());
    assert_eq!(verdict.headline.question.as_deref(), Some("face_generated"));
    assert!(verdict.above_threshold && verdict.headline.sentence.contains("generated"));
}

#[test]
fn every_question_has_its_own_threshold() {
    let choices = ["part_altered=30", "face_generated=15"].map(|t| t.parse().unwrap());
    let setup = setup().with_thresholds(&choices);
    let verdict = said(&all(18f64.log10()), &searched(1), &setup);
    let above: Vec<bool> = verdict.statements.iter().map(|s| s.above).collect();
    assert_eq!(above, [false, false, true]);
    assert_eq!(verdict.headline.question.as_deref(), Some("face_generated"), "what is found leads what is not");
    assert_eq!(verdict.statements[0].threshold.lr, Some(30.0));
    assert!(
        verdict.statements[0].sentence.starts_with("There are moderate signs that a part of this picture was altered")
    );
    for wrong in ["0", "-3", "x", "nobody=3", "part_altered=0", "inf"] {
        assert!(wrong.parse::<ThresholdChoice>().is_err(), "{wrong}");
    }
}

#[test]
fn thresholds_come_from_the_table_and_a_missing_one_finds_nothing() {
    let usual = Setup::new(&[], 1).unwrap();
    let shipped = crate::calibration::Thresholds::shipped().unwrap();
    for question in crate::questions::QUESTIONS {
        for kind in [MediaKind::Image, MediaKind::Video] {
            assert_eq!(usual.threshold(question.id, kind).lr, shipped.of(question.id, kind).lr);
        }
    }
    let mut none = setup();
    none.settings.thresholds.iter_mut().for_each(|t| t.threshold.lr = None);
    let verdict = said(&all(1.5), &searched(1), &none);
    assert!(!verdict.above_threshold && verdict.headline.sentence.contains("not enough to count as found"));
    // A threshold above the cap is said to be out of reach.
    let far = setup().with_thresholds(&["part_altered=1000".parse().unwrap()]);
    assert!(said(&all(1.5), &searched(1), &far).statements[0].threshold.basis.contains("out of reach"));
}

#[test]
fn what_speaks_for_a_camera_is_as_strong_as_the_least_certain_question() {
    let sure = said(&all(-1.2), &searched(1), &setup());
    assert_eq!(sure.headline.llr.unwrap().log10, -1.2);
    assert!(sure.headline.sentence.contains("moderately supports that a camera recorded this picture"));
    let mut values = all(-1.2);
    values[1].1 = -0.5;
    assert_eq!(said(&values, &searched(1), &setup()).headline.llr.unwrap().log10, -0.5, "the least certain leads");
    values[1].1 = 0.1;
    let verdict = said(&values, &searched(1), &setup());
    assert_eq!(verdict.headline.band, Some(VerbalBand::Neutral));
}

#[test]
fn a_missed_face_clears_nothing_and_is_said_first() {
    let only = [("part_altered", -1.2)];
    for (faces, words) in [
        (searched(0), "No face was found (faces from 24 px can be found)"),
        (FaceSearch::NotSearched { reason: "x".into() }, "Faces were not looked for"),
        (FaceSearch::Failed { reason: "x".into() }, "The search for faces failed"),
        (searched(1), "A face was found, but nothing is said about replaced faces"),
    ] {
        let verdict = said(&only, &faces, &setup());
        assert!(verdict.first[0].starts_with(words), "{:?}", verdict.first);
        assert!(verdict.first.iter().any(|f| f.contains("generated faces")), "{:?}", verdict.first);
        assert_eq!((verdict.headline.band, verdict.headline.llr), (Some(VerbalBand::Neutral), None));
        assert!(verdict.headline.sentence.contains("stays open"));
        assert!(verdict.statements[1].llr.is_none() && verdict.statements[1].abstained.is_some());
        // It is no more genuine than where the face was found and judged.
        assert!(verdict.mean.unwrap().log10 > said(&all(-1.2), &searched(1), &setup()).mean.unwrap().log10);
    }
    // A dark clip whose face was missed: the tables of faces do not even know clips.
    let mut findings = vec![scored("part_altered", -1.2)];
    let verdict = decide(&mut findings, &clip(), Some(&Condition::Video), &searched(0), &setup());
    assert!(verdict.first[0].starts_with("No face was found") && verdict.headline.llr.is_none());
    // A find is a find whatever was not found.
    assert!(said(&[("part_altered", 1.5)], &searched(0), &setup()).above_threshold);
}

#[test]
fn what_the_calibration_does_not_know_gets_no_value_on_any_question() {
    let mut findings: Vec<Finding> = all(1.5).iter().map(|(q, v)| scored(q, *v)).collect();
    let gif = Examined { format: "gif", ..clip() };
    let verdict = decide(&mut findings, &gif, Some(&Condition::Video), &searched(0), &setup());
    assert!(verdict.statements.iter().all(|s| s.llr.is_none() && !s.above) && !verdict.above_threshold);
    assert_eq!(verdict.statements[0].sentence, "Nothing is said about altered parts.");
    assert!(verdict.abstained.unwrap().contains("GIF") && verdict.mean.is_none());
    assert!(verdict.headline.sentence.starts_with("No value is given: GIF") && verdict.first.is_empty());
    let Outcome::Evidence(evidence) = &findings[0].outcome else { panic!() };
    assert!(evidence.score.as_ref().unwrap().llr.is_none(), "nor does a single analyzer");
    let mut screen = Evidence::new(Role::DisplayOnly, 1.0, "");
    screen.measure("screen_content_score", 3.0, "");
    screen.measure("screen_content_level", 2.0, "");
    let mut findings = vec![scored("part_altered", 2.0), finding("screen_content", screen)];
    let verdict = decide(&mut findings, &photograph(), Some(&PHOTO), &searched(1), &setup());
    assert!(verdict.abstained.unwrap().contains("screenshot") && !verdict.above_threshold);
}

#[test]
fn an_examiners_proposition_gets_the_ratio_of_its_question() {
    let mut setup = setup();
    setup.case.propositions = vec![Proposition {
        question: "face_replaced".into(),
        forged: "The face of the driver was put in later.".into(),
        genuine: String::new(),
        prior: Some(Prior { probability: 0.5, source: "stated".into() }),
    }];
    let mut values = all(-0.5);
    values[1].1 = 1.0;
    let verdict = said(&values, &searched(1), &setup);
    let own = verdict.statement("face_replaced").unwrap();
    assert_eq!(own.propositions.forged, "The face of the driver was put in later.");
    assert!(own.propositions.genuine.contains("that the camera recorded"), "the question's own where none is given");
    assert!(
        own.evaluative.as_ref().unwrap().contains("moderately supports the proposition \u{201c}The face of the driver")
    );
    let posterior = own.posterior.as_ref().unwrap().probability;
    assert!((posterior - 10.0 / 11.0).abs() < 1e-9, "by its own ratio, not by the mean: {posterior}");
    assert!(verdict.statements.iter().filter(|s| s.posterior.is_some()).count() == 1);
    // Without a value there is no posterior.
    let silent = said(&[("part_altered", 0.0)], &searched(1), &setup);
    assert!(silent.statement("face_replaced").unwrap().posterior.is_none());
}

#[test]
fn intervals_do_not_collapse_at_the_cap() {
    for value in [1.0, CAP, 9.0] {
        let llr = said(&all(value), &searched(1), &setup()).statements[0].llr.unwrap();
        assert_eq!(llr.log10, value.min(CAP));
        assert!(llr.low < llr.log10 - 0.25 && llr.high >= llr.log10 && llr.high <= CAP, "{llr:?}");
    }
    let reference = said(&all(9.0), &searched(1), &setup()).statements[0].calibration.clone().unwrap();
    assert_eq!((reference.cap_by, reference.forged_sources), (BoundKind::Sources, 63));
}

#[test]
fn a_find_with_a_map_points_at_it() {
    let mut altered = scored("part_altered", 1.5);
    let Outcome::Evidence(evidence) = &mut altered.outcome else { panic!() };
    evidence.places.push(Where::Region { x: 1, y: 2, width: 3, height: 4, label: "here".into() });
    evidence.heatmap = Some(Heatmap {
        png: PngData(String::new()),
        columns: 1,
        rows: 1,
        covers: [0, 0, 8, 8],
        legend: Legend { low: String::new(), high: String::new() },
        reliability: None,
    });
    let verdict = decide(&mut [altered.clone()], &photograph(), Some(&PHOTO), &searched(0), &setup());
    assert_eq!(verdict.headline.sentence, "A part of this picture was probably altered: the marked region.");
    assert_eq!(verdict.leading().unwrap().marked_by, [carrier("part_altered")]);
    let high = setup().with_thresholds(&["100".parse().unwrap()]);
    let verdict = decide(&mut [altered], &photograph(), Some(&PHOTO), &searched(0), &high);
    assert!(verdict.leading().unwrap().marked_by.is_empty(), "what is not found marks nothing");
}

#[test]
fn sentences_name_the_supported_proposition_first() {
    let compared = Propositions { forged: "it was altered.".into(), genuine: "it was not.".into() };
    let at = |log10| {
        let llr = assay_evidence::Llr { log10, low: log10, high: log10 };
        words::evaluative(VerbalBand::of(log10), llr, &compared)
    };
    assert!(
        at(2.5).starts_with(
            "The evidence moderately strongly supports the proposition \u{201c}it was altered\u{201d} over"
        )
    );
    assert!(at(-0.5).contains("weakly supports the proposition \u{201c}it was not\u{201d}"));
    assert!(at(0.1).contains("does not favour"));
}

#[test]
fn what_is_not_answered_is_listed_as_not_tested() {
    let whats = |verdict: &Verdict| verdict.not_tested.iter().map(|n| n.what.clone()).collect::<Vec<_>>();
    let answered = whats(&said(&all(0.0), &searched(1), &setup()));
    let silent = whats(&said(&[("part_altered", 0.0)], &searched(0), &setup()));
    assert!(answered.iter().any(|w| w.contains("diffusion models")) && answered.iter().any(|w| w.contains("lip")));
    assert!(
        silent.iter().any(|w| w.starts_with("Face swap"))
            && silent.iter().any(|w| w.starts_with("Faces generated as a whole"))
    );
    let mut few = setup();
    few.settings.analyzers = vec!["error_level".into()];
    let verdict = said(&[], &searched(0), &few);
    assert!(verdict.not_tested.iter().any(|n| n.why.contains("not asked for")) && verdict.abstained.is_some());
}
