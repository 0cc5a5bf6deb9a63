//! Changes to a running gateway, as rows and back.

use std::path::Path;

use rusqlite::{Connection, Row, ToSql, params};
use tieline_types::{AuditRecord, Change};

use crate::{
    database,
    error::LedgerError,
    rows::{name, unsigned},
};

const INSERT: &str = include_str!("sql/insert_audit.sql");
const SELECT: &str = "SELECT * FROM audit WHERE at_ms >= ? ORDER BY at_ms DESC, seq DESC LIMIT ?";
const LAST: &str = include_str!("sql/last_changes.sql");

/// How many changes a filter gives unless it says otherwise.
const USUAL_LIMIT: u32 = 100;

/// Which changes to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// Changes at this time or later, milliseconds since the Unix epoch.
    pub since_ms: Option<u64>,
    /// At most so many, the newest.
    pub limit: u32,
}

impl Default for AuditFilter {
    fn default() -> Self {
        Self { since_ms: None, limit: USUAL_LIMIT }
    }
}

/// Reads the changes that pass `filter` from the database at `path`, newest first.
///
/// # Errors
/// As [`query`](crate::query).
pub fn audit(path: &Path, filter: &AuditFilter) -> Result<Vec<AuditRecord>, LedgerError> {
    let since_ms = filter.since_ms.map_or(i64::MIN, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
    read_all(path, SELECT, &[&since_ms, &filter.limit])
}

/// The newest applied change of each subject, of those `actions` alone, from the database at
/// `path`.
///
/// # Errors
/// As [`query`](crate::query).
pub(crate) fn last_changes(
    path: &Path,
    actions: &[Change],
) -> Result<Vec<AuditRecord>, LedgerError> {
    let names: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
    read_all(path, LAST, &[&serde_json::json!(names).to_string()])
}

fn read_all(
    path: &Path,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<AuditRecord>, LedgerError> {
    let connection = database::open_for_reading(path)?;
    let select = || -> rusqlite::Result<Vec<AuditRecord>> {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map(values, read)?;
        rows.collect()
    };
    select().map_err(|source| LedgerError::Read { source })
}

/// Inserts a change; false when its id is there already.
pub(crate) fn insert(connection: &Connection, record: &AuditRecord) -> rusqlite::Result<bool> {
    let AuditRecord { id, at_ms, actor, claimed, action, subject, before, after, result, reason } =
        record;
    let (action, result) = (action.as_str(), result.as_str());
    let at_ms = at_ms.cast_signed();
    let inserted = connection.prepare_cached(INSERT)?.execute(params![
        id, at_ms, actor, claimed, action, subject, before, after, result, reason
    ])?;
    Ok(inserted > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    Ok(AuditRecord {
        id: row.get("id")?,
        at_ms: unsigned(row, "at_ms")?,
        actor: row.get("actor")?,
        claimed: row.get("claimed")?,
        action: name(row, "action")?,
        subject: row.get("subject")?,
        before: row.get("before")?,
        after: row.get("after")?,
        result: name(row, "result")?,
        reason: row.get("reason")?,
    })
}
