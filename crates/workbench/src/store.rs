//! Where a case keeps its results and its log: one SQLite file that any SQLite tool can read.
//!
//! A result and its log entry are one transaction, so a run that is killed loses at most the files
//! it was working on. The log is a chain: each entry's hash covers the entry before it, so that a
//! changed, removed or inserted entry shows (`assay log DIR`).
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use assay_evidence::Report;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use sha2::Digest as _;

use crate::pipeline::Setup;

/// Name of the store inside an output folder.
pub const STORE_NAME: &str = "assay.sqlite";
const SCHEMA_VERSION: i64 = 1;
const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite says no.
    #[error("the store {}: {source}", path.display())]
    Sqlite {
        /// Store file.
        path: PathBuf,
        /// Reason.
        source: rusqlite::Error,
    },
    /// Made by another version.
    #[error("the store {} has layout {found}; this version reads {SCHEMA_VERSION}", path.display())]
    Layout {
        /// Store file.
        path: PathBuf,
        /// What it says.
        found: i64,
    },
    /// A report in the store does not parse.
    #[error("the store {} holds a broken report: {source}", path.display())]
    Report {
        /// Store file.
        path: PathBuf,
        /// Reason.
        source: serde_json::Error,
    },
}

/// What identifies a finished piece of work: the same path with the same size and time, the same
/// settings and the same binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkKey(String);

impl WorkKey {
    /// The key of a file under a set-up; `None` when the file cannot be looked at (the scan will
    /// say why).
    pub fn of(path: &Path, setup: &Setup) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        let modified = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
        let mut hash = sha2::Sha256::new();
        // The same name typed in two folders is two files.
        hash.update(std::path::absolute(path).ok()?.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(meta.len().to_le_bytes());
        hash.update(modified.to_le_bytes());
        let tables: Vec<_> = setup.questions.iter().map(|asked| &asked.table).collect();
        for part in [serde_json::to_vec(&setup.settings), serde_json::to_vec(&setup.case), serde_json::to_vec(&tables)]
        {
            hash.update(part.unwrap_or_default());
        }
        for part in [&setup.tool.name, &setup.tool.version, &setup.tool.binary_sha256] {
            hash.update(part.as_bytes());
        }
        Some(Self(format!("{:x}", hash.finalize())))
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Number, from 1.
    pub seq: i64,
    /// When, RFC 3339, UTC.
    pub at: String,
    /// What, as JSON.
    pub event: String,
    /// Hash of the entry before.
    pub previous: String,
    /// SHA-256 of `previous`, `at` and `event`, separated by newlines.
    pub hash: String,
}

impl LogEntry {
    fn digest(previous: &str, at: &str, event: &str) -> String {
        format!("{:x}", sha2::Sha256::digest(format!("{previous}\n{at}\n{event}").as_bytes()))
    }
}

/// An open store. One writer at a time; other processes may read.
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens or makes the store in a folder.
    ///
    /// # Errors
    /// [`StoreError`] when SQLite cannot open it or it has another layout.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(STORE_NAME);
        let fail = |source| StoreError::Sqlite { path: path.clone(), source };
        let connection = Connection::open(&path).map_err(fail)?;
        connection.busy_timeout(std::time::Duration::from_secs(30)).map_err(fail)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
        if found == 0 {
            connection
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE;
                     CREATE TABLE IF NOT EXISTS results (
                         key TEXT PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL, finished_utc TEXT NOT NULL,
                         log10_lr REAL, above_threshold INTEGER NOT NULL, result_sha256 TEXT NOT NULL, report TEXT NOT NULL);
                     CREATE TABLE IF NOT EXISTS log (
                         seq INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
                     PRAGMA user_version = {SCHEMA_VERSION};
                     COMMIT;"
                ))
                .map_err(fail)?;
        } else if found != SCHEMA_VERSION {
            return Err(StoreError::Layout { path, found });
        }
        Ok(Self { path, connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in another thread leaves no half-done transaction behind: SQLite rolls it back
        // when the guard is dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        |source| StoreError::Sqlite { path: self.path.clone(), source }
    }

    /// The finished report of this piece of work, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finished(&self, key: &WorkKey) -> Result<Option<Report>, StoreError> {
        let connection = self.connection();
        let text: Option<String> = connection
            .query_row("SELECT report FROM results WHERE key = ?1", params![key.0], |row| row.get(0))
            .optional()
            .map_err(self.fail())?;
        text.map(|t| serde_json::from_str(&t).map_err(|source| StoreError::Report { path: self.path.clone(), source }))
            .transpose()
    }

    /// Keeps a finished report and logs it, both or neither. Sets
    /// [`RunInfo::log_head`](assay_evidence::RunInfo::log_head).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(&self, key: &WorkKey, report: &mut Report) -> Result<(), StoreError> {
        let event = serde_json::json!({
            "event": "file examined",
            "path": report.run.path,
            "sha256": report.result.input.sha256,
            "result_sha256": report.result_sha256,
            "log10_lr": report.result.verdict.headline.llr.map(|l| l.log10),
            "wall_secs": report.run.wall_secs,
        });
        let mut connection = self.connection();
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(self.fail())?;
        report.run.log_head = append(&transaction, &event).map_err(self.fail())?;
        let text =
            serde_json::to_string(report).map_err(|source| StoreError::Report { path: self.path.clone(), source })?;
        transaction
            .execute(
                "INSERT OR REPLACE INTO results VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    key.0,
                    report.run.path,
                    report.result.input.sha256,
                    crate::now_utc(),
                    report.result.verdict.headline.llr.map(|l| l.log10),
                    report.result.verdict.above_threshold,
                    report.result_sha256,
                    text
                ],
            )
            .map_err(self.fail())?;
        transaction.commit().map_err(self.fail())
    }

    /// Logs an event; returns the new head of the chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn log(&self, event: &serde_json::Value) -> Result<String, StoreError> {
        let mut connection = self.connection();
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(self.fail())?;
        let head = append(&transaction, event).map_err(self.fail())?;
        transaction.commit().map_err(self.fail())?;
        Ok(head)
    }

    /// The whole log and the number of the first entry that breaks the chain, if any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn log_entries(&self) -> Result<(Vec<LogEntry>, Option<i64>), StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare("SELECT seq, at, event, previous, hash FROM log ORDER BY seq").map_err(self.fail())?;
        let entries: Vec<LogEntry> = statement
            .query_map([], |row| {
                Ok(LogEntry {
                    seq: row.get(0)?,
                    at: row.get(1)?,
                    event: row.get(2)?,
                    previous: row.get(3)?,
                    hash: row.get(4)?,
                })
            })
            .and_then(Iterator::collect)
            .map_err(self.fail())?;
        let mut previous = FIRST.to_owned();
        for (index, entry) in entries.iter().enumerate() {
            let whole = entry.seq == index as i64 + 1
                && entry.previous == previous
                && entry.hash == LogEntry::digest(&entry.previous, &entry.at, &entry.event);
            if !whole {
                return Ok((entries.clone(), Some(entry.seq)));
            }
            previous.clone_from(&entry.hash);
        }
        Ok((entries, None))
    }
}

fn append(connection: &Connection, event: &serde_json::Value) -> Result<String, rusqlite::Error> {
    let last: Option<(i64, String)> = connection
        .query_row("SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, previous) = last.map_or((1, FIRST.to_owned()), |(seq, hash)| (seq + 1, hash));
    let (at, event) = (crate::now_utc(), event.to_string());
    let hash = LogEntry::digest(&previous, &at, &event);
    connection.execute("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5)", params![seq, at, event, previous, hash])?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_entry_breaks_the_chain() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for i in 0..4 {
            store.log(&serde_json::json!({ "event": i })).unwrap();
        }
        assert_eq!(store.log_entries().unwrap().1, None);
        drop(store);
        let raw = Connection::open(folder.path().join(STORE_NAME)).unwrap();
        raw.execute("UPDATE log SET event = '{\"event\":9}' WHERE seq = 2", []).unwrap();
        assert_eq!(Store::open(folder.path()).unwrap().log_entries().unwrap().1, Some(2));
        raw.execute("DELETE FROM log WHERE seq <= 2", []).unwrap();
        assert_eq!(Store::open(folder.path()).unwrap().log_entries().unwrap().1, Some(3));
    }

    #[test]
    fn another_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Connection::open(folder.path().join(STORE_NAME)).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Layout { found: 99, .. })));
    }
}
