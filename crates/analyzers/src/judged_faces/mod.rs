//! What analyzers of faces have in common: from a detector's looks to persons, to a score, a chart,
//! and pictures.
//!
//! The decision that shapes it: an analyzer of faces is a description, a detector and two words;
//! which maps there are to show is the detector's to say.
mod persons;
mod pictures;

use assay_detect::null_levels::Kind;
use assay_evidence::{Chart, Evidence, MediaKind, Outcome, Role, Series, Span, Status, Where};

use crate::{About, Analyzer, AnalyzerError, Context, Sample};
use persons::Judged;

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
}

/// An analyzer of what one detector says of faces.
pub(crate) struct FaceAnalyzer {
    /// Its description; where it is calibrated, so is its score.
    pub(crate) about: &'static About,
    /// The detector, which stands among its needs too.
    pub(crate) detector: &'static str,
    /// How it speaks.
    pub(crate) words: Words,
}

impl Analyzer for FaceAnalyzer {
    fn about(&self) -> &'static About {
        self.about
    }

    fn analyze(&self, sample: &Sample, _context: &Context) -> Result<Outcome, AnalyzerError> {
        judge(sample, self)
    }
}

/// Asks about every person; the file's score is that of the most suspicious one, less what is owed
/// for the number of persons.
fn judge(sample: &Sample, own: &FaceAnalyzer) -> Result<Outcome, AnalyzerError> {
    let detector = assay_detect::find(own.detector)
        .ok_or_else(|| AnalyzerError::Detector(format!("there is no detector {:?}", own.detector)))?;
    let words = &own.words;
    let Some(faces) = sample.faces()? else {
        return Ok(Outcome::not_applicable("This run had no face networks to look with."));
    };
    if faces.persons.is_empty() {
        return Ok(Outcome::not_applicable("No face was found."));
    }
    let judged: Vec<Judged<'_>> = persons::judged(faces, own.detector);
    let Some(worst) = judged.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else {
        return Ok(Outcome::not_applicable(
            "Every face is smaller than 48 pixels or too blurred for grain to be left in it.",
        ));
    };
    let clip = sample.kind() == MediaKind::Video;
    let score = worst.score - (judged.len() as f64).ln();
    let kind = if clip { Kind::Clip } else { Kind::Still };
    let chances = judged.iter().map(|j| j.stretches.len()).sum();
    let shown = pictures::most_and_least(worst, &detector.about, faces, kind, chances)?;
    let mut text = explanation(&judged, worst, clip, words);
    if let Some(words) = &shown.words {
        text += &format!(" On the map of the most suspicious look: {words}.");
    }
    let is_scored = own.about.status == Status::Calibrated;
    let role = if is_scored { Role::Scored } else { Role::DisplayOnly };
    let mut evidence = Evidence::new(role, worst.reliability, text);
    if is_scored {
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
    for (map, places) in detector.about.maps.iter().zip(shown.places) {
        evidence.measure(format!("{}, above what genuine faces show", map.bright), places as f64, "of 400 places");
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
