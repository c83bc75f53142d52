//! The table of a data set: one row a file and part.
//!
//! The decision that shapes it: a row says who is seen (`person`), whose face or motion was put
//! there (`driver`) and what belongs together (`group`, `video`), since a split or a bootstrap that
//! does not know this measures memory. A file that does not exist is no error here: it is counted
//! when the set is evaluated.
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::csv::{Record, Table, quoted};

/// What a row claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// As the camera saw it.
    Real,
    /// Synthesised or altered.
    Fake,
}

/// The part of the picture that the label is about; comparisons show real and fake in one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// The left half.
    Left,
    /// The right half.
    Right,
    /// The upper half.
    Top,
    /// The lower half.
    Bottom,
}

/// What a row is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learning.
    Train,
    /// Choosing.
    Validation,
    /// Measuring, once.
    Test,
}

impl Label {
    const ALL: [(&str, Self); 2] = [("real", Self::Real), ("fake", Self::Fake)];

    /// The word in the table.
    pub fn name(self) -> &'static str {
        word(&Self::ALL, self)
    }
}

impl Part {
    const ALL: [(&str, Self); 5] = [
        ("whole", Self::Whole),
        ("left", Self::Left),
        ("right", Self::Right),
        ("top", Self::Top),
        ("bottom", Self::Bottom),
    ];

    /// The word in the table.
    pub fn name(self) -> &'static str {
        word(&Self::ALL, self)
    }
}

impl Split {
    const ALL: [(&str, Self); 4] =
        [("train", Self::Train), ("validation", Self::Validation), ("test", Self::Test), ("val", Self::Validation)];

    /// The word in the table.
    pub fn name(self) -> &'static str {
        word(&Self::ALL, self)
    }

    /// By its word; `val` is understood too.
    pub fn from_name(name: &str) -> Option<Self> {
        by_word(&Self::ALL, name)
    }
}

fn word<T: PartialEq + Copy>(all: &[(&'static str, T)], value: T) -> &'static str {
    all.iter().find(|(_, v)| *v == value).map_or("", |(w, _)| w)
}

fn by_word<T: Copy>(all: &[(&'static str, T)], name: &str) -> Option<T> {
    all.iter().find(|(w, _)| w.eq_ignore_ascii_case(name)).map(|(_, v)| *v)
}

/// One file, or one part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it lies.
    pub path: PathBuf,
    /// What it claims to be.
    pub label: Label,
    /// What the label is about.
    pub part: Part,
    /// Who is seen.
    pub person: Option<String>,
    /// Whose face or motion was put there; names of persons and drivers are one set of names.
    pub driver: Option<String>,
    /// What must stay in one split for any other reason.
    pub group: Option<String>,
    /// Picture of what was altered.
    pub mask: Option<PathBuf>,
    /// Where it comes from or how it was made.
    pub source: Option<String>,
    /// What it is used for.
    pub split: Option<Split>,
    /// Compression as the set names it.
    pub compression: Option<String>,
    /// The video of which the file is a frame; without it every file is a video of its own.
    pub video: Option<String>,
}

impl Row {
    /// A row that says nothing but its label.
    pub fn new(path: impl Into<PathBuf>, label: Label) -> Self {
        Self {
            path: path.into(),
            label,
            part: Part::Whole,
            person: None,
            driver: None,
            group: None,
            mask: None,
            source: None,
            split: None,
            compression: None,
            video: None,
        }
    }
}

/// The table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Folder to which its paths are relative when they are written or named in results.
    pub root: PathBuf,
    /// Its rows; no file and part twice.
    pub rows: Vec<Row>,
}

impl Manifest {
    /// Reads a CSV file with the columns `path,label` and optionally
    /// `part,person,driver,group,mask,source,split,compression,video`, in any order; other columns
    /// are left alone. Relative paths are taken from the file's folder.
    ///
    /// # Errors
    /// When the file cannot be read, is no such table, has a word that is not known, or one file
    /// and part twice; named with file and line.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let table = Table::read(file)?;
        let root = file.parent().unwrap_or(Path::new("")).to_owned();
        Self::from_table(&table, root).with_context(|| format!("in {}", file.display()))
    }

    fn from_table(table: &Table, root: PathBuf) -> anyhow::Result<Self> {
        let (path, label) = (table.required("path")?, table.required("label")?);
        let at = |name: &str| table.column(name);
        let (part, split, mask) = (at("part"), at("split"), at("mask"));
        let [person, driver, group] = ["person", "driver", "group"].map(at);
        let [source, compression, video] = ["source", "compression", "video"].map(at);
        let mut seen: HashMap<(PathBuf, Part), usize> = HashMap::new();
        let mut rows = Vec::with_capacity(table.records.len());
        for record in &table.records {
            let line = record.line;
            let text = |column| record.get(column).map(str::to_owned);
            let Some(name) = record.get(Some(path)) else { bail!("line {line}: the path is empty") };
            let Some(found) = known(record, "label", Some(label), &Label::ALL)? else {
                bail!("line {line}: the label is empty; it must be real or fake")
            };
            let row = Row {
                path: root.join(name),
                label: found,
                part: known(record, "part", part, &Part::ALL)?.unwrap_or_default(),
                person: text(person),
                driver: text(driver),
                group: text(group),
                mask: record.get(mask).map(|m| root.join(m)),
                source: text(source),
                split: known(record, "split", split, &Split::ALL)?,
                compression: text(compression),
                video: text(video),
            };
            if let Some(first) = seen.insert((row.path.clone(), row.part), line) {
                bail!("line {line}: {name}, part {}, is already in line {first}", row.part.name());
            }
            rows.push(row);
        }
        Ok(Self { root, rows })
    }

    /// Writes all columns to a CSV file; paths below its folder are written relative to it, all
    /// others as they are.
    ///
    /// # Errors
    /// When a path is not UTF-8 or the file cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut text = String::from("path,label,part,person,driver,group,mask,source,split,compression,video\n");
        for row in &self.rows {
            let cells = [
                Some(written(&row.path, folder)?),
                Some(row.label.name().to_owned()),
                Some(row.part.name().to_owned()),
                row.person.clone(),
                row.driver.clone(),
                row.group.clone(),
                row.mask.as_deref().map(|m| written(m, folder)).transpose()?,
                row.source.clone(),
                row.split.map(|s| s.name().to_owned()),
                row.compression.clone(),
                row.video.clone(),
            ];
            text += &cells.map(|c| quoted(&c.unwrap_or_default())).join(",");
            text.push('\n');
        }
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// The rows of one split, as a table of its own.
    #[must_use]
    pub fn of(&self, split: Split) -> Self {
        let rows = self.rows.iter().filter(|r| r.split == Some(split)).cloned().collect();
        Self { root: self.root.clone(), rows }
    }

    /// A path as results name it: below the root, with slashes, so that results made on two
    /// machines are alike.
    pub fn name(&self, path: &Path) -> String {
        slashes(&path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy())
    }

    /// The video that a row belongs to.
    pub fn video(&self, row: &Row) -> String {
        row.video.clone().unwrap_or_else(|| self.name(&row.path))
    }
}

fn known<T: Copy>(
    record: &Record,
    name: &str,
    column: Option<usize>,
    all: &[(&'static str, T)],
) -> anyhow::Result<Option<T>> {
    let Some(cell) = record.get(column) else { return Ok(None) };
    let Some(value) = by_word(all, cell) else {
        let words: Vec<&str> = all.iter().map(|(w, _)| *w).collect();
        bail!("line {}: `{cell}` is no {name}; known are {}", record.line, words.join(", "))
    };
    Ok(Some(value))
}

fn written(path: &Path, folder: &Path) -> anyhow::Result<String> {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let text = relative.to_str().with_context(|| format!("{} is not UTF-8 and fits no table", path.display()))?;
    ensure!(!text.is_empty(), "{} is the folder of the table itself", path.display());
    Ok(slashes(text))
}

/// Elsewhere a backslash is an ordinary letter of a name.
fn slashes(path: &str) -> String {
    if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Manifest> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("set.csv");
        std::fs::write(&file, text).unwrap();
        Manifest::read(&file)
    }

    #[test]
    fn columns_come_in_any_order_and_others_are_left_alone() {
        let manifest = read(
            "\u{FEFF}Label,note,path,part,person\r\nFAKE,\"a \"\"b\"\", c\",\"x, y.mp4\",left,Ann\r\nreal,,/abs/z.png,,\r\n",
        )
        .unwrap();
        let [first, second] = &manifest.rows[..] else { panic!("{manifest:?}") };
        assert_eq!(first.path, manifest.root.join("x, y.mp4"));
        assert_eq!((first.label, first.part, first.person.as_deref()), (Label::Fake, Part::Left, Some("Ann")));
        assert_eq!((second.path.as_path(), second.part), (Path::new("/abs/z.png"), Part::Whole));
        assert_eq!(second.person, None);
    }

    #[test]
    fn errors_name_file_line_and_reason() {
        for (text, words) in [
            ("path,label\na.png,real\nb.png,maybe\n", "line 3: `maybe` is no label; known are real, fake"),
            ("path,label,part\na.png,real,middle\n", "line 2: `middle` is no part"),
            ("path,label\na.png,\n", "line 2: the label is empty"),
            ("path,label\n,real\n", "line 2: the path is empty"),
            ("path,labels\na.png,real\n", "line 1: no column `label`"),
            ("path,label\na.png,real\na.png,fake\n", "line 3: a.png, part whole, is already in line 2"),
            ("path,label,split\na.png,real,dev\n", "line 2: `dev` is no split"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(words) && error.contains("set.csv"), "{error}");
        }
    }

    #[test]
    fn a_written_table_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("set.csv");
        let mut row = Row::new(folder.path().join("a, \"b\".mp4"), Label::Fake);
        row.mask = Some(folder.path().join("masks/a.png"));
        row.person = Some("Ann".into());
        row.driver = Some("Bob".into());
        row.split = Some(Split::Validation);
        row.compression = Some("c23".into());
        row.video = Some("v".into());
        let rows = vec![row, Row { part: Part::Top, ..Row::new("/elsewhere/c.png", Label::Real) }];
        let manifest = Manifest { root: folder.path().to_owned(), rows };
        manifest.write(&file).unwrap();
        assert_eq!(Manifest::read(&file).unwrap(), manifest);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("masks/a.png") && !text.contains("masks/a.png\""), "{text}");
        assert_eq!(manifest.of(Split::Validation).rows.len(), 1);
    }
}
