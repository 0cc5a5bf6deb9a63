//! What one attempt costs: reserved in the budgets that pay for it before it is sent, and settled
//! once when it is over, whatever ends it.

use std::{sync::Arc, time::Duration};

use tieline_ledger::SpendWindow;
use tieline_route::{Demand, Hold, OnLimit, Short, worst};
use tieline_types::{Class, CostState, Fault, ServiceTier, Usage, UsdPico};

use crate::{admit::Call, gateway::Gateway, plan::ActivePlan, prices::Tariff};

/// The tokens of output that are reserved for where neither the request nor the deployment has a
/// limit. An answer that is longer costs more than was reserved for it.
const OUTPUT_ASSUMED: u64 = 8_192;

/// An attempt's reservation.
pub(crate) struct Bill {
    gateway: Arc<Gateway>,
    plan: Arc<ActivePlan>,
    /// Taken when it is settled.
    hold: Option<Hold>,
    tariff: Arc<Tariff>,
    /// The service tier of the answer, where that is not the standard one.
    service_tier: Option<ServiceTier>,
    /// What its prompt costs, roughly.
    prompt: UsdPico,
    /// What it comes to by all that is known.
    cost: UsdPico,
}

/// Why an attempt is not made.
pub(crate) enum Refused {
    /// Nobody knows what the deployment costs, so no budget can pay for it.
    Unpriced,
    /// It does not fit a budget.
    Short(Shortage),
}

/// A budget in which something does not fit.
pub(crate) struct Shortage {
    /// No other deployment may answer instead.
    pub(crate) refuses: bool,
    /// When it may fit.
    pub(crate) wait: Option<Duration>,
    /// What the client is told if nothing answers.
    pub(crate) fault: Fault,
}

impl Shortage {
    /// The one of two that ends first. What refuses does so all the same.
    pub(crate) fn or_sooner(self, other: Self) -> Self {
        let refuses = self.refuses || other.refuses;
        let ends = |short: &Self| short.wait.unwrap_or(Duration::MAX);
        Self { refuses, ..if ends(&other) < ends(&self) { other } else { self } }
    }
}

impl Bill {
    /// Reserves what a call of a deployment may cost at most; none where no budget pays for it.
    ///
    /// # Errors
    /// Why it may not be called.
    pub(crate) fn open(
        gateway: &Arc<Gateway>,
        call: &Call,
        deployment: usize,
    ) -> Result<Option<Self>, Refused> {
        if call.budgets.is_empty() {
            return Ok(None);
        }
        let known = call.plan.plan.deployments.get(deployment);
        let output = call.output_limit.or(known.and_then(|known| known.max_output));
        let demand = Demand { output: output.unwrap_or(OUTPUT_ASSUMED), ..call.demand() };
        let asked = call.head.service_tier.as_ref();
        Self::reserve(gateway, &call.plan, &call.budgets, deployment, (demand, asked)).map(Some)
    }

    /// Reserves what tokens may cost at most at a deployment, whether it serves them in the service
    /// tier that is asked for or in the standard one.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn reserve(
        gateway: &Arc<Gateway>,
        plan: &Arc<ActivePlan>,
        budgets: &[usize],
        deployment: usize,
        (demand, asked): (Demand, Option<&ServiceTier>),
    ) -> Result<Self, Refused> {
        let tariff = plan.tariff(deployment).ok_or(Refused::Unpriced)?;
        let (most, prompt) = dearest(&tariff, asked, demand).ok_or(Refused::Unpriced)?;
        let hold = plan.live.reserve(budgets, gateway.unix_ms(), most);
        let hold = hold.map_err(|(at, short)| shortage(plan, at, short))?;
        let cost = UsdPico::ZERO;
        let (gateway, plan) = (Arc::clone(gateway), Arc::clone(plan));
        let service_tier = None;
        Ok(Self { gateway, plan, hold: Some(hold), tariff, service_tier, prompt, cost })
    }

    /// The attempt begins: its prompt is paid unless more is known.
    pub(crate) fn begins(&mut self) {
        self.cost = self.prompt;
    }

    /// The answer is of this service tier.
    pub(crate) fn serves(&mut self, tier: Option<&ServiceTier>) {
        self.service_tier = tier.cloned();
    }

    /// What it used. Where some of that has no price, it is at least what was reserved.
    pub(crate) fn used(&mut self, usage: &Usage) {
        let cost = self.tariff.cost(self.service_tier.as_ref(), usage);
        self.cost = match cost.state {
            CostState::Priced | CostState::Estimated => cost.usd,
            CostState::Partial | CostState::Unpriced => cost.usd.max(self.reserved()),
        };
    }

    /// It was answered, and nobody counted what it used: it costs what was reserved.
    pub(crate) fn uncounted(&mut self) {
        self.cost = self.reserved();
    }

    fn reserved(&self) -> UsdPico {
        self.hold.as_ref().map_or(UsdPico::ZERO, Hold::amount)
    }

    /// It was not sent, or refused before any work was done: nobody asks money for that.
    pub(crate) fn unpaid(&mut self) {
        self.cost = UsdPico::ZERO;
    }

    fn note(&self, hold: &Hold) {
        let Some(ledger) = &self.gateway.ledger else {
            return;
        };
        for (at, start_ms) in hold.shares() {
            if let Some(budget) = self.plan.plan.budgets.get(at) {
                let (kind, per) = (budget.owner.kind(), budget.per.as_str());
                let name = Arc::clone(budget.owner.name());
                ledger.spend(SpendWindow { kind, name, per, start_ms }, self.cost);
            }
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            if self.cost > UsdPico::ZERO {
                self.note(&hold);
            }
            self.plan.live.settle(hold, self.gateway.unix_ms(), self.cost);
        }
    }
}

/// The most that a call may cost, and what its prompt costs then: it is served in the tier that is
/// asked for, or in the standard one. None where either has no price.
fn dearest(
    tariff: &Tariff,
    asked: Option<&ServiceTier>,
    demand: Demand,
) -> Option<(UsdPico, UsdPico)> {
    let prompt = Usage { input: demand.input, estimated: true, ..Usage::default() };
    let served_in = |tier| {
        let rates = tariff.rates(tier)?;
        Some((worst(rates, demand)?, rates.cost(&prompt).usd))
    };
    let standard = served_in(None)?;
    match asked {
        None => Some(standard),
        tier => Some(standard.max(served_in(tier)?)),
    }
}

fn shortage(plan: &ActivePlan, at: usize, short: Short) -> Refused {
    let Some(budget) = plan.plan.budgets.get(at) else {
        return Refused::Unpriced;
    };
    let (kind, name, per) = (budget.owner.kind(), budget.owner.name(), budget.per.as_str());
    let whose = format!("the budget of {kind} `{name}`, ${} per {per}", budget.usd);
    let (class, message) = match short {
        Short { lasting: false, .. } => {
            (Class::OverLimit, format!("{whose}, is held by requests under way"))
        }
        Short { wait: Some(_), .. } => (Class::OverBudget, format!("{whose}, has no room left")),
        Short { .. } => (
            Class::OverBudget,
            format!("{whose}, is less than this request may cost: allow it less output"),
        ),
    };
    Refused::Short(Shortage {
        refuses: budget.on_limit == OnLimit::Refuse,
        wait: short.wait,
        fault: Fault::new(class, message).with_retry_after(short.wait),
    })
}
