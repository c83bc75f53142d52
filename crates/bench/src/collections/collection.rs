//! A folder of data with its descriptor: which files there are, who is seen in them, on which side
//! they lie.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, ensure};
use walkdir::WalkDir;

use super::descriptor::{Descriptor, Folder, Use};
use super::split::split_of;
use crate::datasets::{Label, Manifest, Part, Row, Split};

/// The descriptor of the project's own data.
const SHIPPED: &str = include_str!("../../collections/faces.toml");

/// Name of a descriptor that lies in the folder it describes.
pub const FILE: &str = "collection.toml";

/// For a folder of which nothing is known: every picture a photo by itself.
const UNDESCRIBED: &str = r#"
schema = "assay.collection/1"
id = "undescribed"

[[folder]]
path = "."
media = "still"
label = "real"
subject = "scene"
uses = ["planted", "untouched"]

[[folder]]
path = "."
media = "clip"
label = "real"
subject = "scene"
uses = ["untouched"]
"#;

/// Links that point upwards must not make the walk endless.
const MAX_DEPTH: usize = 16;

static CHOSEN: OnceLock<Descriptor> = OnceLock::new();

/// Describes every folder that has no descriptor of its own by this file instead of the shipped
/// one. For programs, once, before anything is read.
///
/// # Errors
/// When the file does not describe a collection, or another one was chosen before.
pub fn describe_by(file: &Path) -> anyhow::Result<()> {
    let chosen = CHOSEN.set(Descriptor::read(file)?);
    ensure!(chosen.is_ok(), "the collection was described before");
    Ok(())
}

/// A folder and what is known of it.
#[derive(Debug, Clone)]
pub struct Collection {
    root: PathBuf,
    descriptor: Descriptor,
    is_own: bool,
}

impl Collection {
    /// The folder, as its own [`FILE`] describes it, or else the file given to [`describe_by`], or
    /// else the shipped one.
    ///
    /// # Errors
    /// When its descriptor cannot be read or contradicts itself.
    pub fn of(root: &Path) -> anyhow::Result<Self> {
        let own = root.join(FILE);
        let is_own = own.is_file();
        let descriptor = match CHOSEN.get() {
            _ if is_own => Descriptor::read(&own)?,
            Some(chosen) => chosen.clone(),
            None => Descriptor::parse(SHIPPED).context("the shipped descriptor")?,
        };
        let is_own = is_own || CHOSEN.get().is_some();
        Ok(Self { root: root.to_owned(), descriptor, is_own })
    }

    /// A folder of which nobody said anything: its pictures and clips, at any depth, as recorded
    /// and each by itself.
    ///
    /// # Errors
    /// Never, unless the program is broken.
    pub fn undescribed(root: &Path) -> anyhow::Result<Self> {
        Ok(Self { root: root.to_owned(), descriptor: Descriptor::parse(UNDESCRIBED)?, is_own: false })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is said of it.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Whether somebody described this folder, rather than the shipped descriptor being tried on
    /// it.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The entry that a file (below the root, with `/`) belongs to: the deepest one.
    pub fn folder_of(&self, file: &str) -> Option<&Folder> {
        let fits = self.descriptor.folders.iter().filter(|folder| folder.below(file).is_some());
        fits.max_by_key(|folder| if folder.path == "." { 0 } else { folder.path.len() })
    }

    /// Who or what keeps a file on its side: `person:Ann_Example`, `group:...`, `camera:...` or
    /// `file:its/path.jpg`. Files of one owner are one source for bootstraps and counts.
    pub fn owner(&self, file: &str) -> String {
        let [owner, _] = self.names(file);
        owner
    }

    fn names(&self, file: &str) -> [String; 2] {
        let own = || std::array::from_fn(|_| format!("file:{file}"));
        self.folder_of(file).map_or_else(own, |folder| folder.owner_of(file))
    }

    /// The side of a file.
    pub fn side(&self, file: &str) -> Split {
        let [owner, by] = self.names(file);
        let given = self.folder_of(file).and_then(|folder| folder.side).filter(|_| owner.starts_with("file:"));
        given.unwrap_or_else(|| split_of(&by))
    }

    /// What is true of the parts of a file; one part for a file as a whole, none where nothing is
    /// known.
    pub fn parts(&self, file: &str) -> Vec<(Part, Label)> {
        self.folder_of(file).map(|folder| folder.parts_of(file)).unwrap_or_default()
    }

    /// What is true of one part of a file.
    pub fn label(&self, file: &str, part: Part) -> Option<Label> {
        self.parts(file).into_iter().find(|(of, _)| *of == part).map(|(_, label)| label)
    }

    /// Whether a file shows people although its folder is one of scenes.
    pub fn shows_people(&self, file: &str) -> bool {
        let folder = self.folder_of(file);
        folder.is_some_and(|folder| folder.below(file).is_some_and(|below| folder.people.iter().any(|p| p == below)))
    }

    /// Whether a file lies in one of two folders, of generated and of recorded faces, that only the
    /// making tells apart.
    pub fn is_matched(&self, file: &str) -> bool {
        let Some(folder) = self.folder_of(file) else { return false };
        let against = |other: &Folder| other.matched && other.against.as_ref() == Some(&folder.path);
        folder.matched || self.descriptor.folders.iter().any(against)
    }

    /// Why a file may not be used for this although its folder may.
    pub fn withheld(&self, file: &str, what_for: Use) -> Option<&str> {
        let folder = self.folder_of(file)?;
        let below = folder.below(file)?;
        let of = folder.withheld.iter().find(|w| w.file == below && w.uses.contains(&what_for))?;
        Some(&of.reason)
    }

    /// Whether a file may be used for this.
    pub fn may(&self, file: &str, what_for: Use) -> bool {
        self.folder_of(file).is_some_and(|folder| folder.uses.contains(&what_for))
            && self.withheld(file, what_for).is_none()
    }

    /// The folders for this use, in the descriptor's order.
    pub fn folders(&self, what_for: Use) -> impl Iterator<Item = &Folder> {
        self.descriptor.folders.iter().filter(move |folder| folder.uses.contains(&what_for))
    }

    /// The folder of this name.
    ///
    /// # Errors
    /// When there is none; the message lists the names.
    pub fn named(&self, name: &str) -> anyhow::Result<&Folder> {
        let names = || self.descriptor.folders.iter().map(Folder::name).collect::<Vec<_>>().join(", ");
        let found = self.descriptor.folders.iter().find(|folder| folder.name() == name);
        found.with_context(|| format!("no folder `{name}` is described; there are {}", names()))
    }

    /// The files of one entry that are there, below the root, sorted; those of deeper entries left
    /// out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files_in(&self, folder: &Folder) -> anyhow::Result<Vec<String>> {
        let place = self.root.join(&folder.path);
        let mut files = Vec::new();
        for entry in WalkDir::new(&place).follow_links(true).max_depth(MAX_DEPTH) {
            let entry = entry.with_context(|| format!("cannot read {}", place.display()))?;
            let below = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let file = parts.join("/");
            let is_own = |of: &Folder| (&of.path, of.media) == (&folder.path, folder.media);
            if entry.file_type().is_file() && self.folder_of(&file).is_some_and(is_own) {
                files.push(file);
            }
        }
        files.sort();
        Ok(files)
    }

    /// The files of one entry for a use.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files_for(&self, folder: &Folder, what_for: Use) -> anyhow::Result<Vec<String>> {
        let mut files = self.files_in(folder)?;
        files.retain(|file| self.withheld(file, what_for).is_none());
        Ok(files)
    }

    /// All files for a use. Folders that are not there are left out.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn files(&self, what_for: Use) -> anyhow::Result<Vec<String>> {
        let mut files = Vec::new();
        for folder in self.folders(what_for).filter(|folder| self.root.join(&folder.path).is_dir()) {
            files.extend(self.files_for(folder, what_for)?);
        }
        Ok(files)
    }

    /// The table of all labelled files that are there and withheld from nothing, one row a part,
    /// with who is seen and the side.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn manifest(&self) -> anyhow::Result<Manifest> {
        let mut rows = Vec::new();
        for folder in self.descriptor.folders.iter().filter(|folder| self.root.join(&folder.path).is_dir()) {
            let is_kept = |file: &String| Use::ALL.iter().all(|(_, what_for)| self.withheld(file, *what_for).is_none());
            for file in self.files_in(folder)?.into_iter().filter(is_kept) {
                let owner = self.owner(&file);
                let (person, group) = match owner.split_once(':') {
                    Some(("person", name)) => (Some(name.to_owned()), None),
                    Some(("file", _)) | None => (None, None),
                    Some(("group", name)) => (None, Some(name.to_owned())),
                    Some(_) => (None, Some(owner.clone())),
                };
                rows.extend(self.parts(&file).into_iter().map(|(part, label)| Row {
                    part,
                    person: person.clone(),
                    group: group.clone(),
                    source: Some(folder.name().to_owned()),
                    split: Some(self.side(&file)),
                    ..Row::new(self.root.join(&file), label)
                }));
            }
        }
        Ok(Manifest { root: self.root.clone(), rows })
    }

    /// Owners of `files` that are on more than one side in some use, with the use and the sides.
    /// Planted sets know two sides, what networks learned from or were chosen by, and the test.
    pub fn leaks(&self, files: &[&str]) -> Vec<String> {
        let mut leaks = Vec::new();
        for (name, what_for) in Use::ALL {
            let mut sides: BTreeMap<String, BTreeSet<Split>> = BTreeMap::new();
            for file in files.iter().filter(|file| self.may(file, what_for)).copied() {
                let side = match self.side(file) {
                    Split::Validation if what_for == Use::Planted => Split::Train,
                    side => side,
                };
                sides.entry(self.owner(file)).or_default().insert(side);
            }
            let crossing = sides.into_iter().filter(|(_, sides)| sides.len() > 1);
            leaks.extend(crossing.map(|(owner, sides)| {
                let sides: Vec<&str> = sides.into_iter().map(Split::name).collect();
                format!("{name}: {owner} is in {}", sides.join(" and "))
            }));
        }
        leaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Collection {
        Collection::of(Path::new("nowhere")).unwrap()
    }

    #[test]
    fn a_person_is_on_one_side_wherever_the_picture_lies() {
        let data = shipped();
        let files = [
            "faces/lfw250/Wes_Craven_0001.jpg",
            "faces/lfw_multi/Wes_Craven_0002.jpg",
            "landmarks/ytfaces68/Wes_Craven_31.jpg",
        ];
        assert!(files.iter().all(|f| data.owner(f) == "person:Wes_Craven"));
        let cruise = ["landmarks/dlib_examples/Tom_Cruise_avp_2014_4.jpg", "faces/lfw250/Tom_Cruise_0001.jpg"];
        assert_eq!(data.owner(cruise[0]), data.owner(cruise[1]));
        assert_eq!(data.side(cruise[0]), data.side(cruise[1]));
        let swaps = ["pairs/faceswap_sbs/Natasha_Former_2.mp4", "pairs/faceswap_sbs/Emily_Winston_1.mp4"];
        assert_eq!(data.owner(swaps[0]), data.owner(swaps[1]));
        assert_ne!(data.owner("video/talking/vr_1.mp4"), data.owner("video/talking/vr_2.mp4"));
        assert_eq!(data.owner("camera/flat/Nikon_D70_0_19929.JPG"), data.owner("camera/natural/Nikon_D70_0_19445.JPG"));
        assert_eq!(data.owner("elsewhere/x.jpg"), "file:elsewhere/x.jpg");
    }

    /// The shipped networks were trained by these sides; another rule would turn their test people
    /// into training people.
    #[test]
    fn the_sides_that_the_shipped_networks_learned_by_stay() {
        let data = shipped();
        for (file, owner, side) in [
            ("faces/lfw250/Aaron_Peirsol_0001.jpg", "person:Aaron_Peirsol", Split::Train),
            ("landmarks/ytfaces68/Abdullah_Gul_11.jpg", "person:Abdullah_Gul", Split::Test),
            ("faces/celeba178/000002.jpg", "file:faces/celeba178/000002.jpg", Split::Test),
            ("pairs/faceswap_sbs/Dean_Wiesel_2.mp4", "group:Dean_Wiesel", Split::Test),
            ("pairs/faceswap_sbs/Rob_Doe_0.mp4", "group:Rob_Doe_0", Split::Train),
            ("pairs/faceswap_sbs/Yohanna_Coralson_1.mp4", "group:Emily_Winston", Split::Train),
            ("drive256/driving1.mp4", "file:drive256/driving1.mp4", Split::Validation),
            ("video/talking/vr_2.mp4", "file:video/talking/vr_2.mp4", Split::Test),
            ("landmarks/dlib_examples/dogs.jpg", "file:landmarks/dlib_examples/dogs.jpg", Split::Test),
            ("video/talking/vr_3.mp4", "person:Alexandria_Ocasio-Cortez", Split::Train),
        ] {
            assert_eq!((data.owner(file).as_str(), data.side(file)), (owner, side), "{file}");
        }
        // One person on two sides: kept where the networks had her, and kept from being used on
        // both.
        let of_two = "video/talking/WDA_AlexandriaOcasioCortez_000.mp4";
        assert_eq!(data.side(of_two), Split::Validation);
        assert!(!data.may(of_two, Use::Clips) && !data.may(of_two, Use::Training) && data.may(of_two, Use::Planted));
    }

    #[test]
    fn parts_and_exceptions_carry_their_labels() {
        let data = shipped();
        let (swap, whole) = ("pairs/faceswap_sbs/Rob_Doe_0.mp4", "pairs/faceswap_sbs/Dean_Wiesel_2.mp4");
        assert_eq!(data.parts(swap), [(Part::Left, Label::Real), (Part::Right, Label::Fake)]);
        assert_eq!(data.parts(whole), [(Part::Whole, Label::Fake)]);
        assert_eq!(data.label("faces/gan256/1.jpg", Part::Whole), Some(Label::Fake));
        assert_eq!(data.label("portraits/s0.jpg", Part::Whole), None);
        assert_eq!(data.label("drive256/obama.mov", Part::Whole), Some(Label::Real));
        assert_eq!(data.label("drive256/mona_lisa.png", Part::Whole), None);
    }

    #[test]
    fn people_who_cross_sides_are_reported() {
        let root = tempfile::tempdir().unwrap();
        let text = "schema = \"assay.collection/1\"\nid = \"mine\"\n\n[[folder]]\npath = \"people\"\nmedia = \"still\"\n\
                    label = \"real\"\nowner = \"person\"\nnamed_by = \"parent\"\nuses = [\"training\", \"planted\"]\n\n\
                    [[folder]]\npath = \"more\"\nmedia = \"still\"\nlabel = \"real\"\nuses = [\"training\"]\n\n\
                    [[folder.same]]\nprefixes = [\"a\"]\nowner = \"person:Ann\"\nkeeps_side = true\n";
        std::fs::write(root.path().join(FILE), text).unwrap();
        let data = Collection::of(root.path()).unwrap();
        assert!(data.is_own());
        assert_eq!(data.owner("people/Ann/1.jpg"), "person:Ann");
        let sides = |side: Split| (0..10_000).map(|i| format!("more/a{i}.jpg")).find(|f| data.side(f) == side).unwrap();
        let files = [sides(Split::Train), sides(Split::Test), "people/Bob/1.jpg".to_owned()];
        let leaks = data.leaks(&files.each_ref().map(String::as_str));
        assert_eq!(leaks, ["training: person:Ann is in train and test"]);
    }

    #[test]
    fn files_are_found_at_any_depth_and_belong_to_the_deepest_folder() {
        let root = tempfile::tempdir().unwrap();
        let text = "schema = \"assay.collection/1\"\nid = \"mine\"\n\n[[folder]]\npath = \".\"\nmedia = \"still\"\n\
                    label = \"real\"\nuses = [\"untouched\"]\n\n[[folder]]\npath = \"b\"\nmedia = \"still\"\n\
                    label = \"fake\"\nuses = []\n";
        std::fs::write(root.path().join(FILE), text).unwrap();
        for file in ["x.jpg", "a/deep/er/y.PNG", "b/z.jpg", "a/notes.txt", "a/clip.mp4"] {
            std::fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(file), "").unwrap();
        }
        let data = Collection::of(root.path()).unwrap();
        assert_eq!(data.files(Use::Untouched).unwrap(), ["a/deep/er/y.PNG", "x.jpg"]);
        let table = data.manifest().unwrap();
        let told: Vec<(String, Label)> = table.rows.iter().map(|row| (table.name(&row.path), row.label)).collect();
        let real = |name: &str| (name.to_owned(), Label::Real);
        assert_eq!(told[..2], [real("a/deep/er/y.PNG"), real("x.jpg")]);
        assert_eq!((told[2].clone(), told.len()), (("b/z.jpg".to_owned(), Label::Fake), 3));
        assert!(data.named("c").unwrap_err().to_string().contains("there are ., b"));
    }
}
