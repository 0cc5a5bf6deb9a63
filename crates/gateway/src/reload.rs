//! Taking a changed configuration file: a good one is put in force, a bad one refused aloud.

use std::{
    ffi::OsStr,
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use notify::{RecursiveMode, Watcher as _};
use tieline_config::Config;

use crate::{GatewayError, gateway::Gateway};

/// Editors write a file in several steps; this long after the last one it is read.
const SETTLE: Duration = Duration::from_millis(200);

/// Loads the configuration; the error is a report for people.
pub type Load = Box<dyn Fn() -> Result<Config, String> + Send>;

/// Watches a configuration file. Dropped, it watches no more.
pub struct Watcher {
    events: mpsc::SyncSender<()>,
    _files: notify::RecommendedWatcher,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

impl Watcher {
    /// Reloads now, changed or not.
    pub fn reload_now(&self) {
        // One change waiting is enough.
        let _ = self.events.try_send(());
    }
}

/// Watches the folder of `path`, since editors and orchestrators replace the file itself, and
/// applies what `load` reads after each change.
///
/// # Errors
/// When the folder cannot be watched.
pub fn watch(gateway: Arc<Gateway>, path: PathBuf, load: Load) -> Result<Watcher, GatewayError> {
    let (events, changes) = mpsc::sync_channel(1);
    let notifier = events.clone();
    let fail = |source| GatewayError::Watch { path: path.clone(), source };
    let name = path.file_name().map(ToOwned::to_owned);
    let mut files = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| concerns(&event, name.as_deref())) {
            // One change waiting is enough.
            let _ = notifier.try_send(());
        }
    })
    .map_err(fail)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    files.watch(&folder, RecursiveMode::NonRecursive).map_err(fail)?;
    std::thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || follow(&gateway, &path, &changes, &load))
        .map_err(GatewayError::Thread)?;
    Ok(Watcher { events, _files: files })
}

/// Whether an event in the folder means the configuration. The ledger may lie beside it and changes
/// all the time. Kubernetes swaps the link `..data` instead of touching the file.
fn concerns(event: &notify::Event, name: Option<&OsStr>) -> bool {
    let swapped = OsStr::new("..data");
    !event.kind.is_access()
        && event
            .paths
            .iter()
            .filter_map(|path| path.file_name())
            .any(|changed| Some(changed) == name || changed == swapped)
}

fn follow(gateway: &Gateway, path: &std::path::Path, changes: &mpsc::Receiver<()>, load: &Load) {
    while changes.recv().is_ok() {
        while changes.recv_timeout(SETTLE).is_ok() {}
        let applied =
            load().and_then(|config| gateway.apply(&config).map_err(|error| chain(&error)));
        match applied {
            Ok(true) => {
                gateway.metrics.reloads.inc();
                tracing::info!(file = %path.display(), "configuration reloaded");
            }
            Ok(false) => {}
            Err(report) => {
                gateway.metrics.reloads_refused.inc();
                tracing::error!(
                    file = %path.display(),
                    "configuration refused, the last good one serves on: {report}"
                );
            }
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
