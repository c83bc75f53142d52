//! The people of a file in the words of the report.
//!
//! The decision that shapes it: every number is rounded to what it can mean, so that the result
//! block does not hang on the last bit of a sum.
use assay_evidence::{FaceBox, FaceQuality, FacesFound, Likeness, MediaKind, Person, Preview, Range};
use assay_faces::{Faces, Observation, THUMBNAIL_SIDE, track};
use base64::Engine as _;

/// People that are listed; a crowd has more.
const MOST_PERSONS: usize = 100;
/// Others that a person is compared with: those most alike.
const MOST_LIKE: usize = 8;
/// Thumbnails a person.
const STRIP: usize = 8;

fn round(value: f32, steps: f64) -> f64 {
    let value = f64::from(value);
    // A minus before a zero would be a difference between two equal results.
    if value.is_finite() { (value * steps).round() / steps + 0.0 } else { 0.0 }
}

fn milli(secs: f64) -> f64 {
    (secs * 1e6).round() / 1e6
}

fn range(values: impl Iterator<Item = f32>, steps: f64) -> Option<Range> {
    let mut values: Vec<f32> = values.filter(|v| v.is_finite()).collect();
    values.sort_by(f32::total_cmp);
    let (low, high) = (values.first()?, values.last()?);
    Some(Range {
        low: round(*low, steps),
        median: round(*values.get(values.len() / 2)?, steps),
        high: round(*high, steps),
    })
}

/// Everything that was found, for the report.
pub(crate) fn found(faces: &Faces, kind: MediaKind) -> FacesFound {
    let ids: Vec<String> = (1..=faces.persons.len().min(MOST_PERSONS)).map(|i| format!("P{i}")).collect();
    let persons = (0..ids.len()).map(|at| person(faces, at, &ids, kind)).collect();
    FacesFound {
        frames: faces.frames,
        windows: faces.windows.iter().map(|w| span(*w)).collect(),
        smallest_face_px: f64::from(faces.smallest_face_px).ceil(),
        cuts_secs: faces.cuts_secs.iter().map(|t| milli(*t)).collect(),
        persons,
        more_persons: (faces.persons.len() - ids.len()) as u32,
        same_person_cosine: round(faces.operating_points.same_person_cosine, 1e3),
    }
}

fn span(span: assay_evidence::Span) -> assay_evidence::Span {
    assay_evidence::Span { start_secs: milli(span.start_secs), end_secs: milli(span.end_secs) }
}

fn person(faces: &Faces, at: usize, ids: &[String], kind: MediaKind) -> Person {
    let person = &faces.persons[at];
    let clip = kind == MediaKind::Video;
    let all: Vec<&Observation> = faces.observations(person).collect();
    let values = |of: &dyn Fn(&Observation) -> f32, steps: f64| {
        range(all.iter().map(|o| of(o)), steps).unwrap_or(Range { low: 0.0, median: 0.0, high: 0.0 })
    };
    let posed: Vec<&assay_faces::pose::Pose> = all.iter().filter_map(|o| o.pose.as_ref()).collect();
    let angle = |of: &dyn Fn(&assay_faces::pose::Pose) -> f32| range(posed.iter().map(|p| of(p)), 1.0);
    let median = |of: &dyn Fn(&Observation) -> f32| values(of, 1e2).median;
    let mut likeness: Vec<Likeness> = Vec::new();
    for (other, (id, p)) in ids.iter().zip(&faces.persons).enumerate() {
        if let (Some(a), Some(b)) = (person.embedding.as_deref(), p.embedding.as_deref())
            && other != at
        {
            likeness.push(Likeness { person: id.clone(), cosine: round(track::cosine(a, b), 1e2) });
        }
    }
    likeness.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
    likeness.truncate(MOST_LIKE);
    let thumbnails = faces.strip(person, STRIP).into_iter().map(|t| Preview {
        jpeg: base64::engine::general_purpose::STANDARD.encode(&t.jpeg),
        width: THUMBNAIL_SIDE,
        height: THUMBNAIL_SIDE,
        pts_secs: clip.then(|| milli(t.pts_secs)),
    });
    let tracks = person.tracks.iter().filter_map(|t| faces.tracks.get(*t));
    Person {
        id: ids[at].clone(),
        seen: if clip { tracks.map(|t| span(t.span())).collect() } else { Vec::new() },
        frames: all.len() as u64,
        boxes: all.iter().map(|o| face_box(o, clip)).collect(),
        size_px: values(&|o| o.box_in_frame.size(), 1.0),
        yaw_degrees: angle(&|p| p.yaw),
        pitch_degrees: angle(&|p| p.pitch),
        roll_degrees: angle(&|p| p.roll),
        eyes_open: values(&|o| 0.5 * (o.openness.left_eye + o.openness.right_eye), 1e2),
        mouth_open: values(&|o| o.openness.mouth, 1e2),
        quality: FaceQuality {
            overall: median(&|o| o.quality.overall),
            size: median(&|o| o.quality.size),
            sharpness: median(&|o| o.quality.sharpness),
            pose: median(&|o| o.quality.pose),
            visibility: median(&|o| o.quality.visibility),
            exposure: median(&|o| o.quality.exposure),
        },
        likeness,
        thumbnails: thumbnails.collect(),
    }
}

fn face_box(o: &Observation, clip: bool) -> FaceBox {
    let b = o.box_in_frame;
    FaceBox {
        frame: o.index,
        pts_secs: clip.then(|| milli(o.pts_secs)),
        x: b.x.round() as i32,
        y: b.y.round() as i32,
        width: b.width.round() as u32,
        height: b.height.round() as u32,
        score: round(o.score, 1e2),
        quality: round(o.quality.overall, 1e2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_rounded_and_hold_no_minus_zero() {
        let made = range([3.04, -0.001, f32::NAN, 1.26].into_iter(), 10.0).unwrap();
        assert_eq!(made, Range { low: 0.0, median: 1.3, high: 3.0 });
        assert!(made.low.is_sign_positive());
        assert!(range(std::iter::empty(), 1.0).is_none());
    }
}
