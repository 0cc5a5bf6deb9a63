//! The files of a run: `run.json`, and `rows.jsonl` with one row a line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Arm, GateFile, JudgeFile, Row, RunSettings, row::Key};

const RUN: &str = "run.json";
const ROWS: &str = "rows.jsonl";

/// What a run is of: `run.json`. With the rows it is all that a verdict depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// Version of this format. Always 1.
    pub version: u32,
    /// The run's name, which is also its folder's.
    pub id: String,
    /// The suite's file, as it was named, or where rows were imported from.
    pub suite: String,
    /// SHA-256 of the suite with its cases, in hexadecimal; empty for imported rows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub suite_digest: String,
    /// The feature.
    pub feature: String,
    /// The deployment of each arm.
    pub arms: BTreeMap<Arm, String>,
    /// How often and how fast cases are asked.
    #[serde(default)]
    pub settings: RunSettings,
    /// When the candidate may serve.
    #[serde(default)]
    pub gate: GateFile,
    /// The graders that no answer may fail.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub invariants: BTreeSet<String>,
    /// The metrics that rest on judges who were not found fit, with why not: they can neither block
    /// nor pass.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undecided: BTreeMap<String, String>,
    /// The judges that graders ask.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judges: BTreeMap<String, JudgeFile>,
    /// The ids of the cases that are asked; empty for imported rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
    /// Cases that are kept from tuning are among them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holdout: bool,
    /// What an import could not bring over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: u64,
}

impl RunFile {
    /// The arms in a fixed order, the candidate first.
    #[must_use]
    pub fn arms(&self) -> Vec<Arm> {
        self.arms.keys().copied().collect()
    }

    /// What was spent before anything was asked, in dollars.
    #[must_use]
    pub fn spent_before(&self) -> f64 {
        self.judges.values().map(|judge| judge.spent_usd).sum()
    }
}

/// Why a run cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}:{line}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// Somebody else is at it.
    #[error("another process is at work on {}", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
}

fn file<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StoreError + use<'a> {
    move |source| StoreError::File { action, path: path.to_owned(), source }
}

/// A run that takes rows.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    rows: File,
}

impl Store {
    /// Begins a run in a folder of its own among `runs`.
    ///
    /// # Errors
    /// When the files cannot be made, or there is a run of that name.
    pub fn create(runs: &Path, run: &RunFile) -> Result<Self, StoreError> {
        let folder = runs.join(&run.id);
        fs::create_dir_all(runs).map_err(file("create", runs))?;
        fs::create_dir(&folder).map_err(file("create", &folder))?;
        let path = folder.join(ROWS);
        let rows = OpenOptions::new().create_new(true).append(true).open(&path);
        let store = Self { rows: rows.map_err(file("create", &path))?, path };
        store.lock()?;
        write_run(&folder, run)?;
        Ok(store)
    }

    /// Goes on with a run: what it is of, and the rows it has, the last of each key. A last line
    /// that was torn is dropped, so that its case is asked again.
    ///
    /// # Errors
    /// When the files cannot be read, or another process is at work on them.
    pub fn resume(folder: &Path) -> Result<(Self, RunFile, Vec<Row>), StoreError> {
        let run = read_run(folder)?;
        let path = folder.join(ROWS);
        let rows = OpenOptions::new().create(true).append(true).open(&path);
        let store = Self { rows: rows.map_err(file("open", &path))?, path };
        store.lock()?;
        let (rows, whole) = read_rows(&store.path)?;
        store.rows.set_len(whole).map_err(file("shorten", &store.path))?;
        Ok((store, run, rows))
    }

    fn lock(&self) -> Result<(), StoreError> {
        self.rows.try_lock().map_err(|_| StoreError::Busy { path: self.path.clone() })
    }

    /// Appends a row. When this returns it survives the end of the process.
    ///
    /// # Errors
    /// When the file takes no more.
    pub fn append(&mut self, row: &Row) -> Result<(), StoreError> {
        let line = serde_json::to_string(row).map_err(io::Error::from);
        let written = line.and_then(|line| self.rows.write_all(format!("{line}\n").as_bytes()));
        written.map_err(file("append to", &self.path))
    }

    /// Waits until all rows survive the end of the machine.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.rows.sync_data().map_err(file("sync", &self.path))
    }
}

/// Reads a run: what it is of, and its rows, the last of each key.
///
/// # Errors
/// When a file cannot be read.
pub fn read(folder: &Path) -> Result<(RunFile, Vec<Row>), StoreError> {
    Ok((read_run(folder)?, read_rows(&folder.join(ROWS))?.0))
}

/// The runs in a folder, oldest first, as far as they can be read.
#[must_use]
pub fn list(runs: &Path) -> Vec<(PathBuf, RunFile)> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let folder = entry.path();
            let run = read_run(&folder).ok()?;
            Some((folder, run))
        })
        .collect();
    found.sort_by(|(_, one), (_, other)| {
        (one.started_ms, &one.id).cmp(&(other.started_ms, &other.id))
    });
    found
}

fn write_run(folder: &Path, run: &RunFile) -> Result<(), StoreError> {
    let (path, begun) = (folder.join(RUN), folder.join("run.begun"));
    let text = serde_json::to_string_pretty(run).map_err(io::Error::from);
    let written = text.and_then(|text| {
        let mut file = File::create(&begun)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&begun, &path)
    });
    written.map_err(file("write", &path))
}

fn read_run(folder: &Path) -> Result<RunFile, StoreError> {
    let path = folder.join(RUN);
    let text = fs::read(&path).map_err(file("read", &path))?;
    let read = serde_json::from_slice(&text);
    read.map_err(|source| StoreError::Content { line: source.line(), path, source })
}

/// The last whole row of each key, and where they end.
fn read_rows(path: &Path) -> Result<(Vec<Row>, u64), StoreError> {
    let text = fs::read(path).map_err(file("read", path))?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = text.get(..whole).unwrap_or_default();
    let mut rows = Vec::new();
    for (at, line) in lines.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row = serde_json::from_slice(line).map_err(|source| StoreError::Content {
            path: path.to_owned(),
            line: at + 1,
            source,
        })?;
        rows.push(row);
    }
    Ok((latest(rows), u64::try_from(whole).unwrap_or(u64::MAX)))
}

/// The last row of each key, where the first stood: what was asked again counts once.
fn latest(rows: Vec<Row>) -> Vec<Row> {
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        let place = *places.entry(row.key()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(earlier) => *earlier = row,
            None => kept.push(row),
        }
    }
    kept
}
