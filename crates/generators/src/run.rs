//! From a generator to a marked file.
//!
//! The decision that shapes it: frames are pushed one by one, so a clip of any length needs the
//! memory of one frame, and the writer alone decides whether there is a file at the end. What a
//! generator could not do with a frame is counted, never hidden.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use assay_media::Progress;
use assay_provenance::{ClipShape, ClipWriter, MarkedWriter, Record, Signer, Synthetic, Written};
use image::RgbImage;
use serde::Serialize;

use crate::{About, GeneratorError};

/// What comes out.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// One picture.
    Still,
    /// Frames, with the first sound track of a file where there is one.
    Clip {
        /// Size and nominal rate.
        shape: ClipShape,
        /// Whose sound goes along.
        sound: Option<PathBuf>,
    },
}

/// One frame.
pub struct MadeFrame {
    /// Pixels that only the marked writer can reach.
    pub picture: Synthetic<RgbImage>,
    /// From when it is shown, in seconds.
    pub at_secs: f64,
}

/// How it went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Frames that were made.
    pub frames: u64,
    /// Frames in which something could not be done, by reason. They are shown as they were.
    pub failures: BTreeMap<String, u64>,
}

impl Tally {
    /// One more frame in which something could not be done.
    pub fn failed(&mut self, reason: &str) {
        *self.failures.entry(reason.to_owned()).or_default() += 1;
    }
}

/// What was written, and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Counts.
    pub tally: Tally,
    /// What was read back before the file got its name.
    pub written: Written,
}

/// Something that makes face media. Its inputs are open and its networks loaded when it exists.
pub trait Generator: Send {
    /// It in words.
    fn about(&self) -> &'static About;
    /// How the result is made, for the manifest.
    fn record(&self) -> Record;
    /// What comes out.
    fn plan(&self) -> Plan;
    /// Makes every frame in order and hands it to `emit`; of a still picture the one.
    ///
    /// # Errors
    /// [`GeneratorError`], also that of `emit`.
    fn generate(
        &mut self,
        emit: &mut (dyn FnMut(MadeFrame) -> Result<(), GeneratorError> + Send),
        progress: &dyn Progress,
    ) -> Result<Tally, GeneratorError>;
}

/// Makes and writes, with all marks.
///
/// # Errors
/// [`GeneratorError`]; nothing is left behind then.
pub fn write(
    generator: &mut dyn Generator,
    out: &Path,
    signer: Signer,
    progress: &dyn Progress,
) -> Result<Outcome, GeneratorError> {
    let writer = MarkedWriter::new(generator.record(), signer);
    match generator.plan() {
        Plan::Still => {
            writer.check_still(out)?;
            let mut made = None;
            let tally = generator.generate(
                &mut |frame| {
                    made = Some(frame.picture);
                    Ok(())
                },
                progress,
            )?;
            let picture = made.ok_or_else(|| GeneratorError::unsuited(out, "nothing was made"))?;
            Ok(Outcome { tally, written: writer.write_still(picture, out)? })
        }
        Plan::Clip { shape, sound } => {
            let mut clip = writer.start_clip(out, shape, sound.as_deref())?;
            let tally = pushed(generator, &mut clip, progress)?;
            Ok(Outcome { tally, written: clip.finish()? })
        }
    }
}

/// Makes frames on one thread while this one marks and encodes them.
fn pushed(
    generator: &mut dyn Generator,
    clip: &mut ClipWriter,
    progress: &dyn Progress,
) -> Result<Tally, GeneratorError> {
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<MadeFrame>(2);
        let maker = scope.spawn(move || {
            // Nobody takes frames any more once one could not be written.
            let mut emit = |frame| send.send(frame).map_err(|_| GeneratorError::Cancelled);
            generator.generate(&mut emit, progress)
        });
        let written = receive.iter().try_for_each(|frame| clip.push(frame.picture, frame.at_secs));
        drop(receive);
        let made = maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written?;
        made
    })
}
