//! Which alerts of an objective fire.

use std::time::Duration;

use crate::{
    Alerting, BurnRule, Counts, Indicator, Minutes, Severity, Slo, minutes::minutes, wilson,
};

/// The alerts of one objective, and since when their conditions hold.
#[derive(Clone, Debug)]
pub struct Alerts {
    error_budget: f64,
    alerting: Alerting,
    /// Whether only a sample is counted, so that a share is not more than an estimate.
    sampled: bool,
    /// For each rule, the minute since which its condition has held.
    held: Vec<Option<u64>>,
}

/// An alert that fires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Firing {
    /// The budget is being spent too fast.
    Burn {
        /// The rule that says so: of those of its severity the first.
        rule: BurnRule,
        /// The minute since which its condition has held.
        since: u64,
        /// The burn rate over the long window.
        long: f64,
        /// The burn rate over the short window.
        short: f64,
    },
    /// Nothing has been counted for too long.
    NoData {
        /// The last minute in which something was.
        last: u64,
    },
}

impl Firing {
    /// What it calls for.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Burn { rule, .. } => rule.severity,
            Self::NoData { .. } => Severity::Ticket,
        }
    }
}

impl Alerts {
    /// The alerts of an objective, none of which fires yet.
    #[must_use]
    pub fn new(slo: &Slo) -> Self {
        Self {
            error_budget: slo.error_budget(),
            held: vec![None; slo.alerting.rules.len()],
            alerting: slo.alerting.clone(),
            sampled: matches!(slo.indicator, Indicator::Quality { .. }),
        }
    }

    /// What fires at the end of a minute: a page or none, a ticket or none, and no data or not.
    /// Asked for every minute in turn, it knows how long conditions have held.
    pub fn at(&mut self, minutes: &Minutes, now: u64) -> Vec<Firing> {
        let mut firing: Vec<Firing> = Vec::new();
        for at in 0..self.alerting.rules.len() {
            let Some(burn) = self.rule(at, minutes, now) else { continue };
            if firing.iter().all(|other| other.severity() != burn.severity()) {
                firing.push(burn);
            }
        }
        firing.extend(self.no_data(minutes, now));
        firing
    }

    fn rule(&mut self, at: usize, minutes: &Minutes, now: u64) -> Option<Firing> {
        let rule = *self.alerting.rules.get(at)?;
        let burns = self.burns(&rule, minutes, now);
        let held = self.held.get_mut(at)?;
        let Some((long, short)) = burns else {
            *held = None;
            return None;
        };
        let since = *held.get_or_insert(now);
        let ripe = now.saturating_sub(since) >= self::minutes(rule.hold);
        ripe.then_some(Firing::Burn { rule, since, long, short })
    }

    /// The burn rates of both windows, where both are too high and enough was bad.
    fn burns(&self, rule: &BurnRule, minutes: &Minutes, now: u64) -> Option<(f64, f64)> {
        let (long, short) = (minutes.counts(now, rule.long), minutes.counts(now, rule.short));
        let enough = long.bad >= self.alerting.bad_events_min;
        let rates = (self.surely(long)?, short.error_ratio()? / self.error_budget);
        (enough && rates.0 > rule.factor && rates.1 > rule.factor).then_some(rates)
    }

    /// The burn rate of counts, at the least where they are a sample.
    fn surely(&self, counts: Counts) -> Option<f64> {
        let ratio = if self.sampled {
            wilson(counts.bad, counts.total()).map(|(low, _)| low)
        } else {
            counts.error_ratio()
        };
        ratio.map(|ratio| ratio / self.error_budget)
    }

    fn no_data(&self, minutes: &Minutes, now: u64) -> Option<Firing> {
        let last = minutes.last()?;
        let after: Duration = self.alerting.no_data_after?;
        let silent = now.saturating_sub(last) >= self::minutes(after);
        silent.then_some(Firing::NoData { last })
    }
}
