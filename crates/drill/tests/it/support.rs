//! Configurations and scenarios of the repository, read as users' are.

use std::path::{Path, PathBuf};

use tieline_config::{Config, RealWorld, World};
use tieline_drill::{Outcome, Rooms, Scenario, simulate};

/// The folder of the catalogue.
pub(crate) fn catalogue() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drills")
}

/// A world in which every secret is there.
struct Disguised;

impl World for Disguised {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        RealWorld.read(path)
    }

    fn env(&self, _: &str) -> Option<String> {
        Some("simulated".to_owned())
    }

    fn list(&self, path: &Path) -> std::io::Result<Vec<PathBuf>> {
        RealWorld.list(path)
    }
}

/// A configuration without its secrets.
pub(crate) fn config(path: &Path) -> Config {
    match tieline_config::load(path, &Disguised) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}

/// The same of a text.
pub(crate) fn parsed(text: &str) -> Config {
    match tieline_config::parse("tieline.yaml", text, Path::new(""), &Disguised) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    }
}

/// The drills of a file.
pub(crate) fn scenarios(path: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(path).unwrap();
    match tieline_drill::read(&path.display().to_string(), &text) {
        Ok(scenarios) => scenarios,
        Err(problems) => panic!("{problems}"),
    }
}

/// Runs a drill on a configuration.
pub(crate) fn run(scenario: &Scenario, config: &Config) -> Outcome {
    let rooms = Rooms {
        config,
        harness: None,
        read: &|path| std::fs::read_to_string(catalogue().join(path)),
        progress: &|_| {},
    };
    simulate(scenario, &rooms).unwrap()
}
