//! What the ledger keeps of one change to a running gateway.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was done, or would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A deployment was taken out of service.
    Drain,
    /// A deployment was put back into service.
    Undrain,
    /// A deployment no longer answers as it used to, and is kept for want of anything better.
    Suspend,
    /// A suspended deployment is trusted again, as it answers now.
    Resume,
    /// It was put down how a deployment answers while it is trusted.
    Baseline,
    /// The configuration was read again.
    Reload,
    /// An exception from policy came into force.
    ExceptionBegan,
    /// An exception from policy ended, or was taken out of the configuration.
    ExceptionEnded,
    /// Recorded calls were priced again.
    Reprice,
    /// A release began, or moved to another stage.
    Release,
    /// Faults began to be injected into a share of the requests.
    DrillBegan,
    /// That ended: its time was over, somebody halted it, or one of its conditions was met.
    DrillEnded,
}

impl Change {
    /// The stable name used in logs and the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Baseline => "baseline",
            Self::Reload => "reload",
            Self::ExceptionBegan => "exception_began",
            Self::ExceptionEnded => "exception_ended",
            Self::Reprice => "reprice",
            Self::Release => "release",
            Self::DrillBegan => "drill_began",
            Self::DrillEnded => "drill_ended",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeResult {
    /// It is in force.
    Applied,
    /// All stayed as it was.
    Refused,
}

impl ChangeResult {
    /// The stable name used in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for ChangeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One change to a running gateway: who asked for what, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// `chg_` and a UUIDv7, unique for ever.
    pub id: String,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Who, as far as the gateway can tell: address and port of a client of the admin listener, or
    /// `file`, `signal`, `command`, or `release`, `sentinels` and `drill` for what these do by
    /// themselves.
    pub actor: String,
    /// Who that client said it was. Nobody has checked it.
    pub claimed: Option<String>,
    /// What was done.
    pub action: Change,
    /// What it was done to: a deployment's id, the path of the configuration, or the place of a
    /// release: `gpt-6@openai in support-reply/models`, or the name of a drill.
    pub subject: String,
    /// The subject's state before.
    pub before: Option<String>,
    /// The subject's state asked for.
    pub after: Option<String>,
    /// What came of it.
    pub result: ChangeResult,
    /// Why it was refused, or made.
    pub reason: Option<String>,
}
