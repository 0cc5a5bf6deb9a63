//! What a replay found.

use std::sync::Arc;

use serde::Serialize;
use tieline_types::{Cost, CostState, UsdPico};

/// What would change, in all and by feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replay {
    /// Requests that were replayed.
    pub requests: u64,
    /// Requests that were not.
    pub left_out: LeftOut,
    /// How often the same replay of the present configuration comes to what was recorded: how far
    /// the rest can be believed. None where there is no present configuration.
    pub check: Option<Check>,
    /// What the replay does not know.
    pub notes: Vec<String>,
    /// All features together.
    pub total: Changed,
    /// Each feature that had requests, the most used first.
    pub features: Vec<FeatureReplay>,
    /// Features of one configuration alone that had no requests.
    pub idle: Vec<IdleFeature>,
    /// Every deployment that answered, then or now.
    pub deployments: Vec<Evidence>,
    /// Each day, in UTC, from the first with requests to the last.
    pub days: Vec<Day>,
}

/// Requests that say nothing of a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Tieline's own probes, and what its eval harness sent.
    pub probes: u64,
    /// Requests that were refused for the caller's own fault.
    pub refused: u64,
}

/// A replay held against what was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Requests that the present configuration answers as was recorded.
    pub agrees: u64,
    /// Of so many.
    pub of: u64,
}

/// What changes for one feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeatureReplay {
    /// The feature.
    pub feature: Arc<str>,
    /// Which configurations have it.
    pub known: Known,
    /// What changes.
    #[serde(flatten)]
    pub changed: Changed,
}

/// Which configurations have a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// The present one and the other.
    Both,
    /// The present one alone.
    Now,
    /// The other one alone.
    Other,
    /// Neither: it was there when the requests came.
    Neither,
}

impl Known {
    pub(super) const fn of(now: bool, other: bool) -> Self {
        match (now, other) {
            (true, true) => Self::Both,
            (true, false) => Self::Now,
            (false, true) => Self::Other,
            (false, false) => Self::Neither,
        }
    }
}

/// A feature that one configuration has, and that had no requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdleFeature {
    /// The feature.
    pub feature: Arc<str>,
    /// Which of the two has it.
    pub known: Known,
}

/// What changes for some requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changed {
    /// How many there are.
    pub requests: u64,
    /// Requests that are answered, or refused, as they were.
    pub same: u64,
    /// Requests that something else answers.
    pub moved: u64,
    /// Requests that were answered and no longer are.
    pub dropped: u64,
    /// Requests that were not answered and would be.
    pub gained: u64,
    /// Requests whose deployment is no longer open to them, by policy or by configuration; they
    /// move or are dropped.
    pub lost: u64,
    /// As recorded.
    pub before: Side,
    /// As replayed.
    pub after: Side,
    /// What the calls cost that did not answer (failed, hedged, for vectors), as recorded. It is in
    /// neither side.
    pub beside: Money,
    /// What answers, the most used first.
    pub answers: Vec<Answers>,
    /// From where to where requests move, the most first.
    pub moves: Vec<Moves>,
    /// Why deployments are no longer open to the requests that they answered, the most first.
    pub closed: Vec<Closed>,
}

/// The requests of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Side {
    /// Those that something answers.
    pub answered: u64,
    /// Those that policy refuses.
    pub refused: u64,
    /// Those that nothing answers.
    pub unanswered: u64,
    /// What the answers cost.
    #[serde(flatten)]
    pub money: Money,
    /// From arrival to the first content of streams.
    pub first: Option<Times>,
    /// From arrival to the end of the answer.
    pub whole: Option<Times>,
}

/// What calls cost together, and how far that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Money {
    /// The sum, as far as it is known.
    pub usd: UsdPico,
    /// Calls with a whole price.
    pub priced: u64,
    /// Calls that Tieline counted, not the provider.
    pub estimated: u64,
    /// Calls with a price for only a part of what they used.
    pub partial: u64,
    /// Calls without a price.
    pub unpriced: u64,
    /// Calls of which nobody knows what they used, or what that cost.
    pub unknown: u64,
}

impl Money {
    /// Calls without a whole price: where there are any, the sum is a lower bound.
    #[must_use]
    pub const fn lacks(&self) -> u64 {
        self.partial + self.unpriced + self.unknown
    }

    /// All calls.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.priced + self.estimated + self.lacks()
    }

    /// Both together.
    pub(super) fn plus(&mut self, other: Option<&Self>) {
        let Some(Self { usd, priced, estimated, partial, unpriced, unknown }) = other else {
            return;
        };
        self.usd = self.usd.plus(*usd);
        self.priced += priced;
        self.estimated += estimated;
        self.partial += partial;
        self.unpriced += unpriced;
        self.unknown += unknown;
    }

    /// Counts one call.
    pub(super) fn add(&mut self, cost: Option<Cost>) {
        let Some(cost) = cost else {
            self.unknown += 1;
            return;
        };
        self.usd = self.usd.plus(cost.usd);
        *match cost.state {
            CostState::Priced => &mut self.priced,
            CostState::Estimated => &mut self.estimated,
            CostState::Partial => &mut self.partial,
            CostState::Unpriced => &mut self.unpriced,
        } += 1;
    }
}

/// How long something took, or is estimated to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Half of them keep within this, microseconds.
    pub p50_us: u64,
    /// 95 of 100 keep within this, microseconds.
    pub p95_us: u64,
    /// How many are known.
    pub known: u64,
    /// How many are not: nothing like them was measured.
    pub unknown: u64,
}

/// What one deployment, or a tier that calls none, answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answers {
    /// The deployment, `tier NAME` where no deployment answers, or `refused by policy`, `nobody`,
    /// `no budget left` and `no such feature`.
    pub by: Arc<str>,
    /// Requests as recorded.
    pub before: u64,
    /// Requests as replayed.
    pub after: u64,
    /// What those cost, as recorded.
    pub before_cost: Money,
    /// What these cost, as replayed.
    pub after_cost: Money,
}

/// Requests that something else answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moves {
    /// What answered.
    pub from: Arc<str>,
    /// What answers.
    pub to: Arc<str>,
    /// How many.
    pub requests: u64,
}

/// Requests whose deployment is closed to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// The deployment.
    pub deployment: Arc<str>,
    /// The rules, or that it is not in the configuration or the feature.
    pub rule: Arc<str>,
    /// How many.
    pub requests: u64,
}

/// What is known of a deployment from the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The deployment.
    pub deployment: Arc<str>,
    /// Calls of it, probes included.
    pub calls: u64,
    /// Those that failed by its fault.
    pub failed: u64,
    /// Whether nothing is known of it: that it answers, and answers well, is then assumed.
    pub assumed: bool,
}

/// What the answers of one day cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Day {
    /// When it begins, milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// Requests.
    pub requests: u64,
    /// As recorded.
    pub before: Money,
    /// As replayed.
    pub after: Money,
}
