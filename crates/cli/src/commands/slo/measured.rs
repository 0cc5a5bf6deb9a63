//! Objectives as the ledger counted them.

use std::{path::Path, time::Duration};

use serde::Serialize;
use tieline_config::Config;
use tieline_gateway::stated_slos;
use tieline_ledger::{SloKey, SloMinute, slo_minutes};
use tieline_slo::{Alerts, BurnRule, Counts, Firing, Minutes, Severity, Slo};

use super::recount::recount;
use crate::{failure::Failure, when};

/// A minute in milliseconds.
pub(super) const MINUTE_MS: u64 = 60_000;
/// The most points of a burn-down: more than a picture can show.
const POINTS_MAX: usize = 240;

/// Which objectives, over which time, and whether they are counted anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Those of this feature.
    pub(super) feature: Option<&'a str>,
    /// Another window than their own.
    pub(super) window: Option<Duration>,
    /// Counted from the requests themselves, all of them.
    pub(super) recount: bool,
    /// The last minute that is over.
    pub(super) minute: u64,
}

/// An objective and how it stands.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) feature: String,
    pub(super) name: String,
    /// What it measures.
    pub(super) sli: &'static str,
    pub(super) target: f64,
    pub(super) window_s: u64,
    pub(super) good: u64,
    pub(super) bad: u64,
    /// The share of good ones.
    pub(super) ratio: Option<f64>,
    /// The share of the error budget that is left; below 0 where there was not enough.
    pub(super) budget_left: Option<f64>,
    /// How fast it is spent, over the long window of its most urgent alert.
    pub(super) burn_rate: Option<f64>,
    /// The alerts that fire: `page`, `ticket` or `no_data`.
    pub(super) alerts: Vec<&'static str>,
    /// When the first counted minute of the window began.
    pub(super) counted_since_ms: Option<u64>,
    /// What was left of the budget in the course of the window.
    pub(super) burn_down: Vec<Point>,
}

/// What was left of a budget at a time.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Point {
    pub(super) at_ms: u64,
    pub(super) left: f64,
}

/// The last minute that is over now.
pub(super) fn last_minute() -> u64 {
    (when::unix_ms(when::wall_now()) / MINUTE_MS).saturating_sub(1)
}

/// Measures the objectives of a configuration by the ledger at `path`. What has no counts yet is
/// counted from the requests.
///
/// # Errors
/// Mistakes in the objectives, a feature that has none, and a ledger that cannot be used.
pub(super) fn measured(
    config: &Config,
    path: &Path,
    wanted: Wanted<'_>,
) -> Result<Vec<Measured>, Failure> {
    let mut slos = stated_slos(config)?;
    slos.retain(|slo| wanted.feature.is_none_or(|feature| *slo.feature == *feature));
    if slos.is_empty() {
        let of = wanted.feature.map(|name| format!(" of `{name}`")).unwrap_or_default();
        return Err(Failure::Usage {
            message: format!("the configuration has no objectives{of}"),
            hint: "name their file in `slos` of a feature".to_owned(),
        });
    }
    let mut uncounted = Vec::new();
    for slo in &slos {
        if wanted.recount || read(path, slo, wanted)?.is_empty() {
            uncounted.push(slo.clone());
        }
    }
    recount(config, path, &uncounted, wanted)?;
    slos.iter().map(|slo| Ok(Measured::of(slo, &read(path, slo, wanted)?, wanted))).collect()
}

/// The objective as the ledger knows it.
pub(super) fn key(slo: &Slo) -> SloKey {
    SloKey { feature: slo.feature.clone(), name: slo.name.clone(), digest: slo.digest().into() }
}

/// How far back anything of an objective is looked at.
pub(super) fn reach(slo: &Slo, wanted: Wanted<'_>) -> u64 {
    let window = wanted.window.unwrap_or(slo.window);
    window.max(slo.alerting.reach()).as_secs() / 60
}

fn read(path: &Path, slo: &Slo, wanted: Wanted<'_>) -> Result<Vec<SloMinute>, Failure> {
    let since = (wanted.minute + 1).saturating_sub(reach(slo, wanted));
    Ok(slo_minutes(path, &key(slo), since..wanted.minute + 1)?)
}

impl Measured {
    fn of(slo: &Slo, minutes: &[SloMinute], wanted: Wanted<'_>) -> Self {
        let window = wanted.window.unwrap_or(slo.window);
        let first = (wanted.minute + 1).saturating_sub(window.as_secs() / 60);
        let within: Vec<(u64, Counts)> =
            minutes.iter().filter(|one| one.minute >= first).map(counted).collect();
        let counts: Counts = within.iter().map(|(_, counts)| *counts).sum();
        let remembered = remembered(slo, minutes, wanted);
        Self {
            feature: slo.feature.to_string(),
            name: slo.name.to_string(),
            sli: slo.indicator.as_str(),
            target: slo.target,
            window_s: window.as_secs(),
            good: counts.good,
            bad: counts.bad,
            ratio: counts.error_ratio().map(|bad| 1.0 - bad),
            budget_left: counts.error_ratio().map(|_| 1.0 - slo.budget_spent(counts)),
            burn_rate: slo.burn_rate(remembered.counts(wanted.minute, page_window(slo))),
            alerts: alerts(slo, &remembered, wanted.minute),
            counted_since_ms: within.first().map(|(minute, _)| minute * MINUTE_MS),
            burn_down: burn_down(slo, &within),
        }
    }

    /// Whether nothing was counted in the window.
    pub(super) const fn is_unknown(&self) -> bool {
        self.good == 0 && self.bad == 0
    }
}

fn counted(one: &SloMinute) -> (u64, Counts) {
    (one.minute, Counts { good: one.good, bad: one.bad })
}

fn remembered(slo: &Slo, minutes: &[SloMinute], wanted: Wanted<'_>) -> Minutes {
    let mut remembered = Minutes::new(Duration::from_secs(reach(slo, wanted) * 60));
    for (minute, counts) in minutes.iter().map(counted) {
        remembered.add(minute, counts);
    }
    remembered
}

/// The long window of the most urgent alert.
fn page_window(slo: &Slo) -> Duration {
    let pages = |rule: &&BurnRule| rule.severity == Severity::Page;
    let page = slo.alerting.rules.iter().find(pages);
    page.map_or(Duration::from_secs(3600), |rule| rule.long)
}

/// What fires at the end of a minute, given how long what fires must have held.
fn alerts(slo: &Slo, minutes: &Minutes, minute: u64) -> Vec<&'static str> {
    let hold = slo.alerting.rules.iter().map(|rule| rule.hold.as_secs() / 60).max();
    let mut alerts = Alerts::new(slo);
    let begin = minute.saturating_sub(hold.unwrap_or_default());
    let firing = (begin..=minute).map(|at| alerts.at(minutes, at)).last().unwrap_or_default();
    firing.iter().map(severity).collect()
}

const fn severity(firing: &Firing) -> &'static str {
    match firing {
        Firing::Burn { rule, .. } => rule.severity.as_str(),
        Firing::NoData { .. } => "no_data",
    }
}

/// As many points as a picture can show; the last one is what is left now.
fn burn_down(slo: &Slo, within: &[(u64, Counts)]) -> Vec<Point> {
    let points = slo.burn_down(within);
    let every = points.len().div_ceil(POINTS_MAX).max(1);
    let shown = points.chunks(every).filter_map(|some| some.last());
    let point = |one: &tieline_slo::BudgetPoint| Point {
        at_ms: (one.minute + 1) * MINUTE_MS,
        left: one.remaining,
    };
    shown.map(point).collect()
}
