//! One drill under way, or over.

use std::{
    hash::BuildHasher as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::quality::FixedState;
use serde::Serialize;
use tieline_config::Drills as Allowed;
use tieline_route::{Deployment, Feature, Live, Mode};
use tieline_types::CallRecord;
use tokio_util::sync::CancellationToken;

use super::{
    BreakerState, FaultKind, InjectedFault, NewDrill, fault,
    tally::{DrillTally, Tally},
};
use crate::{
    gateway::Gateway,
    plan::{ActivePlan, changed},
    slos::Drill as Label,
};

/// Shares are drawn among so many numbers.
const DRAWS: u64 = 1_000_000;

/// Why a drill is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillEnd {
    /// Its time was over.
    Ttl,
    /// Somebody halted it.
    Halted,
    /// As many requests were part of it as may be.
    MaxAffectedRequests,
    /// An objective burns.
    Burn,
    /// Too little is left of an error budget.
    BudgetRemaining,
    /// The configuration that allowed it is no longer in force.
    Configuration,
}

impl DrillEnd {
    /// The stable name used in reports and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ttl => "ttl",
            Self::Halted => "halted",
            Self::MaxAffectedRequests => "max_affected_requests",
            Self::Burn => "burn",
            Self::BudgetRemaining => "budget_remaining",
            Self::Configuration => "configuration",
        }
    }
}

/// How a drill ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DrillEnded {
    /// What ended it.
    pub by: DrillEnd,
    /// One sentence about it.
    pub reason: String,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What the requests of a drill have learnt, for the plan that they began with.
struct Kept {
    plan: Arc<ActivePlan>,
    live: Arc<Live>,
}

/// A drill: one that somebody began, or what the tokens of one name make.
pub(crate) struct Drill {
    pub(super) name: Arc<str>,
    /// Its name in metrics.
    pub(super) label: Arc<str>,
    /// How it was asked for; none where tokens make it.
    pub(super) asked: Option<Began>,
    pub(super) began_ms: u64,
    until: Mutex<Duration>,
    isolated: bool,
    learnt: Mutex<Option<Kept>>,
    affected: AtomicU64,
    tally: Tally,
    over: CancellationToken,
    ended: Mutex<Option<DrillEnded>>,
}

/// A drill that somebody began.
pub(super) struct Began {
    pub(super) asked: NewDrill,
    /// What the configuration allowed then.
    pub(super) allowed: Allowed,
    faults: Arc<[InjectedFault]>,
    at: Duration,
}

impl Drill {
    /// One that somebody begins now.
    pub(super) fn begun(
        asked: NewDrill,
        allowed: &Allowed,
        label: Arc<str>,
        (now, now_ms): (Duration, u64),
    ) -> Self {
        let ttl = asked.ttl(allowed);
        let isolated = asked.breaker_state == BreakerState::Isolated;
        let mut drill = Self::new(&asked.name, label, isolated, now.saturating_add(ttl), now_ms);
        let (allowed, faults) = (allowed.clone(), asked.faults.as_slice().into());
        drill.asked = Some(Began { asked, allowed, faults, at: now });
        drill
    }

    /// One that tokens make.
    pub(super) fn of_tokens(name: &str, label: Arc<str>, until: Duration, now_ms: u64) -> Self {
        Self::new(name, label, true, until, now_ms)
    }

    fn new(name: &str, label: Arc<str>, isolated: bool, until: Duration, began_ms: u64) -> Self {
        Self {
            name: name.into(),
            label,
            asked: None,
            began_ms,
            until: Mutex::new(until),
            isolated,
            learnt: Mutex::default(),
            affected: AtomicU64::new(0),
            tally: Tally::default(),
            over: CancellationToken::new(),
            ended: Mutex::default(),
        }
    }

    /// When its time is over.
    pub(super) fn until(&self) -> Duration {
        *lock(&self.until)
    }

    /// A token holds for longer than those before.
    pub(super) fn extend(&self, until: Duration) {
        let mut current = lock(&self.until);
        *current = until.max(*current);
    }

    /// Whether nothing is injected any more.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.over.is_cancelled() || now >= self.until()
    }

    /// Ends it; false where it is over already.
    pub(super) fn end(&self, ended: DrillEnded) -> bool {
        let mut known = lock(&self.ended);
        if known.is_some() {
            return false;
        }
        *known = Some(ended);
        drop(known);
        self.over.cancel();
        true
    }

    pub(super) fn ended(&self) -> Option<DrillEnded> {
        lock(&self.ended).clone()
    }

    /// The step of its ramp, from 0, and the share of the conversations that it takes, percent.
    pub(super) fn share(&self, now: Duration) -> (usize, f64) {
        let Some(Began { asked, at, .. }) = &self.asked else {
            return (0, 0.0);
        };
        let (percents, step) = asked.steps();
        let passed = now.saturating_sub(*at).as_nanos() / step.as_nanos().max(1);
        let step = usize::try_from(passed).unwrap_or(usize::MAX).min(percents.len() - 1);
        (step, percents.get(step).copied().unwrap_or_default())
    }

    /// Whether a request is of the share that it takes: the same for all of a conversation, and
    /// for good while the share grows.
    pub(super) fn takes(&self, conversation: u64, now: Duration) -> bool {
        let draw = FixedState::default().hash_one((&self.name, conversation)) % DRAWS;
        let (_, percent) = self.share(now);
        // Exact: both are far below 2^52.
        draw as f64 * 100.0 < percent * DRAWS as f64
    }

    /// Whether any of its faults could strike a request of this feature.
    pub(super) fn concerns(&self, feature: &Feature, plan: &ActivePlan) -> bool {
        let Some(Began { asked, faults, .. }) = &self.asked else {
            return true;
        };
        let strikes = |at: usize| {
            let known = plan.plan.deployments.get(at);
            known.is_some_and(|known| {
                faults.iter().any(|one| one.select.selects(&feature.name, known))
            })
        };
        asked.scope.has_feature(&feature.name)
            && feature.tiers.iter().any(|tier| match &tier.mode {
                Mode::Models { candidates, .. } => {
                    candidates.iter().any(|one| strikes(one.deployment))
                }
                Mode::Cache { .. } | Mode::Queue { .. } | Mode::Reply { .. } | Mode::Off => false,
            })
    }

    /// Counts one more request; false where no more may be part of it.
    pub(super) fn affects_one_more(&self) -> bool {
        let asked = self.asked.as_ref().map(|began| &began.asked.abort);
        let max = asked.and_then(|abort| abort.max_affected_requests).unwrap_or(u64::MAX);
        let more = |count: u64| (count < max).then_some(count + 1);
        self.affected.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// How many requests were part of it.
    pub(super) fn affected(&self) -> u64 {
        self.affected.load(Ordering::Relaxed)
    }

    /// What came of it up to now.
    pub(super) fn tally(&self) -> DrillTally {
        self.tally.shown(self.affected())
    }

    /// What its requests are decided by; none where that is what all are decided by.
    pub(super) fn live(&self, gateway: &Gateway, plan: &Arc<ActivePlan>) -> Option<Arc<Live>> {
        if !self.isolated {
            return None;
        }
        let mut kept = lock(&self.learnt);
        if let Some(kept) = kept.as_ref().filter(|kept| Arc::ptr_eq(&kept.plan, plan)) {
            return Some(Arc::clone(&kept.live));
        }
        let before = kept.as_ref();
        let changed = before.map(|one| changed(&one.plan.config, &plan.config)).unwrap_or_default();
        let learnt = before.map(|one| &*one.live);
        let live = Arc::new(plan.live.apart(learnt, &plan.plan, &changed, gateway.now()));
        // A request that still has an older plan must not lead the others back to it.
        if kept.is_none() || Arc::ptr_eq(&gateway.plan(), plan) {
            *kept = Some(Kept { plan: Arc::clone(plan), live: Arc::clone(&live) });
        }
        Some(live)
    }

    /// What its requests have learnt until now, with the plan that this is of.
    pub(super) fn learnt(&self) -> Option<(Arc<ActivePlan>, Arc<Live>)> {
        let kept = lock(&self.learnt);
        kept.as_ref().map(|kept| (Arc::clone(&kept.plan), Arc::clone(&kept.live)))
    }

    /// The faults that somebody began it with.
    pub(super) fn faults(&self) -> Arc<[InjectedFault]> {
        self.asked.as_ref().map(|began| Arc::clone(&began.faults)).unwrap_or_default()
    }
}

/// A request as part of a drill.
pub(crate) struct Drilled {
    pub(super) drill: Arc<Drill>,
    pub(super) faults: Arc<[InjectedFault]>,
    /// What it is decided by; none where that is what all are decided by.
    pub(super) live: Option<Arc<Live>>,
}

impl Drilled {
    /// The drill's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.drill.name
    }

    /// Its name in metrics.
    pub(crate) fn label(&self) -> Label {
        Some(Arc::clone(&self.drill.label))
    }

    /// What it is decided by; none where that is what all are decided by.
    pub(crate) const fn live(&self) -> Option<&Arc<Live>> {
        self.live.as_ref()
    }

    /// The request has ended.
    pub(crate) fn closed(&self, call: &CallRecord) {
        self.drill.tally.closed(call);
    }

    /// What strikes an attempt of it; `draw`, evenly from 0 to 1, decides.
    pub(crate) fn strikes(
        self: &Arc<Self>,
        (feature, stream): (&str, bool),
        deployment: &Deployment,
        (now, draw): (Duration, f64),
    ) -> Option<Injected> {
        if self.drill.is_over(now) {
            return None;
        }
        let fault = fault::drawn(&self.faults, feature, deployment, stream, draw)?;
        Some(Injected { kind: fault.kind.clone(), stream, drilled: Arc::clone(self) })
    }
}

/// A fault that strikes one attempt.
pub(crate) struct Injected {
    pub(super) kind: FaultKind,
    /// Whether a stream was asked for.
    pub(super) stream: bool,
    pub(super) drilled: Arc<Drilled>,
}

impl Injected {
    /// Whether the provider is called all the same.
    pub(crate) const fn calls(&self) -> bool {
        self.kind.calls(self.stream)
    }

    /// What ends when the drill does.
    pub(super) fn over(&self) -> CancellationToken {
        self.drilled.drill.over.clone()
    }

    /// It has struck.
    pub(super) fn count(&self, gateway: &Gateway) {
        let (drill, kind) = (&self.drilled.drill, self.kind.as_str());
        drill.tally.injected(kind);
        gateway.metrics.injected(&drill.label, kind);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
