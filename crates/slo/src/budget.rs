//! What is left of an error budget, and how it went.

use crate::{Counts, Slo};

/// The error budget of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// How many requests may be bad, of as many as were counted.
    pub allowed: f64,
    /// The share of it that is spent; more than 1 where there was not enough.
    pub spent: f64,
    /// The share of it that is left; below 0 where there was not enough.
    pub remaining: f64,
}

/// What was left of a budget at the end of some minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetPoint {
    /// The minute, by its number since the Unix epoch.
    pub minute: u64,
    /// The share that was left.
    pub remaining: f64,
}

impl Slo {
    /// The budget of a window with these counts.
    #[must_use]
    pub fn budget(&self, counts: Counts) -> Budget {
        let spent = self.budget_spent(counts);
        let allowed = counts.total() as f64 * self.error_budget();
        Budget { allowed, spent, remaining: 1.0 - spent }
    }

    /// How the budget of a window went down to what is left of it now: from 1, by each minute's bad
    /// requests, measured by the requests of the whole window. One point for each of `minutes`,
    /// which are those of the window in their order.
    #[must_use]
    pub fn burn_down(&self, minutes: &[(u64, Counts)]) -> Vec<BudgetPoint> {
        let whole: Counts = minutes.iter().map(|(_, counts)| *counts).sum();
        let mut so_far = 0;
        let point = |&(minute, counts): &(u64, Counts)| {
            so_far += counts.bad;
            let bad = Counts { good: whole.total().saturating_sub(so_far), bad: so_far };
            BudgetPoint { minute, remaining: 1.0 - self.budget_spent(bad) }
        };
        minutes.iter().map(point).collect()
    }
}
