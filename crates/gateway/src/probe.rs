//! Active probes: small requests of Tieline's own that find out whether what failed is back, so
//! that no user's request has to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tieline_config::Probes;
use tieline_dialect::{Losses, dialect, probe};
use tieline_route::{Demand, Deployment, Effect, Feature, outcome};
use tieline_types::{PROBE_FEATURE, Pass};
use tokio::{
    task::{self, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    admit::Call,
    held::Held,
    listen::Worker,
    own::{Own, own_feature},
    plan::ActivePlan,
    record::CallKind,
    trace::Trace,
};

/// How often deployments that wait for a probe are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// The time that a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most probes of one deployment in [`DAY`]; from then on only callers' requests find out.
const PROBES_PER_DAY_MAX: u32 = 500;
/// The time that a deployment's probes are counted over.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long a deployment that refuses the probe itself is left to callers' requests.
const REFUSED_REST: Duration = Duration::from_secs(300);

/// Probes what is due, one deployment of an account at a time, for as long as it is polled; and
/// puts exceptions that have ended on record.
pub async fn recover(worker: Arc<Worker>) {
    let mut prober = Prober::new(worker);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        prober.worker.gateway.note_exceptions();
        prober.look();
    }
}

struct Prober {
    worker: Arc<Worker>,
    feature: Arc<Feature>,
    /// By deployment; never more than the plan has.
    allowances: BTreeMap<Arc<str>, Allowance>,
    /// At most one for each account.
    under_way: JoinSet<Verdict>,
    targets: HashMap<task::Id, Deployment>,
}

/// What a probe showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Whether the deployment answers.
    Decided,
    /// Nothing: it was refused as a request.
    Refused,
}

/// What probing one deployment may still cost.
#[derive(Debug, Default)]
struct Allowance {
    since: Duration,
    spent: u32,
    rests_until: Duration,
}

impl Allowance {
    fn allows(&mut self, now: Duration) -> bool {
        if now >= self.since + DAY {
            (self.since, self.spent) = (now, 0);
        }
        self.spent < PROBES_PER_DAY_MAX && now >= self.rests_until
    }
}

impl Prober {
    fn new(worker: Arc<Worker>) -> Self {
        let feature = own_feature(PROBE_FEATURE, PROBE_TIMEOUT);
        Self {
            worker,
            feature: Arc::new(feature),
            allowances: BTreeMap::new(),
            under_way: JoinSet::new(),
            targets: HashMap::new(),
        }
    }

    /// Settles what has ended and begins what is due.
    fn look(&mut self) {
        let gateway = &self.worker.gateway;
        let (plan, now) = (gateway.plan(), gateway.now());
        if gateway.is_draining() {
            return;
        }
        self.settle(now);
        for (at, known) in plan.plan.deployments.iter().enumerate() {
            let due = plan.live.probe_due(at, now).is_some_and(|due| due <= now);
            if due && plan.plan.answers(at) && self.may_probe(&plan, known, now) {
                self.begin(&plan, at, known, now);
            }
        }
        if self.allowances.len() > plan.plan.deployments.len() {
            let exists = |id: &Arc<str>| plan.plan.deployments.iter().any(|one| one.id == *id);
            self.allowances.retain(|id, _| exists(id));
        }
    }

    fn settle(&mut self, now: Duration) {
        while let Some(ended) = self.under_way.try_join_next_with_id() {
            let (id, verdict) = match ended {
                Ok(ended) => ended,
                Err(lost) => (lost.id(), Verdict::Refused),
            };
            let target = self.targets.remove(&id);
            if let (Some(target), Verdict::Refused) = (target, verdict) {
                self.allowance(&target.id).rests_until = now + REFUSED_REST;
            }
        }
    }

    fn allowance(&mut self, deployment: &Arc<str>) -> &mut Allowance {
        self.allowances.entry(Arc::clone(deployment)).or_default()
    }

    fn may_probe(&mut self, plan: &ActivePlan, known: &Deployment, now: Duration) -> bool {
        let provider = plan.config.provider(&known.provider);
        provider.is_some_and(|provider| provider.probes == Probes::Recover)
            && self.targets.values().all(|busy| busy.provider != known.provider)
            && self.allowance(&known.id).allows(now)
    }

    fn begin(&mut self, plan: &Arc<ActivePlan>, at: usize, known: &Deployment, now: Duration) {
        let gateway = &self.worker.gateway;
        // Nothing in it is anybody's.
        let pass = Pass::without_user_data(at);
        let Some(route) = plan.route(pass) else {
            return;
        };
        let (ask, mut losses) = (probe(route.dialect), Losses::default());
        let provider = dialect(route.dialect);
        let Ok(body) = provider.write_request(&ask, &route.target, &mut losses) else {
            self.allowance(&known.id).rests_until = now + REFUSED_REST;
            return;
        };
        let call = Call::own(
            Arc::clone(plan),
            Arc::clone(&self.feature),
            route.dialect,
            body.into(),
            Trace::of(&http::HeaderMap::new(), &mut gateway.rng()),
            Instant::now() + PROBE_TIMEOUT,
        );
        let demand = Demand { output: ask.max_output_tokens.unwrap_or_default(), ..call.demand() };
        let Ok(lease) = plan.live.examine(pass, &self.feature, now, demand) else {
            return;
        };
        // A caller's request may have closed the breaker since: nothing to find out then.
        let held = Held::new(gateway, plan, lease);
        if !held.is_probe() {
            return;
        }
        self.allowance(&known.id).spent += 1;
        let (worker, call) = (Arc::clone(&self.worker), Arc::new(call));
        let own = Own { worker, call, pass, held, kind: CallKind::Probe, keep: false };
        let task = self.under_way.spawn(run(own));
        self.targets.insert(task.id(), known.clone());
    }
}

/// Sends one probe, and says what it showed.
async fn run(own: Own) -> Verdict {
    let Some(sent) = own.send().await else {
        return Verdict::Refused;
    };
    let id = sent.deployment();
    match sent.settle() {
        Ok(_) => {
            tracing::info!(deployment = %id, "a probe was answered: traffic returns");
            Verdict::Decided
        }
        Err(fault) => {
            tracing::debug!(deployment = %id, class = %fault.class, "probe failed");
            match outcome(&fault).effect {
                Effect::Neutral => Verdict::Refused,
                _ => Verdict::Decided,
            }
        }
    }
}
