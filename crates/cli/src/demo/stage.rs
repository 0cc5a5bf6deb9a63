//! Providers, gateway and ledger on loopback ports, and their way back to nothing.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use tieline_config::{Config, World};
use tieline_gateway::{Gateway, Parts, Running};
use tieline_ledger::{Filter, KeyRing, Ledger, Settings};
use tieline_sim::{Kind, Pace, ProviderSpec, Sim};
use tieline_types::{LOCAL_CALLER, Outcome};
use tieline_upstream::Network;
use tokio::time::Instant;

use super::{Plan, client::TRACE_ID, tally::Ladder};
use crate::{failure::Failure, when};

/// The environment variable that the generated configuration names; only this process knows it.
const KEY_VARIABLE: &str = "TIELINE_DEMO_KEY";
/// Any key of the right form opens a simulated provider.
const KEY: &str = "demo-key";
/// The file name that problems of the generated configuration would carry.
const CONFIG_NAME: &str = "the demo's configuration";
/// The ledger is read back in slices of this much time, so that a long run needs little memory.
const SLICE_MS: u64 = 10_000;

/// The simulated providers: name, kind, milliseconds to the first token, milliseconds a token.
const PROVIDERS: [(&str, Kind, u64, u64); 4] = [
    ("openai", Kind::Openai, 140, 8),
    ("azure", Kind::AzureOpenai, 180, 8),
    ("bedrock", Kind::Bedrock, 260, 10),
    ("anthropic", Kind::Anthropic, 210, 9),
];

/// Everything that runs beside the clients.
pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listen: SocketAddr,
    running: Running,
    config: Config,
    ledger: Ledger,
    opened: Instant,
    wall: SystemTime,
    _folder: TempDir,
}

/// What the ledger says of the built-in clients' requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) requests: u64,
    pub(crate) served: u64,
    pub(crate) degraded: u64,
}

impl Stage {
    /// Opens the providers' ports, then the gateway's.
    pub(crate) async fn open(plan: Plan) -> Result<Self, Failure> {
        let (wall, opened) = (when::wall_now(), Instant::now());
        let sim = Sim::starting_at(wall, plan.seed, PROVIDERS.map(spec).to_vec());
        let mut ports = [0; PROVIDERS.len()];
        for ((name, ..), port) in PROVIDERS.iter().zip(&mut ports) {
            let bound = sim.listen(name, (Ipv4Addr::LOCALHOST, 0).into()).await;
            *port = bound.map_err(Failure::os(format!("listen as {name}")))?.port();
        }
        let folder = tempfile::tempdir().map_err(Failure::os("create a temporary folder"))?;
        let text = configuration(plan.listen, ports);
        let config = tieline_config::parse(CONFIG_NAME, &text, folder.path(), &DemoWorld)
            .map_err(|problems| Failure::Config(Box::new(problems)))?;
        let (path, spill) = (config.ledger.path.clone(), config.ledger.spill.clone());
        let ledger = Ledger::open(&Settings { path, spill })?;
        let parts = Parts {
            ledger: Some(ledger.clone()),
            keys: KeyRing::default(),
            local: LOCAL_CALLER,
            network: Network::Tcp,
            wall,
            seed: plan.seed,
            env: Box::new(|name| DemoWorld.env(name)),
            harness: None,
            observer: None,
        };
        let gateway = Gateway::new(&config, parts)?;
        let running = tieline_gateway::start(&gateway, &config.server, None)?;
        let listen = running.listen;
        Ok(Self { sim, gateway, listen, running, config, ledger, opened, wall, _folder: folder })
    }

    /// The ladders of the features that clients call.
    pub(crate) fn ladders(&self) -> Vec<Ladder> {
        let explicit = self.config.features.iter().filter(|feature| !feature.implicit);
        explicit.map(Ladder::of).collect()
    }

    /// Lets the gateway finish, closes the ledger and reads it.
    pub(crate) async fn close(self) -> Result<Books, Failure> {
        self.running.drain().await;
        self.ledger.close()?;
        let until = self.wall.checked_add(self.opened.elapsed()).unwrap_or(self.wall);
        count(&self.config.ledger.path, when::unix_ms(self.wall), when::unix_ms(until))
    }
}

fn spec((name, kind, first_token_ms, per_token_ms): (&str, Kind, u64, u64)) -> ProviderSpec {
    let pace = Pace {
        first_token: Duration::from_millis(first_token_ms),
        per_token: Duration::from_millis(per_token_ms),
    };
    ProviderSpec { pace, ..ProviderSpec::new(name, kind) }
}

/// Counts the built-in clients' requests in the ledger at `path`.
fn count(path: &Path, from_ms: u64, until_ms: u64) -> Result<Books, Failure> {
    let mut books = Books::default();
    let mut since_ms = from_ms;
    while since_ms <= until_ms {
        let slice = Filter {
            since_ms: Some(since_ms),
            until_ms: Some(since_ms + SLICE_MS),
            limit: u32::MAX,
            ..Filter::default()
        };
        for record in tieline_ledger::query(path, &slice)? {
            if record.trace_id.as_deref() == Some(TRACE_ID) {
                books.requests += 1;
                books.served += u64::from(record.outcome == Outcome::Served);
                books.degraded += u64::from(record.outcome == Outcome::Degraded);
            }
        }
        since_ms += SLICE_MS;
    }
    Ok(books)
}

/// The world of the generated configuration: one credential, no files.
struct DemoWorld;

impl World for DemoWorld {
    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn env(&self, name: &str) -> Option<String> {
        (name == KEY_VARIABLE).then(|| KEY.to_owned())
    }
}

/// The configuration, as a user would write it for real providers but for the addresses.
fn configuration(listen: SocketAddr, ports: [u16; PROVIDERS.len()]) -> String {
    let [openai, azure, bedrock, anthropic] = ports.map(|port| format!("http://127.0.0.1:{port}"));
    format!(
        r#"version: 1
server: {{ listen: "{listen}", admin: "off", drain: 5s }}
ledger: {{ path: demo.db }}

providers:
  openai: {{ kind: openai, base_url: "{openai}/v1", api_key: {{ env: {KEY_VARIABLE} }} }}
  azure: {{ kind: azure-openai, endpoint: "{azure}", api_key: {{ env: {KEY_VARIABLE} }} }}
  bedrock:
    kind: bedrock
    region: us-east-2
    api_key: {{ env: {KEY_VARIABLE} }}
    endpoint: "{bedrock}"
    mantle_endpoint: "{bedrock}"
  anthropic: {{ kind: anthropic, base_url: "{anthropic}", api_key: {{ env: {KEY_VARIABLE} }} }}

models:
  claude-sonnet-5: [anthropic, {{ provider: bedrock, name: us.anthropic.claude-sonnet-5 }}]
  gpt-5.5: [openai, azure, {{ provider: bedrock, name: openai.gpt-5.5 }}]
  gpt-5.4-mini: [openai, azure]

features:
  support-reply:
    deadline: 20s
    tiers:
      - {{ name: frontier, models: [claude-sonnet-5, gpt-5.5], ttft: 3s }}
      - {{ name: compact, models: [gpt-5.4-mini], ttft: 2s }}
      - {{ name: apology, reply: "A colleague will follow up shortly.", acceptable: false }}
  ticket-summary:
    deadline: 20s
    tiers:
      - name: models
        models: [gpt-5.5]
        prefer: weighted
        weights: {{ gpt-5.5@openai: 2, gpt-5.5@azure: 2, gpt-5.5@bedrock: 1 }}
        ttft: 3s
      - {{ name: cached, cache: {{ max_age: 24h }} }}
      - {{ name: later, reply: "The summary follows later.", acceptable: false }}
"#
    )
}
