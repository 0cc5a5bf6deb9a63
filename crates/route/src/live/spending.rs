//! What requests may cost beyond one call each: repeats and hedges.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tieline_types::Fault;

use super::{Live, lock};
use crate::{Budget, Cost, Criticality, Feature, Move, PromptSize, cost};

/// Hedges would amplify a shortage: above this share of a quota there are none.
const HEDGE_UTILISATION_MAX: f64 = 0.8;

/// What a feature may spend beyond one call for each request.
#[derive(Clone, Debug)]
pub(super) struct Spending {
    pub(super) criticality: Criticality,
    retries: Arc<Mutex<Budget>>,
    hedges: Arc<Mutex<Budget>>,
}

impl Spending {
    pub(super) fn new(criticality: Criticality) -> Self {
        Self {
            criticality,
            retries: Arc::new(Mutex::new(Budget::of_feature(criticality))),
            hedges: Arc::new(Mutex::new(Budget::of_hedges())),
        }
    }
}

impl Spending {
    /// The same, for somebody else to go on from.
    pub(super) fn copied(&self) -> Self {
        let copied = |of: &Arc<Mutex<Budget>>| Arc::new(Mutex::new(lock(of).clone()));
        let (retries, hedges) = (copied(&self.retries), copied(&self.hedges));
        Self { criticality: self.criticality, retries, hedges }
    }
}

impl Live {
    /// Counts a request of a feature in its retry budget.
    pub fn deposit(&self, feature: &Feature, now: Duration) {
        let Some(spending) = self.features.get(&feature.name) else {
            return;
        };
        lock(&spending.retries).deposit(now);
        if feature.hedge.is_some() {
            lock(&spending.hedges).deposit(now);
        }
    }

    /// How long a stream of a deployment with a prompt of that size may take to begin before a
    /// feature asks another one as well; none where it does not, or where nothing is known yet.
    #[must_use]
    pub fn hedge_after(
        &self,
        feature: &Feature,
        deployment: usize,
        size: PromptSize,
    ) -> Option<Duration> {
        let hedge = feature.hedge?;
        hedge.after.or_else(|| self.health(deployment)?.breaker.baseline(size))
    }

    /// Takes a hedge that goes to this deployment from the feature's budget; false where there is
    /// nothing left, or where it would eat into a quota that runs low.
    pub fn may_hedge(&self, feature: &Feature, deployment: usize, now: Duration) -> bool {
        let utilisation = self.health(deployment).map_or(0.0, |one| one.pool.utilisation(now));
        let Some(spending) = self.features.get(&feature.name) else {
            return false;
        };
        utilisation <= HEDGE_UTILISATION_MAX && lock(&spending.hedges).withdraw(now, Cost::One)
    }

    /// Counts a request's first attempt in the retry budget of the deployment it goes to.
    pub fn first_attempt(&self, deployment: usize, now: Duration) {
        if let Some(mut health) = self.health(deployment) {
            health.budget.get_or_insert_with(Budget::of_deployment).deposit(now);
        }
    }

    /// Takes a further attempt from the budgets of the feature and of the deployment it goes to;
    /// false where there is nothing left.
    pub fn may_repeat(
        &self,
        feature: &Feature,
        deployment: usize,
        now: Duration,
        fault: &Fault,
        step: Move,
    ) -> bool {
        let cost = cost(fault, step);
        if cost == Cost::Free {
            return true;
        }
        let Some(mut budget) = self.budget(feature) else {
            return true;
        };
        if !budget.allows(now, cost) {
            return false;
        }
        let target = feature.criticality.gives_way().then(|| self.health(deployment)).flatten();
        let room = target.is_none_or(|mut health| {
            health.budget.get_or_insert_with(Budget::of_deployment).withdraw(now, cost)
        });
        room && budget.withdraw(now, cost)
    }

    /// How many further attempts a feature's retry budget still pays for.
    #[must_use]
    pub fn retries_left(&self, feature: &Feature, now: Duration) -> u64 {
        self.budget(feature).map_or(0, |budget| budget.left(now) / Cost::One as u64)
    }

    fn budget(&self, feature: &Feature) -> Option<MutexGuard<'_, Budget>> {
        self.features.get(&feature.name).map(|spending| lock(&spending.retries))
    }
}
