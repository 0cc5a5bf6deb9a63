//! What all requests share: the plan in force, callers' keys, ledger, metrics, time.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rand::{RngCore as _, SeedableRng as _, rngs::SmallRng};
use tieline_config::Config;
use tieline_ledger::{KeyRing, Ledger};
use tieline_policy::PolicyError;
use tieline_slo::JobEnd;
use tieline_types::{CallRecord, Clock, Exception};
use tieline_upstream::{Network, RouteError, Upstream};
use tokio::time::Instant;

use crate::{
    audit::restore_service,
    budgets,
    cache::AnswerCache,
    drills::Drills,
    embed::Embedder,
    metrics::Metrics,
    plan::ActivePlan,
    prices::Stamp,
    queue::Queue,
    record::CallKind,
    release::Releases,
    sentinel::Sentinels,
    shutdown::Listings,
    slos::{Burning, Outbox},
    standing::{Evidence, Harness},
};

/// Reads an environment variable.
pub type Env = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a gateway is made of besides its configuration.
pub struct Parts {
    /// Where requests are recorded; none keeps no record.
    pub ledger: Option<Ledger>,
    /// The callers' keys; empty means that whoever reaches the socket may call.
    pub keys: KeyRing,
    /// What records call whoever calls while there are no keys.
    pub local: &'static str,
    /// What connections to providers are made of.
    pub network: Network,
    /// The wall time now; from here on it moves with tokio's clock.
    pub wall: SystemTime,
    /// The seed of every random choice.
    pub seed: u64,
    /// Reads an environment variable.
    pub env: Env,
    /// Reads suites and grades answers; without it, no attestation holds.
    pub harness: Option<Arc<dyn Harness>>,
    /// Hears of what happens as it happens.
    pub observer: Option<Arc<dyn Observer>>,
}

/// Hears of requests and tiers as things happen, within the request's own time: what it does must
/// be quick. For drills.
pub trait Observer: Send + Sync {
    /// The books of a request were closed.
    fn closed(&self, kind: CallKind, call: &CallRecord);

    /// A job of a `queue` tier ended.
    fn job_ended(&self, feature: &str, end: JobEnd);

    /// A tier of a feature `dropped`, or `returned`.
    fn tier_changed(&self, feature: &str, tier: &str, change: &'static str);
}

/// Why a gateway cannot be set up or take a new configuration.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A deployment cannot be called.
    #[error("the configuration cannot be put to work")]
    Route(#[from] RouteError),
    /// The policies have mistakes.
    #[error("the policies have mistakes")]
    Policy(#[from] PolicyError),
    /// A key that attestations are to be checked with is none.
    #[error("cannot use the key {name} for attestations")]
    EvalKey {
        /// Its file.
        name: String,
        /// Why.
        #[source]
        source: tieline_gate::attest::BadKey,
    },
    /// A file of the user's own prices cannot be read.
    #[error("cannot read the prices in {}", path.display())]
    PriceFile {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Files of the user's own prices have mistakes.
    #[error(transparent)]
    Prices(#[from] tieline_catalog::Problems),
    /// A file of the user's own prompts has mistakes.
    #[error("the prompts of the sentinels in {}", path.display())]
    Prompts {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        #[source]
        source: tieline_gate::sentinel::BadPrompt,
    },
    /// Files of objectives have mistakes.
    #[error(transparent)]
    Slos(tieline_slo::Problems),
    /// A rule of `on_burn` cannot be obeyed.
    #[error("a rule in `on_burn` of the feature `{feature}` names the objective `{slo}`, {why}")]
    OnBurn {
        /// The feature.
        feature: String,
        /// What it names.
        slo: String,
        /// Why not.
        why: &'static str,
    },
    /// What contingencies leave cannot be shared out.
    #[error("cannot analyse contingencies")]
    Contingency(#[from] tieline_route::contingency::Unsolved),
    /// The HTTP client cannot be set up.
    #[error("cannot set up connections to providers")]
    Upstream(#[source] io::Error),
    /// A listener cannot be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody could be told apart from anybody.
    #[error(
        "refusing to listen on {address}: it can be reached from other machines and there are no \
         API keys (make one with `tieline key create NAME`, or listen on 127.0.0.1)"
    )]
    Open {
        /// The address.
        address: std::net::SocketAddr,
    },
    /// TLS material is unusable.
    #[error("cannot use the TLS certificate {path}")]
    Tls {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A thread cannot be started.
    #[error("cannot start a worker")]
    Thread(#[source] io::Error),
}

/// The shared state of one gateway. Requests only read the plan; the control plane replaces it.
pub struct Gateway {
    plan: ArcSwap<ActivePlan>,
    keys: ArcSwap<KeyRing>,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) metrics: Metrics,
    pub(crate) cache: AnswerCache,
    pub(crate) queue: Queue,
    pub(crate) embedder: Embedder,
    pub(crate) network: Network,
    pub(crate) local: &'static str,
    clock: Clock,
    started: Instant,
    draining: AtomicBool,
    seed: u64,
    draws: AtomicU64,
    env: Env,
    pub(crate) harness: Option<Arc<dyn Harness>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    tokens: Arc<Upstream>,
    /// The exceptions that are on record as begun.
    pub(crate) known_exceptions: Mutex<Vec<Exception>>,
    pub(crate) releases: Releases,
    /// Held while a plan is made of the one in force.
    replacing: Mutex<()>,
    pub(crate) sentinels: Sentinels,
    pub(crate) listings: Listings,
    /// Alerts that wait for the webhook.
    pub(crate) outbox: Outbox,
    pub(crate) drills: Drills,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Sets a gateway up. Nothing listens yet. What the ledger says is drained or
    /// suspended stays so.
    ///
    /// # Errors
    /// When a deployment cannot be called or connections cannot be set up.
    pub fn new(config: &Config, parts: Parts) -> Result<Arc<Self>, GatewayError> {
        let tokens = Upstream::new(parts.network.clone()).map_err(GatewayError::Upstream)?;
        let tokens = Arc::new(tokens);
        let clock = Clock::starting_at(parts.wall);
        let began = (Duration::ZERO, clock.unix_ms(Duration::ZERO));
        let releases = Releases::restore(parts.ledger.as_ref());
        let evidence = Evidence::gather(config, parts.harness.as_deref(), releases.all());
        let plan = ActivePlan::build(config, parts.env.as_ref(), &tokens, evidence, None, began)?;
        if let Some(ledger) = &parts.ledger {
            restore_service(&plan, None, ledger);
            budgets::restore(&plan, None, ledger, clock.unix_ms(Duration::ZERO));
            plan.slos.restore(None, ledger, clock.unix_ms(Duration::ZERO));
        }
        let unix_ms = clock.unix_ms(Duration::ZERO);
        let sentinels = parts.ledger.as_ref().map(|ledger| Sentinels::restored(ledger, unix_ms));
        let sentinels = sentinels.unwrap_or_default();
        let gateway = Arc::new(Self {
            metrics: Metrics::new(),
            cache: AnswerCache::default(),
            queue: Queue::new(parts.ledger.as_ref()),
            embedder: Embedder::new(Arc::clone(&tokens)),
            plan: ArcSwap::from_pointee(plan),
            keys: ArcSwap::from_pointee(parts.keys),
            ledger: parts.ledger,
            network: parts.network,
            local: parts.local,
            clock,
            started: Instant::now(),
            draining: AtomicBool::new(false),
            seed: parts.seed,
            draws: AtomicU64::new(0),
            env: parts.env,
            harness: parts.harness,
            observer: parts.observer,
            tokens,
            known_exceptions: Mutex::default(),
            releases,
            replacing: Mutex::default(),
            sentinels,
            listings: Listings::default(),
            outbox: Outbox::default(),
            drills: Drills::default(),
        });
        gateway.note_exceptions();
        gateway.note_standings(None);
        Ok(gateway)
    }

    /// Puts a new configuration in force for all requests that begin from now on. Listeners, TLS,
    /// ledger and workers stay as they were started. Returns whether it differs from the old one.
    ///
    /// # Errors
    /// As [`Self::new`]; the old configuration then stays in force.
    pub fn apply(&self, config: &Config) -> Result<bool, GatewayError> {
        let _turn = self.replacing();
        let old = self.plan();
        let evidence = self.evidence(config);
        let same = old.config == *config
            && *old.prices.stamp() == Stamp::at(config, self.unix_ms())?
            && old.standings.evidence.is_of_the_same_suites(&evidence);
        if same {
            return Ok(false);
        }
        self.replace(&old, config, evidence)?;
        Ok(true)
    }

    /// Puts the prices of the day in force where those of another still are, and takes note of
    /// attestations that begin or cease to hold.
    ///
    /// # Errors
    /// As [`Self::new`]; what was known before then stays in force.
    pub fn renew(&self) -> Result<(), GatewayError> {
        let now_ms = self.unix_ms();
        let is_over = |plan: &ActivePlan| {
            plan.prices.stamp().is_of_another_day(now_ms) || plan.standings.is_over(now_ms)
        };
        if is_over(&self.plan()) { self.renew_standings() } else { Ok(()) }
    }

    /// Puts in force what is known now of attestations and releases.
    ///
    /// # Errors
    /// As [`Self::new`]; what was known before then stays in force.
    pub(crate) fn renew_standings(&self) -> Result<(), GatewayError> {
        let _turn = self.replacing();
        let old = self.plan();
        self.replace(&old, &old.config, self.evidence(&old.config))
    }

    /// Puts in force what features do while these rules hold.
    ///
    /// # Errors
    /// As [`Self::new`]; what was known before then stays in force.
    pub(crate) fn renew_burning(&self, burning: Burning) -> Result<(), GatewayError> {
        let _turn = self.replacing();
        let old = self.plan();
        let evidence = self.evidence(&old.config).bent_by(burning);
        self.replace(&old, &old.config, evidence)
    }

    fn replacing(&self) -> MutexGuard<'_, ()> {
        self.replacing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn evidence(&self, config: &Config) -> Evidence {
        let burning = self.plan().burning().clone();
        let gathered = Evidence::gather(config, self.harness.as_deref(), self.releases.all());
        gathered.bent_by(burning)
    }

    fn replace(
        &self,
        old: &Arc<ActivePlan>,
        config: &Config,
        evidence: Evidence,
    ) -> Result<(), GatewayError> {
        let env = self.env.as_ref();
        let now = (self.now(), self.unix_ms());
        let plan = ActivePlan::build(config, env, &self.tokens, evidence, Some(old), now)?;
        if let Some(ledger) = &self.ledger {
            restore_service(&plan, Some(old), ledger);
            budgets::restore(&plan, Some(old), ledger, self.unix_ms());
            plan.slos.restore(Some(&old.slos), ledger, self.unix_ms());
        }
        self.plan.store(Arc::new(plan));
        self.note_exceptions();
        self.note_standings(Some(old));
        Ok(())
    }

    /// Puts new callers' keys in force.
    pub fn set_keys(&self, keys: KeyRing) {
        self.keys.store(Arc::new(keys));
    }

    /// The plan in force. A request keeps the one it began with.
    pub(crate) fn plan(&self) -> Arc<ActivePlan> {
        self.plan.load_full()
    }

    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        self.keys.load_full()
    }

    /// Monotonic time since the gateway began.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        self.clock.unix_ms(self.now())
    }

    /// Wall time.
    pub fn wall(&self) -> SystemTime {
        self.clock.at(self.now())
    }

    /// A generator for one request's random choices.
    pub(crate) fn rng(&self) -> SmallRng {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        // The golden ratio spreads consecutive draws over the seed space.
        SmallRng::seed_from_u64(self.seed ^ draw.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A new request id: `req_` and a UUIDv7.
    pub(crate) fn request_id(&self, rng: &mut SmallRng) -> String {
        self.id("req", rng)
    }

    /// A new id: what it is the id of, and a UUIDv7.
    pub(crate) fn id(&self, prefix: &str, rng: &mut SmallRng) -> String {
        let mut random = [0; 10];
        rng.fill_bytes(&mut random);
        let id = uuid::Builder::from_unix_timestamp_millis(self.unix_ms(), &random).into_uuid();
        format!("{prefix}_{}", id.simple())
    }

    /// From now on `/ready` says no, so that load balancers look elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
