//! `assay data perturb`: saves pictures and clips as they arrive somewhere, to measure what that
//! does.
//!
//! The decision that shapes it: it changes files as the figures do, by the same code. It is not for
//! taking marks off: a file that carries a signed manifest, a watermark or a label of generated
//! media is refused.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use assay_bench::collections::{Collection, Media, Use};
use assay_evidence::ManifestState;
use assay_material::perturb::{Chain, Choice, Clips, PERTURBATIONS, Stills};
use assay_material::rng::Rng;
use assay_provenance::{Trust, verify};
use serde_json::json;

use crate::Exit;
use crate::files::{JsonTarget, write_whole};
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A picture, a clip, or a folder of both
    #[arg(value_name = "IN", required_unless_present = "list")]
    input: Option<PathBuf>,
    /// Where it goes: .jpg or .png for a picture as the last step saves it, .mp4 for a clip; a
    /// folder for a folder
    #[arg(value_name = "OUT", required_unless_present = "list")]
    output: Option<PathBuf>,
    /// What is done, in order: ID:LEVEL and any :NAME=VALUE, with commas between, such as
    /// scale:0.5,jpeg:75
    #[arg(long, value_name = "SPEC", required_unless_present = "list")]
    with: Option<String>,
    /// Seed of what is drawn; what a file is given depends on its name too, not on the others
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only list what can be done, with its levels and options
    #[arg(long, conflicts_with_all = ["input", "output", "with"])]
    list: bool,
    /// What was made of what, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (Some(input), Some(output), Some(with)) = (&args.input, &args.output, &args.with) else {
        out!("{}", listed());
        return Ok(Exit::Clear);
    };
    let chain = Chain::parse(with).with_context(|| format!("--with {with}"))?;
    ensure!(!chain.steps.is_empty(), "--with is empty: nothing would be done (--list shows what can be)");
    let pairs = pairs(input, output, &chain)?;
    let bars = Bars::new(pairs.len());
    let mut exit = Exit::Clear;
    let mut rows = Vec::new();
    for (name, from, to) in &pairs {
        let done = one(from, to, &chain, &mut Rng::labelled(args.seed, name));
        bars.done();
        let (from, to) = (from.display().to_string(), to.display().to_string());
        match done {
            Ok(()) => rows.push(json!({ "file": from, "made": to })),
            Err(error) => {
                bars.complain(&format!("assay: {from}: {error:#}"));
                rows.push(json!({ "file": from, "error": format!("{error:#}") }));
                exit = Exit::Failed;
            }
        }
    }
    bars.clear();
    let made = rows.iter().filter(|row| row.get("made").is_some()).count();
    match &args.json {
        Some(target) => target.write(&json!({ "with": chain.to_string(), "seed": args.seed, "files": rows }))?,
        None => outln!("{chain}: {made} of {} files", pairs.len()),
    }
    Ok(exit)
}

/// Name for the draws, file and target of everything that is asked for.
fn pairs(input: &Path, output: &Path, chain: &Chain) -> anyhow::Result<Vec<(String, PathBuf, PathBuf)>> {
    let ending = |path: &Path| match Media::of(path) {
        Some(Media::Still) => Some(chain.still_ending()),
        Some(Media::Clip) => Some("mp4"),
        None => None,
    };
    if input.is_dir() {
        ensure!(!output.is_file(), "{} is a file; a folder is needed for a folder", output.display());
        let files = Collection::undescribed(input)?.files(Use::Untouched)?;
        let all = files.into_iter().filter_map(|file| {
            let ending = ending(Path::new(&file))?;
            // `a.png` and `a.jpg` must not become one file.
            let is_same = Path::new(&file).extension().is_some_and(|e| e == ending);
            let to = if is_same { file.clone() } else { format!("{file}.{ending}") };
            Some((file.clone(), input.join(file), output.join(to)))
        });
        let all: Vec<_> = all.collect();
        ensure!(!all.is_empty(), "there is neither picture nor clip below {}", input.display());
        return Ok(all);
    }
    ensure!(input.is_file(), "{} does not exist", input.display());
    let Some(ending) = ending(input) else { bail!("{} is neither picture nor clip by its name", input.display()) };
    let fits = output
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| e.eq_ignore_ascii_case(ending) || (ending == "jpg" && e.eq_ignore_ascii_case("jpeg")));
    ensure!(fits, "what comes of {} is a .{ending} file, not {}", input.display(), output.display());
    let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(vec![(name, input.to_owned(), output.to_owned())])
}

fn one(from: &Path, to: &Path, chain: &Chain, rng: &mut Rng) -> anyhow::Result<()> {
    ensure!(from != to, "a file is not written over itself");
    let marks = verify(from, &Trust::default())?.marks;
    for (carries, what) in [
        (marks.manifest.state != ManifestState::None, "a C2PA manifest"),
        (marks.watermark.found, "a watermark of generated media"),
        (marks.label.found, "a label of generated media"),
    ] {
        ensure!(!carries, "it carries {what}, which this would take off or weaken; measure on unmarked files");
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    if Media::of(from) == Some(Media::Clip) {
        return chain.clip(from, to, true, rng);
    }
    let picture = image::ImageReader::open(from)?.with_guessed_format()?.decode()?.into_rgb8();
    write_whole(to, &chain.still_file(&picture, rng)?.0)
}

/// What can be done, for people.
fn listed() -> String {
    let mut text = String::new();
    for about in PERTURBATIONS.iter().map(|it| it.about()) {
        let what = match (about.stills, about.clips) {
            (Stills::Never, _) => "clips",
            (_, Clips::Never) => "pictures",
            _ => "pictures and clips",
        };
        let range = |n: &assay_material::perturb::Number| {
            let unit = if n.unit.is_empty() { String::new() } else { format!(" {}", n.unit) };
            format!("{} from {} to {}{unit}", n.name, n.least, n.most)
        };
        text += &format!("{}:LEVEL  {} ({what})\n    {}\n", about.id, about.summary, range(&about.level));
        for choice in about.options {
            text += &match choice {
                Choice::Word { name, words } => format!("    {name}={}\n", words.join("|")),
                Choice::Number { name, range: number, usual } => {
                    format!("    {name}={usual}  {}\n", range(number))
                }
            };
        }
    }
    text
}
