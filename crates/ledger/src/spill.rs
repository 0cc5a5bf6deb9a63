//! Spill files: records as JSON lines, for as long as the database does not take them.
//!
//! The spill is a directory of segments. A segment is locked while its process appends to it and
//! while a process imports it; the operating system lifts the lock of a process that dies. So
//! several processes can share a directory, and nobody imports what is still being written.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::{entry::Entry, error::LedgerError};

/// A segment that has grown to this is sealed, so that imports free the disk step by step, bytes.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// What the names of segments end in.
const EXTENSION: &str = "jsonl";

/// The directory of spill files, and the segment this process appends to.
pub(crate) struct Spill {
    directory: PathBuf,
    active: Mutex<Option<Segment>>,
}

/// A segment being appended to; sealed when dropped.
struct Segment {
    path: PathBuf,
    file: File,
    /// The length of the whole lines in it.
    bytes: u64,
}

impl Spill {
    /// Opens the spill and creates its directory where there is none.
    pub(crate) fn open(directory: &Path) -> Result<Self, LedgerError> {
        fs::create_dir_all(directory)
            .map_err(|source| LedgerError::Directory { path: directory.into(), source })?;
        Ok(Self { directory: directory.into(), active: Mutex::new(None) })
    }

    /// Appends records; after success they survive the death of the process.
    pub(crate) fn append(&self, records: &[Entry]) -> Result<(), LedgerError> {
        let lines = encode(records)?;
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let mut segment = match active.take().filter(|segment| segment.bytes < SEGMENT_BYTES) {
            Some(segment) => segment,
            None => create(&self.directory)?,
        };
        let appended = segment.append(&lines);
        if appended.is_ok() || segment.undo() {
            *active = Some(segment);
        }
        appended
    }

    /// Ends the segment this process appends to, so that it can be imported; does nothing while
    /// an append is under way, which may hang.
    pub(crate) fn seal(&self) {
        let active: Option<MutexGuard<'_, _>> = self.active.try_lock().ok();
        if let Some(mut active) = active {
            *active = None;
        }
    }

    /// Opens and locks the oldest segment that nobody appends to or imports.
    pub(crate) fn claim(&self) -> Result<Option<(PathBuf, File)>, LedgerError> {
        for path in self.segments().map_err(|source| failed("list", &self.directory, source))? {
            if let Some(file) = lock(&path).map_err(|source| failed("open", &path, source))? {
                return Ok(Some((path, file)));
            }
        }
        Ok(None)
    }

    /// Every segment, oldest first: their names begin with the time.
    fn segments(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = fs::read_dir(&self.directory)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
        paths.sort();
        Ok(paths)
    }
}

impl Segment {
    fn append(&mut self, lines: &[u8]) -> Result<(), LedgerError> {
        self.file.write_all(lines).map_err(|source| failed("write", &self.path, source))?;
        self.bytes += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Cuts off a line that was written in part; false when that fails too, and nothing may be
    /// appended after the torn line.
    fn undo(&self) -> bool {
        self.file.set_len(self.bytes).is_ok()
    }
}

/// Creates and locks a new segment.
///
/// An importer may find the new file before it is locked, take it for an abandoned one and remove
/// it; then another is made.
fn create(directory: &Path) -> Result<Segment, LedgerError> {
    loop {
        let path = directory.join(format!("{}.{EXTENSION}", Uuid::now_v7()));
        let failed = |source| failed("create", &path, source);
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(failed)?;
        if try_lock(&file).map_err(failed)? && path.exists() {
            return Ok(Segment { path, file, bytes: 0 });
        }
    }
}

/// Opens a segment and locks it; none when another process has it or it is gone.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    Ok(try_lock(&file)?.then_some(file))
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The records as lines of JSON.
fn encode(records: &[Entry]) -> Result<Vec<u8>, LedgerError> {
    let mut lines = Vec::new();
    for record in records {
        record.write(&mut lines).map_err(|source| LedgerError::Encode { source })?;
    }
    Ok(lines)
}

/// The error for something tried on a spill file or on their directory.
pub(crate) fn failed(action: &'static str, path: &Path, source: io::Error) -> LedgerError {
    LedgerError::Spill { action, path: path.into(), source }
}
