//! The faces of a clip, found in the decode pass that all readers share.
//!
//! The decision that shapes it: every frame of the looked-at stretches is glanced at (a kilobyte,
//! for scene cuts), but only [`LOOKS_PER_SEC`] a second, and the first frame after a sudden change,
//! are looked at for faces, at a bounded size. So the cost of a clip is that of a few network runs
//! a second however high its frame rate, and at most [`MOST_LOOKS`] in all. A frame is dropped when
//! it was looked at; tracks are made when the pass is over.
use std::borrow::Cow;

use assay_evidence::Span;
use assay_media::{Frame, FramePlan, FrameReader, FrameSamples, MediaError, Orientation};
use image::RgbImage;

use crate::cut::Signature;
use crate::seen::{self, MOST_FACES_CLIP, SeenFace, Wanted};
use crate::tracks::{self, Faces, Glance, SeenFrame};
use crate::{FaceNetworks, FacesError};

/// Frames a second in which faces are looked for.
pub const LOOKS_PER_SEC: f64 = 6.0;
/// Frames of one clip in which faces are looked for, at most.
pub const MOST_LOOKS: usize = 480;
/// Longer side in pixels to which a frame is reduced for the detector. Mesh and identity are taken
/// from the full frame.
pub const CLIP_SIDE: u32 = 960;
/// Frames that are glanced at, at most.
const MOST_GLANCES: usize = 14_400;
/// Change between two frames from which the second is looked at out of turn, because a shot may
/// begin with it.
const SUDDEN: f32 = 0.28;
/// Seconds after which the identity of a lone, unmoving face is taken again.
const IDENTITY_SECS: f64 = 0.9;
/// Overlap with the face before from which a lone face is taken to be the same.
const SAME_PLACE: f32 = 0.5;
/// Overlap with a face of the look before that makes a doubtful detection worth a look.
const LIKELY: f32 = 0.2;
/// Faces in a frame beyond which only every fourth look keeps thumbnails.
const CROWD: usize = 8;

/// Looks for faces while a clip is decoded; give it to the decode pass as a reader, then ask for
/// [`ClipFaces::into_faces`].
pub struct ClipFaces<'a> {
    networks: &'a dyn FaceNetworks,
    orientation: Orientation,
    windows: Vec<Span>,
    glances: Vec<Glance>,
    frames: Vec<SeenFrame>,
    due_secs: f64,
    identity_secs: f64,
    largest_reduction: f32,
    failure: Option<FacesError>,
}

impl<'a> ClipFaces<'a> {
    /// For a clip whose coded frames are turned by `orientation` to be shown. `windows` are the
    /// stretches to look at; one or none is the whole clip.
    pub fn new(networks: &'a dyn FaceNetworks, orientation: Orientation, windows: Vec<Span>) -> Self {
        Self {
            networks,
            orientation,
            windows,
            glances: Vec::new(),
            frames: Vec::new(),
            due_secs: f64::NEG_INFINITY,
            identity_secs: f64::NEG_INFINITY,
            largest_reduction: 1.0,
            failure: None,
        }
    }

    /// Tracks and persons.
    ///
    /// # Errors
    /// [`FacesError`] when a network broke during the pass.
    pub fn into_faces(self) -> Result<Faces, FacesError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let cuts = tracks::cuts(&self.glances);
        let looked_at = self.frames.len() as u64;
        let tracks = tracks::follow(self.frames, &cuts, &self.networks.operating_points());
        let cuts_secs = cuts.iter().map(|c| c.1).collect();
        let smallest = self.networks.operating_points().smallest_face_px * self.largest_reduction;
        Ok(tracks::faces(self.networks, tracks, cuts_secs, looked_at, self.windows, smallest))
    }

    /// Whether this frame's turn has come; keeps the glance.
    fn is_due(&mut self, frame: &Frame) -> bool {
        let signature = Signature::of_luma(frame.luma(), frame.width as usize, frame.height as usize);
        let follows = self.glances.last().filter(|g| g.index + 1 == frame.index);
        let sudden = follows.is_none_or(|g| g.signature.difference(&signature) >= SUDDEN);
        if self.glances.len() < MOST_GLANCES {
            self.glances.push(Glance { index: frame.index, pts_secs: frame.pts_secs, signature });
        }
        // Half a millisecond: times are rounded to the time base of the stream.
        let due = frame.pts_secs + 5e-4 >= self.due_secs;
        if !(due || sudden) || self.frames.len() >= MOST_LOOKS {
            return false;
        }
        let step = 1.0 / LOOKS_PER_SEC;
        // Late frames keep the beat; after a gap it begins anew.
        let kept = self.due_secs + step;
        self.due_secs = if due && kept > frame.pts_secs { kept } else { frame.pts_secs + step };
        true
    }

    /// Looks at one picture of a clip whose frames the caller picks, in order of presentation; the
    /// picture is as shown. Without glances there are no cuts.
    ///
    /// # Errors
    /// [`FacesError`] when a network breaks.
    pub fn look_at(&mut self, shown: &RgbImage, index: u64, pts_secs: f64) -> Result<(), FacesError> {
        let seen = self.look(shown, index, pts_secs)?;
        self.frames.push(seen);
        Ok(())
    }

    fn look(&mut self, shown: &RgbImage, index: u64, pts_secs: f64) -> Result<SeenFrame, FacesError> {
        let (_, back) = seen::reduced_size(shown, CLIP_SIDE);
        self.largest_reduction = self.largest_reduction.max(back[0]).max(back[1]);
        let mut found = seen::detect(self.networks, shown, CLIP_SIDE, MOST_FACES_CLIP)?;
        let before: &[SeenFace] = self.frames.last().map_or(&[], |f| &f.faces);
        let least = self.networks.operating_points().face_score;
        found.retain(|d| {
            d.score >= least || before.iter().any(|f| f.observation.box_in_frame.iou(&d.box_in_frame) > LIKELY)
        });
        let same = match (&found[..], before) {
            ([now], [was]) => now.box_in_frame.iou(&was.observation.box_in_frame) > SAME_PLACE,
            _ => false,
        };
        let identity = !same || pts_secs - self.identity_secs >= IDENTITY_SECS;
        let thumbnail = found.len() <= CROWD || self.frames.len().is_multiple_of(4);
        let wanted = Wanted { identity, thumbnail, before: self.frames.len() };
        let look = |d| seen::look(self.networks, shown, (index, pts_secs), d, wanted);
        let faces = found.iter().map(look).collect::<Result<Vec<_>, _>>()?;
        if identity && faces.iter().any(|f| f.embedding.is_some()) {
            self.identity_secs = pts_secs;
        }
        Ok(SeenFrame { index, pts_secs, faces })
    }
}

impl FrameReader for ClipFaces<'_> {
    fn plan(&self) -> FramePlan {
        if self.windows.len() <= 1 { FramePlan::All } else { FramePlan::Windows(self.windows.clone()) }
    }

    fn samples(&self) -> FrameSamples {
        FrameSamples::Rgb
    }

    /// Never fails: what the other readers see must not hang on a network.
    fn read(&mut self, frame: &Frame) -> Result<(), MediaError> {
        // In a pass that other readers want more of, frames outside the windows are not given to
        // this one.
        if self.failure.is_none() && self.is_due(frame) {
            let coded = frame.rgb();
            if let Err(failure) = self.look_at(&shown(&coded, self.orientation), frame.index, frame.pts_secs) {
                self.failure = Some(failure);
            }
        }
        Ok(())
    }
}

/// The picture as shown, from the coded one.
pub fn shown(coded: &RgbImage, orientation: Orientation) -> Cow<'_, RgbImage> {
    if orientation.is_upright() {
        return Cow::Borrowed(coded);
    }
    let (pixels, _) = coded.as_raw().as_chunks::<3>();
    let (turned, width, height) = orientation.turn(pixels, coded.width() as usize, coded.height() as usize);
    RgbImage::from_raw(width as u32, height as u32, turned.into_flattened()).map_or(Cow::Borrowed(coded), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_turned_as_the_orientation_says() {
        let coded = RgbImage::from_fn(3, 2, |x, y| image::Rgb([(y * 3 + x) as u8; 3]));
        assert!(matches!(shown(&coded, Orientation::default()), Cow::Borrowed(_)));
        let turned = shown(&coded, Orientation::from_exif(6));
        assert_eq!(turned.dimensions(), (2, 3));
        assert_eq!(turned.pixels().map(|p| p[0]).collect::<Vec<_>>(), [3, 0, 4, 1, 5, 2]);
    }
}
