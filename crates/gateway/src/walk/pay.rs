//! What the next attempt costs, and what follows where there is no money for it.

use super::Walk;
use crate::{
    bill::{Bill, Refused},
    decision::UNPRICED,
    record::Record,
};

impl Walk {
    /// Reserves what a call costs in the budgets that pay for it; none where it may not be made.
    pub(super) fn pay(
        &mut self,
        tier: usize,
        deployment: usize,
        record: &mut Record,
    ) -> Option<Option<Bill>> {
        if self.short.as_ref().is_some_and(|short| short.refuses) {
            self.pass_over(tier, deployment, "over_budget", None, record);
            return None;
        }
        match Bill::open(&self.worker.gateway, &self.call, deployment) {
            Ok(bill) => Some(bill),
            Err(Refused::Unpriced) => {
                self.pass_over(tier, deployment, UNPRICED, None, record);
                None
            }
            Err(Refused::Short(short)) => {
                let now = self.worker.gateway.now();
                let opens = short.wait.map(|wait| (now + wait, now));
                self.pass_over(tier, deployment, "over_budget", opens, record);
                self.short = Some(match self.short.take() {
                    Some(before) => before.or_sooner(short),
                    None => short,
                });
                None
            }
        }
    }
}
