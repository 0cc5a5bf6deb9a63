//! What the clients count, and what it comes to.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::features::FEATURES;
use crate::bench::{
    account::Memory,
    measurement::{megabytes, percentile},
};

/// Upstream calls for one request that a client sent, at most.
const AMPLIFICATION_MAX: f64 = 1.2;
/// What memory may grow by from the first to the last fifth of the time after the warm-up.
const GROWTH_RATIO_MAX: f64 = 0.10;
const GROWTH_MB_MAX: f64 = 4.0;
/// The share of the run that is warm-up.
const WARM_UP: f64 = 0.2;
/// Reasons that are kept.
const REASONS_MAX: usize = 10;

/// What is counted of one feature.
#[derive(Debug, Default)]
struct Count {
    requests: u64,
    sent: u64,
    failed: u64,
    broken: u64,
    latencies_ms: Vec<f64>,
}

/// What the clients count together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<&'static str, Count>,
    reasons: Vec<String>,
    /// Seconds since the start, and megabytes of resident memory.
    memory: Vec<(f64, f64)>,
}

/// How a request ended for the application.
pub(super) enum End {
    Good,
    /// No answer, after all repeats.
    Failed(String),
    /// A stream broke after its first content.
    Broken(String),
}

impl Tally {
    /// A request was sent, for the first time or again.
    pub(super) fn sent(&mut self, feature: &'static str) {
        self.counts.entry(feature).or_default().sent += 1;
    }

    /// A request ended, `took` after it was first sent.
    pub(super) fn ended(&mut self, feature: &'static str, took: Duration, end: End) {
        let count = self.counts.entry(feature).or_default();
        count.requests += 1;
        count.latencies_ms.push(took.as_secs_f64() * 1000.0);
        let reason = match end {
            End::Good => return,
            End::Failed(reason) => {
                count.failed += 1;
                reason
            }
            End::Broken(reason) => {
                count.broken += 1;
                reason
            }
        };
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(format!("{feature}: {reason}"));
        }
    }

    pub(super) fn weighed(&mut self, at_s: f64, memory: Memory) {
        self.memory.push((at_s, megabytes(memory.rss_kb)));
    }

    /// What it all comes to, with the upstream calls that the gateway made.
    pub(super) fn results(mut self, seconds: f64, upstream_calls: u64) -> Results {
        let rows = self.counts.iter_mut().map(|(feature, count)| Row {
            feature,
            critical: FEATURES.iter().any(|one| one.name == *feature && one.is_critical()),
            requests: count.requests,
            retries: count.sent.saturating_sub(count.requests),
            failed: count.failed,
            broken: count.broken,
            p50_ms: percentile(&mut count.latencies_ms, 50),
            p99_ms: percentile(&mut count.latencies_ms, 99),
        });
        let features: Vec<Row> = rows.collect();
        let sent: u64 = self.counts.values().map(|count| count.sent).sum();
        let critical = || features.iter().filter(|row| row.critical);
        let failed_critical = critical().map(|row| row.failed + row.broken).sum();
        let amplification = upstream_calls as f64 / sent.max(1) as f64;
        let memory = Growth::of(&self.memory);
        Results {
            seconds,
            sent,
            upstream_calls,
            amplification,
            failed_critical,
            bars: [
                Bar { what: "failed requests of critical features", cleared: failed_critical == 0 },
                Bar {
                    what: "upstream calls a request sent",
                    cleared: amplification <= AMPLIFICATION_MAX,
                },
                Bar { what: "memory is flat", cleared: memory.is_flat() },
            ],
            features,
            memory,
            reasons: self.reasons,
        }
    }
}

/// A run, whole.
#[derive(Debug, Serialize)]
pub(super) struct Results {
    pub(super) seconds: f64,
    pub(super) features: Vec<Row>,
    /// Requests that clients sent, their repeats included.
    pub(super) sent: u64,
    /// What the gateway called for them.
    pub(super) upstream_calls: u64,
    /// Calls for each of them.
    pub(super) amplification: f64,
    pub(super) failed_critical: u64,
    pub(super) memory: Growth,
    pub(super) bars: [Bar; 3],
    /// Why some requests failed or broke.
    pub(super) reasons: Vec<String>,
}

/// One feature.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) feature: &'static str,
    pub(super) critical: bool,
    /// What the application asked for.
    pub(super) requests: u64,
    /// What its SDK sent besides.
    pub(super) retries: u64,
    pub(super) failed: u64,
    pub(super) broken: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// What must hold.
#[derive(Debug, Serialize)]
pub(super) struct Bar {
    pub(super) what: &'static str,
    pub(super) cleared: bool,
}

/// Resident memory after the warm-up, in megabytes.
#[derive(Debug, Default, Serialize)]
pub(super) struct Growth {
    /// The mean of the first fifth and of the last.
    pub(super) begin_mb: f64,
    pub(super) end_mb: f64,
    pub(super) peak_mb: f64,
    /// The slope of the line of least squares.
    pub(super) mb_a_minute: f64,
}

impl Growth {
    fn of(all: &[(f64, f64)]) -> Self {
        let end_s = all.last().map_or(0.0, |(at, _)| *at);
        let warm: Vec<(f64, f64)> =
            all.iter().copied().filter(|(at, _)| *at >= end_s * WARM_UP).collect();
        let fifth = (warm.len() / 5).max(1);
        let mean = |part: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
            part.iter().map(of).sum::<f64>() / part.len().max(1) as f64
        };
        let last = warm.get(warm.len().saturating_sub(fifth)..).unwrap_or_default();
        let (mid_s, mid_mb) = (mean(&warm, |one| one.0), mean(&warm, |one| one.1));
        let rise: f64 = warm.iter().map(|(at, mb)| (at - mid_s) * (mb - mid_mb)).sum();
        let run: f64 = warm.iter().map(|(at, _)| (at - mid_s).powi(2)).sum();
        Self {
            begin_mb: mean(warm.get(..fifth).unwrap_or_default(), |one| one.1),
            end_mb: mean(last, |one| one.1),
            peak_mb: warm.iter().map(|one| one.1).fold(0.0, f64::max),
            mb_a_minute: if run > 0.0 { rise / run * 60.0 } else { 0.0 },
        }
    }

    fn is_flat(&self) -> bool {
        self.end_mb <= self.begin_mb * (1.0 + GROWTH_RATIO_MAX) + GROWTH_MB_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_after_the_warm_up() {
        let line = |mb: fn(f64) -> f64| -> Vec<(f64, f64)> {
            (0..=100).map(|at| (f64::from(at), mb(f64::from(at)))).collect()
        };
        let flat = Growth::of(&line(|at| if at < 20.0 { at } else { 30.0 }));
        assert_eq!((flat.begin_mb, flat.end_mb, flat.mb_a_minute), (30.0, 30.0, 0.0));
        assert!(flat.is_flat());
        let rising = Growth::of(&line(|at| 30.0 + at / 5.0));
        assert!((rising.mb_a_minute - 12.0).abs() < 1e-9 && !rising.is_flat(), "{rising:?}");
    }

    #[test]
    fn bars_are_of_critical_features_and_of_all_that_was_sent() {
        let mut tally = Tally::default();
        for feature in ["support", "batch"] {
            for _ in 0..10 {
                tally.sent(feature);
            }
        }
        tally.ended("batch", Duration::from_secs(1), End::Failed("no".to_owned()));
        tally.ended("support", Duration::from_secs(1), End::Good);
        let good = tally.results(1.0, 24);
        assert_eq!((good.failed_critical, good.amplification), (0, 1.2));
        assert!(good.bars.iter().all(|bar| bar.cleared), "{:?}", good.bars);
        let mut tally = Tally::default();
        tally.ended("support", Duration::from_secs(1), End::Broken("cut".to_owned()));
        assert!(!tally.results(1.0, 0).bars[0].cleared);
    }
}
