//! Drills: those that Tieline brings along, and those in files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use tieline_config::Config;
use tieline_drill::Scenario;

use crate::{failure::Failure, files};

/// The files of the folder `drills`, as they were when this was built.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../../drills/", $name)))),*]
    };
}

/// What drills are about: configurations and what these refer to.
const HOUSES: &[(&str, &str)] = files![
    "houses/accounts.yaml",
    "houses/azure-regions.yaml",
    "houses/commonmode.yaml",
    "houses/fail-fast.yaml",
    "houses/ladder.yaml",
    "houses/pace.yaml",
    "houses/quality-nobody.pub",
    "houses/quality-slos.yaml",
    "houses/quality-suite.yaml",
    "houses/quality.yaml",
    "houses/queued.yaml",
    "houses/quotas.yaml",
    "houses/recovery.yaml",
    "houses/regions.yaml",
    "houses/slos.yaml",
    "houses/streams.yaml",
    "houses/tieline.yaml",
];
/// Drills, in the order in which they are listed.
const DRILLS: &[(&str, &str)] = files![
    "apr28-auth.yaml",
    "claude-2026-04-28.yaml",
    "overload-529-stream.yaml",
    "long-partial.yaml",
    "staggered-recovery.yaml",
    "azure-400-storm.yaml",
    "azure-high-demand.yaml",
    "quota-shrink.yaml",
    "failover-ramp.yaml",
    "secondary-exhausted.yaml",
    "capacity-brownout.yaml",
    "latency-only.yaml",
    "hang-headers.yaml",
    "stall-midstream.yaml",
    "truncate-graceful.yaml",
    "stream-error-bedrock.yaml",
    "tool-call-cut.yaml",
    "prefill-rejected.yaml",
    "empty-200.yaml",
    "quality-drift.yaml",
    "region-loss-dns.yaml",
    "common-mode-cloud.yaml",
    "billing-exhausted.yaml",
    "model-retired.yaml",
    "recovery-surge.yaml",
    "retry-storm-clients.yaml",
    "self-inflicted.yaml",
];

/// A drill and where it comes from.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) scenario: Scenario,
    /// The folder that its paths start from.
    folder: PathBuf,
}

/// The drills that Tieline brings along. Their files are there for as long as this is.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) drills: Vec<Known>,
    _folder: TempDir,
}

impl Catalogue {
    /// Lays its files out in a folder of their own, as whoever clones Tieline has them.
    ///
    /// # Errors
    /// There is no room for them.
    pub(super) fn open() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::os("create a temporary folder"))?;
        fs::create_dir(folder.path().join("houses"))
            .map_err(Failure::os("create a temporary folder"))?;
        let mut drills = Vec::new();
        for (name, text) in HOUSES.iter().chain(DRILLS) {
            let path = folder.path().join(name);
            fs::write(path, text).map_err(Failure::os(format!("lay out {name}")))?;
        }
        for (name, text) in DRILLS {
            let known = |scenario| Known { scenario, folder: folder.path().to_owned() };
            drills.extend(tieline_drill::read(name, text)?.into_iter().map(known));
        }
        Ok(Self { drills, _folder: folder })
    }

    /// Takes a drill out of it.
    pub(super) fn take(&mut self, name: &str) -> Option<Known> {
        let at = self.drills.iter().position(|one| one.scenario.name == name)?;
        Some(self.drills.remove(at))
    }

    /// What its drills are called.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.drills.iter().map(|one| one.scenario.name.as_str()).collect();
        names.join(", ")
    }
}

/// The drills of a file.
///
/// # Errors
/// It cannot be read, or everything that is wrong with it.
pub(super) fn of_file(path: &Path) -> Result<Vec<Known>, Failure> {
    let text = fs::read_to_string(path);
    let text = text.map_err(Failure::os(format!("read {}", path.display())))?;
    let scenarios = tieline_drill::read(&path.display().to_string(), &text)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let known = |scenario| Known { scenario, folder: folder.clone() };
    Ok(scenarios.into_iter().map(known).collect())
}

impl Known {
    /// The configuration that it is about: its own, or else this one.
    ///
    /// # Errors
    /// Every mistake in it but absent credentials.
    pub(super) fn config(&self, otherwise: &Path) -> Result<Config, Failure> {
        match &self.scenario.topology {
            Some(named) => files::load_for_reading(&self.folder.join(named)),
            None => files::load_for_reading(otherwise),
        }
    }

    /// Where a file is that it refers to.
    pub(super) fn path(&self, file: &Path) -> PathBuf {
        self.folder.join(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_brought_along() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drills");
        let known = |name: &str| HOUSES.iter().chain(DRILLS).any(|(known, _)| *known == name);
        for (folder, prefix) in [(root.clone(), ""), (root.join("houses"), "houses/")] {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                assert!(entry.path().is_dir() || known(&name), "{name} is in no list");
            }
        }
    }
}
