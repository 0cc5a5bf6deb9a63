//! What requests are expected to cost and take.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tieline_types::{CostState, Usage, UsdPico};

use super::{Lease, Live};
use crate::{Demand, Feature, First, Habit, Habits, Plan, PromptSize};

/// The habits of a new plan's features: what stays keeps what was learnt of it.
pub(super) fn carried(
    before: &BTreeMap<Arc<str>, Arc<Habits>>,
    new: &Plan,
) -> BTreeMap<Arc<str>, Arc<Habits>> {
    let weighing = new.features.values().filter(|feature| feature.weighs_cost());
    let habits = |feature: &Arc<Feature>| {
        let habits = before.get(&feature.name).map_or_else(Arc::default, Arc::clone);
        habits.keep(|id| new.deployments.iter().any(|one| &*one.id == id));
        (Arc::clone(&feature.name), habits)
    };
    weighing.map(habits).collect()
}

impl Live {
    /// What was learnt of a feature's requests; none where it weighs no cost.
    #[must_use]
    pub fn habits(&self, feature: &Feature) -> Option<&Arc<Habits>> {
        if self.habits.is_empty() { None } else { self.habits.get(&feature.name) }
    }

    /// Takes in what an attempt consumed.
    pub fn note_use(&self, lease: &Lease, habits: &Habits, now: Duration, usage: &Usage) {
        if let Some(known) = self.deployments.get(lease.deployment) {
            let first = lease.first.map(|first| (lease.size, first));
            habits.note(&known.id, now, usage, first);
        }
    }

    /// What a request with such habits is expected to cost at a deployment; none where that has no
    /// price.
    pub(crate) fn expected(
        &self,
        deployment: usize,
        habit: &Habit,
        demand: Demand,
    ) -> Option<UsdPico> {
        let rates = self.rates(deployment)?;
        let mut usage = habit.usage(demand.input);
        if rates.prices(demand.input).cache_read.is_none() {
            (usage.input, usage.cache_read) = (demand.input, 0);
        }
        let cost = rates.cost(&usage);
        (cost.state == CostState::Priced).then_some(cost.usd)
    }

    /// What is expected at a deployment of a feature's request whose prompt has that size.
    pub(crate) fn habit(
        &self,
        feature: &Feature,
        deployment: usize,
        size: PromptSize,
        now: Duration,
    ) -> Option<Habit> {
        let known = self.deployments.get(deployment)?;
        Some(self.habits(feature)?.expect(&known.id, size, now))
    }

    /// The time to the first content that 95 of 100 streams of a deployment with prompts of that
    /// size keep within.
    pub(crate) fn usual_first(
        &self,
        deployment: usize,
        size: PromptSize,
        now: Duration,
    ) -> Option<First> {
        self.health(deployment)?.breaker.usual_first(size, now)
    }

    /// How good a deployment's answers are, where somebody says so.
    pub(crate) fn quality(&self, deployment: usize) -> Option<f64> {
        self.deployments.get(deployment)?.quality
    }
}
