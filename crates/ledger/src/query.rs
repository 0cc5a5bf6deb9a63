//! Reading records back.

use std::path::Path;

use rusqlite::{params_from_iter, types::Value};
use tieline_types::{CallRecord, Class, DecisionRecord, Outcome};

use crate::{
    database,
    error::LedgerError,
    rows::{self, Reader},
};

/// How many records a filter gives unless it says otherwise.
const USUAL_LIMIT: u32 = 100;

/// Which records to read. Every condition that is set must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The request with this id.
    pub id: Option<String>,
    /// Requests for this feature.
    pub feature: Option<String>,
    /// Requests of this caller: an API key's id, or `local`.
    pub caller: Option<String>,
    /// Requests that ended so.
    pub outcome: Option<Outcome>,
    /// Requests that this deployment answered or was tried for.
    pub deployment: Option<String>,
    /// Requests whose client, or any of whose attempts, saw a fault of this class.
    pub fault: Option<Class>,
    /// Requests that arrived at this time or later, milliseconds since the Unix epoch.
    pub since_ms: Option<u64>,
    /// Requests that arrived before this time, milliseconds since the Unix epoch.
    pub until_ms: Option<u64>,
    /// At most so many records, the newest.
    pub limit: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            id: None,
            feature: None,
            caller: None,
            outcome: None,
            deployment: None,
            fault: None,
            since_ms: None,
            until_ms: None,
            limit: USUAL_LIMIT,
        }
    }
}

impl Filter {
    /// Every condition in SQL, with its value where it is set.
    fn conditions(&self) -> [(&'static str, Option<Value>); 8] {
        // SQLite takes the index of rare outcomes only where it sees that the outcome is rare.
        let outcome = match self.outcome {
            Some(Outcome::Served) => "r.outcome = ?",
            _ => "r.outcome <> 'served' AND r.outcome = ?",
        };
        [
            ("r.id = ?", self.id.as_deref().map(text)),
            ("r.feature = ?", self.feature.as_deref().map(text)),
            ("r.caller = ?", self.caller.as_deref().map(text)),
            (outcome, self.outcome.map(|outcome| text(outcome.as_str()))),
            (
                "? IN (SELECT r.deployment UNION ALL
                       SELECT a.deployment FROM attempts a WHERE a.request = r.seq)",
                self.deployment.as_deref().map(text),
            ),
            (
                "? IN (SELECT r.fault UNION ALL
                       SELECT a.fault FROM attempts a WHERE a.request = r.seq)",
                self.fault.map(|class| text(class.as_str())),
            ),
            ("r.started_ms >= ?", self.since_ms.map(time)),
            ("r.started_ms < ?", self.until_ms.map(time)),
        ]
    }

    /// The whole statement and its values. Only set conditions appear, so that indexes are used.
    fn statement(&self) -> (String, Vec<Value>) {
        let mut sql = String::from("SELECT r.* FROM requests r WHERE TRUE");
        let mut values = Vec::new();
        for (condition, value) in self.conditions() {
            if let Some(value) = value {
                sql.push_str(" AND ");
                sql.push_str(condition);
                values.push(value);
            }
        }
        sql.push_str(" ORDER BY r.started_ms DESC, r.id DESC LIMIT ?");
        values.push(Value::Integer(self.limit.into()));
        (sql, values)
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A point in time; those that no clock reaches count as the last one of SQLite's integers.
fn time(ms: u64) -> Value {
    Value::Integer(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Reads the records that pass `filter` from the database at `path`, newest first, each whole.
///
/// A gateway may be writing meanwhile: all records come from one moment of the database. Records
/// that are queued or spilled are not seen until they are in the database.
///
/// # Errors
/// When there is no ledger at `path`, its schema is of another version, or it cannot be read.
pub fn query(path: &Path, filter: &Filter) -> Result<Vec<CallRecord>, LedgerError> {
    let mut connection = database::open_for_reading(path)?;
    select(&mut connection, filter).map_err(|source| LedgerError::Read { source })
}

/// Reads the decision with this id from the database at `path`; none where there is none.
///
/// # Errors
/// When there is no ledger at `path`, its schema is of another version, or it cannot be read.
pub fn decision(path: &Path, id: &str) -> Result<Option<DecisionRecord>, LedgerError> {
    let connection = database::open_for_reading(path)?;
    rows::decision(&connection, id).map_err(|source| LedgerError::Read { source })
}

fn select(
    connection: &mut rusqlite::Connection,
    filter: &Filter,
) -> rusqlite::Result<Vec<CallRecord>> {
    let snapshot = connection.transaction()?;
    let mut reader = Reader::new(&snapshot)?;
    let (sql, values) = filter.statement();
    let mut statement = snapshot.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| reader.read(row))?;
    rows.collect()
}
