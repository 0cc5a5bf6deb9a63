//! Upstream calls read again for their price, and what they cost written anew.

use std::path::Path;

use rusqlite::{Connection, Row, TransactionBehavior, params};
use tieline_types::{AuditRecord, Cost, ServiceTier, Usage};

use crate::{
    audit, database,
    database::PATIENCE,
    error::LedgerError,
    rows::{maybe_name, pico, read_cost, read_usage, unsigned},
};

const SELECT: &str = include_str!("sql/select_calls.sql");
const REPRICE: &str = include_str!("sql/reprice_attempt.sql");

/// How many requests one batch reads.
const REQUESTS: u32 = 1_000;

/// Which upstream call of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    request: i64,
    number: i64,
}

/// An upstream call that used or cost something, as far as its price asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct PricedCall {
    /// Which one it is.
    pub id: CallId,
    /// When its request arrived, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// The feature that was asked for.
    pub feature: String,
    /// The feature's tier that made the call.
    pub tier: String,
    /// The deployment that was called.
    pub deployment: String,
    /// Who asked.
    pub caller: String,
    /// The service tier that the provider served, where that was not the standard one.
    pub service_tier: Option<ServiceTier>,
    /// What it used; none where nobody counted.
    pub usage: Option<Usage>,
    /// What it cost, as recorded; none where its record is older than recorded costs.
    pub cost: Option<Cost>,
}

/// The upstream calls of a span of time, in batches.
pub struct Calls {
    connection: Connection,
    /// The arrival and id of the last request that was read.
    after: (i64, String),
    until: i64,
}

impl Calls {
    /// Those of requests that arrived from `since_ms` on and before `until_ms`, milliseconds since
    /// the Unix epoch, in the order of their arrival.
    ///
    /// # Errors
    /// When there is no ledger at `path` or its schema is of another version.
    pub fn open(path: &Path, since_ms: u64, until_ms: u64) -> Result<Self, LedgerError> {
        let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let connection = database::open_for_reading(path)?;
        // No id is empty, so that the first request of the span comes behind this.
        Ok(Self { connection, after: (time(since_ms), String::new()), until: time(until_ms) })
    }

    /// The next calls, which may be none; no batch where there are no more requests.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn next_batch(&mut self) -> Result<Option<Vec<PricedCall>>, LedgerError> {
        let (batch, last) = self.select().map_err(|source| LedgerError::Read { source })?;
        Ok(last.map(|last| {
            self.after = last;
            batch
        }))
    }

    #[expect(clippy::type_complexity, reason = "a batch, and where it ends")]
    fn select(&self) -> rusqlite::Result<(Vec<PricedCall>, Option<(i64, String)>)> {
        let mut statement = self.connection.prepare_cached(SELECT)?;
        let (started_ms, id) = &self.after;
        let mut rows = statement.query(params![started_ms, id, self.until, REQUESTS])?;
        let (mut batch, mut last) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            last = Some((row.get("started_ms")?, row.get("request_id")?));
            if row.get::<_, Option<i64>>("number")?.is_some() {
                batch.extend(read_call(row)?);
            }
        }
        Ok((batch, last))
    }
}

/// A call; none where it used and cost nothing.
fn read_call(row: &Row<'_>) -> rusqlite::Result<Option<PricedCall>> {
    let (usage, cost) = (read_usage(row)?, read_cost(row)?);
    if usage.is_none() && cost.is_none() {
        return Ok(None);
    }
    Ok(Some(PricedCall {
        id: CallId { request: row.get("request")?, number: row.get("number")? },
        started_ms: unsigned(row, "started_ms")?,
        feature: row.get("feature")?,
        tier: row.get("tier")?,
        deployment: row.get("deployment")?,
        caller: row.get("caller")?,
        service_tier: maybe_name(row, "service_tier")?,
        usage,
        cost,
    }))
}

/// Writes what calls cost by other prices; a gateway may be recording meanwhile.
pub struct Repricing {
    connection: Connection,
}

impl Repricing {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { connection: database::open(path, PATIENCE)? })
    }

    /// Writes costs as of `at_ms`, milliseconds since the Unix epoch, with a change that goes on
    /// record: all of it or nothing. What was recorded first is kept.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn write(
        &mut self,
        costs: &[(CallId, Cost)],
        at_ms: u64,
        change: Option<&AuditRecord>,
    ) -> Result<(), LedgerError> {
        let mut write = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behavior)?;
            if let Some(change) = change {
                audit::insert(&transaction, change)?;
            }
            let mut reprice = transaction.prepare_cached(REPRICE)?;
            for (id, cost) in costs {
                let (usd, state) = (pico(cost.usd), cost.state.as_str());
                reprice.execute(params![at_ms.cast_signed(), usd, state, id.request, id.number])?;
            }
            drop(reprice);
            transaction.commit()
        };
        write().map_err(|source| LedgerError::Write { source })
    }
}
