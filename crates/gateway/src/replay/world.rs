//! One configuration, at work on what was recorded.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use rand::{SeedableRng as _, rngs::SmallRng};
use tieline_config::Config;
use tieline_policy::{Asked, CLOSED, Matrix, Ruling};
use tieline_route::{
    Ask, Decision, Demand, Feature, Live, Mode, OnLimit, Plan, Step, Tier, Verdict, Who, decide,
};
use tieline_types::{Cost, Rates, Usage, UsdPico};

use super::{
    health::Health,
    recorded::{NO_BUDGET, NO_FEATURE, NOBODY, REFUSED, Recorded, by_tier},
    times::Measured,
};
use crate::{
    GatewayError, eligibility, plan,
    prices::Prices,
    standing::{Evidence, Standings},
};

/// Nobody is ill by the look of his requests: what was ill is known.
const NOBODY_ELSE: Who = Who { feature: 0, caller: 0 };

/// What is not in the tiers of a feature, and why it is closed then.
const NOT_A_CANDIDATE: &str = "not in the feature's tiers";
const NOT_CONFIGURED: &str = "not in the configuration";

/// A configuration with what is learnt on the way: what it may call, what that costs on the day,
/// and what its requests were like.
pub(super) struct World<'c> {
    config: &'c Config,
    matrix: Matrix,
    prices: Prices,
    plan: Plan,
    live: Live,
    began_ms: u64,
}

/// What answers a request.
pub(super) struct Answer {
    /// As [`Answers::by`](super::report::Answers::by).
    pub(super) by: Arc<str>,
    /// Whether that is a deployment.
    pub(super) is_call: bool,
    /// What it costs, where a deployment answers and it is known what that used.
    pub(super) cost: Option<Cost>,
    /// Why the deployment that answered before is not open to the request; none where it is.
    pub(super) closed: Option<Arc<str>>,
}

/// A request on its way: what was recorded of it and before it, and what is decided now.
struct Way<'w> {
    recorded: &'w Recorded<'w>,
    health: &'w Health,
    measured: &'w Measured,
    feature: &'w Feature,
    ruling: &'w Ruling,
    decision: &'w Decision,
    now: Duration,
    demand: Demand,
    /// The budgets that pay for it.
    budgets: &'w [usize],
}

/// Why a deployment does not answer.
enum Passed {
    /// It would not, or not this request.
    Over,
    /// There is no room in a budget.
    Short(OnLimit),
}

/// How candidates stand as far as the configuration says. Suites and releases of the past are not
/// known, so that no attestation holds: those who have one stand in for want of anything better.
fn standings(config: &Config, matrix: &Matrix, now_ms: u64) -> Result<Standings, GatewayError> {
    Standings::at(config, Evidence::default(), matrix, now_ms)
}

impl<'c> World<'c> {
    /// Compiles a configuration for all the time from `began_ms` on.
    ///
    /// # Errors
    /// Every mistake in the policies, and in the user's own prices.
    pub(super) fn new(config: &'c Config, began_ms: u64) -> Result<Self, GatewayError> {
        let matrix = eligibility::matrix(config, began_ms)?;
        let prices = Prices::at(config, began_ms)?;
        let plan = plan::compile(config, &prices, &standings(config, &matrix, began_ms)?);
        let live = Live::new(&plan);
        Ok(Self { config, matrix, prices, plan, live, began_ms })
    }

    pub(super) fn has(&self, feature: &str) -> bool {
        self.plan.features.contains_key(feature)
    }

    /// The features that the configuration spells out.
    pub(super) fn features(&self) -> impl Iterator<Item = &Arc<str>> {
        let named = self.plan.features.iter().filter(|(_, feature)| !feature.implicit);
        named.map(|(name, _)| name)
    }

    pub(super) const fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Whether budgets or limits of features would refuse some requests.
    pub(super) fn is_rationed(&self) -> bool {
        let limited = |feature: &Arc<Feature>| feature.limits != Default::default();
        !self.plan.budgets.is_empty() || self.plan.features.values().any(limited)
    }

    /// What would answer a request. Requests come in the order of their arrival.
    ///
    /// # Errors
    /// Where the prices of a new day cannot be had.
    pub(super) fn answer(
        &mut self,
        recorded: &Recorded<'_>,
        health: &Health,
        measured: &Measured,
    ) -> Result<Answer, GatewayError> {
        let record = recorded.record;
        let now_ms = record.started_ms;
        let now = Duration::from_millis(now_ms.saturating_sub(self.began_ms));
        self.turn_the_page(now_ms, now)?;
        let Some(feature) = self.plan.features.get(&record.feature) else {
            return Ok(Answer::nobody(NO_FEATURE, Some(NO_FEATURE.into())));
        };
        // Nothing else is on record.
        let asked = Asked {
            caller: (&*record.caller).into(),
            modalities: recorded.modalities().unwrap_or_default(),
            ..Asked::default()
        };
        let ruling = self.matrix.allowed(&feature.name, asked, now_ms);
        let seed = seed_of(&record.id);
        let demand = Demand { input: recorded.usage.map_or(0, Usage::input_total), output: 0 };
        let budgets = &*self.plan.paying(feature, &record.caller);
        let ask = Ask { demand, conversation: Some(seed), budgeted: !budgets.is_empty() };
        let mut rng = SmallRng::seed_from_u64(seed);
        let decision = decide(feature, &ruling.eligible, &self.live, now, ask, &mut rng);
        let (ruling, decision) = (&*ruling, &decision);
        let way =
            Way { recorded, health, measured, feature, ruling, decision, now, demand, budgets };
        let closed = recorded.attempt.and_then(|one| self.closed(&way, &one.deployment));
        Ok(Answer { closed, ..self.walk(&way) })
    }

    /// Prices change at midnight.
    fn turn_the_page(&mut self, now_ms: u64, now: Duration) -> Result<(), GatewayError> {
        if self.prices.stamp().is_of_another_day(now_ms) {
            self.prices = Prices::at(self.config, now_ms)?;
            let standings = standings(self.config, &self.matrix, now_ms)?;
            self.plan = plan::compile(self.config, &self.prices, &standings);
            self.live = self.live.carried(&self.plan, &[], now);
        }
        Ok(())
    }

    /// The first step that answers.
    fn walk(&self, way: &Way<'_>) -> Answer {
        let (mut late, mut short) = (false, None);
        for step in &way.decision.steps {
            match step {
                // Nothing that costs anything answers any more.
                Step::Call { .. } if short == Some(OnLimit::Refuse) => {}
                Step::Call { tier, deployment } => {
                    match self.call(way, (*tier, *deployment), late) {
                        Ok(answer) => return answer,
                        Err(Passed::Over) => late = true,
                        Err(Passed::Short(on_limit)) => short = Some(on_limit),
                    }
                }
                Step::Cache { tier } => {
                    let name = way.tier(*tier);
                    if way.recorded.is_of_tier(name) {
                        return Answer::of_tier(name);
                    }
                }
                Step::Queue { .. } if way.decision.is_denied() => {}
                Step::Queue { tier } | Step::Reply { tier } => {
                    return Answer::of_tier(way.tier(*tier));
                }
                Step::Off { .. } => return Answer::nobody(NOBODY, None),
            }
        }
        let denied = way.decision.considered.iter().any(|one| one.verdict == Verdict::Denied);
        match denied {
            true => Answer::nobody(REFUSED, None),
            false if short.is_some() => Answer::nobody(NO_BUDGET, None),
            false => Answer::nobody(NOBODY, None),
        }
    }

    /// Calls a deployment, `late` where another one was called before.
    fn call(
        &self,
        way: &Way<'_>,
        (tier, deployment): (usize, usize),
        late: bool,
    ) -> Result<Answer, Passed> {
        let Way { recorded, feature, decision, now, demand, .. } = *way;
        let known = self.plan.deployments.get(deployment).ok_or(Passed::Over)?;
        let pass = way.ruling.eligible.allowed(deployment).ok_or(Passed::Over)?;
        if !way.health.answers(&known.id, recorded, late) {
            return Err(Passed::Over);
        }
        let same = known.id == recorded.by;
        // Which tier another deployment would have served nobody knows: the standard one.
        let served = recorded.attempt.filter(|_| same).and_then(|one| one.service_tier.as_ref());
        let tariff = self.prices.of(deployment).unwrap_or_default();
        let usage = recorded.usage.map(|usage| match tariff.rates(served) {
            Some(rates) if !same => translated(usage, rates),
            _ => *usage,
        });
        let cost = usage.map(|usage| tariff.cost(served, &usage));
        let rescue = decision.is_rescue(tier, deployment);
        let lease = self.live.admit(pass, feature, now, decision.draw, demand, rescue);
        let mut lease = lease.map_err(|_| Passed::Over)?;
        if let Err(on_limit) = self.pay(way, cost) {
            self.live.release(lease, now, Some(Demand::default()));
            return Err(Passed::Short(on_limit));
        }
        let first = match recorded.attempt {
            Some(attempt) if same => attempt.first_content_us,
            _ => way.measured.usual_first(&known.id, way.demand.size()),
        };
        let first = first.filter(|_| recorded.record.stream).map(Duration::from_micros);
        self.live.served(&mut lease, now, NOBODY_ELSE, first);
        self.live.completed(&mut lease, now);
        if let (Some(habits), Some(usage)) = (self.live.habits(feature), &usage) {
            self.live.note_use(&lease, habits, now, usage);
        }
        let used =
            usage.map(|usage| Demand { input: usage.input_total(), output: usage.output_total() });
        self.live.release(lease, now, used);
        Ok(Answer { by: Arc::clone(&known.id), is_call: true, cost, closed: None })
    }

    /// Takes what a call costs from the budgets that pay for it.
    ///
    /// # Errors
    /// What happens to requests that do not fit, where one has no room.
    fn pay(&self, way: &Way<'_>, cost: Option<Cost>) -> Result<(), OnLimit> {
        if way.budgets.is_empty() {
            return Ok(());
        }
        let usd = cost.map_or(UsdPico::ZERO, |cost| cost.usd);
        let now_ms = way.recorded.record.started_ms;
        match self.live.reserve(way.budgets, now_ms, usd) {
            Ok(hold) => {
                self.live.settle(hold, now_ms, usd);
                Ok(())
            }
            Err((at, _)) => {
                Err(self.plan.budgets.get(at).map_or_else(OnLimit::default, |one| one.on_limit))
            }
        }
    }

    /// Why a deployment is not open to a request.
    fn closed(&self, way: &Way<'_>, id: &str) -> Option<Arc<str>> {
        let Some(at) = self.plan.deployments.iter().position(|one| &*one.id == id) else {
            return Some(NOT_CONFIGURED.into());
        };
        let is_candidate = |tier: &Tier| match &tier.mode {
            Mode::Models { candidates, .. } => candidates.iter().any(|one| one.deployment == at),
            _ => false,
        };
        if !way.feature.tiers.iter().any(is_candidate) {
            return Some(NOT_A_CANDIDATE.into());
        }
        if way.ruling.eligible.allowed(at).is_some() {
            return None;
        }
        Some(way.ruling.rules(at).map_or_else(|| CLOSED.into(), Arc::clone))
    }
}

impl Way<'_> {
    fn tier(&self, at: usize) -> &str {
        self.feature.tiers.get(at).map_or("", |tier| &tier.name)
    }
}

impl Answer {
    fn nobody(by: &'static str, closed: Option<Arc<str>>) -> Self {
        Self { by: by.into(), is_call: false, cost: None, closed }
    }

    fn of_tier(tier: &str) -> Self {
        Self { by: by_tier(tier), is_call: false, cost: None, closed: None }
    }
}

/// What another deployment would count: where its prices know nothing of a kind of cached token, it
/// is a token of the prompt as any other.
fn translated(usage: &Usage, rates: &Rates) -> Usage {
    let prices = rates.prices(usage.input_total());
    let mut usage = *usage;
    for (count, price) in [
        (&mut usage.cache_read, prices.cache_read),
        (&mut usage.cache_write_5m, prices.cache_write_5m),
        (&mut usage.cache_write_1h, prices.cache_write_1h),
        (&mut usage.cache_write_other, prices.cache_write_other),
    ] {
        if price.is_none() {
            usage.input = usage.input.saturating_add(std::mem::take(count));
        }
    }
    usage
}

/// The same request draws the same lots in every world.
fn seed_of(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
