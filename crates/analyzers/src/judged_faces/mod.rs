//! What analyzers that ask networks about faces have in common: from looks to persons, to a score, a chart, and pictures.
mod persons;
mod pictures;

use assay_evidence::{Chart, Evidence, MediaKind, Outcome, Role, Series, Span, Where};
use assay_faces::Suspicion;
use assay_faces::usual::Kind;

use crate::{AnalyzerError, Sample};
use persons::Judged;
pub(crate) use pictures::Overlay;

/// Logit of a stretch above which its place is named.
const NAMED_ABOVE: f64 = 2.0;
/// Persons drawn in the chart.
const MOST_LINES: usize = 8;

/// How an analyzer speaks of its networks.
pub(crate) struct Words {
    /// What a logit above 0 leans to.
    pub(crate) leaning: &'static str,
    /// What a logit below 0 leans to.
    pub(crate) otherwise: &'static str,
    /// Whether the score is calibrated, or for the eye only.
    pub(crate) role: Role,
    /// What is laid over the shown crops.
    pub(crate) overlays: &'static [Overlay],
}

/// Asks about every person; the file's score is that of the most suspicious one, less what is owed for the number of persons.
pub(crate) fn judge(
    sample: &Sample,
    logit: fn(&Suspicion) -> Option<f32>,
    words: &Words,
) -> Result<Outcome, AnalyzerError> {
    let Some(faces) = sample.faces()? else {
        return Ok(Outcome::not_applicable("This run had no face networks to look with."));
    };
    if faces.persons.is_empty() {
        return Ok(Outcome::not_applicable("No face was found."));
    }
    let judged: Vec<Judged<'_>> = persons::judged(faces, logit);
    let Some(worst) = judged.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else {
        return Ok(Outcome::not_applicable(
            "Every face is smaller than 48 pixels or too blurred for grain to be left in it.",
        ));
    };
    let clip = sample.kind() == MediaKind::Video;
    let score = worst.score - (judged.len() as f64).ln();
    let kind = if clip { Kind::Clip } else { Kind::Still };
    let chances = judged.iter().map(|j| j.stretches.len()).sum();
    let shown = pictures::most_and_least(worst, words.overlays, faces.usual.as_ref(), kind, chances)?;
    let mut text = explanation(&judged, worst, clip, words);
    if let Some(words) = &shown.words {
        text += &format!(" On the map of the most suspicious look: {words}.");
    }
    let mut evidence = Evidence::new(words.role, worst.reliability, text);
    if words.role == Role::Scored {
        evidence = evidence.with_score(round(score), "mean logit of the networks over a stretch of the most suspicious person, less ln of the number of stretches and persons that are not so");
    }
    evidence.measure("score of the most suspicious person", round(worst.score), "nats");
    evidence.measure("faces judged", judged.iter().map(|j| j.looks.len()).sum::<usize>() as f64, "looks");
    for person in &judged {
        for stretch in person.stretches.iter().filter(|s| clip && s.logit > NAMED_ABOVE) {
            let span = Span { start_secs: round(stretch.start_secs), end_secs: round(stretch.end_secs) };
            let label = format!("{}: networks lean to {}", person.id, words.leaning);
            evidence.places.push(Where::Time { span, label });
        }
    }
    if clip {
        evidence.charts.push(chart(&judged, words));
    }
    for (overlay, places) in words.overlays.iter().zip(shown.places) {
        evidence.measure(format!("{}, above what genuine faces show", overlay.bright), places as f64, "of 400 places");
    }
    evidence.pictures = shown.pictures;
    Ok(Outcome::Evidence(Box::new(evidence)))
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

fn explanation(judged: &[Judged<'_>], worst: &Judged<'_>, clip: bool, words: &Words) -> String {
    let leaning = words.leaning;
    let lean = match worst.score {
        s if s > NAMED_ABOVE => format!("lean clearly to {leaning}"),
        s if s > 0.0 => format!("lean a little to {leaning}"),
        s if s > -NAMED_ABOVE => format!("lean a little to {}", words.otherwise),
        _ => format!("lean clearly to {}", words.otherwise),
    };
    let looks = worst.looks.len();
    let over = if clip {
        format!("over {looks} looks in {} stretches of up to three seconds", worst.stretches.len())
    } else {
        "in this picture".to_owned()
    };
    let others = if judged.len() > 1 {
        format!(" It is the most suspicious of {} people.", judged.len())
    } else {
        String::new()
    };
    format!("For {} the networks {lean} {over}.{others}", worst.id)
}

fn chart(judged: &[Judged<'_>], words: &Words) -> Chart {
    let line = |person: &Judged<'_>| Series {
        name: person.id.clone(),
        points: person.looks.iter().map(|l| [round(l.pts_secs), round(l.logit)]).collect(),
    };
    Chart {
        title: format!("Networks' mean logit, one line a person (above 0: leans to {})", words.leaning),
        x_label: "time (s)".into(),
        y_label: "logit".into(),
        series: judged.iter().take(MOST_LINES).map(line).collect(),
        bars: false,
    }
}
