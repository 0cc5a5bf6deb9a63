//! Why a command did not do what it was asked to, and the exit code that says so.

use std::{io, process::ExitCode};

use tieline_config::Problems;
use tieline_drill::DrillError;
use tieline_gateway::GatewayError;
use tieline_ledger::LedgerError;

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command ran, and what it checked is not as it should be.
    #[error("{0}")]
    Check(String),
    /// The command line asks for something that cannot be.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// The configuration has mistakes.
    #[error("{0}")]
    Config(Box<Problems>),
    /// The configuration has mistakes, and they have been printed where the command prints.
    #[error("the configuration has mistakes")]
    Reported,
    /// The gateway cannot be set up.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Price files have mistakes.
    #[error(transparent)]
    Prices(#[from] tieline_catalog::Problems),
    /// Files of objectives have mistakes.
    #[error(transparent)]
    Objectives(#[from] tieline_slo::Problems),
    /// A run of the eval harness cannot be kept or read.
    #[error(transparent)]
    Store(#[from] tieline_eval::run::StoreError),
    /// A run of the eval harness cannot go on.
    #[error(transparent)]
    Run(#[from] tieline_eval::run::RunError),
    /// A drill cannot be run.
    #[error(transparent)]
    Drill(#[from] DrillError),
    /// A gate has mistakes.
    #[error("the gate cannot be judged")]
    Gate(#[from] tieline_gate::Invalid),
    /// The command ran, and its verdict, which has been printed, has this exit code.
    #[error("the verdict has been printed")]
    Ruled(u8),
    /// The operating system refused something.
    #[error("cannot {action}")]
    Os {
        /// What was tried.
        action: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No gateway answers where one should.
    #[error("no gateway answers at {address}: {why}")]
    Unreached {
        /// Where its admin listener should be.
        address: std::net::SocketAddr,
        /// Why not.
        why: String,
    },
    /// A second signal came while requests were being finished.
    #[error("stopped by a second signal before all requests were finished")]
    Cut,
}

impl Failure {
    /// Exit code: a check failed.
    pub(crate) const CHECK: u8 = 1;
    /// Exit code: wrong usage or configuration.
    pub(crate) const USAGE: u8 = 2;
    /// Exit code: something outside the command's control failed.
    pub(crate) const INFRASTRUCTURE: u8 = 4;

    /// Wraps what the operating system said when `action` was tried.
    pub(crate) fn os(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Os { action: action.into(), source }
    }

    /// The exit code that scripts see.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Check(_) => Self::CHECK,
            Self::Ruled(code) => *code,
            Self::Gate(_) | Self::Run(tieline_eval::run::RunError::Request { .. }) => Self::USAGE,
            Self::Usage { .. }
            | Self::Config(_)
            | Self::Prices(_)
            | Self::Objectives(_)
            | Self::Reported => Self::USAGE,
            Self::Drill(
                DrillError::Nothing { .. } | DrillError::Feature { .. } | DrillError::Replay { .. },
            ) => Self::USAGE,
            Self::Gateway(error) | Self::Drill(DrillError::Gateway(error)) => match error {
                GatewayError::Route(_)
                | GatewayError::Policy(_)
                | GatewayError::Prices(_)
                | GatewayError::PriceFile { .. }
                | GatewayError::Slos(_)
                | GatewayError::OnBurn { .. }
                | GatewayError::Open { .. }
                | GatewayError::Tls { .. } => Self::USAGE,
                _ => Self::INFRASTRUCTURE,
            },
            Self::Ledger(LedgerError::NoSuchKey { .. } | LedgerError::BoundFeature { .. }) => {
                Self::USAGE
            }
            Self::Store(_) | Self::Run(_) | Self::Drill(_) => Self::INFRASTRUCTURE,
            Self::Ledger(_) | Self::Os { .. } | Self::Unreached { .. } | Self::Cut => {
                Self::INFRASTRUCTURE
            }
        })
    }

    /// What to do about it, where that is not in the message.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } => Some(hint),
            Self::Unreached { .. } => {
                Some("start it with `tieline serve`, or name its admin listener with --admin")
            }
            Self::Ledger(LedgerError::NoSuchKey { .. }) => {
                Some("`tieline key list` shows the ids of all keys")
            }
            Self::Ledger(LedgerError::BoundFeature { .. }) => {
                Some("name the feature with --feature as well")
            }
            _ => None,
        }
    }
}
