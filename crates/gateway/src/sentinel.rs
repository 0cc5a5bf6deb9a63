//! Sentinels: frozen prompts that tell when a deployment no longer answers as it did.
//!
//! At the configured pace every deployment that a tier lists is asked all prompts, one after the
//! other, as requests of Tieline's own. What rounds mean is the gate's (`tieline_gate::sentinel`);
//! here they are sent, paid, shown, put on record, and what has drifted is suspended.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use tieline_config::Config;
use tieline_gate::sentinel::{Baseline, Drift, Finding, PromptSet, Round};
use tieline_route::Feature;
use tieline_types::{AuditRecord, Change, Pass, SENTINEL_FEATURE};
use tokio::{
    task::{self, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{
    GatewayError,
    audit::{Actor, SUSPENSION},
    gateway::Gateway,
    listen::Worker,
    own::own_feature,
    plan::ActivePlan,
};

mod ask;
mod state;

use ask::Asking;
pub(crate) use state::Sentinels;
pub use state::{RoundStatus, SentinelStatus};

/// How often deployments that are due are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// The time that one prompt may take.
const PROMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Rounds under way at once.
const ROUNDS_AT_ONCE: usize = 4;
/// Deployments of which nothing is known are asked within this time of a start.
const FIRST: Duration = Duration::from_secs(60);
/// How soon a round that found something is asked again, to see whether it was chance.
const AGAIN: Duration = Duration::from_secs(60);
/// How soon a round is asked again that was not answered.
const SILENT_REST: Duration = Duration::from_secs(600);
/// The share of the pace by which rounds come earlier or later, so that they spread.
const JITTER: f64 = 0.1;

/// What sentinels ask by this configuration; none where they are off.
///
/// # Errors
/// When the user's own prompts have mistakes.
pub(crate) fn prompts(config: &Config) -> Result<Option<PromptSet>, GatewayError> {
    let Some(sentinels) = &config.sentinels else {
        return Ok(None);
    };
    let (read, path) = match &sentinels.prompts {
        None => (PromptSet::built_in(), std::path::PathBuf::from("built in")),
        Some(file) => (PromptSet::read(&file.text), file.path.clone()),
    };
    read.map(Some).map_err(|source| GatewayError::Prompts { path, source })
}

/// Asks what is due, for as long as it is polled.
pub async fn sentinels(worker: Arc<Worker>) {
    let feature = Arc::new(own_feature(SENTINEL_FEATURE, PROMPT_TIMEOUT));
    let mut guard =
        Guard { worker, feature, under_way: JoinSet::new(), targets: HashMap::default() };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        guard.look();
    }
}

struct Guard {
    worker: Arc<Worker>,
    feature: Arc<Feature>,
    under_way: JoinSet<()>,
    targets: HashMap<task::Id, Arc<str>>,
}

impl Guard {
    /// Begins what is due.
    fn look(&mut self) {
        let gateway = Arc::clone(&self.worker.gateway);
        let plan = gateway.plan();
        while let Some(ended) = self.under_way.try_join_next_with_id() {
            let id = ended.map_or_else(|lost| lost.id(), |(id, ())| id);
            self.targets.remove(&id);
        }
        let (Some(set), Some(settings)) = (&plan.prompts, &plan.config.sentinels) else {
            return;
        };
        if gateway.is_draining() {
            return;
        }
        for (at, known) in plan.plan.deployments.iter().enumerate() {
            let busy = self.under_way.len() >= ROUNDS_AT_ONCE
                || self.targets.values().any(|target| *target == known.id);
            if busy || !plan.plan.answers(at) {
                continue;
            }
            let asked = asked(&plan, at, set);
            let wait = |known: bool| if known { settings.every } else { FIRST };
            let first = |known| gateway.now() + wait(known).mul_f64(gateway.rng().random());
            if gateway.sentinels.is_due(&known.id, &asked, gateway.now(), first) {
                self.begin(&plan, at, &known.id, set);
            }
        }
    }

    fn begin(&mut self, plan: &Arc<ActivePlan>, at: usize, id: &Arc<str>, set: &Arc<PromptSet>) {
        let asking = Asking {
            worker: Arc::clone(&self.worker),
            plan: Arc::clone(plan),
            feature: Arc::clone(&self.feature),
            // Nothing in it is anybody's.
            pass: Pass::without_user_data(at),
            set: Arc::clone(set),
        };
        let id = Arc::clone(id);
        let target = Arc::clone(&id);
        let task = self.under_way.spawn(async move {
            let round = asking.round().await;
            asking.worker.gateway.take_round(&id, &round);
        });
        self.targets.insert(task.id(), target);
    }
}

/// What tells what is asked of whom from all else: the prompts, and where and how they go.
fn asked(plan: &ActivePlan, at: usize, set: &PromptSet) -> String {
    let mut hash = Sha256::new();
    hash.update(&set.digest);
    if let Some(route) = plan.route(Pass::without_user_data(at)) {
        hash.update(route.uri(false).to_string());
        hash.update([0]);
        hash.update(&route.target.model);
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

impl Gateway {
    /// Takes in what a round showed: a baseline is put on record, and what has drifted is
    /// suspended.
    fn take_round(&self, id: &str, round: &Round) {
        let plan = self.plan();
        let Some(settings) = &plan.config.sentinels else {
            return;
        };
        let Some((finding, baseline)) = self.sentinels.take(id, round, self.unix_ms()) else {
            return;
        };
        let spread = self.rng().random_range(1.0 - JITTER..=1.0 + JITTER);
        let mut wait = settings.every.mul_f64(spread);
        match finding {
            Finding::Silent => wait = wait.min(SILENT_REST),
            Finding::Baseline => self.keep_baseline(id, baseline.as_ref()),
            Finding::Steady => {}
            Finding::Suspected(drifts) => {
                wait = wait.min(AGAIN);
                let drift = told(&drifts);
                tracing::warn!(deployment = id, drift, "it may have drifted: asked once more");
            }
            Finding::Drifted(drifts) => self.drifted(&plan, id, &drifts),
        }
        self.sentinels.rest(id, self.now() + wait);
    }

    /// Puts a baseline on record when it begins and when it is complete: what a restart costs in
    /// between is some of its rounds.
    fn keep_baseline(&self, id: &str, baseline: Option<&Baseline>) {
        let Some(baseline) = baseline.filter(|one| one.rounds == 1 || !one.is_open()) else {
            return;
        };
        let change = AuditRecord {
            after: serde_json::to_string(baseline).ok(),
            ..self.change(Change::Baseline, id, &Actor::sentinels())
        };
        if !self.on_record(change) {
            tracing::error!(deployment = id, "the ledger takes no record of the baseline");
        }
    }

    fn drifted(&self, plan: &ActivePlan, id: &str, drifts: &[Drift]) {
        let drift = told(drifts);
        self.sentinels.note_drift(id, &drift);
        let at = plan.plan.deployments.iter().position(|one| *one.id == *id);
        if at.is_none_or(|at| plan.live.is_suspended(at)) {
            return;
        }
        let changed = self.change_service(&SUSPENSION, id, true, &Actor::sentinels(), Some(&drift));
        if let Err(error) = changed {
            tracing::error!(deployment = id, %error, "what has drifted cannot be suspended");
        }
    }
}

fn told(drifts: &[Drift]) -> String {
    drifts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
