//! What callers may ask of a feature at a time.

/// The limits of a feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeatureLimits {
    /// Of all its callers together.
    pub all: Allowance,
    /// Of each of them.
    pub per_caller: Allowance,
}

/// What may be asked for at a time; nothing limits what is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in any minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens of prompts and answers in any minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests under way.
    pub concurrency: Option<u64>,
}
