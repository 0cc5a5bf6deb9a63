//! Where runs are kept.

use std::path::{Path, PathBuf};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tieline_eval::{
    Row,
    run::{RunFile, list, read},
};

use crate::{failure::Failure, files::ConfigFile, when};

/// The folder of runs, beside the configuration.
const UNNAMED: &str = ".tieline/evals";

/// Which folder of runs to use.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Runs {
    /// The folder of runs. Default: .tieline/evals beside the configuration
    #[arg(long = "runs", value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigFile,
}

impl Runs {
    /// The folder.
    pub(super) fn path(&self) -> PathBuf {
        let beside = self.config.path.parent().unwrap_or(Path::new(""));
        self.folder.clone().unwrap_or_else(|| beside.join(UNNAMED))
    }

    /// The folder of a run, by its id or its path; that of the newest where none is named.
    ///
    /// # Errors
    /// Where there is no such run.
    pub(super) fn find(&self, named: Option<&str>) -> Result<PathBuf, Failure> {
        let runs = self.path();
        let Some(named) = named else {
            let newest = list(&runs).pop().map(|(folder, _)| folder);
            return newest.ok_or_else(|| Failure::Usage {
                message: format!("there are no runs in {}", runs.display()),
                hint: "make one with `tieline eval run`, or name its folder".to_owned(),
            });
        };
        let folders = [runs.join(named), PathBuf::from(named)];
        let found = folders.into_iter().find(|folder| folder.join("run.json").is_file());
        found.ok_or_else(|| Failure::Usage {
            message: format!("there is no run `{named}`"),
            hint: format!("`tieline eval list` shows those in {}", runs.display()),
        })
    }

    /// Reads a run.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    pub(super) fn read(&self, named: Option<&str>) -> Result<(RunFile, Vec<Row>), Failure> {
        Ok(read(&self.find(named)?)?)
    }
}

/// A run's name: when it began, of what, and something that no other has.
pub(super) fn name(now_ms: u64, feature: &str) -> String {
    let time = when::written(now_ms);
    let time: String = time.chars().take(19).filter(|char| !matches!(char, '-' | ':')).collect();
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
    let feature: String = feature.chars().take(40).map(plain).collect();
    let more: u16 = SmallRng::from_os_rng().random();
    format!("{time}-{feature}-{more:04x}")
}
