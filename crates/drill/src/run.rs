//! A drill in simulated time: the real gateway, on a clock that jumps.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde_json::json;
use tempfile::TempDir;
use tieline_config::{Config, TierMode};
use tieline_gateway::{
    Evidence, Gateway, Harness, Observer, Parts, Worker,
    contingency::{Known, Topology, topology},
};
use tieline_ledger::{KeyRing, Ledger, Settings};
use tieline_sim::Sim;
use tieline_types::LOCAL_CALLER;
use tieline_upstream::{MemoryNetwork, Network};
use tokio::{
    task::JoinSet,
    time::{sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    DrillError, Log, Report,
    book::{Book, millis},
    client::Connections,
    fault::{Action, Struck},
    measure::Measured,
    scenario::{Expectation, Scenario},
    stage::Stage,
    states::{EVERY, Seen},
    traffic::Traffic,
};

/// How long answers may take to come after the last request was sent.
const PATIENCE: Duration = Duration::from_secs(900);

/// What a drill is run with besides its scenario.
pub struct Rooms<'a> {
    /// The configuration under test.
    pub config: &'a Config,
    /// Reads suites; without it, no attestation holds.
    pub harness: Option<Arc<dyn Harness>>,
    /// Reads recorded days.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// Hears how much of the drill's time has passed.
    pub progress: &'a (dyn Fn(Duration) + Send + Sync),
}

/// What came of a drill.
#[derive(Debug)]
pub struct Outcome {
    /// Which expectations hold.
    pub report: Report,
    /// What happened.
    pub log: Log,
}

/// Runs a drill in simulated time.
///
/// # Errors
/// The configuration cannot be put to work, or the scenario names what it has not.
pub fn simulate(scenario: &Scenario, rooms: &Rooms<'_>) -> Result<Outcome, DrillError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(DrillError::Clock)?;
    let ran = runtime.block_on(run(scenario, rooms));
    // What still waits for an answer that never comes is of no interest any more.
    runtime.shutdown_background();
    ran
}

async fn run(scenario: &Scenario, rooms: &Rooms<'_>) -> Result<Outcome, DrillError> {
    let stage = Stage::set(rooms.config, scenario);
    check_features(scenario, &stage.config)?;
    let wall = SystemTime::from(scenario.starts);
    let topology = topology_of(&stage.config, rooms, scenario)?;
    let struck = Struck { stage: &stage, scenario, nodes: &topology.nodes };
    for one in &scenario.expect {
        one.what.select().map_or(Ok(()), |select| struck.of(select).map(drop))?;
    }
    let book = Book::open(tiers(&stage.config));
    let house = House::open(&stage, scenario, rooms, wall, &book)?;
    let mut background = JoinSet::new();
    for action in struck.prepare(&house.sim)? {
        background.spawn(Action::run(action, Arc::clone(&house), Arc::clone(&book)));
    }
    background.spawn(watch(Arc::clone(&house), Arc::clone(&book)));
    let mut asking = JoinSet::new();
    let length = scenario.length();
    for (workload, at) in scenario.workload.iter().zip(1_u64..) {
        let seed = scenario.seed.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let traffic = Traffic::new(workload, seed, length, rooms.read)?;
        asking.spawn(traffic.send(Arc::clone(&house), Arc::clone(&book)));
    }
    book.tell("begins", &json!({ "drill": scenario.name, "seed": scenario.seed }));
    let whole = async {
        sleep_until(book.at(length)).await;
        while asking.join_next().await.is_some() {}
    };
    let steps = async {
        loop {
            (rooms.progress)(book.now().min(length));
            sleep(length / 200).await;
        }
    };
    tokio::select! {
        biased;
        () = whole => {}
        () = sleep_until(book.at(length + PATIENCE)) => {}
        () = steps => {}
    }
    background.abort_all();
    house.close();
    book.tell("ends", &json!({ "length_ms": millis(length) }));
    let pages = book.close();
    let measured = Measured { scenario, topology: &topology, config: &stage.config, pages: &pages };
    let report = Report::of(&measured);
    Ok(Outcome { report, log: pages.log })
}

fn check_features(scenario: &Scenario, config: &Config) -> Result<(), DrillError> {
    let asked = scenario.workload.iter().map(|one| one.feature.as_str());
    let expected = scenario.expect.iter().filter_map(|one| one.what.feature());
    let missing = asked.chain(expected).find(|name| config.feature(name).is_none());
    missing.map_or(Ok(()), |feature| {
        let (drill, feature) = (scenario.name.clone(), feature.to_owned());
        Err(DrillError::Feature { drill, feature })
    })
}

/// What may go where, and what fails with what, by the code that decides for requests.
fn topology_of(
    config: &Config,
    rooms: &Rooms<'_>,
    scenario: &Scenario,
) -> Result<Topology, DrillError> {
    let evidence = Evidence::gather(config, rooms.harness.as_deref(), Vec::new());
    let at_ms = u64::try_from(scenario.starts.as_millisecond()).unwrap_or(0);
    let known = Known {
        peaks: &[],
        growth: 1.0,
        first_contents: &std::collections::BTreeMap::new(),
        down: &std::collections::BTreeSet::new(),
    };
    Ok(topology(config, evidence, at_ms, known)?)
}

fn tiers(config: &Config) -> HashMap<String, Vec<String>> {
    let names = |feature: &tieline_config::Feature| {
        feature.tiers.iter().map(|tier| tier.name.clone()).collect()
    };
    config.features.iter().map(|feature| (feature.name.clone(), names(feature))).collect()
}

/// Looks at deployments and alerts for as long as it is polled.
async fn watch(house: Arc<House>, book: Arc<Book>) {
    let mut seen = Seen::default();
    // Between the ends of minutes, at which objectives are looked at.
    sleep(EVERY / 2).await;
    loop {
        sleep(EVERY).await;
        seen.look(&house.worker().gateway(), &book);
    }
}

/// The gateway with its providers, its network, and whatever else there is of it.
pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) network: MemoryNetwork,
    pub(crate) connections: Connections,
    config: Config,
    seed: u64,
    harness: Option<Arc<dyn Harness>>,
    ledger: Option<(Ledger, TempDir)>,
    running: Mutex<Running>,
}

/// One life of the gateway.
struct Running {
    worker: Arc<Worker>,
    stop: CancellationToken,
    /// Probes, objectives, jobs. Dropped, they end.
    _control: JoinSet<()>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("sim", &self.sim).finish_non_exhaustive()
    }
}

impl House {
    fn open(
        stage: &Stage,
        scenario: &Scenario,
        rooms: &Rooms<'_>,
        wall: SystemTime,
        book: &Arc<Book>,
    ) -> Result<Arc<Self>, DrillError> {
        let specs = stage.actors.iter().map(|actor| actor.spec.clone()).collect();
        let sim = Sim::starting_at(wall, scenario.seed, specs);
        let network = MemoryNetwork::default();
        for actor in &stage.actors {
            let mut arrivals = network.listen(&actor.authority);
            let (sim, name) = (sim.clone(), actor.name.clone());
            tokio::spawn(async move {
                while let Some(io) = arrivals.recv().await {
                    let (sim, name) = (sim.clone(), name.clone());
                    tokio::spawn(async move { sim.serve_io(&name, io).await });
                }
            });
        }
        let ledger = queues(&stage.config).then(keep).transpose()?;
        let life = Life {
            config: &stage.config,
            network: &network,
            ledger: ledger.as_ref().map(|(ledger, _)| ledger),
            harness: rooms.harness.clone(),
            wall,
            seed: scenario.seed,
        };
        let running = life.begin(book)?;
        Ok(Arc::new(Self {
            sim,
            network,
            connections: Connections::default(),
            config: stage.config.clone(),
            seed: scenario.seed,
            harness: rooms.harness.clone(),
            ledger,
            running: Mutex::new(running),
        }))
    }

    /// Whoever serves connections now.
    pub(crate) fn worker(&self) -> Arc<Worker> {
        Arc::clone(&self.running().worker)
    }

    /// Begins a new life of the gateway, which knows nothing of what was learnt; requests under way
    /// end with the old one.
    pub(crate) fn restart(&self, book: &Arc<Book>) {
        let wall = self.worker().gateway().wall();
        let life = Life {
            config: &self.config,
            network: &self.network,
            ledger: self.ledger.as_ref().map(|(ledger, _)| ledger),
            harness: self.harness.clone(),
            wall,
            seed: self.seed.wrapping_add(millis(book.now())),
        };
        match life.begin(book) {
            Ok(next) => {
                let old = std::mem::replace(&mut *self.running(), next);
                old.stop.cancel();
                self.connections.clear();
                book.tell("restarted", &json!({}));
            }
            Err(error) => book.tell("not_restarted", &json!({ "why": error.to_string() })),
        }
    }

    /// Pushes a configuration in which a deployment has no provider.
    pub(crate) fn push_bad_configuration(&self, book: &Book) {
        let mut bad = self.config.clone();
        bad.providers.clear();
        let refused = self.worker().gateway().apply(&bad).is_err();
        book.tell("configuration_pushed", &json!({ "refused": refused }));
    }

    fn close(&self) {
        self.running().stop.cancel();
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a life of the gateway begins with.
struct Life<'a> {
    config: &'a Config,
    network: &'a MemoryNetwork,
    ledger: Option<&'a Ledger>,
    harness: Option<Arc<dyn Harness>>,
    wall: SystemTime,
    seed: u64,
}

impl Life<'_> {
    fn begin(self, book: &Arc<Book>) -> Result<Running, DrillError> {
        let observer: Arc<dyn Observer> = Arc::<Book>::clone(book);
        let parts = Parts {
            ledger: self.ledger.cloned(),
            keys: KeyRing::default(),
            local: LOCAL_CALLER,
            network: Network::Memory(self.network.clone()),
            wall: self.wall,
            seed: self.seed,
            env: Box::new(|_| None),
            harness: self.harness,
            observer: Some(observer),
        };
        let gateway = Gateway::new(self.config, parts)?;
        let stop = CancellationToken::new();
        let worker = Worker::new(&gateway, stop.clone())?;
        let mut control = JoinSet::new();
        control.spawn(tieline_gateway::recover(Arc::clone(&worker)));
        control.spawn(tieline_gateway::slos(Arc::clone(&worker)));
        if self.ledger.is_some() {
            control.spawn(Arc::clone(&worker).run_jobs());
        }
        Ok(Running { worker, stop, _control: control })
    }
}

/// Whether a feature keeps requests for later.
fn queues(config: &Config) -> bool {
    let tiers = config.features.iter().flat_map(|feature| &feature.tiers);
    tiers.into_iter().any(|tier| matches!(tier.mode, TierMode::Queue(_)))
}

/// A ledger that is gone after the drill.
fn keep() -> Result<(Ledger, TempDir), DrillError> {
    let folder = tempfile::tempdir().map_err(DrillError::Keep)?;
    let settings =
        Settings { path: folder.path().join("drill.db"), spill: folder.path().join("spill") };
    Ok((Ledger::open(&settings)?, folder))
}

impl Expectation {
    /// The deployments that it is about.
    fn select(&self) -> Option<&crate::scenario::Select> {
        match self {
            Self::ProbeRate(select, ..)
            | Self::Attempts(select, ..)
            | Self::Opens(select, ..)
            | Self::OpensWithin(select, ..)
            | Self::ReusedWithin(select, ..)
            | Self::StormWithin(select, ..) => Some(select),
            _ => None,
        }
    }

    /// The feature that it is about.
    fn feature(&self) -> Option<&str> {
        match self {
            Self::Ratio { feature, .. }
            | Self::BudgetSpent { feature, .. }
            | Self::TimeToMitigate { feature, .. }
            | Self::TimeToRestore { feature, .. }
            | Self::Drops(feature, ..) => Some(feature),
            Self::ClientErrors(feature, ..) | Self::CostDelta(feature, ..) => feature.as_deref(),
            _ => None,
        }
    }
}
