//! Prometheus metrics. Labels come from the configuration and from fixed lists: they are bounded.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tieline_ledger::Depth;
use tieline_route::TierChange;
use tieline_types::{AttemptRecord, CallRecord, Reason};

use crate::{
    DeploymentStatus,
    budgets::BudgetStatus,
    slos::{Drill, SloMetrics},
    standing::{AttestationStanding, CandidateStanding},
};

/// Bucket borders in seconds, from a fast first token to a long agent turn.
const SECONDS: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 180.0];

/// The drill that something was part of; what was part of none has no such label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct DrillLabel(Drill);

impl EncodeLabelSet for DrillLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self.0.as_deref() {
            Some(drill) => ("drill", drill).encode(encoder.encode_label()),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    feature: Arc<str>,
    tier: Option<Arc<str>>,
    deployment: Option<Arc<str>>,
    outcome: &'static str,
    class: &'static str,
    #[prometheus(flatten)]
    drill: DrillLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    deployment: Arc<str>,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TriedLabels {
    deployment: Arc<str>,
    class: &'static str,
    #[prometheus(flatten)]
    drill: DrillLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InjectedLabels {
    drill: Arc<str>,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeatureLabels {
    feature: Arc<str>,
    tier: Option<Arc<str>>,
    #[prometheus(flatten)]
    drill: DrillLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RepeatLabels {
    feature: Arc<str>,
    reason: &'static str,
    #[prometheus(flatten)]
    drill: DrillLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TierLabels {
    feature: Arc<str>,
    tier: Arc<str>,
    change: &'static str,
    #[prometheus(flatten)]
    drill: DrillLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakLabels {
    feature: Arc<str>,
    result: &'static str,
    #[prometheus(flatten)]
    drill: DrillLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    deployment: Option<Arc<str>>,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    kind: &'static str,
    name: String,
    per: &'static str,
    amount: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeploymentLabels {
    deployment: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SentinelLabels {
    deployment: String,
    share: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    feature: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MirrorLabels {
    feature: Arc<str>,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CandidateLabels {
    feature: String,
    tier: String,
    deployment: String,
}

/// All metrics of one gateway.
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter<u64, AtomicU64>>,
    attempts: Family<TriedLabels, Counter<u64, AtomicU64>>,
    repeats: Family<RepeatLabels, Counter<u64, AtomicU64>>,
    probes: Family<AttemptLabels, Counter<u64, AtomicU64>>,
    mirrored: Family<MirrorLabels, Counter<u64, AtomicU64>>,
    attested: Family<CandidateLabels, Gauge>,
    attestation_expires: Family<CandidateLabels, Gauge>,
    alarms: Family<CandidateLabels, Gauge>,
    shares: Family<CandidateLabels, Gauge<f64, AtomicU64>>,
    sentinels: Family<AttemptLabels, Counter<u64, AtomicU64>>,
    sentinel_shares: Family<SentinelLabels, Gauge<f64, AtomicU64>>,
    suspended: Family<DeploymentLabels, Gauge>,
    shutdown_days: Family<DeploymentLabels, Gauge>,
    duration: Family<FeatureLabels, Histogram>,
    first_content: Family<FeatureLabels, Histogram>,
    tokens: Family<TokenLabels, Counter<u64, AtomicU64>>,
    tier_changes: Family<TierLabels, Counter<u64, AtomicU64>>,
    stream_breaks: Family<BreakLabels, Counter<u64, AtomicU64>>,
    injected: Family<InjectedLabels, Counter<u64, AtomicU64>>,
    losses: Counter,
    jobs: Family<JobLabels, Gauge>,
    budgets: Family<BudgetLabels, Gauge<f64, AtomicU64>>,
    pub(crate) slos: SloMetrics,
    pub(crate) connections: Gauge,
    pub(crate) records_queued: Gauge,
    pub(crate) records_spilled: Gauge,
    pub(crate) records_dropped: Gauge,
    pub(crate) reloads: Counter,
    pub(crate) reloads_refused: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let seconds = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("tieline"),
            calls: Family::default(),
            attempts: Family::default(),
            repeats: Family::default(),
            probes: Family::default(),
            mirrored: Family::default(),
            attested: Family::default(),
            attestation_expires: Family::default(),
            alarms: Family::default(),
            shares: Family::default(),
            sentinels: Family::default(),
            sentinel_shares: Family::default(),
            suspended: Family::default(),
            shutdown_days: Family::default(),
            duration: Family::new_with_constructor(seconds),
            first_content: Family::new_with_constructor(seconds),
            tokens: Family::default(),
            tier_changes: Family::default(),
            stream_breaks: Family::default(),
            injected: Family::default(),
            losses: Counter::default(),
            jobs: Family::default(),
            budgets: Family::default(),
            slos: SloMetrics::default(),
            connections: Gauge::default(),
            records_queued: Gauge::default(),
            records_spilled: Gauge::default(),
            records_dropped: Gauge::default(),
            reloads: Counter::default(),
            reloads_refused: Counter::default(),
        };
        metrics.register();
        metrics.register_standings();
        metrics.register_deployments();
        metrics.slos.register(&mut metrics.registry);
        metrics
    }

    fn register_standings(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "mirrored_requests",
            "Copies of requests that release candidates were sent unseen, by how they ended",
            self.mirrored.clone(),
        );
        registry.register(
            "attestation_valid",
            "Whether a candidate has an attestation that holds, where one is wanted",
            self.attested.clone(),
        );
        registry.register(
            "attestation_expires_timestamp_seconds",
            "When that attestation ends, seconds since the Unix epoch",
            self.attestation_expires.clone(),
        );
        registry.register(
            "unattested_serving",
            "Candidates that serve without a valid attestation",
            self.alarms.clone(),
        );
        registry.register(
            "release_share",
            "The share of conversations that a release candidate answers",
            self.shares.clone(),
        );
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Client requests by how they ended", self.calls.clone());
        registry.register("attempts", "Upstream calls by how they ended", self.attempts.clone());
        registry.register("probes", "Tieline's own probes by how they ended", self.probes.clone());
        registry.register(
            "repeats",
            "Upstream calls beyond a request's first, and requests that a client sent again",
            self.repeats.clone(),
        );
        registry.register(
            "request_duration_seconds",
            "Arrival to last byte",
            self.duration.clone(),
        );
        registry.register(
            "first_content_seconds",
            "Arrival to the first content sent to the client",
            self.first_content.clone(),
        );
        registry.register("tokens", "Tokens of answering attempts by kind", self.tokens.clone());
        registry.register(
            "tier_changes",
            "Tiers that dropped and returned",
            self.tier_changes.clone(),
        );
        registry.register(
            "stream_breaks",
            "Streams that broke after content was sent, by what came of it",
            self.stream_breaks.clone(),
        );
        registry.register(
            "lossy_requests",
            "Requests that translation could not carry whole",
            self.losses.clone(),
        );
        registry.register("jobs", "Queued requests by how far they have come", self.jobs.clone());
        registry.register("budget_usd", "Budgets in their current window", self.budgets.clone());
        registry.register("connections", "Open client connections", self.connections.clone());
        registry.register(
            "ledger_records_queued",
            "Records waiting for the database",
            self.records_queued.clone(),
        );
        registry.register(
            "ledger_records_spilled",
            "Records appended to spill files since the start",
            self.records_spilled.clone(),
        );
        registry.register(
            "ledger_records_dropped",
            "Records lost because neither database nor spill took them",
            self.records_dropped.clone(),
        );
        registry.register("reloads", "Configurations put in force", self.reloads.clone());
        registry.register(
            "reloads_refused",
            "Configurations refused while the last good one served on",
            self.reloads_refused.clone(),
        );
    }

    fn register_deployments(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "sentinel_requests",
            "Prompts of sentinels by how they ended",
            self.sentinels.clone(),
        );
        registry.register(
            "sentinel_share",
            "Shares of answers in the last round of sentinels",
            self.sentinel_shares.clone(),
        );
        registry.register(
            "deployment_suspended",
            "Whether a deployment is suspended",
            self.suspended.clone(),
        );
        registry.register(
            "deployment_shutdown_days",
            "Days until a deployment ends",
            self.shutdown_days.clone(),
        );
        registry.register(
            "injected_faults",
            "Faults that drills injected, by kind",
            self.injected.clone(),
        );
    }

    /// Counts a finished probe: it uses tokens, and no client waits for it.
    pub(crate) fn probe(&self, probe: &CallRecord) {
        self.own(&self.probes, probe);
    }

    /// Counts a finished prompt of sentinels, which is like a probe.
    pub(crate) fn sentinel(&self, prompt: &CallRecord) {
        self.own(&self.sentinels, prompt);
    }

    fn own(&self, family: &Family<AttemptLabels, Counter<u64, AtomicU64>>, call: &CallRecord) {
        self.tokens(call);
        let called = call.attempts.first().map(|attempt| Arc::clone(&attempt.deployment));
        let deployment = called.unwrap_or_default();
        let class = call.fault.map_or("", |class| class.as_str());
        family.get_or_create(&AttemptLabels { deployment, class }).inc();
    }

    /// Shows which deployments are suspended, when they end, and how they answer the prompts of
    /// sentinels.
    pub(crate) fn deployments(&self, deployments: &[DeploymentStatus]) {
        self.suspended.clear();
        self.shutdown_days.clear();
        self.sentinel_shares.clear();
        for one in deployments {
            let labels = DeploymentLabels { deployment: one.id.clone() };
            self.suspended.get_or_create(&labels).set(i64::from(one.state == "suspended"));
            if let Some(shutdown) = &one.shutdown {
                self.shutdown_days.get_or_create(&labels).set(shutdown.days_left);
            }
            let shares = one.sentinels.iter().filter_map(|sentinels| sentinels.last.as_ref());
            for (share, value) in shares.flat_map(|last| last.shares()) {
                let labels = SentinelLabels { deployment: one.id.clone(), share };
                self.sentinel_shares.get_or_create(&labels).set(value);
            }
        }
    }

    /// Counts a copy of a client's request: it uses tokens, and no client waits for it.
    pub(crate) fn mirrored(&self, call: &CallRecord) {
        self.tokens(call);
        let class = call.fault.map_or("", |class| class.as_str());
        let labels = MirrorLabels { feature: Arc::clone(&call.feature), class };
        self.mirrored.get_or_create(&labels).inc();
    }

    /// Shows what evals and releases say of candidates.
    pub(crate) fn standings<'s>(&self, all: impl Iterator<Item = &'s CandidateStanding>) {
        self.attested.clear();
        self.attestation_expires.clear();
        self.alarms.clear();
        self.shares.clear();
        for one in all {
            let labels = CandidateLabels {
                feature: one.feature.clone(),
                tier: one.tier.clone(),
                deployment: one.deployment.clone(),
            };
            if let Some(attestation) = &one.attestation {
                let valid = i64::from(attestation.is_valid());
                self.attested.get_or_create(&labels).set(valid);
                if let AttestationStanding::Valid { expires_ms, .. } = attestation {
                    let seconds = i64::try_from(expires_ms / 1000).unwrap_or(i64::MAX);
                    self.attestation_expires.get_or_create(&labels).set(seconds);
                }
                self.alarms.get_or_create(&labels).set(i64::from(one.alarm.is_some()));
            }
            if one.by_release {
                self.shares.get_or_create(&labels).set(one.share());
            }
        }
    }

    fn tokens(&self, call: &CallRecord) {
        if let Some(usage) = &call.usage {
            for (kind, tokens) in [
                ("input", usage.input),
                ("cache_read", usage.cache_read),
                ("cache_write", usage.cache_write()),
                ("output", usage.output),
                ("reasoning", usage.reasoning),
            ] {
                if tokens > 0 {
                    let labels = TokenLabels { deployment: call.deployment.clone(), kind };
                    self.tokens.get_or_create(&labels).inc_by(tokens);
                }
            }
        }
    }

    /// Counts a finished request.
    pub(crate) fn call(&self, call: &CallRecord, drill: &Drill) {
        let of = || DrillLabel(drill.clone());
        self.tokens(call);
        for attempt in call.attempts.iter().filter(|one| one.reason != Reason::Chosen) {
            self.repeat(&call.feature, attempt.reason.as_str(), of());
        }
        if !call.losses.is_empty() {
            self.losses.inc();
        }
        let (feature, tier) = (call.feature.clone(), call.tier.clone());
        let labels = FeatureLabels { feature, tier, drill: of() };
        self.duration.get_or_create(&labels).observe(seconds(call.duration_us));
        if let Some(first) = call.first_content_us {
            self.first_content.get_or_create(&labels).observe(seconds(first));
        }
        self.calls
            .get_or_create(&CallLabels {
                feature: call.feature.clone(),
                tier: call.tier.clone(),
                deployment: call.deployment.clone(),
                outcome: call.outcome.as_str(),
                class: call.fault.map_or("", |class| class.as_str()),
                drill: of(),
            })
            .inc();
    }

    /// Counts a request that a client sends again.
    pub(crate) fn client_repeat(&self, feature: &Arc<str>) {
        self.repeat(feature, "client", DrillLabel::default());
    }

    fn repeat(&self, feature: &Arc<str>, reason: &'static str, drill: DrillLabel) {
        let labels = RepeatLabels { feature: Arc::clone(feature), reason, drill };
        self.repeats.get_or_create(&labels).inc();
    }

    /// Counts a finished upstream call.
    pub(crate) fn attempt(&self, attempt: &AttemptRecord, drill: &Drill) {
        let class = attempt.fault.map_or("", |class| class.as_str());
        let (deployment, drill) = (attempt.deployment.clone(), DrillLabel(drill.clone()));
        let labels = TriedLabels { deployment, class, drill };
        self.attempts.get_or_create(&labels).inc();
    }

    /// Counts a tier that dropped or returned.
    pub(crate) fn tier_change(
        &self,
        feature: &Arc<str>,
        tier: &Arc<str>,
        change: TierChange,
        drill: &Drill,
    ) {
        let (feature, tier) = (Arc::clone(feature), Arc::clone(tier));
        let drill = DrillLabel(drill.clone());
        let labels = TierLabels { feature, tier, change: change.as_str(), drill };
        self.tier_changes.get_or_create(&labels).inc();
    }

    /// Shows how many queued requests there are.
    pub(crate) fn jobs(&self, depths: &[Depth]) {
        self.jobs.clear();
        for depth in depths {
            let labels = JobLabels { feature: depth.feature.clone(), state: depth.state.as_str() };
            let jobs = i64::try_from(depth.jobs).unwrap_or(i64::MAX);
            self.jobs.get_or_create(&labels).set(jobs);
        }
    }

    /// Shows what is left of the budgets.
    pub(crate) fn budgets(&self, budgets: &[BudgetStatus]) {
        self.budgets.clear();
        for one in budgets {
            let amounts = [("limit", one.usd), ("spent", one.spent), ("reserved", one.reserved)];
            for (amount, usd) in amounts {
                let labels =
                    BudgetLabels { kind: one.kind, name: one.name.clone(), per: one.per, amount };
                self.budgets.get_or_create(&labels).set(usd.approximately());
            }
        }
    }

    /// Counts a stream that broke after its commit point: `told`, `restarted` or `continued`.
    pub(crate) fn stream_broke(&self, feature: &Arc<str>, result: &'static str, drill: &Drill) {
        let drill = DrillLabel(drill.clone());
        let labels = BreakLabels { feature: Arc::clone(feature), result, drill };
        self.stream_breaks.get_or_create(&labels).inc();
    }

    /// Counts a fault that a drill injected.
    pub(crate) fn injected(&self, drill: &Arc<str>, kind: &'static str) {
        let labels = InjectedLabels { drill: Arc::clone(drill), kind };
        self.injected.get_or_create(&labels).inc();
    }

    /// How often a deployment was called, drills aside, and how often that failed.
    pub(crate) fn attempts_of(&self, deployment: &Arc<str>, classes: &[&'static str]) -> u64 {
        classes
            .iter()
            .filter_map(|class| {
                let drill = DrillLabel::default();
                let labels = TriedLabels { deployment: deployment.clone(), class, drill };
                self.attempts.get(&labels).map(|counter| counter.get())
            })
            .sum()
    }

    /// The exposition text (OpenMetrics 1.0).
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# cannot encode: {error}\n"),
        }
    }
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_tiers_are_counted() {
        let metrics = Metrics::new();
        for change in [TierChange::Dropped, TierChange::Returned, TierChange::Dropped] {
            metrics.tier_change(&"f".into(), &"best".into(), change, &None);
        }
        let text = metrics.text();
        for (change, count) in [("dropped", 2), ("returned", 1)] {
            let labels = format!("{{feature=\"f\",tier=\"best\",change=\"{change}\"}}");
            let line = format!("tieline_tier_changes_total{labels} {count}\n");
            assert!(text.contains(&line), "{text}");
        }
    }
}
