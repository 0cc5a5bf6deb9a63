//! What calls cost, added up.

use std::path::Path;

use rusqlite::{Row, params};
use tieline_types::UsdPico;

use crate::{database, error::LedgerError};

/// What costs are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostBy {
    /// The feature that was asked for.
    Feature,
    /// The feature's tier that made the call, as `feature/tier`.
    Tier,
    /// The deployment that was called.
    Deployment,
    /// Who asked.
    Caller,
    /// The day on which the request arrived, in UTC.
    Day,
}

impl CostBy {
    const fn expression(self) -> &'static str {
        match self {
            Self::Feature => "r.feature",
            Self::Tier => "r.feature || '/' || a.tier",
            Self::Deployment => "a.deployment",
            Self::Caller => "r.caller",
            Self::Day => "date(r.started_ms / 1000, 'unixepoch')",
        }
    }
}

/// The upstream calls of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostSum {
    /// What they have in common.
    pub name: String,
    /// Requests that made them.
    pub requests: u64,
    /// How many there are.
    pub attempts: u64,
    /// Tokens of prompts, cached ones included.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// What they cost together, as far as that is known.
    pub usd: UsdPico,
    /// How many of them have a price for only a part of what they used.
    pub partial: u64,
    /// How many of them used something and have no price.
    pub unpriced: u64,
    /// How many of them were not counted by the provider, but by Tieline.
    pub estimated: u64,
}

/// Sums are taken apart, since SQLite's do not go beyond nine million dollars in picodollars.
const PART: i128 = 1_000_000;

/// Adds up what the calls of requests cost that arrived from `since_ms` on and before `until_ms`,
/// milliseconds since the Unix epoch; the dearest group first, days in their order.
///
/// # Errors
/// When there is no ledger at `path`, its schema is of another version, or it cannot be read.
pub fn costs(
    path: &Path,
    by: CostBy,
    since_ms: u64,
    until_ms: u64,
) -> Result<Vec<CostSum>, LedgerError> {
    let connection = database::open_for_reading(path)?;
    let time = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let read = || {
        let sql = include_str!("sql/select_costs.sql").replace("{by}", by.expression());
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![time(since_ms), time(until_ms)], read_sum)?;
        rows.collect::<rusqlite::Result<Vec<CostSum>>>()
    };
    let mut sums = read().map_err(|source| LedgerError::Read { source })?;
    match by {
        CostBy::Day => sums.sort_by(|one, other| one.name.cmp(&other.name)),
        _ => sums.sort_by(|one, other| other.usd.cmp(&one.usd).then(one.name.cmp(&other.name))),
    }
    Ok(sums)
}

fn read_sum(row: &Row<'_>) -> rusqlite::Result<CostSum> {
    let count = |name: &str| row.get::<_, i64>(name).map(i64::cast_unsigned);
    let pico = |name: &str| row.get::<_, i64>(name).map(i128::from);
    Ok(CostSum {
        name: row.get("name")?,
        requests: count("requests")?,
        attempts: count("attempts")?,
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        usd: UsdPico::new(pico("millionths")? * PART + pico("rest")?),
        partial: count("partial")?,
        unpriced: count("unpriced")?,
        estimated: count("estimated")?,
    })
}
