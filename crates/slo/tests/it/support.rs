//! Objectives and minutes that tests share.

use std::time::Duration;

use tieline_slo::{Alerting, Alerts, Counts, Firing, Indicator, Minutes, Severity, Slo};

pub(crate) const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

pub(crate) const fn days(count: u64) -> Duration {
    hours(24 * count)
}

/// The nearest whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers of requests and minutes"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// An availability objective with the alerts that its window usually has.
pub(crate) fn slo(target: f64, window: Duration) -> Slo {
    Slo {
        name: "served".into(),
        feature: "support-reply".into(),
        indicator: Indicator::Availability { max_tier: None },
        target,
        window,
        alerting: Alerting::usual(window),
    }
}

/// Even traffic of which a share fails for a while.
pub(crate) struct Incident {
    /// Requests a minute.
    pub(crate) traffic: u64,
    /// The share that fails, from the minute 1 on.
    pub(crate) share: f64,
    /// How many minutes it does.
    pub(crate) minutes: u64,
}

/// The minute that incidents begin after: older than any window.
pub(crate) const CLEAN: u64 = 40 * 24 * 60;

impl Incident {
    fn counts(&self, minute: u64) -> Counts {
        let failing = minute > CLEAN && minute <= CLEAN + self.minutes;
        let bad = if failing { whole(self.traffic as f64 * self.share) } else { 0 };
        Counts { good: self.traffic - bad, bad }
    }

    /// The first and the last minute of the incident, from 1, in which an alert of a severity
    /// fires.
    pub(crate) fn fires(&self, slo: &Slo, severity: Severity, until: u64) -> Option<(u64, u64)> {
        let reach = slo.alerting.reach();
        let mut minutes = Minutes::new(reach);
        for minute in CLEAN - reach.as_secs() / 60..=CLEAN {
            minutes.add(minute, self.counts(minute));
        }
        let mut alerts = Alerts::new(slo);
        let mut fired = None;
        for minute in 1..=until {
            minutes.add(CLEAN + minute, self.counts(CLEAN + minute));
            let firing = alerts.at(&minutes, CLEAN + minute);
            if firing.iter().any(|one| is(one, severity)) {
                fired = Some((fired.map_or(minute, |(first, _)| first), minute));
            }
        }
        fired
    }
}

fn is(firing: &Firing, severity: Severity) -> bool {
    matches!(firing, Firing::Burn { .. }) && firing.severity() == severity
}
