//! What a deployment may be asked for, and what features will ask for.

use std::time::Duration;

/// A quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in any minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens of prompts and answers in any minute.
    pub tokens_per_minute: Option<u64>,
    /// Tokens of prompts in any minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Tokens of answers in any minute.
    pub output_tokens_per_minute: Option<u64>,
    /// The name of the quota where several deployments share it.
    pub pool: Option<String>,
    /// Whether the provider owes it, rather than give what is left.
    pub firm: bool,
    /// How fast what it carries may grow; at once where there is none.
    pub ramp: Option<Ramp>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
            pool: None,
            firm: true,
            ramp: None,
        }
    }
}

/// How fast what a quota carries may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// By how many hundredths of it; above zero.
    pub percent: u32,
    /// In which time; above zero.
    pub every: Duration,
}

/// What the callers of a feature ask for at its peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Requests a minute; above zero.
    pub requests_per_minute: u64,
    /// Tokens of their prompts a minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Tokens of their answers a minute.
    pub output_tokens_per_minute: Option<u64>,
}
