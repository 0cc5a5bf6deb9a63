//! How many requests were good and bad for objectives, minute by minute: added up in memory, and to
//! the database by the writer, with the records of the same moment.
//!
//! Counts add up, so that processes that share a file lose none of each other's, and each is added
//! once. They are not spilled: a process that dies loses what the database has not taken, and
//! [`recount_slo`] makes them whole from the requests themselves.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, TransactionBehavior, params};

use crate::{
    database::{self, PATIENCE},
    error::LedgerError,
};

/// The minutes of objectives that wait for the database at once. It takes a database that is stuck
/// for a day to come near with tens of objectives; counts of further minutes are then not written.
const MINUTES_MAX: usize = 65_536;

const ADD_SLO: &str =
    "INSERT INTO slos (feature, name, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
const ADD: &str = include_str!("sql/add_slo_counts.sql");
const SELECT: &str = "SELECT minute, good, bad FROM slo_counts
     WHERE slo = (SELECT slo FROM slos WHERE (feature, name, digest) = (?, ?, ?))
       AND minute >= ? AND minute < ? ORDER BY minute";
const REMOVE: &str = "DELETE FROM slo_counts
     WHERE slo = (SELECT slo FROM slos WHERE (feature, name, digest) = (?, ?, ?))
       AND minute >= ? AND minute < ?";

/// An objective of a feature, by its definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SloKey {
    /// The feature.
    pub feature: Arc<str>,
    /// The objective's name.
    pub name: Arc<str>,
    /// The digest of what it measures.
    pub digest: Arc<str>,
}

/// The counts of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SloMinute {
    /// In which the requests ended, minutes since the Unix epoch.
    pub minute: u64,
    /// Those that were good.
    pub good: u64,
    /// Those that were not.
    pub bad: u64,
}

/// Counts by objective and minute.
pub(crate) type Tally = BTreeMap<(Arc<SloKey>, u64), (u64, u64)>;

/// What was counted and is not in the database yet.
#[derive(Default)]
pub(crate) struct SloCounts(Mutex<Tally>);

impl SloCounts {
    pub(crate) fn add(&self, slo: &Arc<SloKey>, counted: SloMinute) {
        let SloMinute { minute, good, bad } = counted;
        let mut waiting = self.lock();
        let key = (Arc::clone(slo), minute);
        if waiting.len() < MINUTES_MAX || waiting.contains_key(&key) {
            let sum = waiting.entry(key).or_default();
            *sum = (sum.0.saturating_add(good), sum.1.saturating_add(bad));
        }
    }

    /// Whether anything waits.
    pub(crate) fn is_any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Takes everything out, to be written.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut *self.lock())
    }

    /// What could not be written waits again.
    pub(crate) fn put_back(&self, tally: Tally) {
        for ((slo, minute), (good, bad)) in tally {
            self.add(&slo, SloMinute { minute, good, bad });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds counts to their rows.
pub(crate) fn add(connection: &Connection, tally: &Tally) -> rusqlite::Result<()> {
    let mut named: Option<&SloKey> = None;
    for ((slo, minute), (good, bad)) in tally {
        if named != Some(&**slo) {
            name(connection, slo)?;
            named = Some(&**slo);
        }
        add_minute(connection, slo, SloMinute { minute: *minute, good: *good, bad: *bad })?;
    }
    Ok(())
}

fn name(connection: &Connection, slo: &SloKey) -> rusqlite::Result<()> {
    let SloKey { feature, name, digest } = slo;
    connection.prepare_cached(ADD_SLO)?.execute(params![feature, name, digest])?;
    Ok(())
}

fn add_minute(connection: &Connection, slo: &SloKey, one: SloMinute) -> rusqlite::Result<()> {
    let SloKey { feature, name, digest } = slo;
    let [minute, good, bad] = [one.minute, one.good, one.bad].map(u64::cast_signed);
    let mut statement = connection.prepare_cached(ADD)?;
    statement.execute(params![feature, name, digest, minute, good, bad])?;
    Ok(())
}

/// The counts of an objective in a span of minutes, in order, from the database at `path`. Minutes
/// in which nothing counted have none.
///
/// # Errors
/// When there is no ledger at `path`, its schema is of another version, or it cannot be read.
pub fn slo_minutes(
    path: &Path,
    slo: &SloKey,
    span: Range<u64>,
) -> Result<Vec<SloMinute>, LedgerError> {
    let failed = |source| LedgerError::Read { source };
    let connection = database::open_for_reading(path)?;
    let mut statement = connection.prepare(SELECT).map_err(failed)?;
    let SloKey { feature, name, digest } = slo;
    let (since, until) = (bound(span.start), bound(span.end));
    let rows = statement.query_map(params![feature, name, digest, since, until], |row| {
        let number = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
        Ok(SloMinute { minute: number(0)?, good: number(1)?, bad: number(2)? })
    });
    rows.map_err(failed)?.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// Puts these counts of an objective in the place of those that there are of a span of minutes.
/// What a gateway counts meanwhile is added to them.
///
/// # Errors
/// When there is no ledger at `path`, its schema is of another version, or it takes nothing.
pub fn recount_slo(
    path: &Path,
    slo: &SloKey,
    span: Range<u64>,
    counts: &[SloMinute],
) -> Result<(), LedgerError> {
    // Never makes a database where there is none.
    drop(database::open_for_reading(path)?);
    let mut connection = database::open(path, PATIENCE)?;
    let mut replace = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let SloKey { feature, name: slo_name, digest } = slo;
        let (since, until) = (bound(span.start), bound(span.end));
        transaction.execute(REMOVE, params![feature, slo_name, digest, since, until])?;
        name(&transaction, slo)?;
        for one in counts.iter().filter(|one| span.contains(&one.minute)) {
            add_minute(&transaction, slo, *one)?;
        }
        transaction.commit()
    };
    replace().map_err(|source| LedgerError::Write { source })
}

/// A minute that no clock reaches counts as the last one of SQLite's integers.
fn bound(minute: u64) -> i64 {
    i64::try_from(minute).unwrap_or(i64::MAX)
}
