//! Reading spill files back, in steps between which live records can be written.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    entry::Entry,
    error::LedgerError,
    queue::{BATCH, Queue},
    spill::{Spill, failed},
};

/// How often an idle ledger looks for segments that others have left.
const LOOK: Duration = Duration::from_secs(1);

/// The import of spill files, one segment at a time.
pub(crate) struct Import {
    queue: Arc<Queue>,
    spill: Arc<Spill>,
    reading: Option<Reading>,
    /// None where the next look is due.
    next_look: Option<Instant>,
}

/// A segment that is being imported.
struct Reading {
    path: PathBuf,
    lines: BufReader<File>,
    /// What was read and is not yet in the database.
    chunk: Vec<Entry>,
    /// Where damaged lines go, once there is one.
    rejected: Option<File>,
}

impl Import {
    pub(crate) fn new(queue: Arc<Queue>, spill: Arc<Spill>) -> Self {
        Self { queue, spill, reading: None, next_look: None }
    }

    /// Whether a segment is half read.
    pub(crate) fn is_active(&self) -> bool {
        self.reading.is_some()
    }

    /// The next records for the database; the same again until [`done`](Import::done) is called.
    /// None when no spill waits.
    pub(crate) fn peek(&mut self) -> Result<Option<&[Entry]>, LedgerError> {
        if self.reading.is_none() {
            self.reading = self.look()?;
        }
        let Some(mut reading) = self.reading.take() else { return Ok(None) };
        reading.fill(&self.queue)?;
        Ok(Some(&self.reading.insert(reading).chunk))
    }

    /// What [`peek`](Import::peek) gave is in the database. A segment without more is removed.
    pub(crate) fn done(&mut self) -> Result<(), LedgerError> {
        let Some(mut reading) = self.reading.take() else { return Ok(()) };
        reading.chunk.clear();
        reading.fill(&self.queue)?;
        if !reading.chunk.is_empty() {
            self.reading = Some(reading);
            return Ok(());
        }
        self.next_look = None;
        fs::remove_file(&reading.path).map_err(|source| failed("remove", &reading.path, source))
    }

    /// Claims the oldest segment, this process's own included. Rests between two looks.
    fn look(&mut self) -> Result<Option<Reading>, LedgerError> {
        // Time is told on this thread only: a runtime that opens the ledger may have its own.
        let now = Instant::now();
        if self.next_look.is_some_and(|next| now < next) {
            return Ok(None);
        }
        self.next_look = Some(now + LOOK);
        self.spill.seal();
        let claimed = self.spill.claim()?;
        Ok(claimed.map(|(path, file)| {
            tracing::info!(path = %path.display(), "importing spilled records");
            let lines = BufReader::new(file);
            Reading { path, lines, chunk: Vec::new(), rejected: None }
        }))
    }
}

impl Reading {
    /// Reads records until there is a batch of them or the segment ends.
    fn fill(&mut self, queue: &Queue) -> Result<(), LedgerError> {
        let mut line = Vec::new();
        while self.chunk.len() < BATCH {
            line.clear();
            let read = self.lines.read_until(b'\n', &mut line);
            if read.map_err(|source| failed("read", &self.path, source))? == 0 {
                break;
            }
            match Entry::read(&line) {
                Some(record) => self.chunk.push(record),
                None => self.reject(&line, queue)?,
            }
        }
        Ok(())
    }

    /// Sets a damaged line aside: a process that died while appending leaves one.
    fn reject(&mut self, line: &[u8], queue: &Queue) -> Result<(), LedgerError> {
        let path = self.path.with_added_extension("rejected");
        let set_aside = |source| failed("write", &path, source);
        let file = match &mut self.rejected {
            Some(file) => file,
            // An import that was cut short begins again, and so does its list of damaged lines.
            None => self.rejected.insert(File::create(&path).map_err(set_aside)?),
        };
        file.write_all(line).map_err(set_aside)?;
        queue.rejected();
        tracing::warn!(path = %path.display(), "set aside a damaged line of a spill file");
        Ok(())
    }
}
