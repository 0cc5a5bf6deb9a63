//! Objectives as metrics.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{BurnStatus, Drill, SloStatus, Tracked};

/// Labels of a counted request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    feature: Arc<str>,
    slo: Arc<str>,
    result: &'static str,
    drill: Arc<str>,
}

/// Labels of an objective.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SloLabels {
    feature: String,
    slo: String,
}

/// Labels of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    feature: String,
    slo: String,
    severity: &'static str,
}

/// Labels of a rule of `on_burn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    feature: String,
    slo: String,
    then: String,
}

type Share = Gauge<f64, AtomicU64>;

/// Objectives as metrics.
#[derive(Debug, Default)]
pub(crate) struct SloMetrics {
    events: Family<EventLabels, Counter>,
    budget_left: Family<SloLabels, Share>,
    burn_rate: Family<SloLabels, Share>,
    alerts: Family<AlertLabels, Gauge>,
    rules: Family<RuleLabels, Gauge>,
}

impl SloMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "sli_events",
            "Requests of clients that counted for an objective, good and bad",
            self.events.clone(),
        );
        registry.register(
            "slo_budget_left",
            "The share of an objective's error budget that is left in its window",
            self.budget_left.clone(),
        );
        registry.register(
            "slo_burn_rate",
            "How fast an objective spends its error budget, over the long window of its first page",
            self.burn_rate.clone(),
        );
        registry.register(
            "slo_alert",
            "Alerts of objectives that fire: page, ticket or no_data",
            self.alerts.clone(),
        );
        registry.register(
            "on_burn_active",
            "Whether a feature chooses otherwise because an objective burns",
            self.rules.clone(),
        );
    }

    /// Counts a request that was judged.
    pub(super) fn event(&self, slo: &Tracked, good: bool, drill: &Drill) {
        let labels = EventLabels {
            feature: Arc::clone(&slo.key.feature),
            slo: Arc::clone(&slo.key.name),
            result: if good { "good" } else { "bad" },
            drill: drill.clone().unwrap_or_default(),
        };
        self.events.get_or_create(&labels).inc();
    }

    /// Shows how objectives stand.
    pub(crate) fn show(&self, slos: &[SloStatus], rules: &[BurnStatus]) {
        self.budget_left.clear();
        self.burn_rate.clear();
        self.alerts.clear();
        self.rules.clear();
        for one in slos {
            let (feature, slo) = (one.feature.clone(), one.name.clone());
            for alert in &one.alerts {
                let (feature, slo) = (feature.clone(), slo.clone());
                let labels = AlertLabels { feature, slo, severity: alert.severity };
                self.alerts.get_or_create(&labels).set(1);
            }
            let labels = SloLabels { feature, slo };
            if let Some(left) = one.budget_left {
                self.budget_left.get_or_create(&labels).set(left);
            }
            if let Some(rate) = one.burn_rate {
                self.burn_rate.get_or_create(&labels).set(rate);
            }
        }
        for rule in rules {
            let (feature, slo) = (rule.feature.clone(), rule.slo.clone());
            let labels = RuleLabels { feature, slo, then: rule.then.clone() };
            self.rules.get_or_create(&labels).set(rule.holds.into());
        }
    }
}
