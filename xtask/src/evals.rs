//! One eval done by two programs: promptfoo, and Tieline with the suite that it makes of
//! promptfoo's configuration. Both ask the same simulated provider.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    bench::server::Server,
    error::TaskError,
    packages,
    run::name,
    workspace::{Workspace, make_folder, read, remove_folder, write},
};

/// The feature that is evaluated.
const FEATURE: &str = "parcels";
/// The model that is evaluated, and the one that judges.
const MODELS: [&str; 2] = ["gpt-5.5", "gpt-5.4-mini"];
/// The simulated provider's credential, which is no secret.
const KEY: &str = "sk-simulated";
/// How promptfoo's configuration is called.
pub(crate) const CONFIGURATION: &str = "promptfooconfig.yaml";
/// Exit codes of `tieline eval run` that are verdicts. What is compared is what each case says.
const VERDICTS: [i32; 3] = [0, 1, 3];
/// What keeps promptfoo at home. It tells its makers that telemetry is off, too, so that whatever
/// is not on this machine goes to a proxy that is not there.
const QUIET: [(&str, &str); 10] = [
    ("PROMPTFOO_DISABLE_TELEMETRY", "1"),
    ("PROMPTFOO_DISABLE_UPDATE", "1"),
    ("PROMPTFOO_DISABLE_REMOTE_GENERATION", "1"),
    ("PROMPTFOO_DISABLE_SHARING", "1"),
    ("PROMPTFOO_CACHE_ENABLED", "false"),
    // Its log files, which it may still be at when it ends, and then ends badly.
    ("PROMPTFOO_DISABLE_DEBUG_LOG", "1"),
    ("PROMPTFOO_DISABLE_ERROR_LOG", "1"),
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ("NO_PROXY", "127.0.0.1"),
];

/// promptfoo, installed.
pub(crate) struct Promptfoo {
    /// The folder of its package.
    folder: PathBuf,
}

impl Promptfoo {
    /// Installs what `e2e/promptfoo` names; none if npm failed. `run` runs npm.
    pub(crate) fn install(
        workspace: &Workspace,
        run: impl FnOnce(Command) -> Result<bool, TaskError>,
    ) -> Result<Option<Self>, TaskError> {
        let source = workspace.root.join("e2e").join("promptfoo");
        let copy = workspace.target.join("e2e-promptfoo");
        let installed = packages::install(&source, &copy, &["--ignore-scripts"], run)?;
        let folder = copy.join("node_modules").join("promptfoo");
        Ok(installed.then_some(Self { folder }))
    }

    /// Its version, or `unknown`.
    pub(crate) fn version(&self) -> String {
        let told = self.folder.join("package.json");
        let told = read(&told).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let version = told.as_ref().and_then(|told| told.get("version")?.as_str());
        version.unwrap_or("unknown").to_owned()
    }

    /// Evaluates the configuration in a folder. `node` is how Node is started; `out` is where
    /// results are written as JSON, beside promptfoo's own database.
    pub(crate) fn eval(
        &self,
        mut node: Command,
        folder: &Path,
        url: &str,
        out: Option<&Path>,
    ) -> Command {
        node.arg(self.folder.join("dist/src/main.js"));
        node.args(["eval", "--no-cache", "--no-table", "--no-progress-bar"]);
        node.args(["--no-share", "-c", CONFIGURATION]).current_dir(folder);
        if let Some(out) = out {
            node.arg("-o").arg(out);
        }
        node.envs(QUIET).env("PROMPTFOO_CONFIG_DIR", folder.join("home"));
        node.env("OPENAI_API_KEY", KEY).env("OPENAI_BASE_URL", format!("{url}/v1"));
        node
    }
}

/// A folder with Tieline's configuration, and with the suite that it imports there.
pub(crate) struct Tieline {
    program: PathBuf,
    folder: PathBuf,
}

impl Tieline {
    /// An empty folder with a configuration that knows the provider at `url`.
    pub(crate) fn new(program: &Path, folder: PathBuf, url: &str) -> Result<Self, TaskError> {
        renewed(&folder)?;
        let models: String = MODELS.map(|model| format!("  {model}: [openai]\n")).concat();
        let [served, _] = MODELS;
        let configuration = format!(
            "version: 1\n\
             providers:\n  openai: {{ kind: openai, base_url: \"{url}/v1\", api_key: \
             {{ env: OPENAI_API_KEY }} }}\n\
             models:\n{models}\
             features:\n  {FEATURE}: {{ tiers: [{{ models: [{served}] }}] }}\n"
        );
        write(&folder.join("tieline.yaml"), configuration)?;
        Ok(Self { program: program.to_owned(), folder })
    }

    /// Imports promptfoo's configuration in a folder. All of it has to come over.
    pub(crate) fn import(&self, folder: &Path) -> Result<(), TaskError> {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(["eval", "import", "--strict", "--feature"]);
        command.arg(FEATURE).arg(folder.join(CONFIGURATION));
        ended(command, &[0], &self.folder.join("import.log"))
    }

    /// Runs the suite into another folder of runs, `runs`. `tieline` is how the program is started.
    pub(crate) fn run(&self, mut tieline: Command, runs: &Path) -> Command {
        let [served, _] = MODELS;
        let suite = format!("evals/{FEATURE}.yaml");
        tieline.current_dir(&self.folder).args(["eval", "run", &suite, "--yes", "--runs"]);
        tieline.arg(runs).args(["--candidate", &format!("{served}@openai")]);
        tieline.env("OPENAI_API_KEY", KEY);
        tieline
    }

    /// Runs the suite to its end: the folder of the run.
    pub(crate) fn run_whole(&self) -> Result<PathBuf, TaskError> {
        let runs = self.folder.join("runs");
        let command = self.run(Command::new(&self.program), &runs);
        finished(command, &self.folder)?;
        only_entry(&runs)
    }
}

/// Waits for a run of Tieline's, whatever its verdict.
pub(crate) fn finished(command: Command, folder: &Path) -> Result<(), TaskError> {
    ended(command, &VERDICTS, &folder.join("run.log"))
}

/// Runs a program whose output goes to a file; an error where it ends otherwise than it may.
pub(crate) fn ended(mut command: Command, good: &[i32], log: &Path) -> Result<(), TaskError> {
    let program = name(command.get_program());
    let failed = |source| TaskError::Write { path: log.to_owned(), source };
    let file = File::create(log).map_err(failed)?;
    command.stdin(Stdio::null()).stderr(file.try_clone().map_err(failed)?).stdout(file);
    let status = command.status();
    let status = status.map_err(|source| TaskError::Run { program: program.clone(), source })?;
    if status.code().is_some_and(|code| good.contains(&code)) {
        return Ok(());
    }
    eprintln!("{}", read(log)?.trim_end());
    Err(TaskError::Failed { program, status })
}

/// The simulated provider, which says what it is told to, and where it listens.
pub(crate) fn provider(
    mut tieline: Command,
    first_token: &str,
) -> Result<(Server, String), TaskError> {
    tieline.args(["sim", "openai=127.0.0.1:0", "--format", "json", "--per-token", "0ms"]);
    tieline.args(["--first-token", first_token]);
    let (server, ready) = Server::start_told("tieline sim", tieline)?;
    let url = ready.pointer("/providers/0/url").and_then(Value::as_str).map(str::to_owned);
    let program = "tieline sim".to_owned();
    Ok((server, url.ok_or(TaskError::Missing { program, what: "where it listens" })?))
}

/// A folder that is there and empty.
pub(crate) fn renewed(folder: &Path) -> Result<(), TaskError> {
    remove_folder(folder)?;
    make_folder(folder)
}

/// What a folder holds, where that is one thing.
pub(crate) fn only_entry(folder: &Path) -> Result<PathBuf, TaskError> {
    let missing = TaskError::Missing { program: "tieline eval run".to_owned(), what: "its rows" };
    let found = packages::entries(folder)?;
    found.into_iter().next().ok_or(missing)
}
