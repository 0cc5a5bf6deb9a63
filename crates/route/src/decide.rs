//! The steps for one request: which candidates of which tiers, in which order, and why.

use std::{borrow::Cow, time::Duration};

use rand::{Rng, SeedableRng as _, rngs::SmallRng};
use tieline_types::Eligible;

use crate::{
    Bar, Candidate, Cause, Demand, Feature, Live, Mode, Prefer, Prospect, Role, Standing, Tier,
    TierChange, Why,
    objective::{Weighed, balanced, cheapest},
    p2c,
    price::is_priced,
};

/// How many of those that are shut are tried after all that are open, or when nothing is.
const LAST_RESORTS_MAX: usize = 4;

/// How many of those that are suspended are tried when all else has failed.
const SUSPENDED_MAX: usize = 2;

/// What a request may do, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Call this deployment.
    Call {
        /// Position of the tier in the feature.
        tier: usize,
        /// Position of the deployment in the plan.
        deployment: usize,
    },
    /// Answer from the cache, if it has one.
    Cache {
        /// Position of the tier in the feature.
        tier: usize,
    },
    /// Keep the request for later, if there is room.
    Queue {
        /// Position of the tier in the feature.
        tier: usize,
    },
    /// Answer with the tier's fixed text.
    Reply {
        /// Position of the tier in the feature.
        tier: usize,
    },
    /// Refuse.
    Off {
        /// Position of the tier in the feature.
        tier: usize,
    },
}

/// What is known of a request when it is planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The tokens that it needs, as far as that can be told.
    pub demand: Demand,
    /// A number for its conversation. Requests with the same one are of the same share of whatever
    /// returns, and find weighted candidates in the same order.
    pub conversation: Option<u64>,
    /// Whether a budget pays for it: what has no price is then out.
    pub budgeted: bool,
}

/// Why a candidate is in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Will be tried in its turn.
    In,
    /// Nothing goes there until this time.
    Shut(Duration, Why),
    /// Shut, and tried all the same when whatever is open has failed, or nothing is: it opens
    /// soonest.
    LeastBad(Duration, Why),
    /// Its weight is 0.
    NoWeight,
    /// A budget pays, and nobody knows what it costs.
    Unpriced,
    /// It is expected to cost more than its tier allows.
    TooDear,
    /// Policy leaves it out.
    Denied,
    /// Its evals or its release keep it from answering.
    Barred(Bar),
    /// It is a canary, and the request is not of its share.
    NoCanary,
}

/// A candidate and its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Considered {
    /// Position of the tier in the feature.
    pub tier: usize,
    /// Position of the deployment in the plan.
    pub deployment: usize,
    /// In or out, and why.
    pub verdict: Verdict,
    /// What is known of it for this request, where its tier weighs anything.
    pub prospect: Option<Prospect>,
}

/// The ordered steps and the reasons.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What decides whether this request is of the share that returns to a deployment or tier that
    /// has recovered, from 0 to 1. The same for all requests of a conversation.
    pub draw: f64,
    /// What to try, in order.
    pub steps: Vec<Step>,
    /// Every candidate, with its verdict.
    pub considered: Vec<Considered>,
    /// Tiers that this request found dropped or returned, by position, before any other.
    pub changes: Vec<(usize, TierChange)>,
}

/// Plans one request of `feature` from what is known `now`.
///
/// A tier whose candidates are all shut is passed over. After all that are open come the most
/// promising of those that are shut, rather than refusing outright: what is on its way back before
/// what is out, and what opens soonest before the rest; what is suspended comes last. Before a
/// fixed answer, at which the ladder ends, only those are tried that likely answer.
///
/// What is not `eligible` is never tried: not in its turn, and not for want of anything better.
///
/// Requests with the same number for their `conversation` are of the same share of whatever
/// returns, and find weighted candidates in the same order.
pub fn decide(
    feature: &Feature,
    eligible: &Eligible,
    live: &Live,
    now: Duration,
    ask: Ask,
    rng: &mut impl Rng,
) -> Decision {
    let Ask { demand, conversation, .. } = ask;
    let mut steady = SmallRng::seed_from_u64(conversation.unwrap_or_else(|| rng.random()));
    let mut decision = Decision::of(feature, steady.random());
    let mut shut = Vec::new();
    for (tier, config) in feature.tiers.iter().enumerate() {
        match &config.mode {
            Mode::Models { candidates, prefer } => {
                let lot = config.has_canary().then(|| steady.random());
                let candidates = &decision.open_to((tier, candidates), eligible, live, ask, lot);
                let standing = |one: &Candidate| {
                    let at = one.deployment;
                    (at, live.peek(at, feature, now, decision.draw, demand))
                };
                let mut order: Vec<(usize, Standing)> = match prefer {
                    Prefer::Ordered | Prefer::Cheapest | Prefer::Balanced(_) => {
                        candidates.iter().map(standing).collect()
                    }
                    Prefer::Weighted => {
                        drawn(candidates, &mut steady).iter().map(standing).collect()
                    }
                    Prefer::Fastest => {
                        fastest(&candidates.iter().map(standing).collect::<Vec<_>>(), rng)
                    }
                };
                let prospects = if config.weighs() {
                    decision.weigh((tier, config), &mut order, |at| {
                        live.prospect(feature, at, now, demand)
                    })
                } else {
                    Vec::new()
                };
                canaries_first(&mut order, candidates);
                let stands_in =
                    || stands_in(feature, eligible, tier, live, now, decision.draw, demand);
                // What policy closes is not ill.
                let rung = live.rung(feature, tier).filter(|_| !order.is_empty());
                let hold = rung
                    .map(|rung| rung.hold(feature.return_after, decision.draw, &order, stands_in));
                let hold = hold.unwrap_or_default();
                decision.changes.extend(hold.change.map(|change| (tier, change)));
                let held = hold.wait.map(|wait| now + wait);
                shut.extend(consider(tier, &order, held, feature, &mut decision));
                let idle = |one: &&Candidate| *prefer == Prefer::Weighted && one.weight == 0;
                for zero in candidates.iter().filter(idle) {
                    decision.note(tier, zero.deployment, Verdict::NoWeight);
                }
                if !prospects.is_empty() {
                    decision.explain(tier, &prospects);
                }
            }
            Mode::Cache { .. } => decision.steps.push(Step::Cache { tier }),
            Mode::Queue { .. } => {
                let (soon, out) = shut.into_iter().partition(Rescue::likely_answers);
                decision.rescue_with(soon);
                decision.steps.push(Step::Queue { tier });
                shut = out;
            }
            Mode::Reply { .. } | Mode::Off => {
                // A fixed answer is better than a call that likely fails.
                shut.retain(Rescue::likely_answers);
                decision.rescue_with(shut);
                decision.steps.push(match config.mode {
                    Mode::Off => Step::Off { tier },
                    _ => Step::Reply { tier },
                });
                return decision;
            }
        }
    }
    decision.rescue_with(shut);
    decision
}

/// Puts the canaries that a request is of before whatever the tier prefers.
fn canaries_first(order: &mut [(usize, Standing)], candidates: &[Candidate]) {
    let is_canary = |at: usize| {
        let mut canaries = candidates.iter().filter(|one| matches!(one.role, Role::Canary(_)));
        canaries.any(|one| one.deployment == at)
    };
    if candidates.iter().any(|one| is_canary(one.deployment)) {
        order.sort_by_key(|(at, _)| !is_canary(*at));
    }
}

/// Whether a later tier of models can answer now, so that a tier that dropped need not.
fn stands_in(
    feature: &Feature,
    eligible: &Eligible,
    tier: usize,
    live: &Live,
    now: Duration,
    draw: f64,
    demand: Demand,
) -> bool {
    let reached =
        |tier: &&Tier| !matches!(tier.mode, Mode::Queue { .. } | Mode::Reply { .. } | Mode::Off);
    let later = feature.tiers.iter().skip(tier + 1).take_while(reached).flat_map(Tier::usable);
    later
        .filter(|one| eligible.allowed(one.deployment).is_some())
        .map(|one| live.peek(one.deployment, feature, now, draw, demand))
        .any(|standing| standing.shut.is_none() && standing.well_for.is_some())
}

/// Lists a tier's candidates; gives those that are shut and may be tried all the same. Those of a
/// tier that is `held` are shut until then.
fn consider(
    tier: usize,
    order: &[(usize, Standing)],
    held: Option<Duration>,
    feature: &Feature,
    decision: &mut Decision,
) -> Vec<Rescue> {
    let mut shut = Vec::new();
    for (deployment, standing) in order {
        let deployment = *deployment;
        let verdict = match standing.shut.or(held.map(|until| (until, Why::Settling))) {
            Some((until, why)) => {
                if may_rescue(why, feature) {
                    shut.push(Rescue { tier, deployment, until, why });
                }
                Verdict::Shut(until, why)
            }
            None => Verdict::In,
        };
        if verdict == Verdict::In {
            decision.steps.push(Step::Call { tier, deployment });
        }
        decision.note(tier, deployment, verdict);
    }
    shut
}

/// A deployment to try although it is shut.
struct Rescue {
    tier: usize,
    deployment: usize,
    until: Duration,
    why: Why,
}

impl Rescue {
    /// Whether it likely answers: better than a fixed answer, or one that comes later.
    const fn likely_answers(&self) -> bool {
        matches!(self.why, Why::Returning | Why::Settling | Why::Due) || self.is_suspended()
    }

    const fn is_suspended(&self) -> bool {
        matches!(self.why, Why::Unhealthy(Cause::Suspended))
    }

    /// What is on its way back answers more likely than what waits for its probe, that more likely
    /// than what refuses for want of quota, and that more likely than what is out. What is
    /// suspended may well answer, but nobody trusts what it says.
    const fn promise(&self) -> u8 {
        match self.why {
            Why::Returning | Why::Settling => 0,
            Why::Due => 1,
            Why::Shed | Why::Quota => 2,
            Why::Unhealthy(Cause::Suspended) => 4,
            Why::Suspected | Why::Unhealthy(_) => 3,
        }
    }
}

/// Whether a deployment that is shut may be tried for want of anything better. What somebody took
/// out of service stays out, and what gives way gives way.
const fn may_rescue(why: Why, feature: &Feature) -> bool {
    match why {
        Why::Unhealthy(Cause::Drained) => false,
        Why::Shed | Why::Quota => !feature.criticality.gives_way(),
        Why::Unhealthy(_) | Why::Returning | Why::Settling | Why::Suspected | Why::Due => true,
    }
}

/// Those that are open first, the less busy of two drawn at random before the other.
fn fastest(standings: &[(usize, Standing)], rng: &mut impl Rng) -> Vec<(usize, Standing)> {
    let loads: Vec<_> = standings.iter().map(|(_, standing)| standing.load).collect();
    p2c(&loads, rng).into_iter().filter_map(|at| standings.get(at).copied()).collect()
}

impl Decision {
    /// With room for all that a feature can have.
    fn of(feature: &Feature, draw: f64) -> Self {
        let candidates = |tier: &Tier| match &tier.mode {
            Mode::Models { candidates, .. } => candidates.len(),
            _ => 0,
        };
        let candidates = feature.tiers.iter().map(candidates).sum();
        Self {
            draw,
            steps: Vec::with_capacity(candidates + feature.tiers.len()),
            considered: Vec::with_capacity(candidates),
            changes: Vec::new(),
        }
    }

    /// Whether policy leaves nothing to call: there are candidates, and none of them is legal.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let denied = |one: &Considered| one.verdict == Verdict::Denied;
        !self.considered.is_empty() && self.considered.iter().all(denied)
    }

    /// Whether this candidate is to be tried although it is shut.
    #[must_use]
    pub fn is_rescue(&self, tier: usize, deployment: usize) -> bool {
        self.considered.iter().any(|one| {
            one.tier == tier
                && one.deployment == deployment
                && matches!(one.verdict, Verdict::LeastBad(..))
        })
    }

    /// The candidates that a request may be sent to by policy, by their evals and releases, and by
    /// whoever pays for it. `lot` is what is drawn of the request where there is a canary.
    fn open_to<'c>(
        &mut self,
        (tier, candidates): (usize, &'c [Candidate]),
        eligible: &Eligible,
        live: &Live,
        ask: Ask,
        lot: Option<u64>,
    ) -> Cow<'c, [Candidate]> {
        let priced = |one: &Candidate| live.rates(one.deployment).is_some_and(is_priced);
        let out = |one: &Candidate| match (eligible.allowed(one.deployment), one.role) {
            (None, _) => Some(Verdict::Denied),
            (_, Role::Barred(bar)) => Some(Verdict::Barred(bar)),
            (_, Role::Canary(canary)) if !canary.answers(lot) => Some(Verdict::NoCanary),
            _ => (ask.budgeted && !priced(one)).then_some(Verdict::Unpriced),
        };
        if candidates.iter().all(|one| out(one).is_none()) {
            return Cow::Borrowed(candidates);
        }
        let mut open = Vec::with_capacity(candidates.len());
        for one in candidates {
            match out(one) {
                Some(verdict) => self.note(tier, one.deployment, verdict),
                None => open.push(*one),
            }
        }
        Cow::Owned(open)
    }

    /// Orders a tier's candidates by its objective and under its ceilings; leaves out what is too
    /// dear. Gives what is known of each.
    ///
    /// No request is sent where it is expected to cost more than the tier allows. The other
    /// ceilings only order, so that they never leave a tier empty: after what meets them comes what
    /// is too slow, then what is not good enough, and last what is neither.
    fn weigh(
        &mut self,
        (tier, config): (usize, &Tier),
        order: &mut Vec<(usize, Standing)>,
        prospect: impl Fn(usize) -> Prospect,
    ) -> Vec<(usize, Prospect)> {
        let all = order.drain(..).map(|(at, standing)| (at, standing, prospect(at)));
        let mut weighed: Vec<Weighed> = all.collect();
        match &config.mode {
            Mode::Models { prefer: Prefer::Cheapest, .. } => cheapest(&mut weighed),
            Mode::Models { prefer: Prefer::Balanced(weights), .. } => {
                balanced(&mut weighed, *weights);
            }
            _ => {}
        }
        let ceilings = &config.ceilings;
        weighed.sort_by_key(|(.., prospect)| ceilings.misses(prospect));
        for (at, standing, prospect) in &weighed {
            match ceilings.max_usd.map(|most| (prospect.usd, most)) {
                Some((None, _)) => self.note(tier, *at, Verdict::Unpriced),
                Some((Some(usd), most)) if usd > most => self.note(tier, *at, Verdict::TooDear),
                _ => order.push((*at, *standing)),
            }
        }
        weighed.into_iter().map(|(at, _, prospect)| (at, prospect)).collect()
    }

    /// Says of a tier's candidates what is known of each.
    fn explain(&mut self, tier: usize, prospects: &[(usize, Prospect)]) {
        for one in self.considered.iter_mut().filter(|one| one.tier == tier) {
            let known = prospects.iter().find(|(at, _)| *at == one.deployment);
            one.prospect = known.map(|(_, prospect)| *prospect);
        }
    }

    fn rescue_with(&mut self, mut shut: Vec<Rescue>) {
        shut.sort_by_key(|rescue| (rescue.promise(), rescue.until));
        let (mut room, mut suspended_room) = (LAST_RESORTS_MAX, SUSPENDED_MAX);
        for rescue in shut {
            let room = if rescue.is_suspended() { &mut suspended_room } else { &mut room };
            let Rescue { tier, deployment, until, why } = rescue;
            if *room == 0 || self.calls(deployment) {
                continue;
            }
            *room -= 1;
            self.steps.push(Step::Call { tier, deployment });
            for one in &mut self.considered {
                if one.tier == tier && one.deployment == deployment {
                    one.verdict = Verdict::LeastBad(until, why);
                }
            }
        }
    }

    /// Whether a deployment has a step already.
    fn calls(&self, at: usize) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Call { deployment, .. } if *deployment == at))
    }

    fn note(&mut self, tier: usize, deployment: usize, verdict: Verdict) {
        self.considered.push(Considered { tier, deployment, verdict, prospect: None });
    }
}

/// All candidates of positive weight in a random order: each next one drawn by weight.
fn drawn(candidates: &[Candidate], rng: &mut impl Rng) -> Vec<Candidate> {
    let mut left: Vec<Candidate> =
        candidates.iter().filter(|one| one.weight > 0).copied().collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let total: u64 = left.iter().map(|one| u64::from(one.weight)).sum();
        let mut draw = rng.random_range(0..total);
        let at = left.iter().position(|one| match draw.checked_sub(u64::from(one.weight)) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        });
        order.push(left.remove(at.unwrap_or(0)));
    }
    order
}
