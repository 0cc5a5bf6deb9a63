//! What may still be spent.

use std::collections::BTreeMap;

use crate::Arm;

/// What a run may spend, and what an ask is expected to cost: the mean of what asks of the same arm
/// have cost so far, judges included.
#[derive(Clone, Debug)]
pub struct Purse {
    limit: Option<f64>,
    spent: f64,
    arms: BTreeMap<Arm, Seen>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    asks: u32,
    usd: f64,
    under_way: u32,
    expected: Option<f64>,
}

impl Seen {
    fn mean(&self) -> Option<f64> {
        if self.asks == 0 { self.expected } else { Some(self.usd / f64::from(self.asks)) }
    }
}

/// Whether another ask can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affords {
    Yes,
    /// It may be, once what is under way has its price.
    Later,
    No,
}

impl Purse {
    /// A purse of so many dollars; none for as many as it takes.
    #[must_use]
    pub const fn new(limit: Option<f64>) -> Self {
        Self { limit, spent: 0.0, arms: BTreeMap::new() }
    }

    /// What an ask of an arm is expected to cost before any has been paid.
    #[must_use]
    pub fn expecting(mut self, arm: Arm, usd: Option<f64>) -> Self {
        self.arms.entry(arm).or_default().expected = usd;
        self
    }

    /// The same when so much of it is gone already, in dollars.
    #[must_use]
    pub fn having_spent(self, usd: f64) -> Self {
        Self { spent: self.spent + usd, ..self }
    }

    /// What has been spent, in dollars.
    #[must_use]
    pub const fn spent(&self) -> f64 {
        self.spent
    }

    /// Whether another ask of an arm can be paid.
    pub(crate) fn affords(&self, arm: Arm) -> Affords {
        let Some(limit) = self.limit else { return Affords::Yes };
        let waiting = self.arms.values().any(|seen| seen.under_way > 0);
        let next = self.arms.get(&arm).and_then(Seen::mean);
        let reserved: Option<f64> = self
            .arms
            .values()
            .filter(|seen| seen.under_way > 0)
            .try_fold(0.0, |sum, seen| Some(sum + seen.mean()? * f64::from(seen.under_way)));
        let fits = match (next, reserved) {
            (Some(next), Some(reserved)) => self.spent + reserved + next <= limit,
            // What nobody knows the price of is asked alone, so that one price is known.
            _ => !waiting && self.spent < limit,
        };
        match (fits, waiting) {
            (true, _) => Affords::Yes,
            (false, true) => Affords::Later,
            (false, false) => Affords::No,
        }
    }

    pub(crate) fn begin(&mut self, arm: Arm) {
        self.arms.entry(arm).or_default().under_way += 1;
    }

    /// An ask has ended. What was taken from the cache says nothing of what others will cost.
    pub(crate) fn pay(&mut self, arm: Arm, usd: f64, cached: bool) {
        self.take_in(arm, usd, cached);
        let seen = self.arms.entry(arm).or_default();
        seen.under_way = seen.under_way.saturating_sub(1);
    }

    /// The same of a row of an earlier sitting.
    pub(crate) fn take_in(&mut self, arm: Arm, usd: f64, cached: bool) {
        self.spent += usd;
        if !cached {
            let seen = self.arms.entry(arm).or_default();
            seen.asks += 1;
            seen.usd += usd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_promises_more_than_it_has() {
        let mut purse = Purse::new(Some(1.0));
        assert_eq!(purse.affords(Arm::Candidate), Affords::Yes);
        purse.begin(Arm::Candidate);
        assert_eq!(purse.affords(Arm::Candidate), Affords::Later, "no price is known yet");
        purse.pay(Arm::Candidate, 0.25, false);
        for _ in 0..3 {
            assert_eq!(purse.affords(Arm::Candidate), Affords::Yes);
            purse.begin(Arm::Candidate);
        }
        assert_eq!(purse.affords(Arm::Candidate), Affords::Later);
        purse.pay(Arm::Candidate, 0.25, false);
        purse.pay(Arm::Candidate, 0.0, true);
        assert_eq!(purse.affords(Arm::Candidate), Affords::Yes, "the cached one left its share");
        purse.pay(Arm::Candidate, 0.4, false);
        assert_eq!(purse.affords(Arm::Candidate), Affords::No);
        assert_eq!(Purse::new(None).affords(Arm::Incumbent), Affords::Yes);
        let dear = Purse::new(Some(1.0)).expecting(Arm::Candidate, Some(2.0));
        assert_eq!(dear.affords(Arm::Candidate), Affords::No);
    }
}
