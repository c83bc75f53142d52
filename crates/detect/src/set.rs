//! The detectors of a run: opened as far as they are asked for, and asked about every face.
//!
//! The decision that shapes it: a face is cut once for each crop that is wanted, and maps are
//! brought onto one shown crop, whichever detectors are asked, so that what a report shows of one
//! detector does not hang on the others. A detector may be asked several times under names of their
//! own, with other weights each: how figures ask networks about people that those have not seen.
use std::sync::Arc;

use assay_faces::judged::Answer;
use assay_faces::{Detecting, DetectorWeights, FacesError, Judged, Landmarks, Networks, square};
use assay_models::face_forgery::Crop;
use image::{ExtendedColorType, RgbImage};

use crate::places::onto;
use crate::{DETECTORS, DetectError, Detector, FaceCrop, Given, GivenFace, Input, Judgement, Weights, find};

/// JPEG quality of the kept crop.
const JPEG_QUALITY: u8 = 90;

struct Asked {
    name: String,
    detector: Box<dyn Detector>,
    crop: Crop,
}

/// Opened detectors, in the order in which they are asked.
#[derive(Default)]
pub struct Detectors {
    asked: Vec<Asked>,
}

impl Detectors {
    /// These shipped detectors, in the order of the list.
    ///
    /// # Errors
    /// [`DetectError`] for an unknown id, or where weights cannot be opened.
    pub fn open(ids: &[&str]) -> Result<Self, DetectError> {
        if let Some(unknown) = ids.iter().find(|id| find(id).is_none()) {
            return Err(DetectError::Unknown((*unknown).to_owned()));
        }
        let mut set = Self::default();
        for detector in DETECTORS.iter().filter(|d| ids.contains(&d.about.id)) {
            set.add(detector.about.id, &Weights::Shipped)?;
        }
        Ok(set)
    }

    /// All shipped detectors.
    ///
    /// # Errors
    /// As [`Detectors::open`].
    pub fn all() -> Result<Self, DetectError> {
        Self::open(&DETECTORS.iter().map(|d| d.about.id).collect::<Vec<_>>())
    }

    /// Adds a detector under its own id.
    ///
    /// # Errors
    /// As [`Detectors::add_as`].
    pub fn add(&mut self, id: &str, weights: &Weights) -> Result<(), DetectError> {
        self.add_as(id, id, weights)
    }

    /// Adds a detector with these weights, to be asked under a name of the caller's; a name that is
    /// there already is left as it is.
    ///
    /// # Errors
    /// [`DetectError`] for an unknown id, where weights cannot be opened, or for an input that no
    /// scan hands out.
    pub fn add_as(&mut self, name: &str, id: &str, weights: &Weights) -> Result<(), DetectError> {
        if self.asked.iter().any(|asked| asked.name == name) {
            return Ok(());
        }
        let declared = find(id).ok_or_else(|| DetectError::Unknown(id.to_owned()))?;
        self.push(name, (declared.open)(weights)?)
    }

    fn push(&mut self, name: &str, detector: Box<dyn Detector>) -> Result<(), DetectError> {
        let crop = match detector.about().input {
            Input::FaceCrop(crop) => crop,
            other => {
                let reason = format!("it wants {}, which no scan hands out yet", other.words());
                return Err(DetectError::misused(detector.about().id, reason));
            }
        };
        self.asked.push(Asked { name: name.to_owned(), detector, crop });
        Ok(())
    }

    /// What all of them say of the face around this mesh; `None` where it is too small.
    fn judged(&self, frame: &RgbImage, mesh: &[[f32; 2]], before: usize) -> Result<Option<Judged>, DetectError> {
        let shown = Crop::default();
        let is_due = |asked: &Asked| before.is_multiple_of(asked.detector.about().every);
        let any_due = self.asked.iter().any(is_due);
        let Some(crop_in_frame) = square::around(mesh, shown.margin).filter(|_| any_due) else {
            return Ok(None);
        };
        let mut crops = vec![cut(frame, mesh, shown)];
        let mut said: Vec<Option<Judgement>> = Vec::with_capacity(self.asked.len());
        for asked in &self.asked {
            if !is_due(asked) {
                said.push(None);
                continue;
            }
            let at = crops.iter().position(|c| c.as_ref().is_some_and(|c| c.crop == asked.crop));
            let at = at.unwrap_or_else(|| {
                crops.push(cut(frame, mesh, asked.crop));
                crops.len() - 1
            });
            let about = asked.detector.about();
            let crop = crops.get(at).and_then(Option::as_ref);
            let crop = crop.ok_or_else(|| DetectError::misused(about.id, "the face has no extent"))?;
            let given = Given::Face(GivenFace { crop });
            let judgement = asked.detector.judge(&given)?;
            said.push(Some(judgement));
        }
        let answer = |(asked, said): (&Asked, &Option<Judgement>)| {
            let said = said.as_ref()?;
            let place = |(name, map): &(&'static str, Vec<f32>)| {
                ((*name).to_owned(), onto(map, asked.crop.margin, shown.margin))
            };
            Some((asked.name.clone(), Answer { logit: said.logit, maps: said.maps.iter().map(place).collect() }))
        };
        let answers = self.asked.iter().zip(&said).filter_map(answer).collect();
        let jpeg = crops.first().and_then(Option::as_ref).map(|c| jpeg(&c.picture)).transpose()?.unwrap_or_default();
        Ok(Some(Judged { answers, crop_in_frame, jpeg }))
    }
}

fn cut(frame: &RgbImage, mesh: &[[f32; 2]], crop: Crop) -> Option<FaceCrop> {
    let around = square::around(mesh, crop.margin)?;
    Some(FaceCrop::new(crop, square::cut(frame, &around, crop.side as u32)))
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>, FacesError> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    encoder.encode(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

impl Detecting for Detectors {
    fn weights(&self) -> Vec<DetectorWeights> {
        let of = |asked: &Asked| DetectorWeights { detector: asked.name.clone(), weights: asked.detector.weights() };
        self.asked.iter().map(of).collect()
    }

    fn judge(&self, frame: &RgbImage, landmarks: &Landmarks, before: usize) -> Result<Option<Judged>, FacesError> {
        self.judged(frame, &landmarks.mesh, before).map_err(|error| match error {
            DetectError::Faces(error) => error,
            other => FacesError::Detector(other.to_string()),
        })
    }
}

/// The shipped networks that find and measure faces, with these shipped detectors asked about what
/// they find.
///
/// # Errors
/// [`DetectError`] for an unknown id, or where weights cannot be opened.
pub fn networks(ids: &[&str]) -> Result<Networks, DetectError> {
    Ok(Networks::shipped()?.with_detectors(Arc::new(Detectors::open(ids)?)))
}

/// As [`networks`], with all shipped detectors.
///
/// # Errors
/// As [`networks`].
pub fn all_networks() -> Result<Networks, DetectError> {
    Ok(Networks::shipped()?.with_detectors(Arc::new(Detectors::all()?)))
}

#[cfg(test)]
mod tests {
    use assay_evidence::NetworkInfo;

    use super::*;
    use crate::About;

    const ABOUT: About = About {
        id: "made",
        title: "a made detector",
        question: None,
        input: Input::FaceCrop(Crop { side: 64, margin: 1.0 }),
        maps: &[crate::MapAbout { name: "red", bright: "red places" }],
        every: 1,
    };

    /// Answers the mean red value, and a map of red.
    struct Made(About);

    impl Detector for Made {
        fn about(&self) -> &About {
            &self.0
        }

        fn weights(&self) -> Vec<NetworkInfo> {
            vec![NetworkInfo { task: "t".into(), id: "w".into(), sha256: "s".into() }]
        }

        fn judge(&self, given: &Given<'_>) -> Result<Judgement, DetectError> {
            let face = given.face().unwrap();
            let red: Vec<f32> = face.crop.picture.pixels().map(|p| f32::from(p.0[0])).collect();
            let mean = red.iter().sum::<f32>() / red.len() as f32;
            Ok(Judgement { logit: mean, maps: vec![("red", red)] })
        }
    }

    fn mesh() -> Vec<[f32; 2]> {
        vec![[100.0, 100.0], [200.0, 100.0], [150.0, 200.0]]
    }

    #[test]
    fn every_detector_gets_its_own_crop() {
        let mut set = Detectors::default();
        let wide = About { input: Input::FaceCrop(Crop { side: 64, margin: 2.0 }), ..ABOUT };
        set.push("close", Box::new(Made(ABOUT))).unwrap();
        set.push("wide", Box::new(Made(wide))).unwrap();
        // Red where the close crop lies, black around it.
        let frame = RgbImage::from_fn(400, 400, |x, y| {
            let inside = (100..200).contains(&x) && (100..200).contains(&y);
            image::Rgb([if inside { 200 } else { 0 }, 9, 9])
        });
        let judged = set.judged(&frame, &mesh(), 0).unwrap().unwrap();
        assert!((judged.logit("close").unwrap() - 200.0).abs() < 2.0);
        assert!((judged.logit("wide").unwrap() - 50.0).abs() < 3.0, "{:?}", judged.logit("wide"));
        assert_eq!(judged.logit("face_manipulation"), None);
        assert_eq!(judged.crop_in_frame.width, 135.0, "the shown crop is the same whoever is asked");
        assert_eq!(image::load_from_memory(&judged.jpeg).unwrap().width(), 288);
        // Both maps lie over the shown crop: red in its middle, 0 around what the close crop shows.
        for name in ["close", "wide"] {
            let map = judged.map(name, "red").unwrap();
            assert!(map[0].abs() < 1.0 && map[10 * 20 + 10] > 195.0, "{name}");
        }
        assert_eq!(set.weights().len(), 2);
    }

    #[test]
    fn a_slow_detector_is_asked_at_some_looks_only() {
        let mut set = Detectors::default();
        set.push("quick", Box::new(Made(ABOUT))).unwrap();
        set.push("slow", Box::new(Made(About { every: 3, ..ABOUT }))).unwrap();
        let frame = RgbImage::new(300, 300);
        let asked = |before: usize| -> Vec<String> {
            set.judged(&frame, &mesh(), before).unwrap().unwrap().answers.into_keys().collect()
        };
        assert_eq!([asked(0), asked(1), asked(3)].map(|a| a.len()), [2, 1, 2]);
        let mut alone = Detectors::default();
        alone.push("slow", Box::new(Made(About { every: 3, ..ABOUT }))).unwrap();
        assert!(alone.judged(&frame, &mesh(), 2).unwrap().is_none(), "a look without an answer is no judgement");
    }

    #[test]
    fn small_faces_and_an_empty_set_are_not_judged() {
        let frame = RgbImage::new(300, 300);
        assert!(Detectors::default().judged(&frame, &mesh(), 0).unwrap().is_none());
        let mut set = Detectors::default();
        set.push("made", Box::new(Made(ABOUT))).unwrap();
        assert!(set.judged(&frame, &[[0.0, 0.0], [40.0, 40.0]], 0).unwrap().is_none());
        assert!(set.judged(&frame, &mesh(), 0).unwrap().is_some());
    }

    #[test]
    fn inputs_that_no_scan_hands_out_are_refused_at_once() {
        for input in [Input::WholePicture, Input::Sound] {
            let refused = Detectors::default().push("made", Box::new(Made(About { input, ..ABOUT })));
            assert!(refused.unwrap_err().to_string().contains("which no scan hands out yet"));
        }
        assert!(matches!(Detectors::open(&["face_forgary"]), Err(DetectError::Unknown(_))));
    }

    #[test]
    fn only_what_is_asked_for_is_opened_and_recorded_in_one_order() {
        let files = |ids: &[&str]| -> Vec<(String, usize)> {
            let set = Detectors::open(ids).unwrap();
            set.weights().into_iter().map(|d| (d.detector, d.weights.len())).collect()
        };
        let of = |all: &[(&str, usize)]| -> Vec<(String, usize)> {
            all.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect()
        };
        let (manipulation, synthesis) = (("face_manipulation", 4), ("face_synthesis", 1));
        assert_eq!(files(&[]), of(&[]));
        assert_eq!(files(&["face_synthesis"]), of(&[synthesis]));
        assert_eq!(files(&["face_synthesis", "face_manipulation"]), of(&[manipulation, synthesis]));
    }

    #[test]
    fn other_weights_are_asked_under_their_own_names() {
        let mut set = Detectors::default();
        for file in ["face-forgery-sbi-1", "face-forgery-pairs-1"] {
            set.add_as(file, "face_manipulation", &Weights::file(file)).unwrap();
        }
        let names: Vec<String> = set.weights().into_iter().map(|d| d.detector).collect();
        assert_eq!(names, ["face-forgery-sbi-1", "face-forgery-pairs-1"]);
        assert!(set.add("face_manipulation", &Weights::file("no/such/file")).is_err());
    }
}
