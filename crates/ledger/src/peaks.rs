//! What features asked for at their peaks, and how soon deployments answered.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Row, params};
use tieline_types::{EVAL_CALLER, OWN_CALLER, SHADOW_CALLER};

use crate::{database, error::LedgerError};

/// Minutes of a span in which requests are counted.
const SPAN_MINUTES: f64 = 5.0;
/// The share of spans, in hundredths, that ask for no more than a peak.
const PEAK_PERCENT: usize = 95;
/// Times are counted in steps of so long.
const STEP: Duration = Duration::from_millis(10);

/// What the callers of a feature asked for at its peak: no more in 95 of 100 spans of five minutes,
/// those without any request left out. Tieline's own requests are not counted.
#[derive(Clone, Debug, PartialEq)]
pub struct FeaturePeak {
    /// The feature.
    pub feature: String,
    /// Requests a minute.
    pub requests_per_minute: f64,
    /// Tokens of prompts a minute, cached ones included; none where none were counted.
    pub input_tokens_per_minute: Option<f64>,
    /// Tokens of answers a minute; none where none were counted.
    pub output_tokens_per_minute: Option<f64>,
    /// The share of the tokens of prompts that caches had, 0 to 1.
    pub cached: f64,
    /// How long a request took, as a mean.
    pub takes: Duration,
}

/// Finds the peaks of all features among the requests that arrived from `since_ms` on and before
/// `until_ms`, milliseconds since the Unix epoch.
///
/// # Errors
/// When there is no ledger at `path`, its schema is of another version, or it cannot be read.
pub fn peaks(path: &Path, since_ms: u64, until_ms: u64) -> Result<Vec<FeaturePeak>, LedgerError> {
    let connection = database::open_for_reading(path)?;
    let read = || {
        let mut statement = connection.prepare(include_str!("sql/select_peaks.sql"))?;
        let (since, until) = (time(since_ms), time(until_ms));
        let own = (OWN_CALLER, EVAL_CALLER, SHADOW_CALLER);
        let rows = statement.query_map(params![since, until, own.0, own.1, own.2], Span::read)?;
        rows.collect::<rusqlite::Result<Vec<(String, Span)>>>()
    };
    let mut spans: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for (feature, span) in read().map_err(|source| LedgerError::Read { source })? {
        spans.entry(feature).or_default().push(span);
    }
    Ok(spans.into_iter().map(|(feature, spans)| peak(feature, &spans)).collect())
}

/// Five minutes of a feature.
struct Span {
    requests: i64,
    input_tokens: Option<i64>,
    cached_tokens: Option<i64>,
    output_tokens: Option<i64>,
    duration_us: i64,
}

impl Span {
    fn read(row: &Row<'_>) -> rusqlite::Result<(String, Self)> {
        let span = Self {
            requests: row.get("requests")?,
            input_tokens: row.get("input_tokens")?,
            cached_tokens: row.get("cached_tokens")?,
            output_tokens: row.get("output_tokens")?,
            duration_us: row.get("duration_us")?,
        };
        Ok((row.get("feature")?, span))
    }
}

fn peak(feature: String, spans: &[Span]) -> FeaturePeak {
    let per_minute = |count: &dyn Fn(&Span) -> Option<i64>| {
        let mut counts: Vec<i64> = spans.iter().filter_map(count).collect();
        counts.sort_unstable();
        let at = (counts.len() * PEAK_PERCENT).div_ceil(100).saturating_sub(1);
        counts.get(at).map(|count| amount(*count) / SPAN_MINUTES)
    };
    let sum = |count: &dyn Fn(&Span) -> Option<i64>| {
        amount(spans.iter().filter_map(count).fold(0_i64, i64::saturating_add))
    };
    let cached = sum(&|span| span.cached_tokens) / sum(&|span| span.input_tokens).max(1.0);
    let takes_us = sum(&|span| Some(span.duration_us)) / sum(&|span| Some(span.requests)).max(1.0);
    FeaturePeak {
        feature,
        requests_per_minute: per_minute(&|span| Some(span.requests)).unwrap_or_default(),
        input_tokens_per_minute: per_minute(&|span| span.input_tokens),
        output_tokens_per_minute: per_minute(&|span| span.output_tokens),
        cached: cached.clamp(0.0, 1.0),
        takes: Duration::try_from_secs_f64(takes_us / 1e6).unwrap_or_default(),
    }
}

/// For each deployment, what 95 of 100 of its streams began within, to a hundredth of a second, of
/// requests that arrived from `since_ms` on and before `until_ms`.
///
/// # Errors
/// As [`peaks`].
pub fn first_contents(
    path: &Path,
    since_ms: u64,
    until_ms: u64,
) -> Result<BTreeMap<String, Duration>, LedgerError> {
    let connection = database::open_for_reading(path)?;
    let read = || {
        let mut statement = connection.prepare(include_str!("sql/select_first_contents.sql"))?;
        let rows = statement.query_map(params![time(since_ms), time(until_ms)], |row| {
            Ok((row.get("deployment")?, row.get("step")?, row.get("streams")?))
        })?;
        rows.collect::<rusqlite::Result<Vec<(String, u32, i64)>>>()
    };
    let mut steps: BTreeMap<String, Vec<(u32, i64)>> = BTreeMap::new();
    for (deployment, step, streams) in read().map_err(|source| LedgerError::Read { source })? {
        steps.entry(deployment).or_default().push((step, streams));
    }
    let within = |steps: Vec<(u32, i64)>| {
        let all: i64 = steps.iter().map(|(_, streams)| streams).sum();
        let mut sum = 0;
        let reached = steps.iter().find(|(_, streams)| {
            sum += streams;
            sum * 100 >= all * 95
        });
        reached.map(|(step, _)| STEP * (step + 1))
    };
    let all = steps.into_iter();
    Ok(all.filter_map(|(deployment, steps)| Some((deployment, within(steps)?))).collect())
}

fn time(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a forecast is no more exact")]
const fn amount(count: i64) -> f64 {
    count as f64
}
