//! What a deployment may be asked for, and what features will ask for.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{config, lenient::Field, units};

/// A quota. What is not about tokens and requests is for `tieline contingency`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Limits {
    /// Requests in any minute.
    #[schemars(range(min = 1))]
    pub(crate) requests_per_minute: Field<u64>,
    /// Tokens of prompts and answers in any minute.
    #[schemars(range(min = 1))]
    pub(crate) tokens_per_minute: Field<u64>,
    /// Tokens of prompts in any minute.
    #[schemars(range(min = 1))]
    pub(crate) input_tokens_per_minute: Field<u64>,
    /// Tokens of answers in any minute.
    #[schemars(range(min = 1))]
    pub(crate) output_tokens_per_minute: Field<u64>,
    /// A name for the quota where several deployments share it: what one says holds for all.
    pub(crate) pool: Field<String>,
    /// Whether the provider owes it, rather than give what is left.
    #[schemars(extend("default" = true))]
    pub(crate) firm: Field<bool>,
    /// How fast what it carries may grow: by such a share of it in each such time. Default: at
    /// once.
    #[schemars(with = "String", example = "50%/15m")]
    pub(crate) ramp: Field<Ramp>,
}

/// What the callers of a feature ask for at its peak.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["requests_per_minute"]))]
pub(crate) struct Demand {
    /// Requests a minute.
    #[schemars(range(min = 1))]
    pub(crate) requests_per_minute: Field<u64>,
    /// Tokens of their prompts a minute.
    #[schemars(range(min = 1))]
    pub(crate) input_tokens_per_minute: Field<u64>,
    /// Tokens of their answers a minute.
    #[schemars(range(min = 1))]
    pub(crate) output_tokens_per_minute: Field<u64>,
}

/// A growth such as `50%/15m`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Ramp(pub(crate) config::Ramp);

impl TryFrom<String> for Ramp {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        ramp(&text).map(Self).ok_or("a share and a time, both above zero, such as `50%/15m`")
    }
}

fn ramp(text: &str) -> Option<config::Ramp> {
    let (share, time) = text.split_once("%/")?;
    let percent = share.trim().parse().ok().filter(|percent| *percent > 0)?;
    let every = units::duration(time.trim()).ok().filter(|every| !every.is_zero())?;
    Some(config::Ramp { percent, every })
}
