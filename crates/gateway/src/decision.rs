//! What goes on record of decisions. Most requests of a feature are decided alike: what was written
//! down for one is kept for the next.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasher as _, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use foldhash::fast::FixedState;
use sha2::{Digest as _, Sha256};
use tieline_config::Config;
use tieline_policy::{CLOSED, Ruling};
use tieline_route::{Considered, Decision, Deployment, Feature, Plan, Step, Verdict};
use tieline_types::{DECISION_ID, DecisionRecord, PlannedStep, WeighedCandidate};

use crate::slos::Burning;

/// Why a deployment is passed over where a budget pays and nobody knows what it costs.
pub(crate) const UNPRICED: &str = "unpriced";
/// The same where it is expected to cost more than its tier allows.
pub(crate) const TOO_DEAR: &str = "too_dear";
/// The same where it is a canary for others.
const NO_CANARY: &str = "no_canary";
/// Decisions kept of a configuration; when there are more, they are written down anew.
const KEPT_MAX: usize = 1024;
/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 24;

/// The decisions of one configuration.
pub(crate) struct Decisions {
    configuration: Arc<str>,
    /// What features do because objectives burn.
    bent: HashMap<Arc<str>, Vec<Arc<str>>>,
    kept: Mutex<HashMap<u64, Kept>>,
}

/// A decision that was written down, with what it depends on.
struct Kept {
    feature: Arc<Feature>,
    ruling: Arc<Ruling>,
    decision: Decision,
    record: Arc<DecisionRecord>,
}

impl Kept {
    fn is_of(&self, feature: &Arc<Feature>, ruling: &Arc<Ruling>, decision: &Decision) -> bool {
        Arc::ptr_eq(&self.feature, feature)
            && Arc::ptr_eq(&self.ruling, ruling)
            && self.decision.steps == decision.steps
            && self.decision.considered.iter().map(told).eq(decision.considered.iter().map(told))
    }
}

/// What is told of a candidate that nobody weighed: until when it is shut is not.
fn told(one: &Considered) -> (usize, usize, &'static str) {
    (one.tier, one.deployment, word(one.verdict))
}

/// A verdict by its stable name; policy's has the rules besides.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::In => "in",
        Verdict::Shut(_, why) | Verdict::LeastBad(_, why) => why.as_str(),
        Verdict::NoWeight => "no_weight",
        Verdict::Unpriced => UNPRICED,
        Verdict::TooDear => TOO_DEAR,
        Verdict::Denied => "policy",
        Verdict::Barred(bar) => bar.as_str(),
        Verdict::NoCanary => NO_CANARY,
    }
}

/// Why policy leaves a deployment out, as it stands on record.
pub(crate) fn denied(ruling: &Ruling, deployment: usize) -> String {
    format!("policy: {}", ruling.rules(deployment).map_or(CLOSED, |rules| rules))
}

impl Decisions {
    pub(crate) fn of(config: &Config, burning: &Burning) -> Self {
        let told = |feature: &tieline_config::Feature| {
            let told = burning.told(feature).into_iter().map(Arc::from).collect::<Vec<Arc<str>>>();
            (!told.is_empty()).then(|| (feature.name.as_str().into(), told))
        };
        Self {
            configuration: fingerprint(config).into(),
            bent: config.features.iter().filter_map(told).collect(),
            kept: Mutex::default(),
        }
    }

    /// What goes on record of a decision.
    pub(crate) fn record(
        &self,
        plan: &Plan,
        feature: &Arc<Feature>,
        ruling: &Arc<Ruling>,
        decision: &Decision,
    ) -> Arc<DecisionRecord> {
        let write = || Arc::new(self.written(&plan.deployments, feature, ruling, decision));
        // What was weighed, was weighed for this request.
        if decision.considered.iter().any(|one| one.prospect.is_some()) {
            return write();
        }
        let key = key(feature, ruling, decision);
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = kept().get(&key).filter(|one| one.is_of(feature, ruling, decision)) {
            return Arc::clone(&one.record);
        }
        let record = write();
        let one = Kept {
            feature: Arc::clone(feature),
            ruling: Arc::clone(ruling),
            decision: decision.clone(),
            record: Arc::clone(&record),
        };
        let mut kept = kept();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, one);
        record
    }

    fn written(
        &self,
        deployments: &[Deployment],
        feature: &Feature,
        ruling: &Ruling,
        decision: &Decision,
    ) -> DecisionRecord {
        let mut record = DecisionRecord {
            id: Arc::default(),
            configuration: Arc::clone(&self.configuration),
            feature: Arc::clone(&feature.name),
            modalities: ruling.modalities,
            on_burn: self.bent.get(&feature.name).cloned().unwrap_or_default(),
            drill: None,
            candidates: candidates(deployments, feature, ruling, decision),
            plan: planned(deployments, feature, decision),
        };
        record.id = id_of(&record);
        record
    }
}

/// The same decision, made for a request of a drill.
pub(crate) fn in_drill(record: &DecisionRecord, drill: Arc<str>) -> Arc<DecisionRecord> {
    let mut record = DecisionRecord { id: Arc::default(), drill: Some(drill), ..record.clone() };
    record.id = id_of(&record);
    Arc::new(record)
}

/// The id of a decision whose id is still empty.
fn id_of(record: &DecisionRecord) -> Arc<str> {
    // A record of texts and numbers is never refused.
    let said = serde_json::to_vec(record).unwrap_or_default();
    let digest = format!("{:x}", Sha256::digest(said));
    format!("{DECISION_ID}{}", digest.get(..ID_DIGITS).unwrap_or(&digest)).into()
}

fn key(feature: &Arc<Feature>, ruling: &Arc<Ruling>, decision: &Decision) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    Arc::as_ptr(feature).hash(&mut hasher);
    Arc::as_ptr(ruling).hash(&mut hasher);
    decision.steps.hash(&mut hasher);
    for one in &decision.considered {
        told(one).hash(&mut hasher);
    }
    hasher.finish()
}

/// Every candidate with its verdict, and what is known of it where its tier weighs anything.
pub(crate) fn candidates(
    deployments: &[Deployment],
    feature: &Feature,
    ruling: &Ruling,
    decision: &Decision,
) -> Vec<WeighedCandidate> {
    let candidate = |one: &Considered| {
        let known = deployments.get(one.deployment)?;
        let prospect = one.prospect.unwrap_or_default();
        let verdict = match one.verdict {
            Verdict::Denied => Cow::Owned(denied(ruling, one.deployment)),
            verdict => Cow::Borrowed(word(verdict)),
        };
        Some(WeighedCandidate {
            tier: tier_name(feature, one.tier),
            deployment: Arc::clone(&known.id),
            verdict,
            usd: prospect.usd,
            ttft_ms: prospect.ttft.map(|first| millis(first.time)),
            ttft_of: prospect.ttft.map(|first| first.size.as_str().into()),
            ttft_p95_ms: prospect.ttft_p95.map(|first| millis(first.time)),
            ttft_p95_of: prospect.ttft_p95.map(|first| first.size.as_str().into()),
            quality: prospect.quality,
            score: prospect.score,
        })
    };
    decision.considered.iter().filter_map(candidate).collect()
}

/// What is to be tried, in order.
pub(crate) fn planned(
    deployments: &[Deployment],
    feature: &Feature,
    decision: &Decision,
) -> Vec<PlannedStep> {
    let step = |step: &Step| {
        let (tier, does, deployment) = match step {
            Step::Call { tier, deployment } => (tier, "call", deployments.get(*deployment)),
            Step::Cache { tier } => (tier, "cache", None),
            Step::Queue { tier } => (tier, "queue", None),
            Step::Reply { tier } => (tier, "reply", None),
            Step::Off { tier } => (tier, "off", None),
        };
        let deployment = deployment.map(|known| Arc::clone(&known.id));
        PlannedStep { tier: tier_name(feature, *tier), does: does.into(), deployment }
    };
    decision.steps.iter().map(step).collect()
}

fn tier_name(feature: &Feature, tier: usize) -> Arc<str> {
    feature.tiers.get(tier).map(|tier| Arc::clone(&tier.name)).unwrap_or_default()
}

fn millis(lapse: Duration) -> u64 {
    u64::try_from(lapse.as_millis()).unwrap_or(u64::MAX)
}

/// What tells one configuration from another, secrets aside.
pub(crate) fn fingerprint(config: &Config) -> String {
    let digest = format!("{:x}", Sha256::digest(format!("{config:?}")));
    format!("sha256:{}", digest.get(..12).unwrap_or(&digest))
}
