//! What the clients got, counted by themselves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tieline_config::{Feature, TierMode};

use super::client::{Answer, Lost};

/// The longest latency that is told apart from longer ones, milliseconds.
const LATENCY_MS_MAX: usize = 30_000;
/// The most events that are kept; the outage brings a dozen.
const EVENTS_MAX: usize = 100;

/// A feature's tiers, best first.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    pub(crate) feature: String,
    pub(crate) tiers: Vec<Rung>,
}

/// One tier.
#[derive(Clone, Debug)]
pub(crate) struct Rung {
    pub(crate) name: String,
    pub(crate) acceptable: bool,
    /// The deployments it may call; none for a cache or a fixed reply.
    pub(crate) deployments: Vec<String>,
}

impl Ladder {
    /// The ladder of a configured feature.
    pub(crate) fn of(feature: &Feature) -> Self {
        let tiers = feature.tiers.iter().map(|tier| Rung {
            name: tier.name.clone(),
            acceptable: tier.acceptable,
            deployments: match &tier.mode {
                TierMode::Models { candidates, .. } => {
                    candidates.iter().map(|candidate| candidate.deployment.clone()).collect()
                }
                TierMode::Cache { .. }
                | TierMode::Queue(_)
                | TierMode::Reply { .. }
                | TierMode::Off => Vec::new(),
            },
        });
        Self { feature: feature.name.clone(), tiers: tiers.collect() }
    }

    fn accepts(&self, tier: &str) -> bool {
        self.tiers.iter().any(|rung| rung.name == tier && rung.acceptable)
    }
}

/// All counts and events.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) features: Vec<FeatureTally>,
    /// What happened, and when since the traffic began.
    pub(crate) events: Vec<(Duration, String)>,
}

/// The counts of one feature.
#[derive(Debug)]
pub(crate) struct FeatureTally {
    pub(crate) ladder: Ladder,
    pub(crate) requests: u64,
    pub(crate) served: u64,
    pub(crate) degraded: u64,
    pub(crate) lost: u64,
    /// Whole answers by who gave them: a deployment, or a tier that needs none.
    pub(crate) answered_by: BTreeMap<String, u64>,
    /// To the first content of streams.
    pub(crate) first_token: Histogram,
    /// To the last byte.
    pub(crate) total: Histogram,
}

/// The tally that clients, screen and summary share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Tally>>);

impl Tally {
    /// An empty tally of these features.
    pub(crate) fn shared(ladders: Vec<Ladder>) -> Shared {
        let features = ladders.into_iter().map(|ladder| FeatureTally {
            ladder,
            requests: 0,
            served: 0,
            degraded: 0,
            lost: 0,
            answered_by: BTreeMap::new(),
            first_token: Histogram::new(),
            total: Histogram::new(),
        });
        let tally = Self { features: features.collect(), events: Vec::new() };
        Shared(Arc::new(Mutex::new(tally)))
    }

    fn note(&mut self, at: Duration, event: String) {
        if self.events.len() < EVENTS_MAX {
            self.events.push((at, event));
        }
    }
}

impl Shared {
    /// The tally, held until the guard is dropped.
    pub(crate) fn read(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an event.
    pub(crate) fn note(&self, at: Duration, event: String) {
        self.read().note(at, event);
    }

    /// Counts what came of a request for `feature`.
    pub(crate) fn count(&self, at: Duration, feature: &str, result: Result<Answer, Lost>) {
        let mut tally = self.read();
        let known = tally.features.iter_mut().find(|known| known.ladder.feature == feature);
        let Some(known) = known else {
            return;
        };
        known.requests += 1;
        let event = match result {
            Ok(answer) => known.count(answer),
            Err(lost) => {
                known.lost += 1;
                Some(format!("{feature} lost a request: {lost}"))
            }
        };
        if let Some(event) = event {
            tally.note(at, event);
        }
    }
}

impl FeatureTally {
    /// Counts an answer; says so when it is the first one of whoever gave it.
    fn count(&mut self, answer: Answer) -> Option<String> {
        if self.ladder.accepts(&answer.tier) {
            self.served += 1;
        } else {
            self.degraded += 1;
        }
        if let Some(first) = answer.first_token {
            self.first_token.add(first);
        }
        self.total.add(answer.total);
        let by = answer.deployment.unwrap_or(answer.tier);
        let count = self.answered_by.entry(by.clone()).or_default();
        *count += 1;
        (*count == 1).then(|| format!("{} is answered by {by}", self.ladder.feature))
    }
}

/// Latencies, one counter a millisecond: exact, and of one size however long the run.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    fn new() -> Self {
        Self { counts: vec![0; LATENCY_MS_MAX + 1], total: 0 }
    }

    fn add(&mut self, latency: Duration) {
        let ms = usize::try_from(latency.as_millis()).unwrap_or(LATENCY_MS_MAX);
        if let Some(count) = self.counts.get_mut(ms.min(LATENCY_MS_MAX)) {
            *count = count.saturating_add(1);
            self.total += 1;
        }
    }

    /// The latency that `percent` of all do not exceed, milliseconds; none without any.
    pub(crate) fn percentile(&self, percent: u64) -> Option<usize> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_the_millisecond() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.percentile(50), None);
        for ms in 1..=100 {
            histogram.add(Duration::from_millis(ms));
        }
        for (percent, ms) in [(50, 50), (95, 95), (99, 99), (100, 100)] {
            assert_eq!(histogram.percentile(percent), Some(ms));
        }
        histogram.add(Duration::from_secs(3600));
        assert_eq!(histogram.percentile(100), Some(LATENCY_MS_MAX));
    }

    #[test]
    fn answers_count_by_tier_and_losses_apart() {
        let rung = |name: &str, acceptable| Rung {
            name: name.to_owned(),
            acceptable,
            deployments: Vec::new(),
        };
        let ladder = Ladder {
            feature: "f".to_owned(),
            tiers: vec![rung("best", true), rung("apology", false)],
        };
        let tally = Tally::shared(vec![ladder]);
        let answer = |tier: &str, deployment: Option<&str>| Answer {
            tier: tier.to_owned(),
            deployment: deployment.map(str::to_owned),
            first_token: None,
            total: Duration::from_millis(5),
        };
        for result in [
            Ok(answer("best", Some("m@p"))),
            Ok(answer("best", Some("m@p"))),
            Ok(answer("apology", None)),
            Err(Lost::Incomplete),
        ] {
            tally.count(Duration::ZERO, "f", result);
        }
        let tally = tally.read();
        let f = &tally.features[0];
        assert_eq!((f.requests, f.served, f.degraded, f.lost), (4, 2, 1, 1));
        let by: Vec<_> = f.answered_by.iter().map(|(by, n)| (by.as_str(), *n)).collect();
        assert_eq!(by, [("apology", 1), ("m@p", 2)]);
        assert_eq!(tally.events.len(), 3, "two first answers and a loss: {:?}", tally.events);
    }
}
