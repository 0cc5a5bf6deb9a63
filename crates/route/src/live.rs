//! What was learnt of deployments and features since the start, shared by all requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tieline_types::{Class, Fault, Pass, Phase, Rates, Scope};

use crate::{
    Breaker, Budget, Cause, Effect, Ewma, Feature, Habits, Level, Load, Next, Permit, Plan,
    PromptSize, State, Storm, Who,
    domain::Suspicion,
    outcome,
    pool::{Admission, Demand, Observed, Pool, Reservation},
    settle::{Ladders, Rung},
    sheds,
};

mod apart;
mod habits;
mod limits;
mod purses;
mod service;
mod show;
mod spending;

use apart::Shared;
use limits::Limiters;
pub use purses::Hold;
use purses::Kept;
use service::{DRAINED, SUSPENDED};
pub use show::Shown;
use spending::Spending;

/// Health, quota and budgets of everything in a plan.
#[derive(Debug, Default)]
pub struct Live {
    deployments: Vec<Known>,
    domains: Vec<Neighbours>,
    features: BTreeMap<Arc<str>, Spending>,
    limiters: Limiters,
    /// By feature, of those that weigh what a request costs.
    habits: BTreeMap<Arc<str>, Arc<Habits>>,
    /// By position of the budget in the plan.
    purses: Vec<Kept>,
    ladders: Ladders,
}

/// What is known of one deployment.
#[derive(Debug)]
struct Known {
    id: Arc<str>,
    health: Arc<Mutex<Health>>,
    /// Everybody's, where this is what some learnt apart from the others.
    shared: Shared,
    /// Positions of its domains.
    domains: Vec<usize>,
    /// What it costs, where that is known.
    rates: Option<Arc<Rates>>,
    /// How good it is, where somebody says so.
    quality: Option<f64>,
}

#[derive(Debug, Default)]
struct Health {
    breaker: Breaker,
    pool: Pool,
    ewma: Ewma,
    storm: Storm,
    budget: Option<Budget>,
}

/// The deployments of one domain.
#[derive(Debug)]
struct Neighbours {
    level: Level,
    name: Arc<str>,
    suspicion: Arc<Suspicion>,
    members: Vec<usize>,
}

/// Why nothing goes to a deployment now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its breaker is open.
    Unhealthy(Cause),
    /// It has just recovered, and this request is not of the share that returns first.
    Returning,
    /// Its quota is used up.
    Quota,
    /// It could be probed, but a neighbour of the same suspected domain is being probed.
    Suspected,
    /// Its quota runs low, and the feature is one of those that give way.
    Shed,
    /// Its tier dropped and returns, and this request is not of the share that returns first.
    Settling,
    /// It waits for its probe, which is left to others for a moment: people wait for what this
    /// feature answers.
    Due,
}

impl Why {
    /// The stable name used in status and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unhealthy(cause) => cause.as_str(),
            Self::Returning => "returning",
            Self::Quota => "quota",
            Self::Suspected => "suspected",
            Self::Shed => "shed",
            Self::Settling => "settling",
            Self::Due => "due",
        }
    }
}

/// What a deployment would say to one more request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Why it would not take it, and until when.
    pub shut: Option<(Duration, Why)>,
    /// How busy it is.
    pub load: Load,
    /// How long its breaker has let traffic through; none while it does not.
    pub well_for: Option<Duration>,
}

/// The right to one attempt. Must be given back by [`Live::release`].
#[derive(Debug)]
pub struct Lease {
    deployment: usize,
    /// Of the prompt, as it was expected.
    size: PromptSize,
    /// Taken by the first verdict.
    permit: Option<Permit>,
    /// The time to the first content of a stream.
    first: Option<Duration>,
    reservation: Option<Reservation>,
    /// The draw on the quota that is everybody's, of requests that learn apart from the others.
    shared: Option<Box<Reservation>>,
}

impl Lease {
    /// Of a deployment that nothing is known of.
    const fn idle(deployment: usize, size: PromptSize) -> Self {
        Self { deployment, size, permit: None, first: None, reservation: None, shared: None }
    }

    /// Whether the attempt is the probe on which a breaker waits.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        matches!(self.permit, Some(Permit::Probe(_)))
    }
}

impl Live {
    /// Fresh health for a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self::default().carried(plan, &[], Duration::ZERO)
    }

    /// Health for a new plan: what stays keeps what was learnt of it. Of deployments at one of the
    /// `changed` providers, which have another address or credential now, only that they were
    /// drained or suspended is still true.
    #[must_use]
    pub fn carried(&self, new: &Plan, changed: &[&str], now: Duration) -> Self {
        let deployment = |one: &crate::Deployment| {
            let before = self.deployments.iter().find(|known| known.id == one.id);
            let health = match before {
                Some(known) if changed.contains(&&*one.provider) => {
                    let mut fresh = Health::default();
                    let before = &lock(&known.health).breaker;
                    fresh.breaker.drain(before.is_drained());
                    fresh.breaker.suspend(before.is_suspended());
                    Arc::new(Mutex::new(fresh))
                }
                before => before.map_or_else(Arc::default, |known| Arc::clone(&known.health)),
            };
            lock(&health).pool.configure(now, one.limits);
            let (id, domains) = (Arc::clone(&one.id), one.domains.clone());
            let (rates, quality) = (one.rates.clone(), one.quality);
            Known { id, health, shared: None, domains, rates, quality }
        };
        let domain = |(at, one): (usize, &crate::Domain)| {
            let same = |old: &&Neighbours| old.level == one.level && old.name == one.name;
            let before = self.domains.iter().find(same);
            let having = new.deployments.iter().enumerate();
            Neighbours {
                level: one.level,
                name: Arc::clone(&one.name),
                suspicion: before.map_or_else(Arc::default, |domain| Arc::clone(&domain.suspicion)),
                members: having
                    .filter(|(_, deployment)| deployment.domains.contains(&at))
                    .map(|(member, _)| member)
                    .collect(),
            }
        };
        let feature = |feature: &Arc<Feature>| {
            let criticality = feature.criticality;
            let before = self.features.get(&feature.name);
            let same = before.filter(|before| before.criticality == criticality);
            let spending = same.cloned().unwrap_or_else(|| Spending::new(criticality));
            (Arc::clone(&feature.name), spending)
        };
        Self {
            deployments: new.deployments.iter().map(deployment).collect(),
            domains: new.domains.iter().enumerate().map(domain).collect(),
            features: new.features.values().map(feature).collect(),
            limiters: limits::carried(&self.limiters, new, now),
            habits: habits::carried(&self.habits, new),
            purses: purses::carried(&self.purses, new),
            ladders: self.ladders.carried(new),
        }
    }

    /// What a deployment costs; none where nobody knows.
    #[must_use]
    pub fn rates(&self, deployment: usize) -> Option<&Rates> {
        self.deployments.get(deployment)?.rates.as_deref()
    }

    /// What a deployment would say to a request of that demand for this feature; `draw`, evenly
    /// from 0 to 1, decides what belongs to the share that returns after a recovery.
    #[must_use]
    pub fn peek(
        &self,
        deployment: usize,
        feature: &Feature,
        now: Duration,
        draw: f64,
        demand: Demand,
    ) -> Standing {
        let Some(health) = self.health(deployment) else {
            return Standing { shut: None, load: Load::default(), well_for: None };
        };
        let load = health.ewma.load(demand.size(), now);
        let out = self.out_of_service(deployment, &health.breaker) != (false, false);
        let well_for = health.breaker.well_for(now).filter(|_| !out);
        let shut = self.shut(deployment, &health, feature, now, draw, demand);
        Standing { shut, load, well_for }
    }

    fn shut(
        &self,
        deployment: usize,
        health: &Health,
        feature: &Feature,
        now: Duration,
        draw: f64,
        demand: Demand,
    ) -> Option<(Duration, Why)> {
        match self.out_of_service(deployment, &health.breaker) {
            (true, _) => return Some((Duration::MAX, DRAINED)),
            (false, true) => return Some((Duration::MAX, SUSPENDED)),
            (false, false) => {}
        }
        self.unready(deployment, health, feature, now, draw, demand)
    }

    /// Why nothing goes to a deployment that is in service.
    fn unready(
        &self,
        deployment: usize,
        health: &Health,
        feature: &Feature,
        now: Duration,
        draw: f64,
        demand: Demand,
    ) -> Option<(Duration, Why)> {
        if let Admission::Shut(until) = health.pool.admits(now, demand) {
            return Some((until, Why::Quota));
        }
        if let Some(until) = self.shared_shut(deployment, now, demand) {
            return Some((until, Why::Quota));
        }
        match health.breaker.peek(now, draw) {
            Permit::Shut(until) => {
                let why = match health.breaker.state(now) {
                    _ if health.breaker.due(now).is_some() => Why::Due,
                    State::Open(_, cause) | State::HalfOpen(cause) => Why::Unhealthy(cause),
                    State::Ramping(_) | State::Closed => Why::Returning,
                };
                return Some((until, why));
            }
            Permit::Probe(_) => {
                let due = self.due(deployment, health, now).unwrap_or_default();
                if now < due {
                    return Some((due, Why::Suspected));
                }
                if now < due + PROBE_GRACE && !feature.criticality.gives_way() {
                    return Some((due + PROBE_GRACE, Why::Due));
                }
            }
            Permit::Pass => {}
        }
        let used = health.pool.utilisation(now).max(self.shared_utilisation(deployment, now));
        let shed = sheds(feature.criticality, used);
        shed.then(|| (now + SHED_WAIT, Why::Shed))
    }

    /// From when a deployment whose breaker waits for its probe may get one; none where it does not
    /// wait, or a probe is under way.
    #[must_use]
    pub fn probe_due(&self, deployment: usize, now: Duration) -> Option<Duration> {
        self.due(deployment, &*self.health(deployment)?, now)
    }

    /// In a suspected domain probes take turns.
    fn due(&self, deployment: usize, health: &Health, now: Duration) -> Option<Duration> {
        let turns = self.domains_of(deployment).filter_map(|one| one.suspicion.next_probe(now));
        health.breaker.due(now).map(|due| turns.fold(due, Duration::max))
    }

    /// Takes the right to an attempt at a deployment that policy lets through, or says why not. A
    /// `rescue` goes all the same: there is nothing better.
    ///
    /// # Errors
    /// Why nothing goes there, and until when.
    pub fn admit(
        &self,
        pass: Pass,
        feature: &Feature,
        now: Duration,
        draw: f64,
        demand: Demand,
        rescue: bool,
    ) -> Result<Lease, (Duration, Why)> {
        let (deployment, size) = (pass.deployment(), demand.size());
        let Some(health) = self.health(deployment) else {
            return Ok(Lease::idle(deployment, size));
        };
        let shut = self.shut(deployment, &health, feature, now, draw, demand);
        if let Some(shut) = shut.filter(|(_, why)| !rescue || *why == DRAINED) {
            return Err(shut);
        }
        Ok(self.lease(health, pass, (now, draw), demand, rescue))
    }

    fn lease(
        &self,
        mut health: MutexGuard<'_, Health>,
        pass: Pass,
        (now, draw): (Duration, f64),
        demand: Demand,
        rescue: bool,
    ) -> Lease {
        let (deployment, size) = (pass.deployment(), demand.size());
        // A rescue that can be a probe is one, whatever its share.
        let out = health.breaker.opened().is_some();
        let permit = health.breaker.admit(now, if rescue && out { 0.0 } else { draw });
        let reservation = Some(health.pool.reserve(now, demand));
        health.ewma.begin();
        drop(health);
        if matches!(permit, Permit::Probe(_)) {
            self.domains_of(deployment).for_each(|domain| domain.suspicion.note_probe(now));
        }
        Lease { permit: Some(permit), reservation, ..Lease::idle(deployment, size) }
    }

    /// The attempt came to its first content, which decides a probe; `first` is the time that took,
    /// where the answer is a stream. The time to a whole answer is that of its length and says
    /// nothing.
    pub fn served(&self, lease: &mut Lease, now: Duration, who: Who, first: Option<Duration>) {
        let Some(mut health) = self.health(lease.deployment) else {
            return;
        };
        health.storm.success(now, who);
        lease.first = first;
        if let Some(first) = first {
            health.ewma.observe(lease.size, now, first);
        }
        let Some(probe @ Permit::Probe(_)) = lease.permit else {
            return;
        };
        let cause = health.breaker.opened().map(|(cause, _)| cause);
        let closed = health.breaker.success(now, probe, None);
        lease.permit = Some(Permit::Pass);
        drop(health);
        if let (true, Some(cause @ (Cause::Credential | Cause::Account))) = (closed, cause) {
            for member in self.account_of(lease.deployment) {
                if let Some(mut health) = self.health(member) {
                    health.breaker.release(now, cause);
                }
            }
        }
    }

    /// An attempt had no content yet when another one for the same request was answered: a prompt
    /// of that size takes at least this long.
    pub fn outpaced(&self, deployment: usize, size: PromptSize, now: Duration, at_least: Duration) {
        if let Some(mut health) = self.health(deployment) {
            health.ewma.observe(size, now, at_least);
        }
    }

    /// The answer was complete. Only now does it count as good: streams can break.
    pub fn completed(&self, lease: &mut Lease, now: Duration) {
        let Some(mut health) = self.health(lease.deployment) else {
            return;
        };
        let permit = lease.permit.take().unwrap_or(Permit::Pass);
        let was_open = health.breaker.opened().is_some();
        let first = lease.first.map(|first| (lease.size, first));
        health.breaker.success(now, permit, first);
        let slowed = !was_open && health.breaker.opened().is_some();
        drop(health);
        if slowed {
            self.look_around(lease.deployment, now);
        }
    }

    /// Where to go after a fault, which is not yet held against the deployment.
    pub fn weigh(&self, lease: &Lease, now: Duration, who: Who, fault: &Fault) -> Next {
        let outcome = outcome(fault);
        if fault.phase == Phase::Admit {
            return outcome.next;
        }
        let Some(mut health) = self.health(lease.deployment) else {
            return outcome.next;
        };
        // What a probe meets is likely what its breaker opened for. A size is what it is.
        let probe =
            lease.is_probe() && !matches!(fault.class, Class::ContextOverflow | Class::TooLarge);
        let raging = health.storm.fault(now, fault.class, who) || probe;
        if raging && outcome.effect == Effect::Neutral { Next::Doubt } else { outcome.next }
    }

    /// The attempt failed, before its first content or after it.
    pub fn failed(&self, lease: &mut Lease, now: Duration, fault: &Fault) {
        self.count(lease, now, fault, outcome(fault).effect);
    }

    /// A fault that looked like the caller's was the deployment's: the same request was answered
    /// well elsewhere.
    pub fn convicted(&self, lease: &mut Lease, now: Duration, fault: &Fault) {
        self.count(lease, now, fault, Effect::Failure);
    }

    fn count(&self, lease: &mut Lease, now: Duration, fault: &Fault, effect: Effect) {
        let deployment = lease.deployment;
        let suspect = self.domains_of(deployment).any(|domain| domain.suspicion.is_raised(now));
        let Some(mut health) = self.health(deployment) else {
            return;
        };
        let permit = lease.permit.take().unwrap_or(Permit::Pass);
        if effect != Effect::Neutral {
            health.ewma.fail(now, fault.retry_after);
        }
        let opened = match effect {
            Effect::Neutral => {
                health.breaker.neutral(now, permit);
                false
            }
            Effect::Failure => health.breaker.failure(now, permit, suspect),
            Effect::Trip(floor, cause) => health.breaker.trip(now, permit, floor, cause),
            Effect::Pause(wait) => {
                health.pool.close(now, Some(wait));
                health.breaker.neutral(now, permit);
                false
            }
        };
        drop(health);
        if opened {
            self.look_around(deployment, now);
        }
        if let Effect::Trip(floor, cause) = effect {
            self.trip_account(deployment, now, fault, floor, cause);
        }
    }

    /// A refused credential or an exhausted account concerns every deployment that uses it. One
    /// refused credential may be that of one model, and a second deployment's tells; an account
    /// that says that it has nothing left is believed at once.
    fn trip_account(
        &self,
        deployment: usize,
        now: Duration,
        fault: &Fault,
        floor: Duration,
        cause: Cause,
    ) {
        let shared = match fault.scope {
            Scope::Credential => fault.status == Some(401),
            Scope::Account => true,
            _ => false,
        };
        if !shared {
            return;
        }
        for domain in self.domains_of(deployment).filter(|one| one.level == Level::Account) {
            domain.suspicion.raise(now);
        }
        let open_alike = |member: usize| {
            let opened = self.health(member).and_then(|health| health.breaker.opened());
            opened.is_some_and(|(other, _)| other == cause)
        };
        let mut others = self.account_of(deployment).filter(|member| *member != deployment);
        if fault.scope == Scope::Account || others.any(open_alike) {
            for member in self.account_of(deployment) {
                if let Some(mut health) = self.health(member) {
                    health.breaker.trip(now, Permit::Pass, floor, cause);
                }
            }
        }
    }

    /// What the provider's headers said of its limits.
    pub fn learn(&self, lease: &Lease, now: Duration, observed: &Observed) {
        if let Some(mut health) = self.health(lease.deployment) {
            health.pool.learn(now, observed);
        }
        self.learn_shared(lease, now, observed);
    }

    /// Gives the right back, with the tokens that were used if they are known. Without a verdict
    /// before, the attempt says nothing of the deployment.
    pub fn release(&self, mut lease: Lease, now: Duration, used: Option<Demand>) {
        self.settle_shared(&mut lease, now, used);
        if let Some(mut health) = self.health(lease.deployment) {
            health.ewma.end();
            if let Some(reservation) = lease.reservation {
                let used = used.unwrap_or(reservation.demand());
                health.pool.settle(now, reservation, used);
            }
            if let Some(permit) = lease.permit {
                health.breaker.neutral(now, permit);
            }
        }
    }

    /// What is remembered of a tier that may drop; none for one that cannot.
    pub(crate) fn rung(&self, feature: &Feature, tier: usize) -> Option<&Rung> {
        self.ladders.rung(feature, tier)
    }

    /// Looks whether the neighbours of a deployment that went out are out as well.
    fn look_around(&self, deployment: usize, now: Duration) {
        for domain in self.domains_of(deployment) {
            let is_out = |member: &&usize| {
                self.health(**member).is_some_and(|health| health.breaker.opened().is_some())
            };
            let out = domain.members.iter().filter(is_out).count();
            domain.suspicion.look(now, out, domain.members.len());
        }
    }

    fn account_of(&self, deployment: usize) -> impl Iterator<Item = usize> {
        let accounts = self.domains_of(deployment).filter(|one| one.level == Level::Account);
        accounts.flat_map(|account| account.members.iter().copied())
    }

    fn domains_of(&self, deployment: usize) -> impl Iterator<Item = &Neighbours> {
        let known = self.deployments.get(deployment);
        known.into_iter().flat_map(|known| &known.domains).filter_map(|at| self.domains.get(*at))
    }

    fn health(&self, deployment: usize) -> Option<MutexGuard<'_, Health>> {
        self.deployments.get(deployment).map(|known| lock(&known.health))
    }
}

/// For so long after a probe became due, requests that people wait for leave it to others: to
/// features that give way, and to probes that nobody waits for.
const PROBE_GRACE: Duration = Duration::from_secs(2);

/// How long a request that was shed is told to wait.
const SHED_WAIT: Duration = Duration::from_secs(5);

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
