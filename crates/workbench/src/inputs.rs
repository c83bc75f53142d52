//! From what the user names (files, folders, globs, a list) to a sorted list of files.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings that a folder walk takes up; a file with another one, or with none, is taken up when its
/// first bytes are those of a picture or video. A file that is named itself is always examined.
const ENDINGS: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "tif", "tiff", "bmp", "heic", "heif", "avif", "mp4", "m4v",
    "mov", "qt", "mkv", "webm", "avi", "ts", "mts", "m2ts", "3gp",
];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Files to examine, sorted, each once.
    pub files: Vec<PathBuf>,
    /// What could not be looked at, with the reason.
    pub failures: Vec<(PathBuf, String)>,
    /// Files in folders that are neither pictures nor videos, by ending and by content.
    pub passed_over: usize,
}

/// Which part of the list this process works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub index: usize,
    /// How many.
    pub count: usize,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("a shard is i/n with 1 <= i <= n, for example 2/8".into()),
        }
    }
}

/// Whether a path that is not there is an address of the web.
fn is_address(path: &Path) -> bool {
    let text = path.to_string_lossy().to_ascii_lowercase();
    ["http://", "https://", "ftp://", "www."].iter().any(|start| text.starts_with(start))
}

impl Inputs {
    /// Expands files, folders (recursively) and glob patterns. A pattern is only tried when no file
    /// of that very name exists.
    pub fn expand(named: &[PathBuf]) -> Self {
        let mut files = BTreeSet::new();
        let mut inputs = Self::default();
        for path in named {
            match std::fs::symlink_metadata(path) {
                Ok(_) if path.is_dir() => inputs.walk(path, &mut files),
                Ok(_) => {
                    files.insert(path.clone());
                }
                Err(error) => match path.to_str().filter(|t| t.contains(['*', '?', '['])).map(glob::glob) {
                    Some(Ok(matches)) => {
                        let mut found = false;
                        for entry in matches {
                            found = true;
                            match entry {
                                Ok(p) if p.is_dir() => inputs.walk(&p, &mut files),
                                Ok(p) => {
                                    files.insert(p);
                                }
                                Err(e) => inputs
                                    .failures
                                    .push((e.path().to_owned(), format!("cannot read the folder: {}", e.error()))),
                            }
                        }
                        if !found {
                            inputs.failures.push((path.clone(), "no file matches this pattern".into()));
                        }
                    }
                    Some(Err(e)) => inputs.failures.push((path.clone(), format!("not a valid pattern: {e}"))),
                    None => {
                        let reason = if is_address(path) {
                            "this is an address, and Assay fetches nothing: download the file first".into()
                        } else {
                            format!("cannot read the file: {error}")
                        };
                        inputs.failures.push((path.clone(), reason));
                    }
                },
            }
        }
        inputs.files = files.into_iter().collect();
        inputs
    }

    fn walk(&mut self, folder: &Path, files: &mut BTreeSet<PathBuf>) {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.failures.push((folder.to_owned(), format!("cannot read the folder: {error}")));
                return;
            }
        };
        for entry in entries {
            match entry.and_then(|e| Ok((e.path(), e.file_type()?))) {
                // Links to folders are not followed: they could lead in a circle or out of the
                // evidence.
                Ok((path, kind)) if kind.is_dir() => self.walk(&path, files),
                Ok((path, _)) => {
                    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
                    if !path.is_dir() && (ENDINGS.contains(&ending.as_str()) || assay_media::looks_like_media(&path)) {
                        files.insert(path);
                    } else {
                        self.passed_over += 1;
                    }
                }
                Err(error) => self.failures.push((folder.to_owned(), format!("cannot read the folder: {error}"))),
            }
        }
    }

    /// Keeps every `count`-th file beginning with the `index`-th. Failures stay with the first
    /// shard, so that they are told once.
    pub fn keep_shard(&mut self, shard: Shard) {
        let mut position = 0;
        self.files.retain(|_| {
            position += 1;
            (position - 1) % shard.count == shard.index - 1
        });
        if shard.index > 1 {
            self.failures.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_patterns_expand_to_each_file_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for name in ["b.jpg", "a.PNG", "notes.txt", "sub/c.mp4", "[odd].jpg"] {
            std::fs::write(folder.path().join(name), b"x").unwrap();
        }
        // Recovered files often have no ending.
        std::fs::write(folder.path().join("f0001"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap();
        let inputs =
            Inputs::expand(&[folder.path().to_owned(), folder.path().join("*.jpg"), folder.path().join("[odd].jpg")]);
        let names: Vec<_> =
            inputs.files.iter().map(|f| f.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["[odd].jpg", "a.PNG", "b.jpg", "f0001", "sub/c.mp4"]);
        assert_eq!(inputs.passed_over, 1);
        let missing = Inputs::expand(&[folder.path().join("no*.jpg"), folder.path().join("gone.jpg")]);
        assert_eq!(missing.failures.len(), 2);
    }

    #[test]
    fn shards_part_the_list() {
        let all: Vec<PathBuf> = (0..10).map(|i| PathBuf::from(format!("{i}"))).collect();
        let mut seen = Vec::new();
        for index in 1..=3 {
            let mut inputs = Inputs { files: all.clone(), ..Inputs::default() };
            inputs.keep_shard(Shard { index, count: 3 });
            seen.extend(inputs.files);
        }
        seen.sort();
        assert_eq!(seen, all);
        assert!("0/3".parse::<Shard>().is_err() && "4/3".parse::<Shard>().is_err() && "x".parse::<Shard>().is_err());
    }
}
