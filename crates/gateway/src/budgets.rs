//! Budgets: from the configuration to the plan, from the ledger to the purses, and to people.

use std::sync::Arc;

use serde::Serialize;
use tieline_config::{Budget, Config, OnLimit, Per};
use tieline_ledger::{Ledger, SpendWindow};
use tieline_route::{Allotment, Owner, Period};
use tieline_types::{UsdPico, chain};

use crate::{gateway::Gateway, plan::ActivePlan};

/// A budget and what is left of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetStatus {
    /// Whose it is: that of a `feature`, `team` or `caller`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What may be spent in a window, in US dollars.
    pub usd: UsdPico,
    /// How long a window is: `hour`, `day`, `week` or `month`.
    pub per: &'static str,
    /// What happens to a request that does not fit: `next-tier` or `refuse`.
    pub on_limit: &'static str,
    /// What was spent in the window, in US dollars.
    pub spent: UsdPico,
    /// What is reserved by requests under way, in US dollars.
    pub reserved: UsdPico,
    /// When the window ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

/// The budgets of a configuration.
pub(crate) fn of(config: &Config) -> Vec<Allotment> {
    let features = config.features.iter().filter_map(|feature| {
        Some(allotment(Owner::Feature(feature.name.as_str().into()), feature.budget?))
    });
    let named = |owner: fn(Arc<str>) -> Owner| {
        move |(name, budget): &(String, Budget)| allotment(owner(name.as_str().into()), *budget)
    };
    let teams = config.budgets.teams.iter().map(named(Owner::Team));
    let callers = config.budgets.callers.iter().map(named(Owner::Caller));
    features.chain(teams).chain(callers).collect()
}

fn allotment(owner: Owner, budget: Budget) -> Allotment {
    let per = match budget.per {
        Per::Hour => Period::Hour,
        Per::Day => Period::Day,
        Per::Week => Period::Week,
        Per::Month => Period::Month,
    };
    let on_limit = match budget.on_limit {
        OnLimit::NextTier => tieline_route::OnLimit::NextTier,
        OnLimit::Refuse => tieline_route::OnLimit::Refuse,
    };
    Allotment { owner, usd: budget.usd, per, on_limit }
}

/// Reads back what was spent before in the windows that are open now, of the budgets that `old` did
/// not have. Where the ledger does not tell, they begin anew: money is not worth an outage.
pub(crate) fn restore(new: &ActivePlan, old: Option<&ActivePlan>, ledger: &Ledger, unix_ms: u64) {
    let had = |budget: &Allotment| {
        old.is_some_and(|old| old.plan.budgets.iter().any(|before| before.is_same(budget)))
    };
    let budgets = new.plan.budgets.iter().enumerate().filter(|(_, budget)| !had(budget));
    let (positions, windows): (Vec<usize>, Vec<SpendWindow>) = budgets
        .map(|(at, budget)| {
            let (kind, name) = (budget.owner.kind(), Arc::clone(budget.owner.name()));
            let start_ms = budget.per.window(unix_ms).start_ms;
            (at, SpendWindow { kind, name, per: budget.per.as_str(), start_ms })
        })
        .unzip();
    if windows.is_empty() {
        return;
    }
    match ledger.spent(&windows) {
        Ok(amounts) => {
            for ((at, window), spent) in positions.into_iter().zip(&windows).zip(amounts) {
                new.live.restore(at, unix_ms, window.start_ms, spent);
            }
        }
        Err(error) => {
            let why = chain(&error);
            tracing::error!(why, "what was spent before cannot be read: budgets begin anew");
        }
    }
}

impl Gateway {
    /// All budgets and what is left of them.
    pub(crate) fn budgets(&self) -> Vec<BudgetStatus> {
        let (plan, unix_ms) = (self.plan(), self.unix_ms());
        let show = |(at, budget): (usize, &Allotment)| {
            let state = plan.live.purse(at, unix_ms)?;
            Some(BudgetStatus {
                kind: budget.owner.kind(),
                name: budget.owner.name().to_string(),
                usd: budget.usd,
                per: budget.per.as_str(),
                on_limit: match budget.on_limit {
                    tieline_route::OnLimit::NextTier => "next-tier",
                    tieline_route::OnLimit::Refuse => "refuse",
                },
                spent: state.spent,
                reserved: state.reserved,
                until_ms: state.window.end_ms,
            })
        };
        plan.plan.budgets.iter().enumerate().filter_map(show).collect()
    }
}
