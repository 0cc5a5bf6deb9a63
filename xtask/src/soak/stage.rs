//! Providers that fail, and the gateway before them.

use std::{fs, process::Command};

use serde_json::Value;
use tokio::runtime::Runtime;

use super::{
    faults::{Outage, rules},
    features::{PROVIDERS, configuration},
    options::Options,
};
use crate::{
    bench::{http::Connection, server::Server, stage::built},
    error::TaskError,
    workspace::{Workspace, make_folder, remove_folder, write},
};

/// Variable of the credential that the simulated providers are called with.
const KEY_VARIABLE: &str = "TIELINE_SOAK_KEY";

/// The running servers. The gateway comes before what it calls, so that it ends first.
pub(super) struct Stage {
    gateway: Server,
    _simulator: Server,
    pub(super) address: String,
    admin: String,
}

impl Stage {
    pub(super) fn set(options: &Options, outages: &[Outage]) -> Result<Self, TaskError> {
        let workspace = Workspace::find()?;
        let tieline = match &options.tieline {
            Some(tieline) => tieline.clone(),
            None => built(&workspace, "tieline-cli", "tieline")?,
        };
        let folder = workspace.target.join("soak");
        remove_folder(&folder)?;
        make_folder(&folder)?;
        let faults = folder.join("faults.json");
        write(&faults, rules(outages).to_string())?;
        let mut command = Command::new(&tieline);
        command.arg("sim");
        command.args(PROVIDERS.map(|(name, kind, _)| format!("{name}:{kind}=127.0.0.1:0")));
        command.args(["--format", "json", "--first-token", "150ms", "--per-token", "10ms"]);
        command.args(["--seed", &options.seed.to_string(), "--faults"]).arg(&faults);
        let (simulator, ready) = Server::start_told("tieline sim", command)?;
        let url = |at: usize| said(&ready, &format!("/providers/{at}/url"), "tieline sim");
        let urls = (0..PROVIDERS.len()).map(url).collect::<Result<Vec<_>, _>>()?;
        let file = folder.join("tieline.yaml");
        write(&file, configuration(KEY_VARIABLE, &urls))?;
        let errors = folder.join("tieline.log");
        let log = fs::File::create(&errors)
            .map_err(|source| TaskError::Write { path: errors.clone(), source })?;
        let mut command = Command::new(&tieline);
        command.current_dir(&folder).args(["serve", "--format", "json", "--config"]).arg(&file);
        command.args(["--seed", &options.seed.to_string()]);
        command.env(KEY_VARIABLE, "soak").stderr(log);
        let (gateway, ready) = Server::start_told("tieline serve", command)?;
        let address = said(&ready, "/listen", "tieline serve")?;
        let admin = said(&ready, "/admin", "tieline serve")?;
        Ok(Self { gateway, _simulator: simulator, address, admin })
    }

    /// The gateway's process.
    pub(super) fn pid(&self) -> u32 {
        self.gateway.pid()
    }

    /// How many upstream calls the gateway has made, by its own status.
    pub(super) fn upstream_calls(&self, runtime: &Runtime) -> Result<u64, TaskError> {
        let request = format!("GET /status HTTP/1.1\r\nhost: {}\r\n\r\n", self.admin);
        let asked = runtime
            .block_on(async { Connection::open(&self.admin).await?.ask(request.as_bytes()).await });
        let program = || "tieline serve".to_owned();
        let (_, body) = asked.map_err(|source| TaskError::Run { program: program(), source })?;
        let status: Value = serde_json::from_slice(&body)
            .map_err(|source| TaskError::Answer { program: program(), source })?;
        let deployments = status.get("deployments").and_then(Value::as_array);
        let number = |one: &Value, name| one.get(name).and_then(Value::as_u64).unwrap_or_default();
        let calls = |all: &Vec<Value>| {
            all.iter().map(|one| number(one, "good") + number(one, "failed")).sum()
        };
        let missing = TaskError::Missing { program: program(), what: "what it called" };
        deployments.map(calls).ok_or(missing)
    }
}

fn said(ready: &Value, pointer: &str, program: &str) -> Result<String, TaskError> {
    let found = ready.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or(TaskError::Missing { program: program.to_owned(), what: "where it listens" })
}
