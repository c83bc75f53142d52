//! `assay questions list` and `assay questions show ID`.
use assay_evidence::MediaKind;
use assay_workbench::calibration::{CalibrationTable, Thresholds};
use assay_workbench::questions::{self, QUESTIONS, Question};
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
    /// A line each, with the default thresholds
    List {
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Propositions, analyzers, thresholds with what they rest on, and recorded items with their
    /// bounds
    Show {
        /// Question id
        id: String,
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
}

const KINDS: [(MediaKind, &str); 2] = [(MediaKind::Image, "pictures"), (MediaKind::Video, "videos")];

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let thresholds = Thresholds::shipped()?;
    match &args.command {
        Command::List { json: Some(target) } => {
            let all = QUESTIONS.iter().map(|q| Ok(describe(q, &q.calibration()?, &thresholds)));
            target.write(&all.collect::<anyhow::Result<Vec<_>>>()?)?;
        }
        Command::List { json: None } => {
            for question in QUESTIONS {
                let of = |(kind, name)| {
                    let lr = thresholds.of(question.id, kind).lr;
                    format!("{name} {}", lr.map_or_else(|| "none".to_owned(), |lr| lr.to_string()))
                };
                outln!("{:<16} {:<42} threshold: {}", question.id, question.asked, KINDS.map(of).join(", "));
            }
        }
        Command::Show { id, json } => {
            let question = questions::find(id)
                .ok_or_else(|| anyhow::anyhow!("there is no question {id:?}; questions are: {}", questions::ids()))?;
            let table = question.calibration()?;
            match json {
                Some(target) => target.write(&describe(question, &table, &thresholds))?,
                None => out!("{}", show(question, &table, &thresholds)),
            }
        }
    }
    Ok(Exit::Clear)
}

fn describe(question: &Question, table: &CalibrationTable, thresholds: &Thresholds) -> serde_json::Value {
    let of = |(kind, name): (MediaKind, &str)| {
        let threshold = thresholds.of(question.id, kind).threshold(kind);
        serde_json::json!({ "kind": name, "lr": threshold.lr, "basis": threshold.basis })
    };
    let conditions: Vec<_> = table.conditions.iter().map(|part| table.reference(part)).collect();
    serde_json::json!({
        "id": question.id, "asked": question.asked, "forged": question.forged, "genuine": question.genuine,
        "needs_face": question.needs_face, "analyzers": question.analyzers(),
        "thresholds": KINDS.map(of), "calibration": conditions,
    })
}

fn show(question: &Question, table: &CalibrationTable, thresholds: &Thresholds) -> String {
    let mut text = format!(
        "{} ({})\n\nH1  {}\nH2  {}\n\nAnalyzers: {}\n",
        question.asked,
        question.id,
        question.forged,
        question.genuine,
        question.analyzers().join(", ")
    );
    if question.needs_face {
        text += "It is asked only where a face is seen.\n";
    }
    text += "\nThresholds\n";
    for (kind, name) in KINDS {
        let threshold = thresholds.of(question.id, kind).threshold(kind);
        let lr = threshold.lr.map_or_else(|| "none".to_owned(), |lr| format!("LR {lr}"));
        text += &format!("  {name}: {lr} ({})\n", threshold.basis);
    }
    text += &format!("\nRecorded items: {}\n", table.data);
    for part in &table.conditions {
        let reference = table.reference(part);
        text += &format!(
            "  {}: {} forged items of {} sources, {} genuine of {}; Cllr {:.3} (least {:.3}); LR at most {:.0} by {}\n",
            part.condition.words(),
            part.forged,
            part.forged_sources,
            part.genuine,
            part.genuine_sources,
            part.cllr,
            part.cllr_min,
            10f64.powf(part.cap_log10),
            reference.cap_by.words()
        );
    }
    text
}
