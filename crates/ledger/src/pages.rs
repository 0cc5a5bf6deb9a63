//! Reading many records in the order of their arrival without keeping them all in memory.

use std::path::Path;

use rusqlite::{Connection, params};
use tieline_types::CallRecord;

use crate::{database, error::LedgerError, rows::Reader};

/// How many records are in memory at a time.
const PAGE: u32 = 1_000;

const SELECT_PAGE: &str = "SELECT r.* FROM requests r
     WHERE (r.started_ms, r.id) > (?, ?) AND r.started_ms < ?
     ORDER BY r.started_ms, r.id LIMIT ?";
const COUNT: &str = "SELECT count(*) FROM requests WHERE started_ms >= ? AND started_ms < ?";

/// The records of a span of time, oldest first, a page at a time.
///
/// Each page is read in one moment of the database; between two of them a gateway may write, and
/// its log may be copied into the database. Records that are queued or spilled are not seen until
/// they are in the database.
#[derive(Debug)]
pub struct Pages {
    connection: Connection,
    /// Arrival and id of the last record that was read.
    after: (i64, String),
    since_ms: i64,
    until_ms: i64,
}

impl Pages {
    /// Opens the ledger at `path` for the requests that arrived from `since_ms` on and before
    /// `until_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When there is no ledger at `path`, its schema is of another version, or it cannot be read.
    pub fn open(path: &Path, since_ms: u64, until_ms: u64) -> Result<Self, LedgerError> {
        let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let (since_ms, until_ms) = (time(since_ms), time(until_ms));
        let connection = database::open_for_reading(path)?;
        // No id is empty, so that whatever arrived then comes after this.
        Ok(Self { connection, after: (since_ms, String::new()), since_ms, until_ms })
    }

    /// How many records there are at the moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&self) -> Result<u64, LedgerError> {
        let span = params![self.since_ms, self.until_ms];
        let count = self.connection.query_row(COUNT, span, |row| row.get::<_, i64>(0));
        count.map(i64::cast_unsigned).map_err(|source| LedgerError::Read { source })
    }

    /// The next records, each whole; none after the last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next_page(&mut self) -> Result<Vec<CallRecord>, LedgerError> {
        let page = self.select().map_err(|source| LedgerError::Read { source })?;
        if let Some(last) = page.last() {
            self.after = (last.started_ms.cast_signed(), last.id.clone());
        }
        Ok(page)
    }

    fn select(&mut self) -> rusqlite::Result<Vec<CallRecord>> {
        let snapshot = self.connection.transaction()?;
        let mut reader = Reader::new(&snapshot)?;
        let mut statement = snapshot.prepare_cached(SELECT_PAGE)?;
        let (started_ms, id) = &self.after;
        let bounds = params![started_ms, id, self.until_ms, PAGE];
        let rows = statement.query_map(bounds, |row| reader.read(row))?;
        rows.collect()
    }
}
