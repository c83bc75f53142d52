//! Synthetic faces, from a seed.
//!
//! The decision that shapes it: a face follows from weights, seed and number alone, and all three
//! are in the manifest, so whoever has the weights can make it again. The network makes small
//! faces. A picture that can carry the marks is larger, so one face is enlarged, and the manifest
//! says from what; a sheet of several need not be.
use assay_media::Progress;
use assay_models::Kind;
use assay_models::face_generator::{LastLayers, Synthesizer};
use assay_models::registry::{Entry, Registry};
use assay_provenance::{Making, Record, Synthetic, WeightsUsed};
use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::animate::{LEAST_SIDE, owned, weights};
use crate::{About, Generator, GeneratorError, MadeFrame, Plan, Tally};

/// In words.
pub static ABOUT: About = About {
    id: "synthesize",
    summary: "makes faces of people who do not exist",
    making: Making::Generated,
    reference: "adversarial training with codes in place of an encoder, after Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML 2016 \
                (arXiv:1512.09300), and Bojanowski et al., Optimizing the Latent Space of Generative Networks, ICML 2018 (arXiv:1707.05776)",
    limits: &[
        "The shipped network makes faces of 64 pixels: enlarged they are soft, and hair and background are vague.",
        "It saw faces from the front only, of people who are much photographed; its faces are no sample of any population.",
        "Glasses, hands, teeth and jewellery come out blurred or not at all.",
    ],
};

/// The largest side of a picture that is made, in pixels.
const MOST_SIDE: u32 = 8192;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// Id or file of weights; shipped ones where there are none.
    pub weights: Option<String>,
    /// The last layers that shipped weights must have.
    pub variant: Option<LastLayers>,
    /// Seed of the draws.
    pub seed: u64,
    /// Columns and rows of faces in the picture.
    pub grid: (u32, u32),
    /// Side of a face in pixels; without one, no larger than the marks need.
    pub size: Option<u32>,
    /// Factor on the drawn vector, 0 to 2.
    pub truncation: f32,
}

/// Faces that can be made.
pub struct Synthesize {
    request: Request,
    network: Synthesizer,
    /// Number of the next face under the seed.
    first: u64,
    /// Side of a face in the picture.
    size: u32,
}

impl Synthesize {
    /// Opens the weights.
    ///
    /// # Errors
    /// [`GeneratorError`] where there are none, they are another network's, or no picture of this
    /// size can be made.
    pub fn open(request: Request) -> Result<Self, GeneratorError> {
        let network = match (&request.weights, request.variant) {
            (None, Some(variant)) => shipped(variant)?,
            (named, _) => Synthesizer::open(weights(named.as_deref(), Kind::FaceGenerator)?)?,
        };
        let has = network.config().last;
        if let Some(wanted) = request.variant.filter(|wanted| *wanted != has) {
            let id = &network.entry().id;
            return Err(GeneratorError::Unusable(format!(
                "{id} is of the variant {}, not {}",
                has.name(),
                wanted.name()
            )));
        }
        let (columns, rows) = request.grid;
        if columns == 0 || rows == 0 {
            return Err(GeneratorError::Unusable(format!("a grid of {columns}x{rows} holds no face")));
        }
        if !(0.0..=2.0).contains(&request.truncation) {
            return Err(GeneratorError::Unusable(format!(
                "a truncation of {} is not between 0 and 2",
                request.truncation
            )));
        }
        let fewer = columns.min(rows);
        let least = LEAST_SIDE.div_ceil(fewer);
        let size = request.size.unwrap_or_else(|| (network.config().side as u32).max(least));
        if size < least {
            let side = u64::from(size) * u64::from(fewer);
            let reason = format!("faces of {size} pixels give a picture of {side}, and the marks need {LEAST_SIDE}");
            return Err(GeneratorError::Unusable(reason));
        }
        if u64::from(size) * u64::from(columns.max(rows)) > u64::from(MOST_SIDE) {
            let reason = format!("{columns}x{rows} faces of {size} pixels are more than {MOST_SIDE} pixels a side");
            return Err(GeneratorError::Unusable(reason));
        }
        Ok(Self { request, network, first: 0, size })
    }

    /// What is known of the weights.
    pub fn weights(&self) -> &Entry {
        self.network.entry()
    }

    /// Sides of a face in pixels: as the network makes it, and in the picture.
    pub fn sides(&self) -> (u32, u32) {
        (self.network.config().side as u32, self.size)
    }

    /// Lets the next picture begin with this face of the seed.
    pub fn begin_at(&mut self, number: u64) {
        self.first = number;
    }

    /// Faces in a picture.
    pub fn faces(&self) -> u64 {
        u64::from(self.request.grid.0) * u64::from(self.request.grid.1)
    }
}

/// The shipped weights of a variant.
fn shipped(variant: LastLayers) -> Result<Synthesizer, GeneratorError> {
    for loaded in Registry::shipped_all(Kind::FaceGenerator)? {
        let network = Synthesizer::open(loaded)?;
        if network.config().last == variant {
            return Ok(network);
        }
    }
    Err(GeneratorError::Unusable(format!(
        "no weights of the variant {0} are part of this build; `assay train synthesizer --variant {0}` makes some, and --weights names their file",
        variant.name()
    )))
}

impl Generator for Synthesize {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn record(&self) -> Record {
        let entry = self.network.entry();
        let (made_px, shown_px) = self.sides();
        let (columns, rows) = self.request.grid;
        Record {
            making: ABOUT.making,
            generator: ABOUT.id.into(),
            weights: vec![WeightsUsed { id: entry.id.clone(), sha256: entry.sha256.clone() }],
            settings: serde_json::json!({
                "variant": self.network.config().last, "first_face": self.first, "columns": columns, "rows": rows,
                "truncation": self.request.truncation, "made_px": made_px, "shown_px": shown_px,
                "scaling": if made_px == shown_px { "none" } else { "Catmull-Rom" },
            }),
            seed: Some(self.request.seed),
            sources: Vec::new(),
        }
    }

    fn plan(&self) -> Plan {
        Plan::Still
    }

    fn generate(
        &mut self,
        emit: &mut (dyn FnMut(MadeFrame) -> Result<(), GeneratorError> + Send),
        progress: &dyn Progress,
    ) -> Result<Tally, GeneratorError> {
        let (columns, rows) = self.request.grid;
        let mut sheet = RgbImage::new(columns * self.size, rows * self.size);
        for at in 0..self.faces() {
            if progress.cancelled() {
                return Err(GeneratorError::Cancelled);
            }
            progress.update("making faces", at, self.faces());
            let face = owned(self.network.make(self.request.seed, self.first + at, self.request.truncation));
            let face = if face.width() == self.size {
                face
            } else {
                imageops::resize(&face, self.size, self.size, FilterType::CatmullRom)
            };
            let (column, row) = (at % u64::from(columns), at / u64::from(columns));
            let place = |n: u64| (n * u64::from(self.size)) as i64;
            imageops::replace(&mut sheet, &face, place(column), place(row));
        }
        emit(MadeFrame { picture: Synthetic::new(sheet), at_secs: 0.0 })?;
        Ok(Tally { frames: 1, ..Tally::default() })
    }
}
