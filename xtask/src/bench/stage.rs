//! Everything that runs during a measurement, started once for all of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use super::{
    account::{self, Memory},
    load::Load,
    measurement::Measurement,
    nginx::Nginx,
    options::Options,
    plan::{Answers, Candidate, Client, Work},
    server::{Core, Server, pinned},
};
use crate::{
    error::TaskError,
    run::{cargo, output},
    workspace::{Workspace, make_folder, remove_folder, write},
};

/// Variable of the credential that the simulated providers are called with.
const KEY_VARIABLE: &str = "TIELINE_BENCH_KEY";
/// Load before the measured time, and at least so long that a thousand streams are open.
const WARM_UP_SECONDS: f64 = 0.5;
const WARM_UP_OPEN_SECONDS: f64 = 3.0;
/// The simulated providers by their kind of answers, and the pause between the chunks of a stream.
const PACES: [(Answers, &str); 3] = [
    (Answers::Whole, "0ms"),
    (Answers::Streams, "5ms"),
    // A hundred chunks so far apart outlast any measurement.
    (Answers::OpenStreams, "10s"),
];

/// A simulated provider.
pub(super) struct Provider {
    pub(super) answers: Answers,
    /// The dialect it speaks.
    pub(super) speaks: Client,
    pub(super) address: String,
}

impl Provider {
    /// Its name in every configuration, which is also that of its model.
    pub(super) fn name(&self) -> String {
        name(self.answers, self.speaks)
    }
}

fn name(answers: Answers, speaks: Client) -> String {
    let answers = match answers {
        Answers::Whole => "whole",
        Answers::Streams => "streams",
        Answers::OpenStreams => "open",
    };
    format!("{}-{answers}", kind(speaks))
}

/// The kind of provider that speaks a dialect.
fn kind(speaks: Client) -> &'static str {
    match speaks {
        Client::Chat => "openai",
        Client::Messages => "anthropic",
    }
}

/// The running servers.
pub(super) struct Stage {
    /// Candidates come before what they call, so that they end first.
    gateway: Server,
    gateway_address: String,
    gateway_idle: Memory,
    /// An earlier Tieline and its address.
    before: Option<(Server, String)>,
    nginx: Nginx,
    simulators: Vec<Server>,
    providers: Vec<Provider>,
    /// This program built for speed, which is the load generator.
    load: PathBuf,
}

impl Stage {
    /// Builds Tieline and starts everything.
    pub(super) fn set(workspace: &Workspace, options: &Options) -> Result<Self, TaskError> {
        // One at a time, so that the load generator's features are not Tieline's.
        let tieline = built(workspace, "tieline-cli", "tieline")?;
        let load = built(workspace, "xtask", "xtask")?;
        let folder = workspace.target.join("bench");
        remove_folder(&folder)?;
        make_folder(&folder)?;
        let (mut simulators, mut providers) = (Vec::new(), Vec::new());
        for (answers, pace) in PACES {
            let (server, found) = simulator(&tieline, answers, pace)?;
            simulators.push(server);
            providers.extend(found);
        }
        let nginx = Nginx::start(&folder, &providers)?;
        let before = options.before.as_ref().map(|program| {
            let folder = folder.join("before");
            make_folder(&folder)?;
            gateway(program, &folder, &providers)
        });
        let before = before.transpose()?;
        let (gateway, gateway_address) = gateway(&tieline, &folder, &providers)?;
        let gateway_idle = account::memory(gateway.pid());
        Ok(Self {
            gateway,
            gateway_address,
            gateway_idle,
            before,
            nginx,
            simulators,
            providers,
            load,
        })
    }

    /// Memory of the gateway and of nginx before the first request.
    pub(super) fn idle(&self) -> [(Candidate, Memory); 2] {
        let nginx = account::memory(self.nginx.server.pid());
        [(Candidate::Same, self.gateway_idle), (Candidate::Nginx, nginx)]
    }

    /// Who does a work.
    pub(super) fn candidates(&self, work: &Work) -> impl Iterator<Item = Candidate> + use<> {
        let all = work.candidates();
        let before = self.before.is_some() && all.contains(&Candidate::Same);
        all.iter().copied().chain(before.then_some(Candidate::Before))
    }

    /// Has a candidate do a work.
    pub(super) fn measure(
        &self,
        work: &Work,
        candidate: Candidate,
        options: &Options,
    ) -> Result<Measurement, TaskError> {
        let open = work.answers == Answers::OpenStreams;
        let load = Load {
            address: self.address(work, candidate).to_owned(),
            client: work.client,
            model: name(work.answers, spoken(work, candidate)),
            stream: work.streams(),
            prompt_bytes: work.prompt_bytes,
            concurrency: work.concurrency,
            seconds: options.seconds,
            warm_up_seconds: if open { WARM_UP_OPEN_SECONDS } else { WARM_UP_SECONDS },
            watch: self.pid(candidate),
        };
        let mut command: Command = pinned(Core::Other, self.load.as_os_str());
        let answer = output(command.args(load.arguments()))?;
        serde_json::from_slice(&answer).map_err(|source| TaskError::Answer {
            program: "the load generator".to_owned(),
            source,
        })
    }

    fn address(&self, work: &Work, candidate: Candidate) -> &str {
        let direct = |provider: &&Provider| {
            provider.answers == work.answers && provider.speaks == work.client
        };
        match candidate {
            Candidate::Direct => {
                self.providers.iter().find(direct).map_or("", |provider| &provider.address)
            }
            Candidate::Nginx => self.nginx.address(work.answers),
            Candidate::Same | Candidate::Cross => &self.gateway_address,
            Candidate::Before => self.before.as_ref().map_or("", |(_, address)| address),
        }
    }

    fn pid(&self, candidate: Candidate) -> u32 {
        match candidate {
            Candidate::Direct => self.simulators.first().map_or(0, Server::pid),
            Candidate::Nginx => self.nginx.server.pid(),
            Candidate::Same | Candidate::Cross => self.gateway.pid(),
            Candidate::Before => self.before.as_ref().map_or(0, |(server, _)| server.pid()),
        }
    }
}

/// Builds a package for speed and says where its program is.
pub(crate) fn built(
    workspace: &Workspace,
    package: &str,
    program: &str,
) -> Result<PathBuf, TaskError> {
    let mut build = cargo();
    build.current_dir(&workspace.root).args(["build", "--release", "--quiet", "-p", package]);
    output(&mut build)?;
    Ok(workspace.target.join("release").join(program))
}

/// The dialect of the provider that answers.
fn spoken(work: &Work, candidate: Candidate) -> Client {
    match (candidate, work.client) {
        (Candidate::Cross, Client::Chat) => Client::Messages,
        (Candidate::Cross, Client::Messages) => Client::Chat,
        (_, client) => client,
    }
}

fn simulator(
    tieline: &Path,
    answers: Answers,
    pace: &str,
) -> Result<(Server, Vec<Provider>), TaskError> {
    let mut command = pinned(Core::Other, tieline.as_os_str());
    command.args(["sim", "openai=127.0.0.1:0", "anthropic=127.0.0.1:0", "--format", "json"]);
    command.args(["--fixed-reply", "1024", "--chunks", "100", "--threads", "1"]);
    command.args(["--first-token", "0ms", "--per-token", pace]);
    let (server, ready) = Server::start_told("tieline sim", command)?;
    let listed = ready.get("providers").and_then(Value::as_array).cloned().unwrap_or_default();
    let found = [Client::Chat, Client::Messages].into_iter().filter_map(|speaks| {
        let same = |entry: &&Value| entry.get("kind").and_then(Value::as_str) == Some(kind(speaks));
        let url = listed.iter().find(same)?.get("url")?.as_str()?;
        let address = url.strip_prefix("http://")?.split('/').next()?.to_owned();
        Some(Provider { answers, speaks, address })
    });
    let found: Vec<Provider> = found.collect();
    let missing = "where both its providers listen";
    if found.len() < 2 {
        return Err(TaskError::Missing { program: "tieline sim".to_owned(), what: missing });
    }
    Ok((server, found))
}

fn gateway(
    tieline: &Path,
    folder: &Path,
    providers: &[Provider],
) -> Result<(Server, String), TaskError> {
    let file = folder.join("tieline.yaml");
    write(&file, configuration(providers))?;
    let errors = folder.join("tieline.log");
    let log = fs::File::create(&errors)
        .map_err(|source| TaskError::Write { path: errors.clone(), source })?;
    let mut command = pinned(Core::Candidate, tieline.as_os_str());
    command.args(["serve", "--format", "json", "--config"]).arg(&file);
    command.env(KEY_VARIABLE, "bench").stderr(log);
    let (server, ready) = Server::start_told("tieline serve", command)?;
    let listen = ready.get("listen").and_then(Value::as_str).map(str::to_owned);
    let missing =
        TaskError::Missing { program: "tieline serve".to_owned(), what: "where it listens" };
    Ok((server, listen.ok_or(missing)?))
}

/// One worker, the ledger as always, a provider and a model for each simulated provider.
fn configuration(providers: &[Provider]) -> String {
    let account = |provider: &Provider| {
        let (name, kind) = (provider.name(), kind(provider.speaks));
        let path = if provider.speaks == Client::Chat { "/v1" } else { "" };
        let url = format!("http://{}{path}", provider.address);
        let key = format!("{{ env: {KEY_VARIABLE} }}");
        format!("  {name}: {{ kind: {kind}, base_url: \"{url}\", api_key: {key} }}\n")
    };
    let model = |provider: &Provider| format!("  {0}: [{0}]\n", provider.name());
    let accounts: String = providers.iter().map(account).collect();
    let models: String = providers.iter().map(model).collect();
    format!(
        "version: 1\nserver: {{ listen: \"127.0.0.1:0\", admin: off, workers: 1, drain: 1s }}\n\
         providers:\n{accounts}models:\n{models}"
    )
}
