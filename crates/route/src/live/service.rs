//! Deployments that are out of service or suspended, and requests of Tieline's own.

use std::time::Duration;

use tieline_types::Pass;

use super::{Lease, Live, Why};
use crate::{Cause, Demand, Feature};

/// Taken out of service by hand.
pub(super) const DRAINED: Why = Why::Unhealthy(Cause::Drained);
/// Kept for want of anything better.
pub(super) const SUSPENDED: Why = Why::Unhealthy(Cause::Suspended);

impl Live {
    /// Takes a deployment out of service, or puts it back.
    pub fn drain(&self, deployment: usize, drained: bool) {
        if let Some(mut health) = self.health(deployment) {
            health.breaker.drain(drained);
        }
    }

    /// Whether somebody took a deployment out of service.
    #[must_use]
    pub fn is_drained(&self, deployment: usize) -> bool {
        self.health(deployment).is_some_and(|health| health.breaker.is_drained())
    }

    /// Keeps a deployment for want of anything better, or trusts it again.
    pub fn suspend(&self, deployment: usize, suspended: bool) {
        if let Some(mut health) = self.health(deployment) {
            health.breaker.suspend(suspended);
        }
    }

    /// Whether a deployment is kept for want of anything better only.
    #[must_use]
    pub fn is_suspended(&self, deployment: usize) -> bool {
        self.health(deployment).is_some_and(|health| health.breaker.is_suspended())
    }

    /// As [`Self::admit`] for a request of Tieline's own, which a suspended deployment takes as any
    /// other does: nobody relies on what it answers.
    ///
    /// # Errors
    /// Why nothing goes there, and until when.
    pub fn examine(
        &self,
        pass: Pass,
        feature: &Feature,
        now: Duration,
        demand: Demand,
    ) -> Result<Lease, (Duration, Why)> {
        let (deployment, size) = (pass.deployment(), demand.size());
        let Some(health) = self.health(deployment) else {
            return Ok(Lease::idle(deployment, size));
        };
        if health.breaker.is_drained() {
            return Err((Duration::MAX, DRAINED));
        }
        // It is of every share that returns.
        match self.unready(deployment, &health, feature, now, 0.0, demand) {
            Some(unready) => Err(unready),
            None => Ok(self.lease(health, pass, (now, 0.0), demand, false)),
        }
    }
}
