//! From looks to stretches, from stretches to a person.
use assay_faces::stretches::{Stretch, log_mean, stretches};
use assay_faces::{Faces, Observation, judged};

/// Face size in pixels from which the networks see all that they were trained on.
const ENOUGH_PX: f32 = 100.0;

/// One look at one face.
pub(super) struct Look<'a> {
    pub(super) pts_secs: f64,
    pub(super) logit: f64,
    pub(super) judged: &'a judged::Judged,
}

/// One person.
pub(super) struct Judged<'a> {
    pub(super) id: String,
    pub(super) looks: Vec<Look<'a>>,
    pub(super) stretches: Vec<Stretch>,
    /// `ln` of the mean over stretches of `exp(logit)`.
    pub(super) score: f64,
    pub(super) reliability: f64,
}

impl<'a> Judged<'a> {
    /// The looks of one of the stretches.
    pub(super) fn within(&self, stretch: &Stretch) -> impl Iterator<Item = &Look<'a>> {
        let span = stretch.start_secs..=stretch.end_secs;
        self.looks.iter().filter(move |look| span.contains(&look.pts_secs))
    }
}

/// Every person whom the detector judged at least once, in the order of the report.
pub(super) fn judged<'a>(faces: &'a Faces, detector: &str) -> Vec<Judged<'a>> {
    faces.persons.iter().enumerate().filter_map(|(at, who)| person(faces, at, who, detector)).collect()
}

fn person<'a>(faces: &'a Faces, at: usize, who: &'a assay_faces::Person, detector: &str) -> Option<Judged<'a>> {
    let answered = |o: &Observation| o.judged.as_ref().is_some_and(|judged| judged.logit(detector).is_some());
    let mut all: Vec<&Observation> = faces.observations(who).filter(|o| answered(o)).collect();
    all.sort_by(|a, b| a.pts_secs.total_cmp(&b.pts_secs));
    let look = |o: &&'a Observation| {
        let judged = o.judged.as_ref()?;
        Some(Look { pts_secs: o.pts_secs, logit: f64::from(judged.logit(detector)?), judged })
    };
    let looks: Vec<Look<'a>> = all.iter().filter_map(look).collect();
    if looks.is_empty() {
        return None;
    }
    let fit = |o: &&Observation| (o.box_in_frame.size() / ENOUGH_PX).min(1.0) * o.quality.sharpness;
    let reliability = f64::from(all.iter().map(fit).sum::<f32>()) / all.len() as f64;
    let timed: Vec<(f64, f64)> = looks.iter().map(|l| (l.pts_secs, l.logit)).collect();
    let stretches = stretches(&timed);
    let logits: Vec<f64> = stretches.iter().map(|s| s.logit).collect();
    Some(Judged {
        id: format!("P{}", at + 1),
        score: log_mean(&logits),
        reliability: (reliability * 100.0).round() / 100.0,
        stretches,
        looks,
    })
}
