//! A picture that follows the motion of a clip (First Order Motion Model, Siarohin et al., NeurIPS
//! 2019, arXiv:2003.00196).
//!
//! The decision that shapes it: the driving clip is read twice. The first pass finds the head and,
//! where asked, the frame that looks most like the source; the second makes a frame for a frame.
//! Motion is relative to one frame, and every other is computed from that alone, so frames before
//! the best one need no second direction (the reference animates forwards and backwards and joins
//! the two; the result is the same).
mod best;
mod paste;

use std::path::{Path, PathBuf};
use std::time::Instant;

use assay_media::{FramePlan, Limits, Progress, Source};
use assay_models::first_order::{Animator, Pointed, Portrait, Transfer};
use assay_models::registry::{Loaded, Registry};
use assay_models::rgb::{OwnedRgb, Rgb};
use assay_models::{Kind, ModelError, registry};
use assay_provenance::{ClipShape, Making, MarkedWriter, Record, SourceUsed, Synthetic, WeightsUsed};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use self::paste::Canvas;
use crate::{About, ClipFacts, Crop, Finder, Generator, GeneratorError, MadeFrame, Plan, Tally, each_frame};

/// In words.
pub static ABOUT: About = About {
    id: "animate",
    summary: "moves a picture of a face as the face in a clip moves",
    making: Making::Altered,
    reference: "Siarohin et al., First Order Motion Model for Image Animation, NeurIPS 2019 (arXiv:2003.00196)",
    limits: &[
        "A head that turns far from the source's direction is bent instead of turned.",
        "What the source does not show (teeth, the other cheek, what a hand hides) is painted from nothing and blurs.",
        "With relative motion the driver's first frame, or the best one, should have the source's expression.",
    ],
};

/// How the picture is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Put back into the whole picture where there is some around the head, else as
    /// [`Framing::Crop`].
    #[default]
    Auto,
    /// The square around the head.
    Crop,
    /// Put back into the whole picture.
    Paste,
}

/// What is to be animated, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Picture of a face.
    pub source: PathBuf,
    /// Clip whose motion it takes.
    pub driving: PathBuf,
    /// Id or file of weights; the shipped ones where there are none.
    pub weights: Option<String>,
    /// How motion is carried over.
    pub transfer: Transfer,
    /// Whether motion counts from the frame that looks most like the source, instead of the first.
    pub best_frame: bool,
    /// What is shown around the head.
    pub framing: Framing,
    /// Seconds of the clip at most.
    pub most_secs: Option<f64>,
}

/// An animation that can be made.
pub struct Animate {
    request: Request,
    animator: Animator,
    picture: RgbImage,
    canvas: Canvas,
    portrait: Portrait,
    driving: ClipFacts,
    driving_crop: Crop,
    initial: Initial,
    preview: Option<Preview>,
}

/// The frame that motion is relative to.
struct Initial {
    points: Pointed,
    at_secs: f64,
}

/// Called now and then with a marked picture of source, driver and result.
pub type Preview = Box<dyn FnMut(RgbImage, f64) + Send>;

/// Frames of the driving clip that the head is looked for in.
const LOOKS: u32 = 16;
/// The least side of a clip that is written, in pixels: smaller ones cannot carry the marks.
pub(crate) const LEAST_SIDE: u32 = 256;

/// The weights of an id or file, or the shipped ones of a kind.
///
/// # Errors
/// [`ModelError`] where there are none, or they are not whole.
pub(crate) fn weights(named: Option<&str>, kind: Kind) -> Result<Loaded, ModelError> {
    match named {
        Some(name) => registry::open(name),
        None => Registry::shipped(kind),
    }
}

impl Animate {
    /// Opens source, clip and weights, and finds both heads.
    ///
    /// # Errors
    /// [`GeneratorError`], naming the file that is at fault.
    pub fn open(request: Request, progress: &dyn Progress) -> Result<Self, GeneratorError> {
        let animator = Animator::open(weights(request.weights.as_deref(), Kind::FirstOrderMotion)?)?;
        let finder = Finder::open()?;
        let picture = read_picture(&request.source)?;
        let face = finder
            .largest(&picture)?
            .ok_or_else(|| GeneratorError::unsuited(&request.source, "there is no face in this picture"))?;
        let source_crop = Crop::around(std::iter::once(face.observation.landmarks.mesh.as_slice()))
            .ok_or_else(|| GeneratorError::unsuited(&request.source, "the face in the source has no extent"))?;
        let driving = ClipFacts::open(&request.driving)?;
        let driving_crop = head_of(&driving.source, &finder, progress)?;
        let side = animator.side() as u32;
        let head = source_crop.cut(&picture, side);
        let portrait = animator.portrait(&borrowed(&head));
        let at_secs = if request.best_frame {
            best::frame(&driving.source, &finder, &face.observation.points68, progress)?
        } else {
            0.0
        };
        let initial = Initial { points: initial_points(&animator, &driving.source, driving_crop, at_secs)?, at_secs };
        let canvas = Canvas::new(&picture, source_crop, request.framing);
        Ok(Self { request, animator, picture, canvas, portrait, driving, driving_crop, initial, preview: None })
    }

    /// Shows source, driver and result now and then, with the frames made a second.
    #[must_use]
    pub fn with_preview(mut self, preview: Preview) -> Self {
        self.preview = Some(preview);
        self
    }

    /// What is known of the weights.
    pub fn weights(&self) -> &registry::Entry {
        self.animator.entry()
    }
}

/// An upright picture.
pub(crate) fn read_picture(path: &Path) -> Result<RgbImage, GeneratorError> {
    let source = Source::open(path, &Limits::default()).map_err(GeneratorError::media(path))?;
    if source.video().is_some() {
        return Err(GeneratorError::unsuited(path, "the source must be a picture, and this is a clip"));
    }
    let coded = source.picture().map_err(GeneratorError::media(path))?;
    Ok(assay_faces::shown(&coded, source.orientation()).into_owned())
}

/// The square that holds the largest face of a clip all the time.
pub(crate) fn head_of(source: &Source, finder: &Finder, progress: &dyn Progress) -> Result<Crop, GeneratorError> {
    let mut meshes = Vec::new();
    each_frame(source, FramePlan::EvenlySpaced(LOOKS), progress, &mut |frame, _| {
        meshes.extend(finder.largest(frame)?.map(|f| f.observation.landmarks.mesh));
        Ok(())
    })?;
    Crop::around(meshes.iter().map(Vec::as_slice))
        .ok_or_else(|| GeneratorError::unsuited(source.path(), "there is no face in the driving clip"))
}

/// Key points of the frame at a time, which is one of the clip's.
fn initial_points(animator: &Animator, source: &Source, crop: Crop, at_secs: f64) -> Result<Pointed, GeneratorError> {
    let mut found = None;
    let taken = each_frame(source, FramePlan::All, &assay_media::NoProgress, &mut |frame, secs| {
        if secs + 1e-4 < at_secs {
            return Ok(());
        }
        found = Some(animator.points(&borrowed(&crop.cut(frame, animator.side() as u32))));
        // It is all that was wanted.
        Err(GeneratorError::Cancelled)
    });
    match (found, taken) {
        (Some(points), _) => Ok(points),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(GeneratorError::unsuited(source.path(), "the driving clip has no frame")),
    }
}

pub(crate) fn borrowed(picture: &RgbImage) -> Rgb<'_> {
    Rgb { pixels: picture.as_raw(), width: picture.width() as usize, height: picture.height() as usize }
}

pub(crate) fn owned(picture: OwnedRgb) -> RgbImage {
    RgbImage::from_raw(picture.width as u32, picture.height as u32, picture.pixels).unwrap_or_default()
}

impl Generator for Animate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn record(&self) -> Record {
        let entry = self.animator.entry();
        let source = |path: &Path, role: &str| SourceUsed { path: path.to_owned(), role: role.into() };
        Record {
            making: ABOUT.making,
            generator: ABOUT.id.into(),
            weights: vec![WeightsUsed { id: entry.id.clone(), sha256: entry.sha256.clone() }],
            settings: serde_json::json!({
                "transfer": self.request.transfer, "best_frame": self.request.best_frame,
                "motion_from_secs": self.initial.at_secs, "framing": self.request.framing, "most_secs": self.request.most_secs,
            }),
            seed: None,
            sources: vec![
                source(&self.request.source, "source portrait"),
                source(&self.request.driving, "driving clip"),
            ],
        }
    }

    fn plan(&self) -> Plan {
        let (width, height) = self.canvas.size();
        let shape = ClipShape { width, height, frame_secs: self.driving.frame_secs };
        Plan::Clip { shape, sound: self.driving.has_sound.then(|| self.request.driving.clone()) }
    }

    fn generate(
        &mut self,
        emit: &mut (dyn FnMut(MadeFrame) -> Result<(), GeneratorError> + Send),
        progress: &dyn Progress,
    ) -> Result<Tally, GeneratorError> {
        let mut tally = Tally::default();
        let side = self.animator.side() as u32;
        let (start, mut shown_at) = (Instant::now(), Instant::now());
        let (animator, canvas, portrait) = (&self.animator, &self.canvas, &self.portrait);
        let (crop, initial, transfer) = (self.driving_crop, &self.initial.points, self.request.transfer);
        let (picture, preview) = (&self.picture, &mut self.preview);
        let making = preview_record(&self.request);
        let plan = crate::clip::until(self.request.most_secs);
        each_frame(&self.driving.source, plan, progress, &mut |frame, at_secs| {
            let driver = crop.cut(frame, side);
            let driving = animator.points(&borrowed(&driver));
            let made = owned(animator.animate(portrait, &driving, initial, transfer).picture);
            tally.frames += 1;
            if let Some(preview) = preview.as_mut()
                && (tally.frames == 1 || shown_at.elapsed().as_secs_f64() >= 1.0)
            {
                shown_at = Instant::now();
                let sheet = paste::sheet(&[&canvas.head(picture, side), &driver, &made]);
                let rate = tally.frames as f64 / start.elapsed().as_secs_f64();
                preview(MarkedWriter::preview(Synthetic::new(sheet), &making)?, rate);
            }
            emit(MadeFrame { picture: Synthetic::new(canvas.framed(picture, &made)), at_secs })
        })?;
        Ok(tally)
    }
}

fn preview_record(request: &Request) -> Record {
    Record {
        making: ABOUT.making,
        generator: ABOUT.id.into(),
        weights: Vec::new(),
        settings: serde_json::Value::Null,
        seed: None,
        sources: vec![SourceUsed { path: request.source.clone(), role: "source portrait".into() }],
    }
}
