//! What was learnt of the deployments since the start.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tieline_types::Fault;

use crate::{Breaker, Effect, Permit, Plan, State, outcome};

/// Health of every deployment of a plan, shared by all requests.
#[derive(Debug, Default)]
pub struct Live {
    breakers: Vec<Arc<Mutex<Breaker>>>,
}

impl Live {
    /// Fresh health for a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self { breakers: plan.deployments.iter().map(|_| Arc::default()).collect() }
    }

    /// Health for a new plan: deployments that stay keep what was learnt of them.
    #[must_use]
    pub fn carried(&self, old: &Plan, new: &Plan) -> Self {
        let keep = |id: &str| {
            let at = old.deployments.iter().position(|before| before.id.as_ref() == id)?;
            self.breakers.get(at).cloned()
        };
        let breakers = new.deployments.iter().map(|now| keep(&now.id).unwrap_or_default());
        Self { breakers: breakers.collect() }
    }

    /// Takes a permit for an attempt. Every permit must be reported back.
    pub fn admit(&self, deployment: usize, now: Duration) -> Permit {
        self.breaker(deployment).map_or(Permit::Pass, |mut breaker| breaker.admit(now))
    }

    /// What [`Self::admit`] would say.
    pub fn peek(&self, deployment: usize, now: Duration) -> Permit {
        self.breaker(deployment).map_or(Permit::Pass, |breaker| breaker.peek(now))
    }

    /// What to show of a deployment.
    pub fn state(&self, deployment: usize, now: Duration) -> State {
        self.breaker(deployment).map_or(State::Closed, |breaker| breaker.state(now))
    }

    /// An attempt answered well.
    pub fn succeeded(&self, deployment: usize, now: Duration, permit: Permit) {
        if let Some(mut breaker) = self.breaker(deployment) {
            breaker.success(now, permit);
        }
    }

    /// An attempt failed; the fault's class says what that means for the deployment.
    pub fn failed(&self, deployment: usize, now: Duration, permit: Permit, fault: &Fault) {
        let Some(mut breaker) = self.breaker(deployment) else {
            return;
        };
        match outcome(fault).effect {
            Effect::Neutral => breaker.neutral(permit),
            Effect::Failure => breaker.failure(now, permit),
            Effect::Trip(floor) => breaker.trip(now, permit, floor),
            Effect::Pause(wait) => breaker.pause(now + wait, permit),
        }
    }

    /// An attempt ended without a verdict: the client left.
    pub fn dropped(&self, deployment: usize, permit: Permit) {
        if let Some(mut breaker) = self.breaker(deployment) {
            breaker.neutral(permit);
        }
    }

    fn breaker(&self, deployment: usize) -> Option<MutexGuard<'_, Breaker>> {
        let breaker = self.breakers.get(deployment)?;
        Some(breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
