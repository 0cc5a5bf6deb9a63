//! `tieline serve`: the gateway.

use std::{net::SocketAddr, sync::Arc};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde::Serialize;
use tieline_config::{Config, Feature, RealWorld, Tier, TierMode, World as _};
use tieline_gateway::{Gateway, Parts, Running};
use tieline_ledger::{Keys, Ledger, Settings};
use tieline_types::LOCAL_CALLER;
use tieline_upstream::Network;

use crate::{
    failure::Failure,
    files::ConfigFile,
    harness::Suites,
    print::{self, FormatOption, counted},
    signals::{Signals, Wish},
    when,
};

/// Run the gateway
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A change of the configuration file, or SIGHUP, puts it in force without dropping a request; a bad
one is refused and the last good one stays. SIGTERM and SIGINT let open requests finish within
`server.drain`; a second one ends at once.

Examples:
  tieline serve
  tieline serve --config /etc/tieline/tieline.yaml
  tieline serve --format json    One line when it accepts: {\"listen\":..., \"admin\":...}")]
pub(crate) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    format: FormatOption,
    /// Seed of every random choice, such as that among weighted deployments. Default: random
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Where the gateway listens; the JSON form of the line that says it is ready.
#[derive(Serialize)]
struct Ready {
    listen: SocketAddr,
    admin: Option<SocketAddr>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let config = self.config.load()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::os("start the runtime"))?;
        runtime.block_on(self.serve(&config))
    }

    async fn serve(self, config: &Config) -> Result<(), Failure> {
        let mut signals = Signals::listen()?;
        let keys = Keys::open(&config.ledger.path)?;
        let ledger = Ledger::open(&Settings {
            path: config.ledger.path.clone(),
            spill: config.ledger.spill.clone(),
        })?;
        let parts = Parts {
            ledger: Some(ledger.clone()),
            keys: keys.snapshot()?,
            local: LOCAL_CALLER,
            network: Network::Tcp,
            wall: when::wall_now(),
            seed: self.seed.unwrap_or_else(random_seed),
            env: Box::new(|name| RealWorld.env(name)),
            harness: Some(Arc::new(Suites::default())),
            observer: None,
        };
        let gateway = Gateway::new(config, parts)?;
        let running = tieline_gateway::start(&gateway, &config.server, Some(keys))?;
        let path = self.config.path.clone();
        let load = Box::new(move || {
            tieline_config::load(&path, &RealWorld).map_err(|problems| problems.to_string())
        });
        let watcher = tieline_gateway::watch(Arc::clone(&gateway), self.config.path.clone(), load)?;
        self.announce(&running, config)?;
        while signals.next().await == Wish::Reload {
            watcher.reload_now();
        }
        tracing::info!("stopping: open requests may finish");
        let drained = tokio::select! {
            () = running.drain() => Ok(()),
            () = signals.stop() => Err(Failure::Cut),
        };
        // Whatever else happens, what was recorded must last.
        ledger.close()?;
        drained
    }

    fn announce(&self, running: &Running, config: &Config) -> Result<(), Failure> {
        let ready = Ready { listen: running.listen, admin: running.admin };
        self.format.print(&ready, |ready| {
            let scheme = if config.server.tls.is_some() { "https" } else { "http" };
            let mut text = format!("listening on {scheme}://{}", ready.listen);
            if let Some(admin) = ready.admin {
                text.push_str(&format!(", admin on http://{admin}"));
            }
            format!("{text}\n\n{}", features(config))
        })
    }
}

/// A seed that no other process has.
pub(crate) fn random_seed() -> u64 {
    SmallRng::from_os_rng().random()
}

fn features(config: &Config) -> String {
    let rows = config.features.iter().map(|feature| [feature.name.clone(), ladder(feature)]);
    print::table(&["FEATURE", "TIERS, BEST FIRST"], rows)
}

fn ladder(feature: &Feature) -> String {
    feature.tiers.iter().map(tier).collect::<Vec<_>>().join(" > ")
}

fn tier(tier: &Tier) -> String {
    match &tier.mode {
        TierMode::Models { candidates, .. } => {
            format!("{} ({})", tier.name, counted(candidates.len(), "deployment"))
        }
        TierMode::Cache { .. } | TierMode::Queue(_) | TierMode::Reply { .. } | TierMode::Off => {
            tier.name.clone()
        }
    }
}
