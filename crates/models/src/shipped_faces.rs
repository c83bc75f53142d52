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
    /// How many files of weights each of `forgery` is the mean of.
    means_of: Vec<usize>,
    /// Tell wholly generated faces; all of them are asked.
    pub synthesis: Vec<FaceForgery>,
    /// Tells how unlike real faces a face is, in the features of the first of `forgery`.
    pub anomaly: Option<FaceAnomaly>,
    /// What is known of the files: those of `forgery`, then those of `synthesis`, then that of `anomaly`.
    pub entries: Vec<Entry>,
    /// How they want the face.
    crop: Crop,
}

impl Judges {
    /// Without the networks that have no part in what is asked: whether a face was manipulated, whether it was generated, how unusual it is.
    #[must_use]
    pub fn only(mut self, manipulated: bool, generated: bool, unusual: bool) -> Self {
        // The first one makes the features in which unusual faces are told.
        let kept = if manipulated { self.forgery.len() } else { usize::from(unusual) };
        self.forgery.truncate(kept);
        self.means_of.truncate(kept);
        let (mut files, most) = (0, self.means_of.iter().sum::<usize>());
        self.entries.retain(|entry| match entry.kind {
            Kind::FaceSynthesis => generated,
            Kind::FaceAnomaly => unusual,
            _ => {
                files += 1;
                files <= most
            }
        });
        if !generated {
            self.synthesis.clear();
        }
        self.anomaly = self.anomaly.filter(|_| unusual);
        self
    }

    /// Hashes of the networks that tell generated faces, or of those that tell manipulated ones.
    pub fn hashes(&self, generated: bool) -> Vec<String> {
        let kind = if generated { Kind::FaceSynthesis } else { Kind::FaceForgery };
        self.entries.iter().filter(|e| e.kind == kind).map(|e| e.sha256.clone()).collect()
    }

    /// The crop that all of `forgery` want.
    pub fn crop(&self) -> Crop {
        self.crop
    }

    /// The shipped ones, after their hashes were computed again. Weights of one family (those that training started from, and those that came of it) are asked as
    /// one network of their mean (Wortsman et al., "Model soups", ICML 2022, and "Robust fine-tuning of zero-shot models", CVPR 2022): it says what the mean of
    /// their logits says, in the time of one.
    ///
    /// # Errors
    /// As [`ShippedFaces::load`].
    pub fn shipped() -> Result<Self, ModelError> {
        let mut judges = Self::without_anomaly()?;
        for Loaded { entry, tensors } in Registry::shipped_all(Kind::FaceAnomaly)? {
            // Features of other weights are other features.
            if entry.widths.get("features_of").and_then(|v| v.as_str()) != Some(judges.first_hashes().as_str()) {
                return Err(ModelError::Registry(format!("{} belongs to another network's features", entry.id)));
            }
            let found = FaceAnomaly::from_tensors(&tensors);
            judges.anomaly = Some(found.ok_or_else(|| ModelError::Registry(format!("{} is not whole", entry.id)))?);
            judges.entries.push(entry);
        }
        Ok(judges)
    }

    /// As [`Judges::shipped`], without the measure of unusual faces: it is fitted to what these say.
    ///
    /// # Errors
    /// As [`ShippedFaces::load`].
    pub fn without_anomaly() -> Result<Self, ModelError> {
        let mut groups: Vec<Vec<(Loaded, f32)>> = Vec::new();
        for loaded in shipped_networks()? {
            match groups.last_mut().filter(|group| group.iter().all(|(l, _)| family(l) == family(&loaded))) {
                Some(group) => group.push((loaded, 1.0)),
                None => groups.push(vec![(loaded, 1.0)]),
            }
        }
        Self::of(groups)
    }

    /// The shipped ones, each file of weights a network of its own, to be asked about what it alone has not seen.
    ///
    /// # Errors
    /// As [`ShippedFaces::load`].
    pub fn apart() -> Result<Self, ModelError> {
        Self::of(shipped_networks()?.into_iter().map(|loaded| vec![(loaded, 1.0)]))
    }

    /// The hashes of the files of weights that the first of `forgery` is the mean of, joined by `+`.
    pub fn first_hashes(&self) -> String {
        let files = self.means_of.first().copied().unwrap_or(0);
        self.entries.iter().take(files).map(|e| e.sha256.as_str()).collect::<Vec<_>>().join("+")
    }

    /// Shipped weights by id, or files as `assay train detector` writes them, each a network of its own.
    ///
    /// # Errors
    /// [`ModelError`] where one cannot be opened or is no network of this kind.
    pub fn open(ids_or_paths: &[String]) -> Result<Self, ModelError> {
        Self::of(opened(ids_or_paths)?.into_iter().map(|loaded| vec![(loaded, 1.0)]))
    }

    /// One network whose parameters are a weighted mean of those of some weights (as [`Judges::open`] takes them) of one [`family`], and networks that tell
    /// generated faces.
    ///
    /// # Errors
    /// As [`Judges::open`].
    pub fn mean(weighted: &[(String, f32)], generated: &[String]) -> Result<Self, ModelError> {
        let (names, shares): (Vec<String>, Vec<f32>) = weighted.iter().cloned().unzip();
        let together: Vec<(Loaded, f32)> = opened(&names)?.into_iter().zip(shares).collect();
        Self::of(std::iter::once(together).chain(opened(generated)?.into_iter().map(|loaded| vec![(loaded, 1.0)])))
    }

    /// One network a group, of the weighted mean of its tensors.
    fn of(groups: impl IntoIterator<Item = Vec<(Loaded, f32)>>) -> Result<Self, ModelError> {
        let mut judges = Self::default();
        let mut crop = None;
        for group in groups {
            let Some((first, _)) = group.first() else { continue };
            let (kind, count, wanted) = (first.entry.kind, group.len(), Crop::of(&first.entry)?);
            let tensors = state::mean(group.iter().map(|(loaded, share)| (&loaded.tensors, *share)));
            let mut entries = group.into_iter().map(|(l, _)| l.entry);
            let Some(entry) = entries.next() else { continue };
            if kind != Kind::FaceSynthesis && *crop.get_or_insert(wanted) != wanted {
                return Err(ModelError::Registry(format!(
                    "{} wants another crop of the face than the others",
                    entry.id
                )));
            }
            let net = judging(Loaded { entry, tensors }, &mut judges.entries)?;
            judges.entries.extend(entries);
            if kind == Kind::FaceSynthesis {
                judges.synthesis.push(net);
            } else {
                judges.forgery.push(net);
                judges.means_of.push(count);
            }
        }
        judges.crop = crop.unwrap_or_default();
        judges.entries.sort_by_key(|e| e.kind == Kind::FaceSynthesis);
        Ok(judges)
    }
}

/// A square crop around a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Its side in pixels.
    pub side: usize,
    /// Its side over the longer side of the tight box around the mesh.
    pub margin: f32,
}

impl Default for Crop {
    fn default() -> Self {
        Self { side: face_forgery::JUDGED_SIDE, margin: face_forgery::JUDGED_MARGIN }
    }
}

impl Crop {
    /// As an entry says it. The side is a multiple of what the network divides it by.
    fn of(entry: &Entry) -> Result<Self, ModelError> {
        let input = &entry.input;
        let margin = input.crop.strip_prefix("square-").and_then(|factor| factor.parse::<f32>().ok());
        let fits = input.width == input.height && input.width.is_multiple_of(16) && (64..=512).contains(&input.width);
        let refused = || {
            let (width, height) = (input.width, input.height);
            ModelError::Registry(format!(
                "{}: crops {} of {width} x {height} pixels do not fit its network",
                entry.id, input.crop
            ))
        };
        let margin = margin.filter(|m| fits && (0.5..=4.0).contains(m)).ok_or_else(refused)?;
        Ok(Self { side: input.width as usize, margin })
    }
}

/// All shipped networks of this architecture: those that tell manipulated faces, then those that tell generated ones.
fn shipped_networks() -> Result<Vec<Loaded>, ModelError> {
    let mut all = Registry::shipped_all(Kind::FaceForgery)?;
    all.extend(Registry::shipped_all(Kind::FaceSynthesis)?);
    Ok(all)
}

/// Shipped weights by id, or files.
fn opened(ids_or_paths: &[String]) -> Result<Vec<Loaded>, ModelError> {
    let shipped = shipped_networks()?;
    let open = |name: &String| match shipped.iter().find(|l| l.entry.id == *name) {
        Some(loaded) => Ok(loaded.clone()),
        None => trained(Path::new(name), &[Kind::FaceForgery, Kind::FaceSynthesis, Kind::FaceReenactment]),
    };
    ids_or_paths.iter().map(open).collect()
}

/// The weights that training started from, which an entry's `widths` name, or else the weights themselves: networks that went on from the same place keep to
/// one basin of the loss, and the mean of their parameters is a network.
fn family(of: &Loaded) -> &str {
    of.entry.widths.get("started_from").and_then(|v| v.as_str()).unwrap_or(&of.entry.id)
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
        let left = |manipulated, generated, unusual| {
            let judges = Judges::shipped().unwrap().only(manipulated, generated, unusual);
            assert!(judges.entries.iter().map(|e| e.kind).is_sorted_by_key(|k| k == Kind::FaceAnomaly));
            (judges.forgery.len(), judges.synthesis.len(), judges.anomaly.is_some(), judges.entries.len())
        };
        assert_eq!(left(true, true, true), (1, 1, true, 6), "four files of weights are asked as one network");
        assert_eq!(Judges::apart().unwrap().forgery.len(), 4);
        assert_eq!(left(false, true, false), (0, 1, false, 1));
        assert_eq!(left(false, false, true), (1, 0, true, 5), "unusual faces are told by the first network's features");
        assert_eq!(left(false, false, false), (0, 0, false, 0));
        let grey = vec![127; 160 * 120 * 3];
        let picture = Rgb::new(&grey, 160, 120).unwrap();
        assert!(faces.detector.find(&picture, 24.0, 0.75).is_empty());
        let crop = vec![90; 112 * 112 * 3];
        let vector = faces.embedding.identify(&Rgb::new(&crop, 112, 112).unwrap());
        let length: f32 = vector.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }
    #[test]
    fn a_mean_lies_between_its_weights_and_other_crops_are_refused() {
        let crop: Vec<[f32; 3]> =
            (0..160 * 160).map(|i| [(i * i / 977 % 251) as f32, (i % 249) as f32, 90.0]).collect();
        let [first, second] = ["face-forgery-sbi-1", "face-forgery-pairs-1"].map(str::to_owned);
        let logit = |shares: [f32; 2]| {
            let weighted = [(first.clone(), shares[0]), (second.clone(), shares[1])];
            let judges = Judges::mean(&weighted, &[]).unwrap();
            assert_eq!((judges.forgery.len(), judges.entries.len()), (1, 2));
            judges.forgery[0].judge(&[&crop], face_forgery::Input::default())[0].logit
        };
        let alone = |name: &String| {
            let judges = Judges::open(std::slice::from_ref(name)).unwrap();
            judges.forgery[0].judge(&[&crop], face_forgery::Input::default())[0].logit
        };
        let (a, b) = (alone(&first), alone(&second));
        assert!((logit([1.0, 0.0]) - a).abs() < 1e-3 && (logit([0.0, 2.0]) - b).abs() < 1e-3);
        let (low, high) = (a.min(b) - 0.5, a.max(b) + 0.5);
        assert!((low..high).contains(&logit([1.0, 3.0])), "{a} {b} {}", logit([1.0, 3.0]));
        let mut entry = Entry::unstated("x", Kind::FaceForgery);
        assert_eq!(Crop::of(&entry).unwrap(), Crop::default());
        entry.input.width = 100;
        assert!(Crop::of(&entry).is_err());
        entry.input = crate::contract::InputContract { crop: "whole-frame".into(), ..entry.input };
        assert!(Crop::of(&entry).is_err());
    }
}
