//! By what a tier orders its candidates for one request, and what it will not have.

use std::time::Duration;

use tieline_types::UsdPico;

use crate::{Demand, Feature, First, Live, Mode, Prefer, Standing, Tier};

/// Below this nobody chooses by cost, in US dollars: it keeps what is free from being infinitely
/// better than all else.
const COST_LEAST: f64 = 1e-6;
/// The same for quality.
const QUALITY_LEAST: f64 = 1e-3;
/// What is not measured is hoped to begin within this, or as soon as the quickest.
const TTFT_HOPED: Duration = Duration::from_secs(1);
/// Differences below it are noise.
const TTFT_LEAST: Duration = Duration::from_millis(1);

/// How much each counts where a tier weighs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// What the request is expected to cost.
    pub cost: u32,
    /// The time to the first content.
    pub latency: u32,
    /// The quality of answers.
    pub quality: u32,
}

/// What a tier's answers may cost and take; nothing limits what is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ceilings {
    /// What a request may be expected to cost. It is never sent where that is more.
    pub max_usd: Option<UsdPico>,
    /// The time to the first content that 95 of 100 streams with prompts of the request's size keep
    /// within. What is slower comes after the rest.
    pub ttft_p95: Option<Duration>,
    /// The least quality. What has less, or is not rated, comes after the rest.
    pub min_quality: Option<f64>,
}

/// What is known of a candidate for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prospect {
    /// What the request is expected to cost there; none where that has no price.
    pub usd: Option<UsdPico>,
    /// The time to the first content of the feature's streams there with prompts of its size, where
    /// it was measured lately.
    pub ttft: Option<First>,
    /// The time to the first content that 95 of 100 streams with prompts of its size keep within.
    pub ttft_p95: Option<First>,
    /// The quality of its answers.
    pub quality: Option<f64>,
    /// What it comes to under [`Prefer::Balanced`]: the less the better.
    pub score: Option<f64>,
}

/// Which ceilings a candidate misses, the one that is lifted first before the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Misses {
    quality: bool,
    latency: bool,
}

impl Ceilings {
    pub(crate) fn misses(&self, prospect: &Prospect) -> Misses {
        let p95 = prospect.ttft_p95.map(|first| first.time);
        let latency = self.ttft_p95.zip(p95).is_some_and(|(most, p95)| p95 > most);
        let least = self.min_quality.unwrap_or_default();
        let quality = self.min_quality.is_some() && prospect.quality.is_none_or(|one| one < least);
        Misses { quality, latency }
    }
}

impl Tier {
    /// Whether it needs to know what a request costs.
    pub(crate) const fn weighs_cost(&self) -> bool {
        let prefers = matches!(
            self.mode,
            Mode::Models { prefer: Prefer::Cheapest | Prefer::Balanced(_), .. }
        );
        prefers || self.ceilings.max_usd.is_some()
    }

    /// Whether it looks at its candidates at all before it orders them.
    pub(crate) fn weighs(&self) -> bool {
        self.weighs_cost() || self.ceilings != Ceilings::default()
    }
}

impl Feature {
    /// Whether any of its tiers needs to know what a request costs.
    pub(crate) fn weighs_cost(&self) -> bool {
        self.tiers.iter().any(Tier::weighs_cost)
    }
}

impl Live {
    /// What is known of a candidate for a request of that demand.
    #[must_use]
    pub fn prospect(
        &self,
        feature: &Feature,
        deployment: usize,
        now: Duration,
        demand: Demand,
    ) -> Prospect {
        let size = demand.size();
        let habit = self.habit(feature, deployment, size, now);
        Prospect {
            usd: habit.as_ref().and_then(|habit| self.expected(deployment, habit, demand)),
            ttft: habit.and_then(|habit| habit.first),
            ttft_p95: self.usual_first(deployment, size, now),
            quality: self.quality(deployment),
            score: None,
        }
    }
}

/// A candidate in the order of its tier: its position in the plan, how it stands, what is known.
pub(crate) type Weighed = (usize, Standing, Prospect);

/// Those expected to cost least first; what has no price comes last. Equals stay in their order.
pub(crate) fn cheapest(candidates: &mut [Weighed]) {
    candidates.sort_by_key(|(.., prospect)| (prospect.usd.is_none(), prospect.usd));
}

/// The best by the weighted product of cost, latency and quality first: twice the cost is as bad as
/// twice the time or half the quality, where all weigh the same. Of what is not known, cost and
/// quality are taken to be the worst there is, and time the best, so that all get their chance.
pub(crate) fn balanced(candidates: &mut [Weighed], weights: Weights) {
    let worst_usd = candidates.iter().filter_map(|(.., one)| one.usd).max().unwrap_or_default();
    let rated = candidates.iter().filter_map(|(.., one)| one.quality);
    let least_quality = rated.fold(1.0, f64::min);
    let known = |one: &Prospect| one.ttft.map(|first| first.time);
    let times = candidates.iter().filter_map(|(.., one)| known(one));
    let quickest = times.fold(TTFT_HOPED, Duration::min);
    for (.., prospect) in candidates.iter_mut() {
        let cost = prospect.usd.unwrap_or(worst_usd).approximately().max(COST_LEAST);
        let latency = known(prospect).unwrap_or(quickest).max(TTFT_LEAST).as_secs_f64();
        let quality = prospect.quality.unwrap_or(least_quality).max(QUALITY_LEAST);
        let score = f64::from(weights.cost) * cost.ln() + f64::from(weights.latency) * latency.ln()
            - f64::from(weights.quality) * quality.ln();
        prospect.score = Some(score);
    }
    candidates.sort_by(|(.., one), (.., other)| {
        let score = |prospect: &Prospect| prospect.score.unwrap_or(f64::MAX);
        score(one).total_cmp(&score(other))
    });
}
