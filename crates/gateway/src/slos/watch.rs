//! Once a minute: which alerts begin and end, and which rules of `on_burn` hold.

use std::{sync::Arc, time::Duration};

use tieline_config::{Config, Feature, OnBurn};
use tieline_route::burns;
use tieline_slo::{Alerts, Firing, Slo};
use tieline_types::chain;

use super::{
    AlertStatus, MINUTE_MS, Tracked,
    alert::{Message, deliver},
    status::told,
};
use crate::{gateway::Gateway, listen::Worker, plan::ActivePlan};

/// The alerts of one objective.
#[derive(Debug)]
pub(crate) struct Watched {
    alerts: Alerts,
    /// Those that fire, by what they are called, with when they began.
    firing: Vec<AlertStatus>,
}

/// The rules of `on_burn` that hold, with their features.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Burning(Vec<(String, OnBurn)>);

impl Watched {
    pub(super) fn new(slo: &Slo) -> Self {
        Self { alerts: Alerts::new(slo), firing: Vec::new() }
    }

    pub(super) fn firing(&self) -> Vec<AlertStatus> {
        self.firing.clone()
    }
}

impl Burning {
    /// Whether a rule of a feature holds.
    pub(crate) fn has(&self, feature: &str, rule: &OnBurn) -> bool {
        self.0.iter().any(|(name, one)| name == feature && one == rule)
    }

    /// The rules of a feature that hold, in the order in which it states them.
    pub(crate) fn of<'f>(&self, feature: &'f Feature) -> Vec<&'f OnBurn> {
        feature.on_burn.iter().filter(|rule| self.has(&feature.name, rule)).collect()
    }

    /// What the feature does by them, for records.
    pub(crate) fn told(&self, feature: &Feature) -> Vec<String> {
        let told = |rule: &OnBurn| format!("{}: {}", rule.slo, told(&rule.then));
        self.of(feature).into_iter().map(told).collect()
    }

    /// As if every rule about these objectives held.
    pub(crate) fn supposed(config: &Config, feature: &str, slos: &[String]) -> Self {
        let rules = config.feature(feature).into_iter().flat_map(|feature| &feature.on_burn);
        let rules = rules.filter(|rule| slos.contains(&rule.slo));
        Self(rules.map(|rule| (feature.to_owned(), rule.clone())).collect())
    }
}

/// Watches objectives for as long as it is polled: at the end of every minute.
pub async fn slos(worker: Arc<Worker>) {
    let telling = deliver(Arc::clone(&worker));
    let watching = async {
        let gateway = &worker.gateway;
        loop {
            let now_ms = gateway.unix_ms();
            let minute = now_ms / MINUTE_MS;
            let left_ms = MINUTE_MS - now_ms % MINUTE_MS;
            tokio::time::sleep(Duration::from_millis(left_ms)).await;
            let looking = Arc::clone(gateway);
            // Where rules change, a plan is made, which may read files.
            let looked = tokio::task::spawn_blocking(move || looking.watch_slos(minute));
            if looked.await.is_err() {
                tracing::error!("objectives were not looked at in this minute");
            }
        }
    };
    tokio::join!(telling, watching);
}

impl Gateway {
    /// Looks at every objective as of the end of a minute.
    fn watch_slos(&self, minute: u64) {
        let plan = self.plan();
        for slo in plan.slos.all() {
            self.watch(slo, minute);
        }
        let burning = burning(&plan, minute);
        if burning != *plan.burning() {
            self.bend(&plan, burning);
        }
    }

    /// Tells what begins and what ends of an objective's alerts.
    fn watch(&self, slo: &Tracked, minute: u64) {
        let mut watched = slo.watched();
        let firing = watched.alerts.at(&slo.minutes(), minute);
        let at_ms = (minute + 1).saturating_mul(MINUTE_MS);
        for one in &firing {
            let severity = severity(one);
            if watched.firing.iter().all(|other| other.severity != severity) {
                watched.firing.push(AlertStatus { severity, since_ms: at_ms });
                self.tell(Message::began(slo, one, severity, minute));
            }
        }
        let fires = |one: &AlertStatus| firing.iter().any(|other| severity(other) == one.severity);
        watched.firing.retain(|one| {
            let fires = fires(one);
            if !fires {
                self.tell(Message::ended(slo, one, minute));
            }
            fires
        });
    }

    /// Puts in force what features do while these rules hold.
    fn bend(&self, old: &ActivePlan, burning: Burning) {
        for feature in &old.config.features {
            let (before, after) = (old.burning().told(feature), burning.told(feature));
            let name = &feature.name;
            match after.join("; ") {
                _ if before == after => {}
                rules if rules.is_empty() => {
                    tracing::info!(feature = name, "no objective burns: it is as configured");
                }
                rules => tracing::warn!(feature = name, rules, "objectives burn"),
            }
        }
        if let Err(error) = self.renew_burning(burning) {
            tracing::error!("what objectives ask for is not in force: {}", chain(&error));
        }
    }
}

/// The stable name of what an alert calls for.
fn severity(firing: &Firing) -> &'static str {
    match firing {
        Firing::Burn { rule, .. } => rule.severity.as_str(),
        Firing::NoData { .. } => "no_data",
    }
}

/// The rules that hold at the end of a minute.
fn burning(plan: &ActivePlan, minute: u64) -> Burning {
    let all = plan.slos.all();
    let mut holding = Vec::new();
    for feature in plan.config.features.iter().filter(|feature| !feature.on_burn.is_empty()) {
        for rule in &feature.on_burn {
            let of = |one: &&&Arc<Tracked>| {
                *one.key.feature == *feature.name && *one.key.name == *rule.slo
            };
            let rates = all.iter().find(of).map(|slo| slo.burn_rates(minute));
            let (long, short) = rates.unwrap_or_default();
            if burns(plan.burning().has(&feature.name, rule), rule.above, long, short) {
                holding.push((feature.name.clone(), rule.clone()));
            }
        }
    }
    Burning(holding)
}
