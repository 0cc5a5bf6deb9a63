//! What was learnt, for people.

use std::{sync::Arc, time::Duration};

use tieline_types::Class;

use super::Live;
use crate::{
    Candidate, Feature, Level, Mode, State, TierState,
    pool::{Admission, Demand},
    settle::Rung,
};

/// What to show of a deployment.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its breaker.
    pub state: State,
    /// Whether its quota pool lets nothing through, and until when.
    pub quota_shut_until: Option<Duration>,
    /// The share of its quota that is used, 0 to 1.
    pub utilisation: f64,
    /// The suspected domains it belongs to.
    pub suspected: Vec<(Level, Arc<str>)>,
    /// The class of fault that storms there.
    pub storm: Option<Class>,
}

impl Live {
    /// What to show of a deployment.
    #[must_use]
    pub fn show(&self, deployment: usize, now: Duration) -> Option<Shown> {
        let health = self.health(deployment)?;
        let suspected = self.domains_of(deployment).filter(|one| one.suspicion.is_raised(now));
        Some(Shown {
            state: health.breaker.state(now),
            quota_shut_until: match health.pool.admits(now, Demand::default()) {
                Admission::Open => None,
                Admission::Shut(until) => Some(until),
            },
            utilisation: health.pool.utilisation(now),
            suspected: suspected.map(|one| (one.level, Arc::clone(&one.name))).collect(),
            storm: health.storm.rages(now),
        })
    }

    /// Where a tier of a feature stands.
    #[must_use]
    pub fn tier(&self, feature: &Feature, tier: usize, now: Duration) -> TierState {
        let dropped = self.ladders.rung(feature, tier).is_some_and(Rung::is_dropped);
        let Some(Mode::Models { candidates, .. }) =
            feature.tiers.get(tier).filter(|_| dropped).map(|tier| &tier.mode)
        else {
            return TierState::Up;
        };
        let well_for = |one: &Candidate| self.health(one.deployment)?.breaker.well_for(now);
        TierState::dropped(candidates.iter().filter_map(well_for).max(), feature.return_after)
    }
}
