//! Tiers that drop and return: hysteresis, so that a provider that comes and goes does not take
//! every conversation with it each time.
//!
//! A tier drops when all its deployments are out while a later tier of models can answer. It
//! returns when one of them has been well for as long as the feature says. Until then only the
//! share with which a breaker's ramp begins goes there, so that real traffic shows whether it is
//! well, and then the further shares, step by step. The time is that of the breakers: whatever
//! opens them starts it over, and traffic of other features counts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    Cause, Feature, Mode, Plan, Standing, Why,
    breaker::{RAMP_STEP, returned},
};

/// Where a tier stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TierState {
    /// It takes whatever comes.
    Up,
    /// It dropped, and none of its deployments is back.
    Dropped,
    /// It is coming back.
    Settling {
        /// The share of requests that goes there, 0 to 1.
        share: f64,
        /// How long until the share grows.
        step_in: Duration,
    },
}

impl TierState {
    /// The stable name used in status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Dropped => "dropped",
            Self::Settling { .. } => "settling",
        }
    }

    /// Where a tier that dropped stands when the best of its deployments has been well for so long.
    pub(crate) fn dropped(well_for: Option<Duration>, return_after: Duration) -> Self {
        let Some(well_for) = well_for else {
            return Self::Dropped;
        };
        // The first share lasts for all of `return_after`.
        let ramped = well_for.checked_sub(return_after);
        let ramped = ramped.map_or(Duration::ZERO, |since| since.saturating_add(RAMP_STEP));
        match returned(ramped) {
            None => Self::Up,
            Some((share, end)) => {
                let end = return_after.saturating_add(end).saturating_sub(RAMP_STEP);
                Self::Settling { share, step_in: end.saturating_sub(well_for) }
            }
        }
    }
}

/// What has just become of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierChange {
    /// Its requests go to later tiers.
    Dropped,
    /// All of its requests go there again.
    Returned,
}

impl TierChange {
    /// The stable name used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Returned => "returned",
        }
    }
}

/// What is remembered of the tiers of each feature that has a tier to drop to.
#[derive(Debug, Default)]
pub(crate) struct Ladders(BTreeMap<Arc<str>, Vec<Named>>);

/// A tier by its name.
type Named = (Arc<str>, Arc<Rung>);

impl Ladders {
    /// The same for a new plan: tiers that keep their names keep what is remembered of them.
    pub(crate) fn carried(&self, new: &Plan) -> Self {
        let ladder = |feature: &Arc<Feature>| {
            let before = self.0.get(&feature.name);
            let rung = |name: &Arc<str>| {
                let same = before?.iter().find(|(old, _)| old == name);
                same.map(|(_, rung)| Arc::clone(rung))
            };
            let rungs = feature
                .tiers
                .iter()
                .map(|tier| (Arc::clone(&tier.name), rung(&tier.name).unwrap_or_default()));
            (Arc::clone(&feature.name), rungs.collect())
        };
        Self(new.features.values().filter(|feature| may_drop(feature)).map(ladder).collect())
    }

    /// The same, for somebody else to go on from.
    pub(crate) fn copied(&self) -> Self {
        let rung = |(name, rung): &Named| {
            let dropped = AtomicBool::new(rung.is_dropped());
            (Arc::clone(name), Arc::new(Rung { dropped }))
        };
        let ladder = |(feature, rungs): (&Arc<str>, &Vec<Named>)| {
            (Arc::clone(feature), rungs.iter().map(rung).collect())
        };
        Self(self.0.iter().map(ladder).collect())
    }

    pub(crate) fn rung(&self, feature: &Feature, tier: usize) -> Option<&Rung> {
        let name = &feature.tiers.get(tier)?.name;
        let rungs = self.0.get(&feature.name)?;
        rungs.iter().find(|(one, _)| one == name).map(|(_, rung)| rung.as_ref())
    }
}

fn may_drop(feature: &Feature) -> bool {
    let models = feature.tiers.iter().filter(|tier| matches!(tier.mode, Mode::Models { .. }));
    !feature.return_after.is_zero() && models.count() > 1
}

/// Whether one tier has dropped.
#[derive(Debug, Default)]
pub(crate) struct Rung {
    dropped: AtomicBool,
}

impl Rung {
    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Turns it over; of several requests that see the change at once, one gets it.
    fn turn(&self, change: TierChange) -> Option<TierChange> {
        let dropped = change == TierChange::Dropped;
        (self.dropped.swap(dropped, Ordering::Relaxed) != dropped).then_some(change)
    }

    /// What hysteresis means for one request: `draw`, evenly from 0 to 1, says whether it is of the
    /// share that returns; `stands_in`, whether a later tier could take it.
    pub(crate) fn hold(
        &self,
        return_after: Duration,
        draw: f64,
        standings: &[(usize, Standing)],
        stands_in: impl Fn() -> bool,
    ) -> Hold {
        let dropped = self.is_dropped();
        if !dropped && standings.iter().any(|(_, one)| !is_ill(one)) {
            return Hold::default();
        }
        let well_for = standings.iter().filter_map(|(_, one)| one.well_for).max();
        let state = TierState::dropped(well_for, return_after);
        let change = match (dropped, state) {
            (true, TierState::Up) => self.turn(TierChange::Returned),
            (false, TierState::Dropped | TierState::Settling { .. }) if stands_in() => {
                self.turn(TierChange::Dropped)
            }
            _ => None,
        };
        let wait = match state {
            TierState::Settling { share, step_in } if draw >= share && stands_in() => Some(step_in),
            _ => None,
        };
        Hold { wait, change }
    }
}

/// What hysteresis means for one request.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    /// The request passes the tier over; more of them would go there after so long.
    pub(crate) wait: Option<Duration>,
    /// What this request found out first.
    pub(crate) change: Option<TierChange>,
}

/// Whether a candidate is shut because of its health, or of what it answers. Quota that is used up
/// and a deployment that somebody drained are no evidence of illness.
fn is_ill(standing: &Standing) -> bool {
    match standing.shut {
        Some((_, Why::Unhealthy(cause))) => cause != Cause::Drained,
        Some((_, Why::Returning | Why::Suspected | Why::Due)) => true,
        Some((_, Why::Quota | Why::Shed | Why::Settling)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETURN_AFTER: Duration = Duration::from_secs(300);

    fn at(well_s: u64) -> TierState {
        TierState::dropped(Some(Duration::from_secs(well_s)), RETURN_AFTER)
    }

    #[test]
    fn the_first_share_lasts_until_the_time_is_over() {
        let settling = |share, s| TierState::Settling { share, step_in: Duration::from_secs(s) };
        assert_eq!(TierState::dropped(None, RETURN_AFTER), TierState::Dropped);
        for (well_s, state) in [
            (0, settling(0.10, 300)),
            (299, settling(0.10, 1)),
            (300, settling(0.25, 10)),
            (309, settling(0.25, 1)),
            (310, settling(0.50, 10)),
            (319, settling(0.50, 1)),
            (320, TierState::Up),
        ] {
            assert_eq!(at(well_s), state, "{well_s} s");
        }
        assert_eq!(TierState::dropped(Some(Duration::MAX), RETURN_AFTER), TierState::Up);
    }

    #[test]
    fn only_illness_drops_a_tier_and_only_once() {
        let shut = |why| {
            let shut = Some((Duration::from_secs(9), why));
            (0, Standing { shut, load: crate::Load::default(), well_for: None })
        };
        let ill = shut(Why::Unhealthy(Cause::Failures));
        let dropped = |standings: &[(usize, Standing)], stands_in: bool| {
            let rung = Rung::default();
            let first = rung.hold(RETURN_AFTER, 0.5, standings, || stands_in).change;
            assert_eq!(rung.hold(RETURN_AFTER, 0.5, standings, || stands_in).change, None);
            first.is_some()
        };
        for (second, drops) in [
            (shut(Why::Unhealthy(Cause::Credential)), true),
            (shut(Why::Suspected), true),
            (shut(Why::Returning), true),
            (shut(Why::Unhealthy(Cause::Drained)), false),
            (shut(Why::Unhealthy(Cause::Suspended)), true),
            (shut(Why::Quota), false),
            (shut(Why::Shed), false),
        ] {
            assert_eq!(dropped(&[ill, second], true), drops, "{second:?}");
            assert!(!dropped(&[ill, second], false), "nothing stands in");
        }
    }
}
