//! What came of the demonstration.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    Outage, PATIENT,
    stage::Books,
    tally::{FeatureTally, Histogram, Tally},
};
use crate::{
    failure::Failure,
    print::{self, or_dash},
};

/// The numbers at the end, as the clients counted them, beside the ledger's.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    seconds: f64,
    features: BTreeMap<String, FeatureSummary>,
    requests: u64,
    served: u64,
    degraded: u64,
    lost: u64,
    outage: OutageSummary,
    ledger: LedgerSummary,
}

/// One feature's numbers.
#[derive(Clone, Debug, Serialize)]
struct FeatureSummary {
    requests: u64,
    served: u64,
    degraded: u64,
    lost: u64,
    first_token_ms: Percentiles,
    total_ms: Percentiles,
    /// Answers by deployment, or by tier where none was needed.
    deployments: BTreeMap<String, u64>,
}

/// Two percentiles, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Percentiles {
    p50: Option<usize>,
    p95: Option<usize>,
}

/// When the outage was, seconds since the traffic began; none where the run ended before.
#[derive(Clone, Copy, Debug, Serialize)]
struct OutageSummary {
    provider: &'static str,
    from_s: Option<f64>,
    to_s: Option<f64>,
}

/// What the ledger counted, and whether that is what the clients counted.
#[derive(Clone, Copy, Debug, Serialize)]
struct LedgerSummary {
    requests: u64,
    served: u64,
    degraded: u64,
    agrees: bool,
}

impl Summary {
    /// Adds everything up.
    pub(crate) fn new(lasted: Duration, outage: Outage, tally: &Tally, books: Books) -> Self {
        let sum = |count: fn(&FeatureTally) -> u64| tally.features.iter().map(count).sum();
        let clients = Books {
            requests: sum(|feature| feature.requests),
            served: sum(|feature| feature.served),
            degraded: sum(|feature| feature.degraded),
        };
        let features = tally.features.iter();
        Self {
            seconds: tenths(lasted),
            features: features
                .map(|feature| (feature.ladder.feature.clone(), FeatureSummary::of(feature)))
                .collect(),
            requests: clients.requests,
            served: clients.served,
            degraded: clients.degraded,
            lost: sum(|feature| feature.lost),
            outage: OutageSummary {
                provider: PATIENT,
                from_s: outage.from.map(tenths),
                to_s: outage.to.map(tenths),
            },
            ledger: LedgerSummary {
                requests: books.requests,
                served: books.served,
                degraded: books.degraded,
                agrees: books == clients,
            },
        }
    }

    /// The summary for people.
    pub(crate) fn table(&self) -> String {
        let rows = self.features.iter().map(|(name, feature)| {
            vec![
                name.clone(),
                feature.requests.to_string(),
                feature.served.to_string(),
                feature.degraded.to_string(),
                feature.lost.to_string(),
                feature.first_token_ms.text(),
                feature.total_ms.text(),
            ]
        });
        let header =
            ["FEATURE", "REQUESTS", "SERVED", "DEGRADED", "LOST", "FIRST p50/p95", "TOTAL p50/p95"];
        let answers = self.features.iter().flat_map(|(name, feature)| {
            feature
                .deployments
                .iter()
                .map(|(by, count)| vec![name.clone(), by.clone(), count.to_string()])
        });
        format!(
            "{}\n\n{}\n\n{}",
            print::table(&header, rows),
            print::table(&["FEATURE", "ANSWERED BY", "ANSWERS"], answers),
            self.sentence(),
        )
    }

    fn sentence(&self) -> String {
        let outage = match (self.outage.from_s, self.outage.to_s) {
            (Some(from), Some(to)) => {
                format!("{PATIENT} was out from {from} s to {to} s; ")
            }
            (Some(from), None) => format!("{PATIENT} was out from {from} s; "),
            _ => String::new(),
        };
        let ledger = if self.ledger.agrees { "agrees" } else { "does not agree" };
        format!(
            "{outage}{} requests in {} s, {} lost; the ledger {ledger}",
            self.requests, self.seconds, self.lost
        )
    }

    /// Whether the demonstration kept its promise.
    ///
    /// # Errors
    /// When a request was lost, or the ledger counted otherwise than the clients.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.lost > 0 {
            return Err(Failure::Check(format!("{} requests were lost", self.lost)));
        }
        if !self.ledger.agrees {
            let LedgerSummary { requests, served, degraded, .. } = self.ledger;
            return Err(Failure::Check(format!(
                "the clients counted {}/{}/{} requests/served/degraded and the ledger \
                 {requests}/{served}/{degraded}",
                self.requests, self.served, self.degraded
            )));
        }
        Ok(())
    }
}

impl FeatureSummary {
    fn of(feature: &FeatureTally) -> Self {
        Self {
            requests: feature.requests,
            served: feature.served,
            degraded: feature.degraded,
            lost: feature.lost,
            first_token_ms: Percentiles::of(&feature.first_token),
            total_ms: Percentiles::of(&feature.total),
            deployments: feature.answered_by.clone(),
        }
    }
}

impl Percentiles {
    fn of(histogram: &Histogram) -> Self {
        Self { p50: histogram.percentile(50), p95: histogram.percentile(95) }
    }

    fn text(self) -> String {
        format!("{}/{} ms", or_dash(self.p50), or_dash(self.p95))
    }
}

/// Seconds to one decimal.
fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}
