//! What was learnt, for requests from which the others must learn nothing.
//!
//! Such a copy goes on from what was known when it was made. Two things stay everybody's: whether
//! a deployment is in service, and its quota, which real calls draw on whoever makes them.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{Health, Known, Lease, Live, Neighbours, lock};
use crate::{Breaker, Demand, Habits, Observed, Plan, pool::Admission};

/// The health of a deployment as everybody's requests show it.
pub(super) type Shared = Option<Arc<Mutex<Health>>>;

impl Live {
    /// What requests of their own go on from, for a plan: `before` is what they have learnt until
    /// now of another plan, of which the `changed` providers are not what they were; at first,
    /// none. Budgets in money and callers' limits are not part of it.
    #[must_use]
    pub fn apart(
        &self,
        before: Option<&Self>,
        plan: &Plan,
        changed: &[&str],
        now: Duration,
    ) -> Self {
        let mut apart = match before {
            Some(before) => before.carried(plan, changed, now),
            None => self.copied().carried(plan, &[], now),
        };
        for known in &mut apart.deployments {
            let shared = self.deployments.iter().find(|one| one.id == known.id);
            known.shared = shared.map(|one| Arc::clone(&one.health));
        }
        apart
    }

    fn copied(&self) -> Self {
        let deployment = |known: &Known| Known {
            id: Arc::clone(&known.id),
            health: Arc::new(Mutex::new(lock(&known.health).copied())),
            shared: None,
            domains: known.domains.clone(),
            rates: known.rates.clone(),
            quality: known.quality,
        };
        let domain = |one: &Neighbours| Neighbours {
            level: one.level,
            name: Arc::clone(&one.name),
            suspicion: Arc::new(one.suspicion.copied()),
            members: one.members.clone(),
        };
        let habits =
            |(name, one): (&Arc<str>, &Arc<Habits>)| (Arc::clone(name), Arc::new(one.copied()));
        let features = self.features.iter().map(|(name, one)| (Arc::clone(name), one.copied()));
        Self {
            deployments: self.deployments.iter().map(deployment).collect(),
            domains: self.domains.iter().map(domain).collect(),
            features: features.collect(),
            habits: self.habits.iter().map(habits).collect(),
            ladders: self.ladders.copied(),
            ..Self::default()
        }
    }

    /// A call is really made: it draws on the quota that is everybody's.
    pub fn draw_shared(&self, lease: &mut Lease, now: Duration, demand: Demand) {
        if let Some(mut shared) = self.shared(lease.deployment) {
            lease.shared = Some(Box::new(shared.pool.reserve(now, demand)));
        }
    }

    /// Takes in for everybody what the provider said of its limits.
    pub(super) fn learn_shared(&self, lease: &Lease, now: Duration, observed: &Observed) {
        if lease.shared.is_some()
            && let Some(mut shared) = self.shared(lease.deployment)
        {
            shared.pool.learn(now, observed);
        }
    }

    /// Gives back what is left of the draw on everybody's quota.
    pub(super) fn settle_shared(&self, lease: &mut Lease, now: Duration, used: Option<Demand>) {
        let Some(reservation) = lease.shared.take() else {
            return;
        };
        if let Some(mut shared) = self.shared(lease.deployment) {
            let used = used.unwrap_or(reservation.demand());
            shared.pool.settle(now, *reservation, used);
        }
    }

    /// Until when everybody's quota has no room for a request.
    pub(super) fn shared_shut(
        &self,
        deployment: usize,
        now: Duration,
        demand: Demand,
    ) -> Option<Duration> {
        match self.shared(deployment)?.pool.admits(now, demand) {
            Admission::Shut(until) => Some(until),
            Admission::Open => None,
        }
    }

    /// How much of everybody's quota is used; 0 where it is the requests' own.
    pub(super) fn shared_utilisation(&self, deployment: usize, now: Duration) -> f64 {
        self.shared(deployment).map_or(0.0, |shared| shared.pool.utilisation(now))
    }

    /// Whether a deployment is out of service: drained, and suspended.
    pub(super) fn out_of_service(&self, deployment: usize, own: &Breaker) -> (bool, bool) {
        let state = |breaker: &Breaker| (breaker.is_drained(), breaker.is_suspended());
        match self.shared(deployment) {
            Some(shared) => state(&shared.breaker),
            None => state(own),
        }
    }

    /// Locked after a deployment's own health, and never before it.
    fn shared(&self, deployment: usize) -> Option<MutexGuard<'_, Health>> {
        self.deployments.get(deployment)?.shared.as_deref().map(lock)
    }
}

impl Health {
    /// The same without what requests hold that are under way. Quotas are not copied: everybody's
    /// count.
    fn copied(&self) -> Self {
        Self {
            breaker: self.breaker.copied(),
            ewma: self.ewma.idle(),
            storm: self.storm.clone(),
            budget: self.budget.clone(),
            ..Self::default()
        }
    }
}
