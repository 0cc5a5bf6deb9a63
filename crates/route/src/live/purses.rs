//! What requests may cost, by the budgets of a plan.

use std::sync::{Arc, Mutex, MutexGuard};

use tieline_types::UsdPico;

use super::{Live, lock};
use crate::{Allotment, Plan, Purse, PurseState, Short};

/// A budget's purse.
#[derive(Debug)]
pub(super) struct Kept {
    allotment: Allotment,
    purse: Arc<Mutex<Purse>>,
}

/// What one attempt may cost, taken from every purse that pays for it. Must be given back by
/// [`Live::settle`].
#[derive(Debug, Default)]
#[must_use]
pub struct Hold {
    /// The purses, by position in the plan, and when the window began that it counts in.
    shares: Vec<(usize, u64)>,
    amount: UsdPico,
}

impl Hold {
    /// How much is held.
    #[must_use]
    pub const fn amount(&self) -> UsdPico {
        self.amount
    }

    /// Which purses pay, by position in the plan, and when their windows began.
    pub fn shares(&self) -> impl Iterator<Item = (usize, u64)> {
        self.shares.iter().copied()
    }
}

/// The purses of a new plan: a budget of the same owner and period keeps what it spent.
pub(super) fn carried(before: &[Kept], new: &Plan) -> Vec<Kept> {
    let keep = |allotment: &Allotment| {
        let same = |kept: &&Kept| kept.allotment.is_same(allotment);
        let purse = match before.iter().find(same) {
            Some(kept) => {
                lock(&kept.purse).allow(allotment.usd);
                Arc::clone(&kept.purse)
            }
            None => Arc::new(Mutex::new(Purse::new(allotment))),
        };
        Kept { allotment: allotment.clone(), purse }
    };
    new.budgets.iter().map(keep).collect()
}

impl Live {
    /// Takes what an attempt may cost from all of these purses, by position in ascending order, or
    /// from none.
    ///
    /// # Errors
    /// The first purse in which it does not fit, and why.
    pub fn reserve(
        &self,
        purses: &[usize],
        unix_ms: u64,
        amount: UsdPico,
    ) -> Result<Hold, (usize, Short)> {
        // Locked in the same order by all, so that nobody waits in a circle.
        let mut open: Vec<(usize, MutexGuard<'_, Purse>)> =
            purses.iter().filter_map(|at| Some((*at, self.open(*at)?))).collect();
        for (at, purse) in &mut open {
            purse.fits(unix_ms, amount).map_err(|short| (*at, short))?;
        }
        let mut shares = Vec::with_capacity(open.len());
        for (at, purse) in &mut open {
            shares.push((*at, purse.reserve(unix_ms, amount).map_err(|short| (*at, short))?));
        }
        Ok(Hold { shares, amount })
    }

    /// An attempt is over and cost that much.
    #[expect(clippy::needless_pass_by_value, reason = "what is held is settled once")]
    pub fn settle(&self, hold: Hold, unix_ms: u64, cost: UsdPico) {
        for (at, start_ms) in &hold.shares {
            if let Some(mut purse) = self.open(*at) {
                purse.settle(unix_ms, *start_ms, hold.amount, cost);
            }
        }
    }

    /// Takes in what was spent from a purse before this process, in the window that began at
    /// `start_ms`.
    pub fn restore(&self, purse: usize, unix_ms: u64, start_ms: u64, spent: UsdPico) {
        if let Some(mut purse) = self.open(purse) {
            purse.restore(unix_ms, start_ms, spent);
        }
    }

    /// What is left in a purse.
    #[must_use]
    pub fn purse(&self, at: usize, unix_ms: u64) -> Option<PurseState> {
        self.open(at).map(|mut purse| purse.state(unix_ms))
    }

    fn open(&self, at: usize) -> Option<MutexGuard<'_, Purse>> {
        self.purses.get(at).map(|kept| lock(&kept.purse))
    }
}
