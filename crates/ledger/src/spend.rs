//! What was spent in the windows of budgets: added up in memory, and to the database by the writer.
//!
//! Each amount is added to its row once: it is taken out of memory before the transaction and put
//! back where that fails. Amounts add up, so that processes that share a file lose none of each
//! other's. They are not spilled: a process that dies loses what the database has not taken.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OptionalExtension as _, params};
use tieline_types::UsdPico;

use crate::{database, error::LedgerError};

/// The windows whose amounts wait for the database at once. It takes a database that is stuck for
/// weeks to come near; amounts of further windows are then not written.
const WINDOWS_MAX: usize = 65_536;

/// Picodollars in a dollar.
const DOLLAR: i128 = 1_000_000_000_000;

const ADD: &str = include_str!("sql/add_spend.sql");

/// One of the windows of a budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpendWindow {
    /// `feature`, `team` or `caller`.
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
    /// How long a window is: `hour`, `day`, `week` or `month`.
    pub per: &'static str,
    /// When it began, milliseconds since the Unix epoch.
    pub start_ms: u64,
}

/// Amounts by window.
pub(crate) type Amounts = BTreeMap<SpendWindow, UsdPico>;

/// What was spent and is not in the database yet.
#[derive(Default)]
pub(crate) struct Spend(Mutex<Amounts>);

impl Spend {
    pub(crate) fn add(&self, window: SpendWindow, usd: UsdPico) {
        let mut waiting = self.lock();
        if waiting.len() < WINDOWS_MAX || waiting.contains_key(&window) {
            let amount = waiting.entry(window).or_default();
            *amount = amount.plus(usd);
        }
    }

    /// Whether anything waits.
    pub(crate) fn is_any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Takes everything out, to be written.
    pub(crate) fn take(&self) -> Amounts {
        std::mem::take(&mut *self.lock())
    }

    /// What could not be written waits again.
    pub(crate) fn put_back(&self, amounts: Amounts) {
        for (window, usd) in amounts {
            self.add(window, usd);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Amounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds amounts to their rows.
pub(crate) fn add(connection: &Connection, amounts: &Amounts) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(ADD)?;
    for (window, usd) in amounts {
        let SpendWindow { kind, name, per, start_ms } = window;
        let whole = i64::try_from(usd.pico().div_euclid(DOLLAR)).unwrap_or(i64::MAX);
        let part = i64::try_from(usd.pico().rem_euclid(DOLLAR)).unwrap_or_default();
        statement.execute(params![kind, &**name, per, start_ms.cast_signed(), whole, part])?;
    }
    Ok(())
}

/// What the database has of each window.
pub(crate) fn spent(path: &Path, windows: &[SpendWindow]) -> Result<Vec<UsdPico>, LedgerError> {
    let failed = |source| LedgerError::Read { source };
    let connection = database::open_for_reading(path)?;
    let mut statement = connection
        .prepare("SELECT usd, pico FROM spend WHERE (kind, name, per, window_ms) = (?, ?, ?, ?)")
        .map_err(failed)?;
    let mut amount = |window: &SpendWindow| {
        let SpendWindow { kind, name, per, start_ms } = window;
        let key = params![kind, &**name, per, start_ms.cast_signed()];
        let found = statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (whole, part): (i64, i64) = found.unwrap_or_default();
        Ok(UsdPico::new(i128::from(whole) * DOLLAR + i128::from(part)))
    };
    windows.iter().map(|window| amount(window).map_err(failed)).collect()
}
