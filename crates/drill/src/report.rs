//! What a drill has shown.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use tieline_slo::Indicator;

use crate::{
    measure::Measured,
    scenario::{Expectation, Window},
    timeline::Timeline,
};

/// Whether a drill showed what it was to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every expectation holds.
    Pass,
    /// One does not.
    Fail,
}

/// A drill that was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its name.
    pub drill: String,
    /// What it was to show.
    pub hypothesis: String,
    /// What it mirrors and whatever else is said of it.
    pub labels: Vec<(String, String)>,
    /// How it was run.
    pub mode: String,
    /// The seed.
    pub seed: u64,
    /// The wall time at its start.
    pub starts: jiff::Timestamp,
    /// How long it took, in its own time, seconds.
    pub length_s: u64,
    /// Whether every expectation holds.
    pub verdict: Verdict,
    /// The expectations, in the order of the file.
    pub checks: Vec<Checked>,
    /// What features got, in the order of the workload.
    pub figures: Vec<Figures>,
    /// Upstream calls for each request; none where nobody asked.
    pub amplification: Option<f64>,
    /// SHA-256 of the event log: the same for the same drill, seed and version.
    pub log_sha256: String,
    /// Requests over time.
    pub timeline: Timeline,
}

/// An expectation and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// What was expected, in words.
    pub expected: String,
    /// What was found, in words.
    pub observed: String,
    /// The value that was found; times in seconds, shares as they are.
    pub value: Option<f64>,
    /// Whether it holds.
    pub passed: bool,
    /// Its line in the file.
    pub line: usize,
}

/// What a feature got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The feature.
    pub feature: String,
    /// Requests of clients.
    pub requests: u64,
    /// Those that acceptable tiers answered.
    pub served: u64,
    /// Those that other tiers answered.
    pub degraded: u64,
    /// Those that failed or broke.
    pub failed: u64,
    /// The share that was served.
    pub availability: Option<f64>,
    /// The share of answers that came from the best tier.
    pub tier0_share: Option<f64>,
    /// How often one of its tiers dropped.
    pub drops: u64,
}

impl Report {
    pub(crate) fn of(measured: &Measured<'_>) -> Self {
        let scenario = measured.scenario;
        let checks: Vec<Checked> = scenario
            .expect
            .iter()
            .map(|one| {
                let found = measured.check(&one.what);
                Checked {
                    expected: one.what.to_string(),
                    observed: found.told,
                    value: found.value,
                    passed: found.passed,
                    line: one.line,
                }
            })
            .collect();
        let failed = checks.iter().any(|check| !check.passed);
        let all = Window { name: "all".to_owned(), begin: Duration::ZERO, end: scenario.length() };
        Self {
            drill: scenario.name.clone(),
            hypothesis: scenario.hypothesis.clone(),
            labels: scenario.labels.clone(),
            mode: scenario.mode.as_str().to_owned(),
            seed: scenario.seed,
            starts: scenario.starts,
            length_s: scenario.length().as_secs(),
            verdict: if failed { Verdict::Fail } else { Verdict::Pass },
            checks,
            figures: features(measured).map(|feature| figures(measured, feature, &all)).collect(),
            amplification: measured.amplification(&all),
            log_sha256: measured.pages.log.sha256(),
            timeline: Timeline::of(measured),
        }
    }
}

/// The features of the workload, each once.
fn features<'a>(measured: &Measured<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let workload = &measured.scenario.workload;
    let first =
        |at: usize, feature: &str| !workload.iter().take(at).any(|one| one.feature == feature);
    let named = workload.iter().enumerate().map(|(at, one)| (at, one.feature.as_str()));
    named.filter(move |(at, feature)| first(*at, feature)).map(|(_, feature)| feature)
}

fn figures(measured: &Measured<'_>, feature: &str, all: &Window) -> Figures {
    use tieline_types::Outcome;
    let of = |wanted: &[Outcome]| -> u64 {
        let own = measured.requests(all).filter(|one| *one.call.feature == *feature);
        own.filter(|one| wanted.contains(&one.call.outcome)).map(|_| 1).sum()
    };
    let every = [
        Outcome::Served,
        Outcome::Degraded,
        Outcome::Refused,
        Outcome::Failed,
        Outcome::Broken,
        Outcome::Cancelled,
    ];
    let served = Indicator::Availability { max_tier: None };
    let drops = measured.pages.tiers.iter().filter(|one| one.feature == feature && one.dropped);
    Figures {
        feature: feature.to_owned(),
        requests: of(&every),
        served: of(&[Outcome::Served]),
        degraded: of(&[Outcome::Degraded]),
        failed: of(&[Outcome::Failed, Outcome::Broken, Outcome::Refused]),
        availability: measured.tally(feature, &served, all).ratio(),
        tier0_share: measured.tally(feature, &Indicator::BestTier, all).ratio(),
        drops: drops.map(|_| 1).sum(),
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = |feature: &Option<String>| {
            feature.as_ref().map_or(String::new(), |feature| format!("{feature}: "))
        };
        match self {
            Self::Ratio { feature, indicator, ratio, during } => {
                write!(f, "{feature}: {} {ratio} during {}", indicator.as_str(), during.name)
            }
            Self::BudgetSpent { feature, indicator, objective, period, spent, during } => write!(
                f,
                "{feature}: spent of the budget of {} % {} over {} days {spent} during {}",
                100.0 * objective,
                indicator.as_str(),
                period.as_secs() / 86_400,
                during.name
            ),
            Self::TimeToMitigate { feature, within, .. } => {
                write!(f, "{feature}: served again {within} after the first fault")
            }
            Self::TimeToRestore { feature, within, .. } => {
                write!(f, "{feature}: best tier back {within} after the last fault")
            }
            Self::Amplification(bound, during) => {
                write!(f, "upstream calls a request {bound} during {}", during.name)
            }
            Self::ProbeRate(select, bound, during) => {
                write!(f, "probes of {select} {bound} during {}", during.name)
            }
            Self::Attempts(select, bound, during) => {
                write!(f, "upstream calls of {select} {bound} during {}", during.name)
            }
            Self::Opens(select, bound, during) => {
                write!(f, "breakers of {select} opened {bound} times during {}", during.name)
            }
            Self::OpensWithin(select, bound) => {
                write!(f, "a breaker of {select} opened {bound} after the first fault")
            }
            Self::ReusedWithin(select, bound) => {
                write!(f, "{select} in use {bound} after its own recovery")
            }
            Self::StormWithin(select, bound) => {
                write!(f, "a storm of refusals by {select} known {bound} after it began")
            }
            Self::Drops(feature, bound, during) => {
                write!(f, "{feature}: tiers dropped {bound} times during {}", during.name)
            }
            Self::ClientErrors(feature, bound, during) => {
                write!(f, "{}errors that clients saw {bound} during {}", any(feature), during.name)
            }
            Self::Hedges(bound, during) => {
                write!(f, "hedges among upstream calls {bound} during {}", during.name)
            }
            Self::CostDelta(feature, bound, during) => {
                write!(f, "{}cost of a request more {bound} during {}", any(feature), during.name)
            }
            Self::Alert { slo, severity, fires, within } => {
                let fires = if *fires { "fires" } else { "does not fire" };
                write!(f, "{severity} of {slo} {fires}")?;
                within.map_or(Ok(()), |within| write!(f, " within {} s", within.as_secs()))
            }
            Self::Invariant(one) => f.write_str(&one.as_str().replace('_', " ")),
        }
    }
}
