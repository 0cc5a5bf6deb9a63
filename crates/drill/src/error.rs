//! Why a drill cannot be run.

use std::{io, path::PathBuf};

use tieline_gateway::GatewayError;
use tieline_ledger::LedgerError;

/// Why a drill cannot be run. That an expectation does not hold is none of it.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The configuration cannot be put to work.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// A fault or an expectation selects nothing.
    #[error(
        "the drill `{drill}` selects {what}, which is no deployment of the configuration; there \
         are: {known}"
    )]
    Nothing {
        /// The drill.
        drill: String,
        /// What it selects.
        what: String,
        /// The names that it could select.
        known: String,
    },
    /// A workload or an expectation is of no feature of the configuration.
    #[error("the drill `{drill}` names the feature `{feature}`, which the configuration has not")]
    Feature {
        /// The drill.
        drill: String,
        /// The feature.
        feature: String,
    },
    /// A recorded day cannot be replayed.
    #[error("cannot replay {}", file.display())]
    Replay {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no room for what a queue keeps.
    #[error("cannot keep queued requests of the drill")]
    Keep(#[source] io::Error),
    /// The same, of the ledger.
    #[error("cannot keep queued requests of the drill")]
    Ledger(#[from] LedgerError),
    /// The scheduler cannot be set up.
    #[error("cannot simulate time")]
    Clock(#[source] io::Error),
}
