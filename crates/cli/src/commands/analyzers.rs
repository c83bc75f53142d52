//! `assay analyzers list` and `assay analyzers show ID`.
use assay_analyzers::{ANALYZERS, About, Need};
use assay_evidence::Status;
use assay_workbench::calibration::CalibrationTable;
use assay_workbench::questions;
use clap::Subcommand;

use crate::Exit;
use crate::files::JsonTarget;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A line each
    List {
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// What one does, needs, is fooled by, its measured figures and references
    Show {
        /// Analyzer id
        id: String,
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.command {
        Command::List { json: Some(target) } => {
            let tables = questions::tables()?;
            target.write(&ANALYZERS.iter().map(|a| describe(a.about(), &tables)).collect::<Vec<_>>())?;
        }
        Command::List { json: None } => {
            for analyzer in ANALYZERS {
                let about = analyzer.about();
                let role = if about.status == Status::Calibrated { "scored" } else { "shown" };
                outln!("{:<20} {role:<7} {}", about.id, about.summary);
            }
        }
        Command::Show { id, json } => {
            let analyzer = assay_analyzers::find(id)
                .ok_or_else(|| anyhow::anyhow!("there is no analyzer {id:?}; `assay analyzers list` shows them all"))?;
            let tables = questions::tables()?;
            match json {
                Some(target) => target.write(&describe(analyzer.about(), &tables))?,
                None => out!("{}", show(analyzer.about(), &tables)),
            }
        }
    }
    Ok(Exit::Clear)
}

fn need(need: Need) -> String {
    match need {
        Need::Facts => "container facts and metadata".into(),
        Need::Pixels { min_side } => {
            format!("the pixels of a still picture, at least {min_side} px on the shorter side")
        }
        Need::JpegCoefficients => "the stored DCT coefficients of a JPEG file".into(),
        Need::Packets => "the packet table of a video".into(),
        Need::FrameStatistics => "the decoded frames of a video".into(),
        Need::Faces => "the faces of the picture or clip".into(),
        Need::Detector(id) => assay_detect::find(id).map_or(id, |detector| detector.about.title).into(),
    }
}

fn describe(about: &About, tables: &[CalibrationTable]) -> serde_json::Value {
    let figures: Vec<_> = assay_workbench::figures_of(tables, about.id)
        .into_iter()
        .map(|(condition, forged, genuine, cllr)| {
            serde_json::json!({ "condition": condition, "forged": forged, "genuine": genuine, "cllr_bits": cllr })
        })
        .collect();
    serde_json::json!({
        "id": about.id, "title": about.title, "summary": about.summary, "family": about.family, "status": about.status,
        "needs": about.needs.iter().copied().map(need).collect::<Vec<_>>(),
        "fooled_by": about.fooled_by, "not_applicable_when": about.not_applicable_when, "references": about.references,
        "documentation": assay_analyzers::documentation(about.id),
        "calibration": figures,
        "measured": assay_lab::figures::of(about.id),
    })
}

fn show(about: &About, tables: &[CalibrationTable]) -> String {
    let mut text = format!("{} ({})\n{}\n\n", about.title, about.id, about.summary);
    let mut list = |title: &str, items: &[String]| {
        if !items.is_empty() {
            text += &format!("{title}\n");
            items.iter().for_each(|item| text += &format!("  - {item}\n"));
            text.push('\n');
        }
    };
    let owned = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    list("Needs", &about.needs.iter().copied().map(need).collect::<Vec<_>>());
    list("Fooled by", &owned(about.fooled_by));
    list("Does not apply when", &owned(about.not_applicable_when));
    let mut figures: Vec<String> = assay_workbench::figures_of(tables, about.id)
        .into_iter()
        .map(|(condition, forged, genuine, cllr)| {
            format!("calibrated for {condition} on {forged} altered and {genuine} unaltered items: Cllr {cllr:.3} bits out of fold (0 perfect, 1 worthless)")
        })
        .collect();
    if about.status == Status::DisplayOnly {
        figures.push("for the eye: it has no score and never moves the verdict".into());
    }
    figures.extend(assay_lab::figures::lines(about.id));
    list("Measured", &figures);
    list("References", &owned(about.references));
    if let Some(documentation) = assay_analyzers::documentation(about.id) {
        text += &documentation;
        text.push('\n');
    }
    text
}
