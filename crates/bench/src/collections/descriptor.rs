//! What a folder of data holds, as a file says it: the descriptor of a collection.
//!
//! The decision that shapes it: nothing about somebody's folders stands in code. Who is seen, what
//! is true of a file, what it may be used for and what is wrong with it are lines of TOML, so that
//! a figure can be made again on other folders by writing such a file. `docs/data.md` explains
//! every word.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::datasets::{Label, Part, Split};

/// The `schema` field that this version reads.
const SCHEMA: &str = "assay.collection/1";

/// A collection, as its file says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// [`SCHEMA`].
    pub schema: String,
    /// For records.
    pub id: String,
    /// One line for people.
    #[serde(default)]
    pub about: String,
    /// What it holds, in the order of tables.
    #[serde(rename = "folder")]
    pub folders: Vec<Folder>,
}

/// The stills or the clips of one folder, at any depth below it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Below the root of the collection, with `/`; `.` is the root itself.
    pub path: String,
    /// For tables; the last part of the path without one.
    #[serde(default)]
    name: Option<String>,
    /// Which of its files are meant.
    pub media: Media,
    /// What is true of them.
    #[serde(default)]
    pub label: Truth,
    /// What they show.
    #[serde(default)]
    pub subject: Subject,
    /// What keeps files on one side of the split.
    #[serde(default)]
    pub owner: Owner,
    /// How the owner's name is read from a file's.
    #[serde(default)]
    pub named_by: Naming,
    /// Files whose owner stands here and not in their name.
    #[serde(default)]
    pub same: Vec<Same>,
    /// What is true of the parts of a side-by-side file.
    #[serde(default)]
    pub parts: BTreeMap<Part, Label>,
    /// Files of which something else is true.
    #[serde(default)]
    pub except: Vec<Except>,
    /// The side of all files that have no owner but themselves.
    #[serde(default)]
    pub side: Option<Split>,
    /// What they may be used for.
    pub uses: BTreeSet<Use>,
    /// Files that may not be used for everything.
    #[serde(default)]
    pub withheld: Vec<Withheld>,
    /// Of generated faces: the folder of recorded ones that they are held against, by its path.
    #[serde(default)]
    pub against: Option<String>,
    /// Of generated faces: whether those are of the same size and compression, so that only the
    /// making tells them apart.
    #[serde(default)]
    pub matched: bool,
    /// Of scenes: files that show people all the same, below the folder.
    #[serde(default)]
    pub people: Vec<String>,
    /// A table of 68 points made by hand, below the root: file name, then x and y of each point.
    #[serde(default)]
    pub points: Option<String>,
    /// What whoever measures on it must know.
    #[serde(default)]
    pub defects: Vec<String>,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// Pictures.
    Still,
    /// Clips.
    Clip,
}

/// What is true of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// Recorded, nothing altered.
    Real,
    /// Generated or manipulated.
    Fake,
    /// Not known, or mixed.
    #[default]
    None,
}

/// What a file shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A face, for which the picture was cut.
    #[default]
    Face,
    /// People, uncut.
    People,
    /// Anything else.
    Scene,
}

/// What keeps files on one side of the split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Who is seen.
    Person,
    /// A group of people who are connected.
    Group,
    /// The camera.
    Camera,
    /// Nothing known: every file is by itself.
    #[default]
    File,
}

/// How an owner's name is read from a file's path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Naming {
    /// The path below the root.
    #[default]
    Path,
    /// The name without its ending.
    Stem,
    /// The same without a number at its end and the `_` before it.
    StemWithoutNumber,
    /// The folder that the file lies in: one folder a person.
    Parent,
}

/// Files that belong together although their names do not say so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Same {
    /// How their names begin.
    pub prefixes: Vec<String>,
    /// Their owner, with its kind: `person:Ann_Example`.
    pub owner: String,
    /// Whether each file stays on the side that it had without this entry.
    #[serde(default)]
    pub keeps_side: bool,
}

/// A file of which something else is true than of its folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Except {
    /// Below the folder.
    pub file: String,
    /// What is true of its parts.
    pub parts: BTreeMap<Part, Label>,
    /// Why.
    pub reason: String,
}

/// A file that may not be used for something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// Below the folder.
    pub file: String,
    /// What for.
    pub uses: BTreeSet<Use>,
    /// Why.
    pub reason: String,
}

/// What files may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Networks learn from its train side and are chosen by its validation side.
    Training,
    /// Recorded photographs of faces: tables and figures of false positives.
    Photographs,
    /// Generated faces and recorded ones to hold them against: tables and figures of generated
    /// faces.
    Portraits,
    /// Generators of faces learn from them.
    Generator,
    /// Recorded clips: tables and figures of false positives.
    Clips,
    /// Side-by-side clips, one part recorded and one with another face.
    Swaps,
    /// Sources of planted sets.
    Planted,
    /// Untouched files, for false positives of the analyzers that know no faces.
    Untouched,
}

impl Use {
    /// All of them.
    pub const ALL: [(&str, Self); 8] = [
        ("training", Self::Training),
        ("photographs", Self::Photographs),
        ("portraits", Self::Portraits),
        ("generator", Self::Generator),
        ("clips", Self::Clips),
        ("swaps", Self::Swaps),
        ("planted", Self::Planted),
        ("untouched", Self::Untouched),
    ];

    /// The word in a descriptor.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

impl Media {
    const STILLS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif"];
    const CLIPS: [&str; 7] = ["mp4", "avi", "mov", "mkv", "webm", "m4v", "mpg"];

    /// The kind of a file by the ending of its name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            e if Self::STILLS.contains(&e) => Some(Self::Still),
            e if Self::CLIPS.contains(&e) => Some(Self::Clip),
            _ => None,
        }
    }
}

impl Truth {
    /// As a label of a table; none where nothing is known.
    pub fn label(self) -> Option<Label> {
        match self {
            Self::Real => Some(Label::Real),
            Self::Fake => Some(Label::Fake),
            Self::None => None,
        }
    }
}

impl Owner {
    fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Group => "group",
            Self::Camera => "camera",
            Self::File => "file",
        }
    }
}

impl Folder {
    /// For tables.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.path.rsplit('/').next().unwrap_or(&self.path))
    }

    /// A file's path below this folder; `None` for one that lies elsewhere or is of another kind.
    pub(super) fn below<'a>(&self, file: &'a str) -> Option<&'a str> {
        let rest = match self.path.as_str() {
            "." => Some(file),
            path => file.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')),
        };
        rest.filter(|_| Media::of(Path::new(file)) == Some(self.media))
    }

    /// The owner and the name that the side follows from: two names only for files that keep their
    /// side.
    pub(super) fn owner_of(&self, file: &str) -> [String; 2] {
        let own = self.named_owner(file);
        let name = file.rsplit('/').next().unwrap_or(file);
        let of = |same: &&Same| same.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        match self.same.iter().find(of) {
            Some(same) if same.keeps_side => [same.owner.clone(), own],
            Some(same) => [same.owner.clone(), same.owner.clone()],
            None => [own.clone(), own],
        }
    }

    fn named_owner(&self, file: &str) -> String {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let named = match self.named_by {
            Naming::Path => file,
            Naming::Stem => stem,
            Naming::StemWithoutNumber => stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_'),
            Naming::Parent => folder.rsplit('/').next().unwrap_or(folder),
        };
        format!("{}:{named}", self.owner.word())
    }

    /// What is true of the parts of a file; whole files have one part.
    pub(super) fn parts_of(&self, file: &str) -> Vec<(Part, Label)> {
        let below = self.below(file);
        let parts = self.except.iter().find(|e| Some(e.file.as_str()) == below).map_or(&self.parts, |e| &e.parts);
        if parts.is_empty() {
            return self.label.label().map(|label| (Part::Whole, label)).into_iter().collect();
        }
        parts.iter().map(|(part, label)| (*part, *label)).collect()
    }

    fn check(&self) -> anyhow::Result<()> {
        let path = &self.path;
        let plain = path == "." || path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        ensure!(plain && !path.contains('\\'), "folder `{path}`: a path below the root is expected, with `/`");
        ensure!(
            self.named_by == Naming::Path || self.owner != Owner::File,
            "folder `{path}`: named_by says how an owner is named; say who that is (owner = \"person\", \"group\" or \"camera\")"
        );
        ensure!(
            self.owner == Owner::File || self.named_by != Naming::Path,
            "folder `{path}`: say how the name of the {} is read from a file's name (named_by)",
            self.owner.word()
        );
        ensure!(
            self.side.is_none() || self.owner == Owner::File,
            "folder `{path}`: a side can be given only to files without an owner; others go where their owner's name says"
        );
        ensure!(
            self.parts.is_empty() || self.label == Truth::None,
            "folder `{path}`: files with parts have no label of their own"
        );
        ensure!(
            self.against.is_some() || !self.matched,
            "folder `{path}`: matched without a folder that it is held against"
        );
        for same in &self.same {
            let named = same
                .owner
                .split_once(':')
                .is_some_and(|(kind, name)| ["person", "group", "camera"].contains(&kind) && !name.is_empty());
            ensure!(
                named && !same.prefixes.is_empty() && same.prefixes.iter().all(|p| !p.is_empty()),
                "folder `{path}`: `same` needs prefixes and an owner such as \"person:Ann_Example\", not `{}`",
                same.owner
            );
        }
        let halves = [Part::Left, Part::Right].iter().all(|part| self.parts.contains_key(part));
        ensure!(
            !self.uses.contains(&Use::Swaps) || (self.media == Media::Clip && halves),
            "folder `{path}`: swaps are clips whose parts `left` and `right` are labelled"
        );
        let told = self.except.iter().map(|e| &e.parts).chain([&self.parts]);
        ensure!(
            told.into_iter().all(|parts| parts.len() < 2 || !parts.contains_key(&Part::Whole)),
            "folder `{path}`: a file is labelled as a whole or by its parts, not both"
        );
        Ok(())
    }
}

impl Descriptor {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// When it is no TOML, has a word that is not known, or contradicts itself.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let descriptor: Self = toml::from_str(text)?;
        ensure!(descriptor.schema == SCHEMA, "schema `{}` where {SCHEMA} is expected", descriptor.schema);
        ensure!(!descriptor.folders.is_empty(), "it names no folder");
        let mut seen = BTreeSet::new();
        for folder in &descriptor.folders {
            folder.check()?;
            ensure!(
                seen.insert((&folder.path, folder.media)),
                "the {:?}s of folder `{}` stand there twice",
                folder.media,
                folder.path
            );
            let Some(against) = &folder.against else { continue };
            let other = descriptor.folders.iter().find(|f| f.path == *against && f.media == folder.media);
            match other {
                Some(other) if other.label == Truth::Real && folder.label == Truth::Fake => {}
                Some(_) => bail!("folder `{}`: fakes are held against real files, see `{against}`", folder.path),
                None => bail!("folder `{}` is held against `{against}`, which is not described", folder.path),
            }
        }
        Ok(descriptor)
    }

    /// Reads a descriptor's file.
    ///
    /// # Errors
    /// As [`Self::parse`], and when the file cannot be read; the message names it.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} does not describe a collection", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "schema = \"assay.collection/1\"\nid = \"mine\"\n";

    #[test]
    fn contradictions_are_named() {
        for (body, words) in [
            ("[[folder]]\npath = \"../up\"\nmedia = \"still\"\nuses = []\n", "a path below the root"),
            ("[[folder]]\npath = \"a\"\nmedia = \"still\"\nowner = \"person\"\nuses = []\n", "named_by"),
            ("[[folder]]\npath = \"a\"\nmedia = \"still\"\nnamed_by = \"stem\"\nuses = []\n", "say who that is"),
            ("[[folder]]\npath = \"a\"\nmedia = \"still\"\nuses = [\"selling\"]\n", "unknown variant `selling`"),
            (
                "[[folder]]\npath = \"a\"\nmedia = \"still\"\nlabel = \"fake\"\nagainst = \"b\"\nuses = []\n",
                "not described",
            ),
            (
                "[[folder]]\npath = \"a\"\nmedia = \"still\"\nowner = \"person\"\nnamed_by = \"stem\"\nside = \"test\"\nuses = []\n",
                "only to files without an owner",
            ),
            (
                "[[folder]]\npath = \"a\"\nmedia = \"clip\"\nuses = []\n[[folder]]\npath = \"a\"\nmedia = \"clip\"\nuses = []\n",
                "twice",
            ),
        ] {
            let error = format!("{:#}", Descriptor::parse(&format!("{HEAD}{body}")).unwrap_err());
            assert!(error.contains(words), "{error}");
        }
        let other = Descriptor::parse("schema = \"x/2\"\nid = \"mine\"\nfolder = []\n").unwrap_err().to_string();
        assert!(other.contains("assay.collection/1"), "{other}");
    }

    #[test]
    fn kinds_of_files_are_told_by_their_endings() {
        for (file, media) in
            [("a/b.JPG", Some(Media::Still)), ("b.mov", Some(Media::Clip)), ("training.xml", None), ("README", None)]
        {
            assert_eq!(Media::of(Path::new(file)), media, "{file}");
        }
    }
}
