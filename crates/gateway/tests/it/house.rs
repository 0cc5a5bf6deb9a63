//! A whole house in memory: gateway, network, simulated providers, and a client.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tieline_config::{Config, World};
use tieline_gateway::{
    Actor, ChangeError, DrillError, DrillStatus, Gateway, Harness, NewDrill, Parts, Worker,
};
use tieline_ledger::{AuditFilter, Filter, KeyRing, Ledger, Settings, query};
use tieline_sim::{Fault, Kind, Pace, ProviderSpec, Rule, Sim};
use tieline_types::{AuditRecord, CallRecord, LOCAL_CALLER};
use tieline_upstream::{MemoryNetwork, Network};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Every provider kind and every surface, each model under one name at several of them.
pub(crate) const EVERYTHING: &str = r#"
version: 1
providers:
  openai:    { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  azure:     { kind: azure-openai, endpoint: "http://azure.sim", api_key: { env: KEY } }
  dated:
    kind: azure-openai
    endpoint: "http://azure.sim"
    api_key: { env: KEY }
    api_version: 2025-04-01-preview
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
  bedrock:
    kind: bedrock
    region: us-east-2
    api_key: { env: KEY }
    endpoint: "http://bedrock.sim"
    mantle_endpoint: "http://bedrock.sim"
  local:     { kind: openai-compatible, base_url: "http://local.sim/v1" }
models:
  gpt-5.5:
    - openai
    - { provider: azure, name: gpt55-eu }
    - { provider: bedrock, name: openai.gpt-5.5 }
  claude:  [ anthropic, { provider: bedrock, name: us.anthropic.claude-sonnet-5 } ]
  nova:    [ { provider: bedrock, name: "amazon.nova-pro-v1:0" } ]
  llama:   [ local ]
  runtime: [ { provider: bedrock, name: us.openai.gpt-5.5 } ]
  responses: [ { provider: openai, name: gpt-5.5, surface: responses } ]
  dated:   [ { provider: dated, name: gpt55-eu } ]
"#;

/// The models of [`EVERYTHING`], one for each way out.
pub(crate) const MODELS: [&str; 7] =
    ["gpt-5.5", "claude", "nova", "llama", "runtime", "responses", "dated"];

const PROVIDERS: [(&str, Kind); 5] = [
    ("openai", Kind::Openai),
    ("azure", Kind::AzureOpenai),
    ("anthropic", Kind::Anthropic),
    ("bedrock", Kind::Bedrock),
    ("local", Kind::OpenaiCompatible),
];

/// A world with one credential and no files.
pub(crate) struct OneKey;

impl World for OneKey {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn list(&self, path: &Path) -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn env(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| "sk-simulated-key-0123456789".to_owned())
    }
}

pub(crate) fn config(text: &str) -> Config {
    match tieline_config::parse("tieline.yaml", text, Path::new("."), &OneKey) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}

pub(crate) struct House {
    pub(crate) sim: Sim,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) network: MemoryNetwork,
    /// Begins the drain of the one worker.
    pub(crate) stop: CancellationToken,
    worker: Arc<Worker>,
    ledger: Ledger,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The transport broke off before the end of the body.
    pub(crate) cut: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// The dialects a client may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Chat,
    Messages,
}

impl Client {
    pub(crate) const ALL: [Self; 2] = [Self::Chat, Self::Messages];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }

    /// A small request.
    pub(crate) fn ask(self, model: &str, stream: bool, text: &str) -> Value {
        let mut ask = json!({
            "model": model, "stream": stream, "messages": [{ "role": "user", "content": text }],
        });
        if self == Self::Messages {
            ask["max_tokens"] = json!(500);
        }
        ask
    }

    /// Whether an answer is complete and good by the dialect's own rules.
    pub(crate) fn is_whole(self, answer: &Answer, stream: bool) -> bool {
        if answer.status != StatusCode::OK || answer.cut {
            return false;
        }
        let text = answer.text();
        match (self, stream) {
            (Self::Chat, false) => answer.json()["choices"][0]["finish_reason"].is_string(),
            (Self::Messages, false) => answer.json()["stop_reason"].is_string(),
            (Self::Chat, true) => {
                text.ends_with("data: [DONE]\n\n")
                    && text.matches("\"finish_reason\":\"").count() == 1
                    && !text.contains("\"error\"")
            }
            (Self::Messages, true) => {
                text.matches("event: message_stop").count() == 1
                    && text.matches("event: message_start").count() == 1
                    && !text.contains("event: error")
            }
        }
    }

    /// Whether a broken stream says so in the dialect's own way.
    pub(crate) fn tells_break(self, answer: &Answer) -> bool {
        let text = answer.text();
        match self {
            Self::Chat => text.contains("data: {\"error\":") && !text.contains("[DONE]"),
            Self::Messages => text.contains("event: error") && !text.contains("message_stop"),
        }
    }
}

impl House {
    pub(crate) async fn new(text: &str) -> Self {
        Self::with(text, Pace::default(), |_| KeyRing::default()).await
    }

    /// `keys` makes the callers' keys, given the ledger's path.
    pub(crate) async fn with(text: &str, pace: Pace, keys: impl FnOnce(&Path) -> KeyRing) -> Self {
        Self::of(text, keys, |spec| ProviderSpec { pace, ..spec }).await
    }

    /// A house whose providers are as `spec` makes them.
    pub(crate) async fn of(
        text: &str,
        keys: impl FnOnce(&Path) -> KeyRing,
        spec: impl Fn(ProviderSpec) -> ProviderSpec,
    ) -> Self {
        Self::lent(&config(text), keys, spec, None).await
    }

    /// With suites that are read, and answers that are graded, by `harness`.
    pub(crate) async fn examined(config: &Config, harness: Arc<dyn Harness>) -> Self {
        let usual = |spec| ProviderSpec { pace: Pace::default(), ..spec };
        Self::lent(config, |_| KeyRing::default(), usual, Some(harness)).await
    }

    async fn lent(
        config: &Config,
        keys: impl FnOnce(&Path) -> KeyRing,
        spec: impl Fn(ProviderSpec) -> ProviderSpec,
        harness: Option<Arc<dyn Harness>>,
    ) -> Self {
        let specs = PROVIDERS.map(|(name, kind)| {
            let prefill = !matches!(kind, Kind::Openai | Kind::AzureOpenai);
            spec(ProviderSpec { prefill, ..ProviderSpec::new(name, kind) })
        });
        let sim = Sim::new(7, specs.to_vec());
        let network = MemoryNetwork::default();
        for (name, _) in PROVIDERS {
            let mut arrivals = network.listen(&format!("{name}.sim:80"));
            let sim = sim.clone();
            tokio::spawn(async move {
                while let Some(io) = arrivals.recv().await {
                    let sim = sim.clone();
                    tokio::spawn(async move { sim.serve_io(name, io).await });
                }
            });
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tieline.db");
        let settings = Settings { path: path.clone(), spill: folder.path().join("spill") };
        let ledger = Ledger::open(&settings).unwrap();
        let parts = Parts { harness, ..parts(&ledger, &network, keys(&path)) };
        let gateway = Gateway::new(config, parts).unwrap();
        let stop = CancellationToken::new();
        let worker = Worker::new(&gateway, stop.clone()).unwrap();
        Self { sim, gateway, network, stop, worker, ledger, folder }
    }

    /// Another gateway on the same ledger, as after a restart.
    pub(crate) fn restarted(&self, text: &str) -> Arc<Gateway> {
        let parts = parts(&self.ledger, &self.network, KeyRing::default());
        Gateway::new(&config(text), parts).unwrap()
    }

    /// The same, with a harness.
    pub(crate) fn restarted_with(
        &self,
        config: &Config,
        harness: Arc<dyn Harness>,
    ) -> Arc<Gateway> {
        let parts = parts(&self.ledger, &self.network, KeyRing::default());
        Gateway::new(config, Parts { harness: Some(harness), ..parts }).unwrap()
    }

    /// Lets releases move from now on.
    pub(crate) fn tend_releases(&self) {
        tokio::spawn(tieline_gateway::tend_releases(Arc::clone(&self.gateway)));
    }

    /// Takes a deployment out of service by hand, or puts it back.
    pub(crate) fn drain(&self, id: &str, drained: bool) -> Result<(), ChangeError> {
        let robin = Actor::at(([127, 0, 0, 1], 50123).into(), Some(b"robin"));
        self.gateway.drain_deployment(id, drained, &robin).map(drop)
    }

    /// Suspends a deployment by hand, or trusts it again.
    pub(crate) fn suspend(&self, id: &str, suspended: bool) -> Result<(), ChangeError> {
        let robin = Actor::at(([127, 0, 0, 1], 50123).into(), Some(b"robin"));
        self.gateway.suspend_deployment(id, suspended, &robin).map(drop)
    }

    /// All changes on record, newest first.
    pub(crate) async fn changes(&self) -> Vec<AuditRecord> {
        self.records().await;
        self.ledger.audit(&AuditFilter::default()).unwrap()
    }

    /// Ends the recording.
    pub(crate) fn close_ledger(&self) {
        self.ledger.clone().close().unwrap();
    }

    /// The one worker.
    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Sends active probes from now on.
    pub(crate) fn probes(&self) {
        tokio::spawn(tieline_gateway::recover(Arc::clone(&self.worker)));
    }

    /// Asks the prompts of sentinels from now on.
    pub(crate) fn sentinels(&self) {
        tokio::spawn(tieline_gateway::sentinels(Arc::clone(&self.worker)));
    }

    /// The same of another gateway in this house, as of one that has restarted.
    pub(crate) fn sentinels_of(&self, gateway: &Arc<Gateway>) {
        let worker = Worker::new(gateway, self.stop.clone()).unwrap();
        tokio::spawn(tieline_gateway::sentinels(worker));
    }

    /// Looks after drills from now on.
    pub(crate) fn drills(&self) {
        tokio::spawn(tieline_gateway::drills(Arc::clone(&self.gateway)));
    }

    /// Begins a drill by hand.
    pub(crate) fn begin_drill(&self, asked: Value) -> Result<DrillStatus, DrillError> {
        let robin = Actor::at(([127, 0, 0, 1], 50123).into(), Some(b"robin"));
        let asked: NewDrill = serde_json::from_value(asked).unwrap();
        self.gateway.begin_drill(asked, &robin)
    }

    /// Halts it by hand.
    pub(crate) fn halt_drill(&self) -> Result<DrillStatus, DrillError> {
        let robin = Actor::at(([127, 0, 0, 1], 50123).into(), Some(b"robin"));
        self.gateway.halt_drill(&robin)
    }

    /// Reads providers' lists of models from now on.
    pub(crate) fn shutdown_dates(&self) {
        tokio::spawn(tieline_gateway::shutdown_dates(Arc::clone(&self.worker)));
    }

    /// Scripts a fault for a provider; of several the first one scripted shows.
    pub(crate) fn fault(&self, provider: &str, fault: &str) {
        let fault: Fault = fault.parse().unwrap();
        self.sim.script().add(Rule::new(provider, fault));
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let (head, mut body) = self.open(request).await.into_parts();
        let mut bytes = Vec::new();
        let mut cut = false;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
                Err(_) => {
                    cut = true;
                    break;
                }
            }
        }
        Answer { status: head.status, headers: head.headers, body: bytes.into(), cut }
    }

    /// Runs what is queued in the background until the test ends.
    pub(crate) fn run_jobs(&self) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(&self.worker).run_jobs())
    }

    /// The ledger's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("tieline.db")
    }

    /// Sends a request and returns the response with its body still to be read.
    pub(crate) async fn open(
        &self,
        request: Request<Full<Bytes>>,
    ) -> http::Response<hyper::body::Incoming> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let worker = Arc::clone(&self.worker);
        tokio::spawn(async move { worker.serve_io(theirs).await });
        let (mut sender, connection) = http1::handshake(TokioIo::new(ours)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(post(path, body)).await
    }

    pub(crate) async fn ask(
        &self,
        client: Client,
        model: &str,
        stream: bool,
        text: &str,
    ) -> Answer {
        self.post(client.path(), client.ask(model, stream, text).to_string()).await
    }

    /// All records so far, newest first.
    pub(crate) async fn records(&self) -> Vec<CallRecord> {
        self.ledger.flush().await;
        // On a busy machine records take the way round by the spill.
        while self.ledger.status().spilled > self.ledger.status().imported {
            tokio::task::yield_now().await;
        }
        query(
            &self.folder.path().join("tieline.db"),
            &Filter { limit: 100_000, ..Filter::default() },
        )
        .unwrap()
    }

    /// The record of an answered request.
    pub(crate) async fn record(&self, answer: &Answer) -> CallRecord {
        let id = answer.header("x-tieline-request-id");
        let mut records = self.records().await;
        let at = records.iter().position(|one| one.id == id).unwrap();
        records.swap_remove(at)
    }
}

fn parts(ledger: &Ledger, network: &MemoryNetwork, keys: KeyRing) -> Parts {
    Parts {
        ledger: Some(ledger.clone()),
        keys,
        local: LOCAL_CALLER,
        network: Network::Memory(network.clone()),
        wall: UNIX_EPOCH + Duration::from_secs(1_777_397_640),
        seed: 7,
        env: Box::new(|_| None),
        harness: None,
        observer: None,
    }
}

pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "tieline.test")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}
