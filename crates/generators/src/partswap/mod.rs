//! Parts of one face put into another (motion co-segmentation, Siarohin et al. 2020,
//! arXiv:2004.03234).
//!
//! The decision that shapes it: parts are the network's own segments, found without labels and
//! numbered by it, so the user sees a map before choosing. Only the square around the target's head
//! is made anew; everything else of the target stays as it was.
mod map;

use std::path::{Path, PathBuf};

use assay_media::{FramePlan, Limits, Progress, Source};
use assay_models::Kind;
use assay_models::cosegmentation::{PartSwapper, Parted, Swap};
use assay_models::registry::Entry;
use assay_provenance::{ClipShape, Making, MarkedWriter, Record, SourceUsed, Synthetic, WeightsUsed};
use image::RgbImage;

use crate::animate::{borrowed, head_of, owned, read_picture, weights};
use crate::portrait::Framed;
use crate::{About, ClipFacts, Crop, Finder, Generator, GeneratorError, MadeFrame, Plan, Tally, each_frame};

/// In words.
pub static ABOUT: About = About {
    id: "partswap",
    summary: "puts parts of one face into another, in a picture or clip",
    making: Making::Altered,
    reference: "Siarohin et al., Motion-supervised Co-Part Segmentation, 2020 (arXiv:2004.03234)",
    limits: &[
        "Parts are found without labels: a segment need not be what a person would call a part.",
        "Parts keep the light of the picture that they come from.",
    ],
};

/// What is to be swapped, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Picture whose parts are taken.
    pub source: PathBuf,
    /// Picture or clip into which they go.
    pub target: PathBuf,
    /// Id or file of weights; the shipped ones where there are none.
    pub weights: Option<String>,
    /// Which parts, and how they are cut out.
    pub swap: Swap,
    /// Seconds of a clip at most.
    pub most_secs: Option<f64>,
}

enum Target {
    Still(RgbImage),
    Clip(Box<ClipFacts>),
}

/// A swap that can be made.
pub struct PartSwap {
    request: Request,
    swapper: PartSwapper,
    head: RgbImage,
    source: Parted,
    target: Target,
    crop: Crop,
}

impl PartSwap {
    /// Opens source, target and weights, and finds both heads.
    ///
    /// # Errors
    /// [`GeneratorError`], naming the file that is at fault.
    pub fn open(request: Request, progress: &dyn Progress) -> Result<Self, GeneratorError> {
        let swapper = PartSwapper::open(weights(request.weights.as_deref(), Kind::MotionCosegmentation)?)?;
        if let Some(wrong) = request.swap.segments.iter().find(|s| **s > swapper.parts()) {
            let reason =
                format!("these weights have parts 1 to {} and the background 0, no part {wrong}", swapper.parts());
            return Err(GeneratorError::unsuited(Path::new(&swapper.entry().id), reason));
        }
        let finder = Finder::open()?;
        let picture = read_picture(&request.source)?;
        let head = Crop::of_largest(&finder, &picture, &request.source)?.cut(&picture, swapper.side() as u32);
        let opened =
            Source::open(&request.target, &Limits::default()).map_err(GeneratorError::media(&request.target))?;
        let (target, crop) = if opened.video().is_some() {
            let clip = ClipFacts::open(&request.target)?;
            let crop = head_of(&clip.source, &finder, progress)?;
            (Target::Clip(Box::new(clip)), crop)
        } else {
            let still = read_picture(&request.target)?;
            let crop = Crop::of_largest(&finder, &still, &request.target)?;
            (Target::Still(still), crop)
        };
        let source = swapper.part(&borrowed(&head));
        Ok(Self { request, swapper, head, source, target, crop })
    }

    /// What is known of the weights.
    pub fn weights(&self) -> &Entry {
        self.swapper.entry()
    }

    /// Source and target with their parts in colours and numbers, and the swap, in one marked
    /// picture.
    ///
    /// # Errors
    /// [`GeneratorError`] where the target cannot be read or the picture cannot be marked.
    pub fn map(&self) -> Result<RgbImage, GeneratorError> {
        let mut first = None;
        match &self.target {
            Target::Still(still) => first = Some(still.clone()),
            Target::Clip(clip) => {
                let plan = FramePlan::EvenlySpaced(1);
                each_frame(&clip.source, plan, &assay_media::NoProgress, &mut |frame, _| {
                    first = Some(frame.clone());
                    Ok(())
                })?;
            }
        }
        let first = first.ok_or_else(|| GeneratorError::unsuited(&self.request.target, "it has no frame"))?;
        let head = self.crop.cut(&first, self.swapper.side() as u32);
        let parted = self.swapper.part(&borrowed(&head));
        let made = owned(self.swapper.swap(&self.source, &parted, &self.request.swap));
        let rows = [(&self.head, self.source.map()), (&head, parted.map())];
        let sheet = map::sheet(&rows, &made, self.swapper.parts());
        Ok(MarkedWriter::preview(Synthetic::new(sheet), &self.record())?)
    }

    fn swapped(&self, frame: &RgbImage) -> RgbImage {
        let head = self.crop.cut(frame, self.swapper.side() as u32);
        let target = self.swapper.part(&borrowed(&head));
        let made = owned(self.swapper.swap(&self.source, &target, &self.request.swap));
        Framed::of(frame, self.crop).with(frame, &made)
    }
}

impl Generator for PartSwap {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn record(&self) -> Record {
        let entry = self.swapper.entry();
        let source = |path: &Path, role: &str| SourceUsed { path: path.to_owned(), role: role.into() };
        Record {
            making: ABOUT.making,
            generator: ABOUT.id.into(),
            weights: vec![WeightsUsed { id: entry.id.clone(), sha256: entry.sha256.clone() }],
            settings: serde_json::json!({ "swap": self.request.swap, "most_secs": self.request.most_secs }),
            seed: None,
            sources: vec![source(&self.request.source, "source of parts"), source(&self.request.target, "target")],
        }
    }

    fn plan(&self) -> Plan {
        match &self.target {
            Target::Still(_) => Plan::Still,
            Target::Clip(clip) => {
                let (width, height) = (clip.size.0 & !1, clip.size.1 & !1);
                let sound = clip.has_sound.then(|| self.request.target.clone());
                Plan::Clip { shape: ClipShape { width, height, frame_secs: clip.frame_secs }, sound }
            }
        }
    }

    fn generate(
        &mut self,
        emit: &mut (dyn FnMut(MadeFrame) -> Result<(), GeneratorError> + Send),
        progress: &dyn Progress,
    ) -> Result<Tally, GeneratorError> {
        let mut tally = Tally::default();
        match &self.target {
            Target::Still(still) => {
                emit(MadeFrame { picture: Synthetic::new(self.swapped(still)), at_secs: 0.0 })?;
                tally.frames = 1;
            }
            Target::Clip(clip) => {
                let plan = crate::clip::until(self.request.most_secs);
                each_frame(&clip.source, plan, progress, &mut |frame, at_secs| {
                    tally.frames += 1;
                    emit(MadeFrame { picture: Synthetic::new(self.swapped(frame)), at_secs })
                })?;
            }
        }
        Ok(tally)
    }
}
