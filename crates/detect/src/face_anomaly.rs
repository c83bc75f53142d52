//! How unusual a face is among real faces, by a Gaussian in the features of `face_forgery`.
//!
//! The decision that shapes it: no forged face takes part anywhere. It builds on another detector's
//! features, so it is opened beside that one and refuses features of other weights than those that
//! the Gaussian was fitted to. Its logit is the rank among real faces as log odds: 0 for the middle
//! one.
use assay_evidence::NetworkInfo;
use assay_models::face_anomaly::FaceAnomaly;
use assay_models::face_forgery::{Crop, JUDGED_MARGIN, JUDGED_SIDE};
use assay_models::registry::{Entry, Registry};

use crate::detector::info;
use crate::{About, Declared, DetectError, Detector, Given, Input, Judgement, Weights};

/// The file of the Gaussian.
const SHIPPED: &str = "face-anomaly-1";

const ABOUT: About = About {
    id: "face_anomaly",
    title: "the description of usual faces",
    question: None,
    input: Input::FaceCrop(Crop { side: JUDGED_SIDE, margin: JUDGED_MARGIN }),
    maps: &[],
    builds_on: Some("face_forgery"),
};

/// The detector.
pub(crate) static THE: Declared = Declared { about: ABOUT, open };

struct Unusual {
    about: About,
    gaussian: FaceAnomaly,
    entry: Entry,
}

fn open(weights: &Weights, on: Option<&dyn Detector>) -> Result<Box<dyn Detector>, DetectError> {
    if *weights != Weights::Shipped {
        return Err(DetectError::misused(ABOUT.id, "it is opened with the weights of this build only"));
    }
    let on = on.ok_or_else(|| DetectError::misused(ABOUT.id, "it needs the detector that it builds on"))?;
    let loaded = Registry::shipped_of(SHIPPED).map_err(|source| DetectError::Weights { id: ABOUT.id, source })?;
    // Features of other weights are other features.
    let behind: Vec<String> = on.weights().into_iter().map(|w| w.sha256).collect();
    if loaded.entry.widths.get("features_of").and_then(|v| v.as_str()) != Some(behind.join("+").as_str()) {
        let reason = format!("{SHIPPED} was fitted to the features of other weights than these");
        return Err(DetectError::misused(ABOUT.id, reason));
    }
    let gaussian = FaceAnomaly::from_tensors(&loaded.tensors)
        .ok_or_else(|| DetectError::misused(ABOUT.id, format!("{SHIPPED} is not whole")))?;
    let about = About { input: on.about().input, ..ABOUT };
    Ok(Box::new(Unusual { about, gaussian, entry: loaded.entry }))
}

impl Detector for Unusual {
    fn about(&self) -> &About {
        &self.about
    }

    fn weights(&self) -> Vec<NetworkInfo> {
        vec![info(&self.entry)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, DetectError> {
        let on = given.face().and_then(|face| face.on);
        let on = on.ok_or_else(|| DetectError::misused(ABOUT.id, "nobody judged the face before it"))?;
        let rank = self.gaussian.rank(&on.features);
        Ok(Judgement { logit: (rank / (1.0 - rank)).ln(), ..Judgement::default() })
    }
}
