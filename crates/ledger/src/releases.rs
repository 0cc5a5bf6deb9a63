//! Releases, kept through the death of the process.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, Row, params};

use crate::{database, error::LedgerError, rows::unsigned};

/// How long a write waits for another connection's lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

const KEEP: &str = include_str!("sql/keep_release.sql");
const SELECT: &str = "SELECT * FROM releases ORDER BY started_ms, id";

/// A release as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    /// `rel_` and a UUIDv7.
    pub id: String,
    /// The feature.
    pub feature: String,
    /// The tier.
    pub tier: String,
    /// The deployment that wants to serve.
    pub candidate: String,
    /// Where it stands, by its stable name.
    pub stage: String,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// When its stage last changed, milliseconds since the Unix epoch.
    pub changed_ms: u64,
    /// What is proved of it, as JSON.
    pub progress: String,
}

/// Every release in the database at `path`, oldest first.
///
/// # Errors
/// As [`query`](crate::query).
pub fn releases(path: &Path) -> Result<Vec<ReleaseRow>, LedgerError> {
    let failed = |source| LedgerError::Read { source };
    let connection = database::open_for_reading(path)?;
    let mut statement = connection.prepare(SELECT).map_err(failed)?;
    let rows = statement.query_map([], row).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

fn row(row: &Row<'_>) -> rusqlite::Result<ReleaseRow> {
    Ok(ReleaseRow {
        id: row.get("id")?,
        feature: row.get("feature")?,
        tier: row.get("tier")?,
        candidate: row.get("candidate")?,
        stage: row.get("stage")?,
        started_ms: unsigned(row, "started_ms")?,
        changed_ms: unsigned(row, "changed_ms")?,
        progress: row.get("progress")?,
    })
}

/// Writes a release as it stands now; the rest of it never changes.
pub(crate) fn keep(path: &Path, release: &ReleaseRow) -> Result<(), LedgerError> {
    let connection: Connection = database::open(path, LOCK_PATIENCE)?;
    let ReleaseRow { id, feature, tier, candidate, stage, started_ms, changed_ms, progress } =
        release;
    let (started, changed) = (started_ms.cast_signed(), changed_ms.cast_signed());
    let values = params![id, feature, tier, candidate, stage, started, changed, progress];
    connection.execute(KEEP, values).map_err(|source| LedgerError::Write { source })?;
    Ok(())
}
