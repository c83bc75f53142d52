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
    /// Place in the set of the one that it builds on.
    on: Option<usize>,
}

/// Opened detectors, in the order in which they are asked.
#[derive(Default)]
pub struct Detectors {
    asked: Vec<Asked>,
}

impl Detectors {
    /// These shipped detectors and those that they build on, in the order of the list.
    ///
    /// # Errors
    /// [`DetectError`] for an unknown id, or where weights cannot be opened.
    pub fn open(ids: &[&str]) -> Result<Self, DetectError> {
        if let Some(unknown) = ids.iter().find(|id| find(id).is_none()) {
            return Err(DetectError::Unknown((*unknown).to_owned()));
        }
        let mut wanted: Vec<&str> = ids.to_vec();
        // A base stands before what builds on it, so one walk from the end finds all of them.
        for detector in DETECTORS.iter().rev() {
            if wanted.contains(&detector.about.id) {
                wanted.extend(detector.about.builds_on);
            }
        }
        let mut set = Self::default();
        for detector in DETECTORS.iter().filter(|d| wanted.contains(&d.about.id)) {
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

    /// Adds a detector under its own id; what it builds on is added before it with shipped weights,
    /// unless it is there.
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
        if self.place(name).is_some() {
            return Ok(());
        }
        let declared = find(id).ok_or_else(|| DetectError::Unknown(id.to_owned()))?;
        if let Some(base) = declared.about.builds_on {
            self.add(base, &Weights::Shipped)?;
        }
        let on = declared.about.builds_on.and_then(|base| self.place(base));
        let base = on.and_then(|at| self.asked.get(at)).map(|asked| asked.detector.as_ref());
        let detector = (declared.open)(weights, base)?;
        self.push(name, detector, on)
    }

    fn push(&mut self, name: &str, detector: Box<dyn Detector>, on: Option<usize>) -> Result<(), DetectError> {
        let crop = match detector.about().input {
            Input::FaceCrop(crop) => crop,
            other => {
                let reason = format!("it wants {}, which no scan hands out yet", other.words());
                return Err(DetectError::misused(detector.about().id, reason));
            }
        };
        self.asked.push(Asked { name: name.to_owned(), detector, crop, on });
        Ok(())
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.asked.iter().position(|asked| asked.name == name)
    }

    /// What all of them say of the face around this mesh; `None` where it is too small.
    fn judged(&self, frame: &RgbImage, mesh: &[[f32; 2]]) -> Result<Option<Judged>, DetectError> {
        let shown = Crop::default();
        let Some(crop_in_frame) = square::around(mesh, shown.margin).filter(|_| !self.asked.is_empty()) else {
            return Ok(None);
        };
        let mut crops = vec![cut(frame, mesh, shown)];
        let mut said: Vec<Judgement> = Vec::with_capacity(self.asked.len());
        for asked in &self.asked {
            let at = crops.iter().position(|c| c.as_ref().is_some_and(|c| c.crop == asked.crop));
            let at = at.unwrap_or_else(|| {
                crops.push(cut(frame, mesh, asked.crop));
                crops.len() - 1
            });
            let about = asked.detector.about();
            let crop = crops.get(at).and_then(Option::as_ref);
            let crop = crop.ok_or_else(|| DetectError::misused(about.id, "the face has no extent"))?;
            let given = Given::Face(GivenFace { crop, on: asked.on.and_then(|on| said.get(on)) });
            let judgement = asked.detector.judge(&given)?;
            said.push(judgement);
        }
        let answer = |(asked, said): (&Asked, &Judgement)| {
            let place = |(name, map): &(&'static str, Vec<f32>)| {
                ((*name).to_owned(), onto(map, asked.crop.margin, shown.margin))
            };
            (asked.name.clone(), Answer { logit: said.logit, maps: said.maps.iter().map(place).collect() })
        };
        let answers = self.asked.iter().zip(&said).map(answer).collect();
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

    fn judge(&self, frame: &RgbImage, landmarks: &Landmarks) -> Result<Option<Judged>, FacesError> {
        self.judged(frame, &landmarks.mesh).map_err(|error| match error {
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
        builds_on: None,
    };

    /// Answers the mean red value, the number of features below it, and a map of red.
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
            let below = face.on.map_or(0.0, |on| on.features.len() as f32);
            let mean = red.iter().sum::<f32>() / red.len() as f32;
            Ok(Judgement { logit: mean + 1000.0 * below, maps: vec![("red", red)], features: vec![0.0; 3] })
        }
    }

    fn mesh() -> Vec<[f32; 2]> {
        vec![[100.0, 100.0], [200.0, 100.0], [150.0, 200.0]]
    }

    #[test]
    fn a_detector_gets_its_own_crop_and_the_judgement_that_it_builds_on() {
        let mut set = Detectors::default();
        let wide = About { input: Input::FaceCrop(Crop { side: 64, margin: 2.0 }), ..ABOUT };
        set.push("close", Box::new(Made(ABOUT)), None).unwrap();
        set.push("wide", Box::new(Made(wide)), Some(0)).unwrap();
        // Red where the close crop lies, black around it.
        let frame = RgbImage::from_fn(400, 400, |x, y| {
            let inside = (100..200).contains(&x) && (100..200).contains(&y);
            image::Rgb([if inside { 200 } else { 0 }, 9, 9])
        });
        let judged = set.judged(&frame, &mesh()).unwrap().unwrap();
        assert!((judged.logit("close").unwrap() - 200.0).abs() < 2.0);
        assert!((judged.logit("wide").unwrap() - 3050.0).abs() < 3.0, "{:?}", judged.logit("wide"));
        assert_eq!(judged.logit("face_forgery"), None);
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
    fn small_faces_and_an_empty_set_are_not_judged() {
        let frame = RgbImage::new(300, 300);
        assert!(Detectors::default().judged(&frame, &mesh()).unwrap().is_none());
        let mut set = Detectors::default();
        set.push("made", Box::new(Made(ABOUT)), None).unwrap();
        assert!(set.judged(&frame, &[[0.0, 0.0], [40.0, 40.0]]).unwrap().is_none());
        assert!(set.judged(&frame, &mesh()).unwrap().is_some());
    }

    #[test]
    fn inputs_that_no_scan_hands_out_are_refused_at_once() {
        for input in [Input::WholePicture, Input::Sound] {
            let refused = Detectors::default().push("made", Box::new(Made(About { input, ..ABOUT })), None);
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
        let (forgery, synthesis, anomaly) = (("face_forgery", 4), ("face_synthesis", 1), ("face_anomaly", 1));
        assert_eq!(files(&[]), of(&[]));
        assert_eq!(files(&["face_synthesis"]), of(&[synthesis]));
        assert_eq!(files(&["face_anomaly"]), of(&[forgery, anomaly]), "it builds on the features of the first");
        assert_eq!(files(&["face_anomaly", "face_synthesis"]), of(&[forgery, synthesis, anomaly]));
        assert_eq!(files(&["face_anomaly", "face_synthesis", "face_forgery"]), of(&[forgery, synthesis, anomaly]));
    }

    #[test]
    fn other_weights_are_asked_under_their_own_names() {
        let mut set = Detectors::default();
        for file in ["face-forgery-sbi-1", "face-forgery-pairs-1"] {
            set.add_as(file, "face_forgery", &Weights::file(file)).unwrap();
        }
        let names: Vec<String> = set.weights().into_iter().map(|d| d.detector).collect();
        assert_eq!(names, ["face-forgery-sbi-1", "face-forgery-pairs-1"]);
        assert!(set.add("face_forgery", &Weights::file("no/such/file")).is_err());
        // The Gaussian belongs to the features of the shipped mean.
        set.add("face_forgery", &Weights::file("face-forgery-sbi-1")).unwrap();
        assert!(set.add("face_anomaly", &Weights::Shipped).unwrap_err().to_string().contains("other weights"));
    }
}
