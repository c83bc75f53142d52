//! The face networks that are part of the program, ready to run.
use std::path::Path;

use assay_checkpoints::{Checkpoint, Options};
use burn::module::Module;
use burn::tensor::Device;

use crate::blocks::Form;
use crate::face_anomaly::FaceAnomaly;
use crate::face_detector::{self, FaceDetector};
use crate::face_embedding::{self, FaceEmbedding};
use crate::face_forgery::{self, FaceForgery};
use crate::face_mesh::{self, FaceMesh};
use crate::layers::Fold as _;
use crate::registry::{ENTRY_KEY, Entry, Loaded, Registry, sha256_of};
use crate::state::{self, Mismatch};
use crate::{Kind, ModelError, import};

/// Networks that judge faces.
#[derive(Default)]
pub struct Judges {
    /// Tell manipulated faces; all of them are asked.
    pub forgery: Vec<FaceForgery>,
    /// Tell wholly generated faces; all of them are asked.
    pub synthesis: Vec<FaceForgery>,
    /// Tells how unlike real faces a face is, in the features of the first of `forgery`.
    pub anomaly: Option<FaceAnomaly>,
    /// What is known of the files: those of `forgery`, then those of `synthesis`, then that of `anomaly`.
    pub entries: Vec<Entry>,
    /// What each of `forgery` counts for in the mean of their maps; alike where nothing is said.
    shares: Vec<f32>,
}

impl Judges {
    /// Without the networks that have no part in what is asked: whether a face was manipulated, whether it was generated, how unusual it is.
    #[must_use]
    pub fn only(mut self, manipulated: bool, generated: bool, unusual: bool) -> Self {
        let mut forgery = 0;
        self.entries.retain(|entry| match entry.kind {
            Kind::FaceSynthesis => generated,
            Kind::FaceAnomaly => unusual,
            _ => {
                forgery += 1;
                // The first one makes the features in which unusual faces are told.
                manipulated || (unusual && forgery == 1)
            }
        });
        if !manipulated {
            self.forgery.truncate(usize::from(unusual));
            self.shares.clear();
        }
        if !generated {
            self.synthesis.clear();
        }
        self.anomaly = self.anomaly.filter(|_| unusual);
        self
    }

    /// The same networks, the maps of `forgery` put together with these shares instead of alike.
    #[must_use]
    pub fn sharing(mut self, shares: Vec<f32>) -> Self {
        self.shares = shares;
        self
    }

    /// Hashes of the networks that tell generated faces, or of those that tell manipulated ones.
    pub fn hashes(&self, generated: bool) -> Vec<String> {
        let kind = if generated { Kind::FaceSynthesis } else { Kind::FaceForgery };
        self.entries.iter().filter(|e| e.kind == kind).map(|e| e.sha256.clone()).collect()
    }

    /// What the `at`th of `forgery` counts for in the mean of their maps.
    pub fn share(&self, at: usize) -> f32 {
        self.shares.get(at).copied().unwrap_or(1.0 / self.forgery.len().max(1) as f32)
    }

    /// The shipped ones, after their hashes were computed again.
    ///
    /// # Errors
    /// As [`ShippedFaces::load`].
    pub fn shipped() -> Result<Self, ModelError> {
        let of = |kind: Kind| Registry::shipped_all(kind);
        let mut judges = Self::of(of(Kind::FaceForgery)?.into_iter().chain(of(Kind::FaceSynthesis)?))?;
        for Loaded { entry, tensors } in of(Kind::FaceAnomaly)? {
            // Features of other weights are other features.
            let features_of = entry.widths.get("features_of").and_then(|v| v.as_str());
            if features_of != judges.entries.first().map(|e| e.sha256.as_str()) {
                return Err(ModelError::Registry(format!("{} belongs to another network's features", entry.id)));
            }
            let found = FaceAnomaly::from_tensors(&tensors);
            judges.anomaly = Some(found.ok_or_else(|| ModelError::Registry(format!("{} is not whole", entry.id)))?);
            judges.entries.push(entry);
        }
        Ok(judges)
    }

    /// Shipped weights by id, or files as `assay train detector` writes them.
    ///
    /// # Errors
    /// [`ModelError`] where one cannot be opened or is no network of this kind.
    pub fn open(ids_or_paths: &[String]) -> Result<Self, ModelError> {
        let shipped: Vec<Loaded> = [Kind::FaceForgery, Kind::FaceSynthesis]
            .into_iter()
            .map(Registry::shipped_all)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect();
        let open = |name: &String| match shipped.iter().find(|l| l.entry.id == *name) {
            Some(loaded) => Ok(loaded.clone()),
            None => trained(Path::new(name), &[Kind::FaceForgery, Kind::FaceSynthesis, Kind::FaceReenactment]),
        };
        Self::of(ids_or_paths.iter().map(open).collect::<Result<Vec<_>, _>>()?)
    }

    fn of(weights: impl IntoIterator<Item = Loaded>) -> Result<Self, ModelError> {
        let mut judges = Self::default();
        for loaded in weights {
            let kind = loaded.entry.kind;
            let net = judging(loaded, &mut judges.entries)?;
            if kind == Kind::FaceSynthesis { &mut judges.synthesis } else { &mut judges.forgery }.push(net);
        }
        judges.entries.sort_by_key(|e| e.kind == Kind::FaceSynthesis);
        Ok(judges)
    }
}

/// A network on windows of frames, as `assay train detector --recipe temporal` writes it.
///
/// # Errors
/// [`ModelError`] where the file cannot be opened or is another network's.
pub fn temporal_network(path: &Path) -> Result<FaceForgery, ModelError> {
    judging(trained(path, &[Kind::FaceTemporal])?, &mut Vec::new())
}

/// The folded network that judges faces, of whichever kind.
fn judging(loaded: Loaded, entries: &mut Vec<Entry>) -> Result<FaceForgery, ModelError> {
    let widths = &loaded.entry.widths;
    let config = if loaded.entry.kind == Kind::FaceReenactment && !widths.is_empty() {
        let none = |e: toml::de::Error| format!("the widths of {} are none: {}", loaded.entry.id, e.message());
        widths.clone().try_into().map_err(|e| ModelError::Registry(none(e)))?
    } else {
        face_forgery::Config::default()
    };
    let net = config.init(Form::Folded, &Device::default());
    Ok(load(net, loaded, entries)?.fold())
}

/// The weights that a run of `assay train detector` wrote, if they are of one of these kinds; a file that does not say is taken for one of the first.
fn trained(path: &Path, kinds: &[Kind]) -> Result<Loaded, ModelError> {
    let bytes = std::fs::read(path).map_err(ModelError::io("read", path))?;
    let mut checkpoint = Checkpoint::from_bytes(&bytes, Options::default())
        .map_err(|source| ModelError::Checkpoint { path: path.to_owned(), source })?;
    let name = path.display().to_string();
    let stated = import::stated(path, checkpoint.values.remove(ENTRY_KEY))?;
    let stated = stated.unwrap_or_else(|| Entry::unstated(&name, kinds.first().copied().unwrap_or(Kind::FaceForgery)));
    if !kinds.contains(&stated.kind) {
        let wanted: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        let reason = format!("it says that it is a {}, not a {}", stated.kind, wanted.join(" or a "));
        return Err(ModelError::WrongNetwork { path: path.to_owned(), reason });
    }
    let entry = Entry { id: name.clone(), file: name, sha256: sha256_of(&bytes), bytes: bytes.len() as u64, ..stated };
    Ok(Loaded { entry, tensors: checkpoint.into_tensors() })
}

/// Detector, mesh and identity with their entries in the list of shipped weights.
pub struct ShippedFaces {
    /// Finds faces.
    pub detector: FaceDetector,
    /// Places 468 points on a face.
    pub mesh: FaceMesh,
    /// Tells people apart.
    pub embedding: FaceEmbedding,
    /// What is known of the files, in this order.
    pub entries: Vec<Entry>,
}

impl ShippedFaces {
    /// Loads all three, after their hashes were computed again.
    ///
    /// # Errors
    /// [`ModelError`] where a file is not part of the build or does not fit its network; a test keeps that from happening.
    pub fn load() -> Result<Self, ModelError> {
        let device = Device::default();
        let mut entries = Vec::new();
        let detector = face_detector::Config::default().init(Form::Folded, &device);
        let mesh = face_mesh::Config::default().init(Form::Folded, &device);
        let embedding = face_embedding::Config::default().init(Form::Folded, &device);
        Ok(Self {
            detector: fill(detector, Kind::FaceDetector, &mut entries)?.fold(),
            mesh: fill(mesh, Kind::FaceMesh, &mut entries)?.fold(),
            embedding: fill(embedding, Kind::FaceEmbedding, &mut entries)?.fold(),
            entries,
        })
    }
}

fn fill<M: Module>(module: M, kind: Kind, entries: &mut Vec<Entry>) -> Result<M, ModelError> {
    load(module, Registry::shipped(kind)?, entries)
}

fn load<M: Module>(module: M, loaded: Loaded, entries: &mut Vec<Entry>) -> Result<M, ModelError> {
    let kind = loaded.entry.kind;
    let misfit =
        |Mismatch(found)| ModelError::Misfit { path: loaded.entry.file.clone().into(), kind, found: Box::new(found) };
    let module = state::load(module, &loaded.tensors, "").map_err(misfit)?;
    entries.push(loaded.entry);
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rgb::Rgb;

    #[test]
    fn the_shipped_files_fit_their_networks_and_an_empty_picture_has_no_face() {
        let faces = ShippedFaces::load().unwrap();
        assert_eq!(faces.entries.len(), 3);
        let judges = Judges::shipped().unwrap();
        assert!(!judges.forgery.is_empty());
        let parts = judges.forgery.len() + judges.synthesis.len() + usize::from(judges.anomaly.is_some());
        assert_eq!(judges.entries.len(), parts);
        let left = |manipulated, generated, unusual| {
            let judges = Judges::shipped().unwrap().only(manipulated, generated, unusual);
            assert!(judges.entries.iter().map(|e| e.kind).is_sorted_by_key(|k| k == Kind::FaceAnomaly));
            (judges.forgery.len(), judges.synthesis.len(), judges.anomaly.is_some(), judges.entries.len())
        };
        assert_eq!(left(true, true, true), (4, 1, true, 6));
        assert_eq!(left(false, true, false), (0, 1, false, 1));
        assert_eq!(left(false, false, true), (1, 0, true, 2), "unusual faces are told by the first network's features");
        assert_eq!(left(false, false, false), (0, 0, false, 0));
        let grey = vec![127; 160 * 120 * 3];
        let picture = Rgb::new(&grey, 160, 120).unwrap();
        assert!(faces.detector.find(&picture, 24.0, 0.75).is_empty());
        let crop = vec![90; 112 * 112 * 3];
        let vector = faces.embedding.identify(&Rgb::new(&crop, 112, 112).unwrap());
        let length: f32 = vector.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
}
