//! # Face forgery networks
//!
//! Asks networks that were trained by this project whether a face was synthesised or manipulated, for every person, over time, and where.
//!
//! ## How
//! For every look at a face (six a second of a clip, once in a still picture) a square around its mesh is cut out at about the picture's own
//! resolution. The networks see the colours and what smoothing takes out of them (grain, seams). They were trained on real faces and on the same faces
//! laid over themselves with small changes of colour, grain and shape ("self-blended images"), so they look for the traces of laying one picture over
//! another, not for the habits of one program. A second output says which part of the crop was laid over.
//!
//! A person's looks are put together in stretches of three seconds. A face is often swapped in a part of a clip only; so the score is the logarithm of the
//! mean of the stretches' likelihoods, which a single strong stretch can carry but which pays for how many stretches were looked at. The
//! score of a file is that of its most suspicious person.
//!
//! ## How to read it
//! The chart shows the networks' mean logit over time, one line a person: above zero they lean towards "manipulated". The pictures show the most and the least
//! suspicious look with the map laid over: bright where something was laid over. A map that covers the face and ends at its outline is what a swap looks
//! like; a map on hair, glasses or background is a reason to distrust the score.
//!
//! ## What fools it
//! Good swaps: on side-by-side clips of swaps that it never saw it is right no more often than by chance (docs/forgery.md has the
//! figures). Heavy compression and small copies take the grain away. Retouching, make-up filters and sharpening look like laying over.
//! Faces that were wholly generated have no seam; another network would have to look for those.
//!
//! ## When it does not apply
//! No face of at least 48 px, or none sharp enough; no networks in this run.
//!
//! ## References
//! K. Shiohara, T. Yamasaki, *Detecting Deepfakes with Self-Blended Images*, CVPR 2022.
//! L. Li, J. Bao, T. Zhang, H. Yang, D. Chen, F. Wen, B. Guo, *Face X-ray for More General Face Forgery Detection*, CVPR 2020.
mod persons;
mod pictures;

use assay_evidence::{Chart, Evidence, Family, MediaKind, Outcome, Role, Series, Span, Status, Where};

use crate::{About, Analyzer, AnalyzerError, Context, Need, Sample};
use persons::Judged;

/// Logit of a stretch above which its place is named.
const NAMED_ABOVE: f64 = 2.0;
/// Persons drawn in the chart.
const MOST_LINES: usize = 8;

pub(crate) struct FaceForgery;

/// The analyzer.
pub(crate) static THE: FaceForgery = FaceForgery;

static ABOUT: About = About {
    id: "face_forgery",
    title: "Face forgery networks",
    summary: "traces of a face laid over another, by networks trained on self-blended faces; per person, over time, with a map",
    family: Family::Undirected,
    status: Status::DisplayOnly,
    needs: &[Need::Faces],
    fooled_by: &[
        "Good face swaps: on swaps that it never saw it is right no more often than by chance.",
        "Heavy compression and small copies take away the grain that it looks at.",
        "Retouching, beauty filters and sharpening look like laying over.",
        "Wholly generated faces have no seam.",
    ],
    not_applicable_when: &[
        "No face has a mesh of at least 48 pixels.",
        "Every face is too blurred.",
        "The run has no face networks.",
    ],
    references: &[
        "K. Shiohara, T. Yamasaki, Detecting Deepfakes with Self-Blended Images, CVPR 2022",
        "L. Li et al., Face X-ray for More General Face Forgery Detection, CVPR 2020",
    ],
};

impl Analyzer for FaceForgery {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        let Some(faces) = sample.faces()? else {
            return Ok(Outcome::not_applicable("This run had no face networks to look with."));
        };
        if faces.persons.is_empty() {
            return Ok(Outcome::not_applicable("No face was found."));
        }
        let judged: Vec<Judged<'_>> = persons::judged(faces);
        let Some(worst) = judged.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else {
            return Ok(Outcome::not_applicable(
                "Every face is smaller than 48 pixels or too blurred for grain to be left in it.",
            ));
        };
        let clip = sample.kind() == MediaKind::Video;
        let mut evidence = Evidence::new(Role::DisplayOnly, worst.reliability, explanation(&judged, worst, clip));
        evidence.measure("score of the most suspicious person", round(worst.score), "nats");
        evidence.measure("faces judged", judged.iter().map(|j| j.looks.len()).sum::<usize>() as f64, "looks");
        for person in &judged {
            for stretch in person.stretches.iter().filter(|s| clip && s.logit > NAMED_ABOVE) {
                let span = Span { start_secs: round(stretch.start_secs), end_secs: round(stretch.end_secs) };
                evidence.places.push(Where::Time { span, label: format!("{}: networks lean to manipulated", person.id) });
            }
        }
        if clip {
            evidence.charts.push(chart(&judged));
        }
        evidence.pictures = pictures::most_and_least(worst)?;
        Ok(Outcome::Evidence(Box::new(evidence)))
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

fn explanation(judged: &[Judged<'_>], worst: &Judged<'_>, clip: bool) -> String {
    let lean = match worst.score {
        s if s > NAMED_ABOVE => "lean clearly to manipulated",
        s if s > 0.0 => "lean a little to manipulated",
        s if s > -NAMED_ABOVE => "lean a little to real",
        _ => "lean clearly to real",
    };
    let looks = worst.looks.len();
    let over = if clip {
        format!("over {looks} looks in {} stretches of up to three seconds", worst.stretches.len())
    } else {
        "in this picture".to_owned()
    };
    let others = if judged.len() > 1 { format!(" It is the most suspicious of {} people.", judged.len()) } else { String::new() };
    format!(
        "For {} the networks {lean} {over}.{others} They are shown for the eye only: on good face swaps they are right no more often than by chance, and their score does not move the verdict.",
        worst.id
    )
}

fn chart(judged: &[Judged<'_>]) -> Chart {
    let line = |person: &Judged<'_>| Series {
        name: person.id.clone(),
        points: person.looks.iter().map(|l| [round(l.pts_secs), round(l.logit)]).collect(),
    };
    Chart {
        title: "Networks' mean logit, one line a person (above 0: leans to manipulated)".into(),
        x_label: "time (s)".into(),
        y_label: "logit".into(),
        series: judged.iter().take(MOST_LINES).map(line).collect(),
        bars: false,
    }
}
