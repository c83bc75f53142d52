//! `assay mark`: signs a picture or clip of the user's own with the user's claim.
use std::path::PathBuf;

use assay_provenance::{Claim, Signer, SignerInfo, claim};

use crate::Exit;
use crate::files::JsonTarget;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A picture or clip that holds a manifest: JPEG, PNG, WebP, GIF, TIFF, HEIF, AVIF, MP4, MOV,
    /// AVI
    input: PathBuf,
    /// Where the signed copy goes; the same kind of file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What you say about it, such as who took it, where and when; recorded as your claim and not
    /// examined
    #[arg(long, value_name = "TEXT")]
    claim: String,
    /// What you say it is (IPTC digital source type)
    #[arg(long, value_name = "TYPE")]
    source_type: Option<SourceType>,
    #[command(flatten)]
    signing: Signing,
    /// What can be read back from the copy, as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<JsonTarget>,
}

/// Who signs.
#[derive(clap::Args)]
pub(crate) struct Signing {
    /// A program of yours that signs (c2patool's protocol): bytes on its standard input, the raw
    /// signature on its output; without one, a key that this program makes for itself
    #[arg(long, value_name = "PROGRAM", requires = "signer_info")]
    signer: Option<PathBuf>,
    /// What the program signs with: a JSON file with `alg` and `sign_cert`
    #[arg(long, value_name = "FILE", requires = "signer")]
    signer_info: Option<PathBuf>,
}

impl Signing {
    /// The signer.
    ///
    /// # Errors
    /// When key, program or description cannot be used.
    pub(crate) fn signer(&self) -> anyhow::Result<Signer> {
        Ok(match (&self.signer, &self.signer_info) {
            (Some(program), Some(info)) => Signer::program(program, &SignerInfo::read(info)?)?,
            _ => Signer::own(None)?,
        })
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SourceType {
    /// Recorded by a camera
    DigitalCapture,
    /// Recorded on film and digitised
    NegativeFilm,
    /// A recording that a person edited by hand
    HumanEdits,
    /// A recording of a screen
    ScreenCapture,
    /// Drawn by a person
    DigitalCreation,
}

impl SourceType {
    fn uri(self) -> String {
        let term = match self {
            Self::DigitalCapture => "digitalCapture",
            Self::NegativeFilm => "negativeFilm",
            Self::HumanEdits => "humanEdits",
            Self::ScreenCapture => "screenCapture",
            Self::DigitalCreation => "digitalCreation",
        };
        format!("http://cv.iptc.org/newscodes/digitalsourcetype/{term}")
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !args.claim.trim().is_empty(),
        "--claim is empty: say what you claim about {}",
        args.input.display()
    );
    if args.out.exists() {
        let same = std::fs::canonicalize(&args.input).ok() == std::fs::canonicalize(&args.out).ok();
        anyhow::ensure!(!same, "{} would overwrite the original; give --out another name", args.out.display());
    }
    let signer = args.signing.signer()?;
    let stated = Claim { text: args.claim.clone(), source_type: args.source_type.map(SourceType::uri) };
    // Its message holds its causes already.
    let found = claim(&args.input, &args.out, &stated, &signer).map_err(|error| anyhow::anyhow!("{error}"))?;
    if let Some(target) = &args.json {
        target.write(&found)?;
    } else {
        outln!("signed with {}: {}", signer.name(), args.out.display());
    }
    Ok(Exit::Clear)
}
