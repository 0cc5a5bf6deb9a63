//! What callers may ask of a feature at a time.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::lenient::Field;

/// What all callers of a feature together may ask for at a time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct FeatureLimits {
    /// Requests in any minute.
    #[schemars(range(min = 1))]
    pub(crate) requests_per_minute: Field<u64>,
    /// Tokens of prompts and answers in any minute.
    #[schemars(range(min = 1))]
    pub(crate) tokens_per_minute: Field<u64>,
    /// Requests under way.
    #[schemars(range(min = 1))]
    pub(crate) concurrency: Field<u64>,
    /// The same of each caller: of all API keys of one name.
    pub(crate) per_caller: Field<CallerLimits>,
}

/// What one caller may ask of a feature at a time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct CallerLimits {
    /// Requests in any minute.
    #[schemars(range(min = 1))]
    pub(crate) requests_per_minute: Field<u64>,
    /// Tokens of prompts and answers in any minute.
    #[schemars(range(min = 1))]
    pub(crate) tokens_per_minute: Field<u64>,
    /// Requests under way.
    #[schemars(range(min = 1))]
    pub(crate) concurrency: Field<u64>,
}
