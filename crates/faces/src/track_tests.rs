use proptest::prelude::*;

use super::*;

const SETTINGS: TrackSettings = TrackSettings { face_score: 0.6, same_person_cosine: 0.5, other_person_cosine: 0.2 };
/// Looks a second.
const RATE: f64 = 6.0;

struct Dice(u64);

impl Dice {
    /// -1..1
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32) / (1u64 << 23) as f32 - 1.0
    }
}

/// The vector of person `p` with noise.
fn likeness(p: usize, dice: &mut Dice) -> Option<Vec<f32>> {
    let v: Vec<f32> = (0..16).map(|i| if i == p { 1.0 } else { 0.0 } + 0.12 * dice.next()).collect();
    unit(&v)
}

fn square(x: f32, y: f32, side: f32) -> Rect {
    Rect::new(x - side / 2.0, y - side / 2.0, side, side)
}

/// A frame: who is seen where, with which score.
type Scene = Vec<(usize, Rect, f32)>;

fn sightings(scene: &Scene, dice: &mut Dice, jitter: f32, with_vectors: bool) -> Vec<Sighting> {
    scene
        .iter()
        .map(|(p, at, score)| {
            let mut j = || dice.next() * jitter * at.width;
            let moved = Rect::new(at.x + j(), at.y + j(), at.width + j(), at.height + j());
            let embedding = if with_vectors { likeness(*p, dice) } else { None };
            Sighting { box_in_frame: moved, score: *score, embedding }
        })
        .collect()
}

/// Runs a clip; returns, a believed track, the people it followed and the looks in which it saw
/// them.
fn run(scenes: &[Scene], jitter: f32, with_vectors: bool) -> Vec<(Vec<usize>, usize)> {
    let mut dice = Dice(7);
    let mut tracker = Tracker::new(SETTINGS);
    let mut seen: Vec<(Vec<usize>, usize)> = Vec::new();
    for (i, scene) in scenes.iter().enumerate() {
        let keys = tracker.step(i as f64 / RATE, &sightings(scene, &mut dice, jitter, with_vectors));
        for ((p, _, _), key) in scene.iter().zip(keys) {
            if let Some(key) = key {
                seen.resize(seen.len().max(key + 1), (Vec::new(), 0));
                seen[key].1 += 1;
                if seen[key].0.last() != Some(p) {
                    seen[key].0.push(*p);
                }
            }
        }
    }
    let believed = tracker.finish();
    seen.into_iter().zip(believed).filter(|(_, b)| *b).map(|(s, _)| s).collect()
}

#[test]
fn one_face_is_one_track_in_spite_of_jitter_and_missed_frames() {
    let scenes: Vec<Scene> = (0..60)
        .map(|i| {
            let missed = i % 7 == 3 || i % 11 == 5 || i % 11 == 6;
            let at = square(200.0 + 3.0 * i as f32, 200.0 + 40.0 * (i as f32 * 0.2).sin(), 90.0);
            if missed { vec![] } else { vec![(0, at, 0.9)] }
        })
        .collect();
    let looks = scenes.iter().filter(|s| !s.is_empty()).count();
    for with_vectors in [true, false] {
        assert_eq!(run(&scenes, 0.06, with_vectors), [(vec![0], looks)], "vectors: {with_vectors}");
    }
}

/// Two people swap sides; in the middle the one behind is hidden.
fn crossing() -> Vec<Scene> {
    (0..40)
        .map(|i| {
            let t = i as f32 / 39.0;
            let (a, b) = (square(150.0 + 340.0 * t, 200.0, 100.0), square(490.0 - 340.0 * t, 210.0, 96.0));
            if a.iou(&b) > 0.15 { vec![(0, a, 0.9)] } else { vec![(0, a, 0.9), (1, b, 0.9)] }
        })
        .collect()
}

#[test]
fn crossing_people_keep_their_tracks() {
    let scenes = crossing();
    assert!(scenes.iter().filter(|s| s.len() == 1).count() >= 5, "somebody is hidden");
    let looks = |p: usize| scenes.iter().flatten().filter(|s| s.0 == p).count();
    assert_eq!(run(&scenes, 0.04, true), [(vec![0], looks(0)), (vec![1], looks(1))]);
    // Straight paths can be followed by movement alone.
    let moved = run(&scenes, 0.02, false);
    assert_eq!(moved.iter().map(|t| t.0.clone()).collect::<Vec<_>>(), [vec![0], vec![1]]);
}

#[test]
fn whoever_turns_back_behind_another_is_known_by_likeness() {
    // Person 1 walks behind person 0, stops there for a second and comes out where it went in.
    let scenes: Vec<Scene> = (0..45)
        .map(|i| {
            let t = i as f32;
            let x = if t < 18.0 {
                480.0 - 10.0 * t
            } else if t < 24.0 {
                300.0
            } else {
                300.0 + 10.0 * (t - 24.0)
            };
            let (a, b) = (square(300.0, 200.0, 110.0), square(x, 205.0, 100.0));
            if (x - 300.0).abs() < 55.0 { vec![(0, a, 0.9)] } else { vec![(0, a, 0.9), (1, b, 0.9)] }
        })
        .collect();
    let hidden = scenes.iter().filter(|s| s.len() == 1).count();
    assert!((8.0..RATE * PATIENCE_SECS + 12.0).contains(&(hidden as f64)));
    let tracks = run(&scenes, 0.03, true);
    assert!(tracks.iter().all(|t| t.0.len() == 1), "nobody is mixed up: {tracks:?}");
    assert_eq!(tracks[0], (vec![0], 45));
}

#[test]
fn faces_that_swap_places_between_two_looks_are_told_apart() {
    let (a, b) = (square(200.0, 200.0, 100.0), square(300.0, 200.0, 100.0));
    let scenes: Vec<Scene> = (0..24)
        .map(|i| if i / 6 % 2 == 0 { vec![(0, a, 0.9), (1, b, 0.9)] } else { vec![(0, b, 0.9), (1, a, 0.9)] })
        .collect();
    assert_eq!(run(&scenes, 0.02, true), [(vec![0], 24), (vec![1], 24)]);
}

#[test]
fn who_leaves_and_returns_gets_a_new_track() {
    let at = square(200.0, 200.0, 80.0);
    let away = (RATE * (PATIENCE_SECS + 1.0)) as usize;
    let mut scenes: Vec<Scene> = vec![vec![(0, at, 0.9)]; 10];
    scenes.extend(vec![vec![]; away]);
    scenes.extend(vec![vec![(0, at, 0.9)]; 10]);
    assert_eq!(run(&scenes, 0.03, true), [(vec![0], 10), (vec![0], 10)]);
    // Hidden for less than the patience, it is one track.
    let mut short: Vec<Scene> = vec![vec![(0, at, 0.9)]; 10];
    short.extend(vec![vec![]; 7]);
    short.extend(vec![vec![(0, at, 0.9)]; 10]);
    assert_eq!(run(&short, 0.03, true), [(vec![0], 20)]);
}

#[test]
fn tracks_end_at_a_cut() {
    let at = square(200.0, 200.0, 80.0);
    let mut tracker = Tracker::new(SETTINGS);
    let mut dice = Dice(3);
    let mut keys = Vec::new();
    for i in 0..20 {
        if i == 10 {
            tracker.end_shot();
        }
        // Without vectors nothing but the cut can part the two.
        keys.push(tracker.step(f64::from(i) / RATE, &sightings(&vec![(0, at, 0.9)], &mut dice, 0.01, false))[0]);
    }
    assert!(keys[..10].iter().all(|k| *k == Some(0)) && keys[10..].iter().all(|k| *k == Some(1)));
    assert_eq!(tracker.finish(), [true, true]);
}

#[test]
fn false_detections_begin_no_track_and_doubtful_ones_carry_one_on() {
    let mut dice = Dice(11);
    let scenes: Vec<Scene> = (0..40)
        .map(|i| {
            // The face itself is doubtful (blurred) for a while.
            let score = if (12..20).contains(&i) { 0.3 } else { 0.9 };
            let mut scene = vec![(0, square(300.0 + 2.0 * i as f32, 200.0, 90.0), score)];
            if i % 3 == 0 {
                scene.push((8, square(300.0 + 280.0 * dice.next(), 450.0 + 60.0 * dice.next(), 60.0), 0.7));
            }
            // A doubtful thing that stays where it is never becomes a track.
            scene.push((9, square(600.0, 80.0, 50.0), 0.4));
            scene
        })
        .collect();
    assert_eq!(run(&scenes, 0.03, true), [(vec![0], 40)]);
}

#[test]
fn a_face_found_twice_is_one_track() {
    let at = square(200.0, 200.0, 100.0);
    let scenes: Vec<Scene> = vec![vec![(0, at, 0.9), (0, square(206.0, 198.0, 96.0), 0.7)]; 12];
    assert_eq!(run(&scenes, 0.0, false).len(), 1);
}

#[test]
fn short_shots_believe_what_is_in_every_frame() {
    let mut tracker = Tracker::new(SETTINGS);
    let mut dice = Dice(1);
    let (a, b) = (square(100.0, 100.0, 50.0), square(300.0, 100.0, 50.0));
    tracker.step(0.0, &sightings(&vec![(0, a, 0.9)], &mut dice, 0.0, true));
    tracker.step(1.0 / RATE, &sightings(&vec![(0, a, 0.9), (1, b, 0.9)], &mut dice, 0.0, true));
    assert_eq!(tracker.finish(), [true, false]);
}

/// People who walk about at random, with false and missed detections.
fn walk(seed: u64) -> Vec<Scene> {
    let mut dice = Dice(seed);
    let mut people: Vec<(f32, f32, f32, f32)> =
        (0..4).map(|_| (320.0 + 300.0 * dice.next(), 240.0 + 200.0 * dice.next(), 0.0, 0.0)).collect();
    (0..30)
        .map(|_| {
            let mut scene = Vec::new();
            for (p, (x, y, dx, dy)) in people.iter_mut().enumerate() {
                (*dx, *dy) = (0.8 * *dx + 6.0 * dice.next(), 0.8 * *dy + 4.0 * dice.next());
                (*x, *y) = (*x + *dx, *y + *dy);
                if dice.next() > -0.8 {
                    scene.push((p, square(*x, *y, 70.0), 0.55 + 0.45 * dice.next().abs()));
                }
            }
            if dice.next() > 0.5 {
                scene.push((9, square(320.0 + 300.0 * dice.next(), 240.0, 60.0), 0.65));
            }
            scene
        })
        .collect()
}

proptest! {
    #[test]
    fn the_order_of_the_detections_means_nothing(seed in 0u64..1000, turn in 1usize..5, with_vectors: bool) {
        let scenes = walk(seed);
        let mut dice = Dice(seed + 1);
        let frames: Vec<Vec<Sighting>> = scenes.iter().map(|s| sightings(s, &mut dice, 0.05, with_vectors)).collect();
        let (mut straight, mut turned) = (Tracker::new(SETTINGS), Tracker::new(SETTINGS));
        for (i, frame) in frames.iter().enumerate() {
            let n = frame.len();
            let order: Vec<usize> = (0..n).rev().map(|k| (k + turn) % n).collect();
            let a = straight.step(i as f64 / RATE, frame);
            let shuffled: Vec<Sighting> = order.iter().map(|k| frame[*k].clone()).collect();
            let b = turned.step(i as f64 / RATE, &shuffled);
            for (at, k) in order.iter().enumerate() {
                prop_assert_eq!(a[*k], b[at]);
            }
            let mut taken: Vec<usize> = a.iter().flatten().copied().collect();
            taken.sort_unstable();
            prop_assert!(taken.windows(2).all(|w| w[0] != w[1]), "a track has two faces in one frame");
        }
        prop_assert_eq!(straight.finish(), turned.finish());
    }

    #[test]
    fn people_with_vectors_are_never_mixed_up(seed in 0u64..300) {
        for (people, _) in run(&walk(seed), 0.05, true) {
            prop_assert!(people.iter().filter(|p| **p != 9).count() <= 1, "{:?}", people);
        }
    }
}
