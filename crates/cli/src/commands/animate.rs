//! `assay animate`: a picture of a face that follows the motion of a clip.
use std::path::PathBuf;

use assay_generators::animate::{Animate, Framing, Request};
use assay_models::first_order::Transfer;

use crate::Exit;
use crate::generated::{Output, seconds, write_picture};
use crate::progress::Bars;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Picture of a face
    #[arg(long, value_name = "PICTURE")]
    source: PathBuf,
    /// Clip whose motion it takes, and whose sound goes along
    #[arg(long, value_name = "CLIP")]
    driving: PathBuf,
    #[command(flatten)]
    output: Output,
    /// Weights by id or file, any published First Order Motion checkpoint; without it those that
    /// are part of the program
    #[arg(long, value_name = "ID|FILE")]
    checkpoint: Option<String>,
    /// Take the driver's places as they are, instead of how far they moved since the first frame
    #[arg(long)]
    absolute: bool,
    /// Scale movements by the ratio of the faces' sizes
    #[arg(long, conflicts_with = "absolute")]
    adapt_scale: bool,
    /// Count motion from the driving frame that looks most like the source
    #[arg(long, conflicts_with = "absolute")]
    best_frame: bool,
    /// What is shown around the head
    #[arg(long, default_value = "auto")]
    framing: FramingName,
    /// Seconds of the clip at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// Show source, driver and result in this picture (.png, marked), made anew every second, and
    /// the frames made a second
    #[arg(long, value_name = "PNG")]
    preview: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum FramingName {
    /// The whole picture where there is room around the head
    Auto,
    /// The square around the head
    Crop,
    /// The whole picture
    Paste,
}

pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let relative = !args.absolute;
    let request = Request {
        source: args.source,
        driving: args.driving,
        weights: args.checkpoint,
        transfer: Transfer { relative_movement: relative, relative_jacobian: relative, adapt_scale: args.adapt_scale },
        best_frame: args.best_frame,
        framing: match args.framing {
            FramingName::Auto => Framing::Auto,
            FramingName::Crop => Framing::Crop,
            FramingName::Paste => Framing::Paste,
        },
        most_secs: args.seconds,
    };
    let bars = Bars::new(1);
    let opened = Animate::open(request, bars.worker().as_ref());
    let mut animation = opened.map_err(|error| anyhow::anyhow!("{error}"))?;
    if let Some(path) = args.preview {
        animation = animation.with_preview(Box::new(move |picture, rate| {
            // A preview that cannot be written must not end what is written.
            match write_picture(&path, &picture) {
                Ok(()) => eprintln!("preview: {} ({rate:.1} frames/s)", path.display()),
                Err(error) => eprintln!("preview: {error:#}"),
            }
        }));
    }
    let weights = animation.weights().id.clone();
    args.output.write(&mut animation, &bars, &weights)
}
