//! Taking a changed configuration file: a good one is put in force, a bad one refused aloud.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, SystemTime},
};

use tieline_config::Config;
use tieline_types::chain;

use crate::{Actor, GatewayError, gateway::Gateway};

/// How often the file is looked at. It counts as changed once it looks the same twice: editors
/// write a file in several steps.
///
/// The kernel could tell of changes, but only of a whole folder, as editors and orchestrators
/// replace the file itself; and the ledger, which may lie beside it, is written all the time.
const LOOK: Duration = Duration::from_millis(250);

/// Loads the configuration; the error is a report for people.
pub type Load = Box<dyn Fn() -> Result<Config, String> + Send>;

/// Watches a configuration file. Dropped, it watches no more.
#[derive(Debug)]
pub struct Watcher {
    orders: mpsc::SyncSender<()>,
}

impl Watcher {
    /// Reloads now, changed or not.
    pub fn reload_now(&self) {
        // One order waiting is enough.
        let _ = self.orders.try_send(());
    }
}

/// Looks at the file at `path` from now on and applies what `load` reads after each change.
///
/// # Errors
/// When no thread can be started for it.
pub fn watch(gateway: Arc<Gateway>, path: PathBuf, load: Load) -> Result<Watcher, GatewayError> {
    let (orders, ordered) = mpsc::sync_channel(1);
    // Looked at here, so that no change after the return goes unseen.
    let seen = look_at_all(&gateway, &path);
    std::thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || follow(&gateway, &path, seen, &ordered, &load))
        .map_err(GatewayError::Thread)?;
    Ok(Watcher { orders })
}

/// What tells one state of a file from another; none while it is absent.
type Look = Option<(SystemTime, u64, u64)>;

/// The states of the configuration's file and of the policies beside it.
type Looks = Vec<Look>;

/// Looks at the configuration's file, at the files of policies that are in force, and at the folder
/// in which there may be others.
fn look_at_all(gateway: &Gateway, path: &Path) -> Looks {
    let plan = gateway.plan();
    let policies = plan.config.policies_path.as_deref();
    let folder = policies.and_then(Path::parent);
    let base = path.parent().unwrap_or(Path::new(""));
    let policies = plan.config.policies.iter().map(|file| base.join(&file.name));
    let attestations = &plan.config.attestations;
    let evals = attestations.files.iter().chain(&attestations.keys);
    let evals = evals.map(|file| base.join(&file.name));
    let listing = plan.config.features.iter().map(|feature| &feature.slos);
    let slos = listing.clone().flat_map(|slos| &slos.files).map(|file| base.join(&file.name));
    let suites = plan.standings.evidence.suites().map(Path::to_owned);
    let files =
        policies.chain(plan.config.prices.iter().cloned()).chain(evals).chain(suites).chain(slos);
    let slo_folders = listing.filter_map(|slos| slos.path.as_deref()?.parent());
    let files: Looks = files.map(|file| look(&file)).chain(slo_folders.map(look)).collect();
    let attested = attestations.path.as_deref().and_then(Path::parent);
    [Some(path), folder, attested]
        .into_iter()
        .map(|path| path.and_then(look))
        .chain(files)
        .collect()
}

fn look(path: &Path) -> Look {
    let file = fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len(), inode(&file)))
}

#[cfg(unix)]
fn inode(file: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

fn follow(
    gateway: &Gateway,
    path: &Path,
    mut applied: Looks,
    orders: &mpsc::Receiver<()>,
    load: &Load,
) {
    let mut before = applied.clone();
    loop {
        let ordered = match orders.recv_timeout(LOOK) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Err(error) = gateway.renew() {
            tracing::error!("prices and attestations stay as they were: {}", chain(&error));
        }
        let now = look_at_all(gateway, path);
        let settled = now == std::mem::replace(&mut before, now.clone());
        let there = now.first().is_some_and(Option::is_some);
        if ordered || (settled && there && now != applied) {
            applied = now;
            let actor = if ordered { Actor::signal() } else { Actor::file() };
            apply(gateway, path, load, &actor);
        }
    }
}

fn apply(gateway: &Gateway, path: &Path, load: &Load, actor: &Actor) {
    let before = gateway.plan();
    let loaded = load().and_then(|config| match gateway.apply(&config) {
        Ok(changed) => Ok(changed.then_some(config)),
        Err(error) => Err(chain(&error)),
    });
    match loaded {
        Ok(Some(config)) => {
            gateway.metrics.reloads.inc();
            gateway.reloaded(path, actor, &before.config, Ok(&config));
            tracing::info!(file = %path.display(), "configuration reloaded");
        }
        Ok(None) => {}
        Err(report) => {
            gateway.metrics.reloads_refused.inc();
            gateway.reloaded(path, actor, &before.config, Err(&report));
            tracing::error!(
                file = %path.display(),
                "configuration refused, the last good one serves on: {report}"
            );
        }
    }
}
