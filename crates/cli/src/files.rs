//! The files a command works on: the configuration and the ledger.

use std::{
    io,
    path::{Path, PathBuf},
};

use tieline_config::{Config, RealWorld, World};

use crate::failure::Failure;

/// The configuration file where nothing names another.
const UNNAMED: &str = "tieline.yaml";

/// Which configuration to use.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(
        long = "config",
        value_name = "FILE",
        env = "TIELINE_CONFIG",
        hide_env_values = true,
        default_value = UNNAMED
    )]
    pub(crate) path: PathBuf,
}

impl ConfigFile {
    /// Whether there is none and none was asked for.
    pub(crate) fn is_absent(&self) -> bool {
        self.path == Path::new(UNNAMED) && !self.path.exists()
    }

    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// Every mistake in it.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        tieline_config::load(&self.path, &RealWorld)
            .map_err(|problems| Failure::Config(Box::new(problems)))
    }

    /// The same for commands that call no provider.
    ///
    /// # Errors
    /// Every mistake in it but absent credentials.
    pub(crate) fn load_for_reading(&self) -> Result<Config, Failure> {
        load_for_reading(&self.path)
    }
}

/// Reads and checks a configuration for commands that call no provider.
///
/// # Errors
/// Every mistake in it but absent credentials.
pub(crate) fn load_for_reading(path: &Path) -> Result<Config, Failure> {
    tieline_config::load(path, &Strangers { config: path })
        .map_err(|problems| Failure::Config(Box::new(problems)))
}

/// Which ledger to use.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Database {
    #[command(flatten)]
    config: ConfigFile,

    /// The ledger's database, instead of the one that the configuration names
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

impl Database {
    /// The configuration, which also names the ledger unless the command line does.
    ///
    /// # Errors
    /// Every mistake in it but absent credentials.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        self.config.load_for_reading()
    }

    /// The same; none where there is none, but a database is named.
    ///
    /// # Errors
    /// As [`Self::config`].
    pub(crate) fn config_if_any(&self) -> Result<Option<Config>, Failure> {
        match self.db.is_some() && self.config.is_absent() {
            true => Ok(None),
            false => self.config().map(Some),
        }
    }

    /// The path of the database.
    ///
    /// # Errors
    /// Every mistake in the configuration but absent credentials, which reading a ledger needs not.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.db {
            return Ok(path.clone());
        }
        Ok(self.config.load_for_reading()?.ledger.path)
    }
}

/// A world in which every secret is there, whoever asks: people read the ledger from shells that
/// do not have the server's credentials.
struct Strangers<'a> {
    config: &'a Path,
}

/// What stands for a secret that is not there.
const UNKNOWN: &str = "unknown";

impl World for Strangers<'_> {
    fn read(&self, path: &Path) -> io::Result<String> {
        let text = RealWorld.read(path);
        if path == self.config { text } else { text.or_else(|_| Ok(UNKNOWN.to_owned())) }
    }

    fn env(&self, name: &str) -> Option<String> {
        RealWorld.env(name).or_else(|| Some(UNKNOWN.to_owned()))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        RealWorld.list(path)
    }
}
