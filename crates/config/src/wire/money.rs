//! What tokens cost, and what may be spent.

use schemars::JsonSchema;
use serde::Deserialize;
use tieline_types::UsdPico;

use crate::{
    config::{OnLimit, Per},
    lenient::{Entries, Field},
    units,
};

/// An amount of US dollars such as `0.25`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Usd(pub(crate) UsdPico);

impl TryFrom<String> for Usd {
    type Error = units::UnitError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        units::usd(&text).map(Self)
    }
}

/// What may be spent in each hour, day, week or month, in UTC.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    extend("required" = ["usd", "per"]),
    example = serde_json::json!({ "usd": 300, "per": "day" })
)]
pub(crate) struct Budget {
    /// US dollars.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) usd: Field<Usd>,
    /// How long they are for: an hour, day or month of the calendar, or a week from Monday.
    pub(crate) per: Field<Per>,
    /// What happens to a request that does not fit: whatever fits answers it, or no model does.
    #[schemars(extend("default" = "next-tier"))]
    pub(crate) on_limit: Field<OnLimit>,
}

/// What callers and teams may spend.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Budgets {
    /// Callers by the name of their API keys; `local` while there are no keys.
    #[schemars(example = serde_json::json!({ "web": { "usd": 50, "per": "day" } }))]
    pub(crate) callers: Field<Entries<Budget>>,
    /// Teams: the owners of features. All features of one owner are paid from its budget.
    pub(crate) teams: Field<Entries<Budget>>,
}

/// What tokens cost: US dollars a million.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    extend("required" = ["input", "output"]),
    example = serde_json::json!({ "input": 3, "output": 15, "cache_read": 0.3 })
)]
pub(crate) struct Price {
    /// Tokens of prompts.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) input: Field<Usd>,
    /// Tokens of answers.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) output: Field<Usd>,
    /// Tokens of prompts that the provider's cache had. Default: `input`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) cache_read: Field<Usd>,
    /// Tokens of prompts written to a cache. Default: `input`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) cache_write: Field<Usd>,
    /// Those written for an hour. Default: `cache_write`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) cache_write_1h: Field<Usd>,
    /// Tokens of thoughts. Default: `output`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) reasoning: Field<Usd>,
    /// Tokens of audio in prompts. Default: no price.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) input_audio: Field<Usd>,
    /// Tokens of audio in answers. Default: no price.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) output_audio: Field<Usd>,
    /// Prices of requests with long prompts, for all of their tokens.
    pub(crate) long: Field<LongPrice>,
}

/// What the tokens of requests with long prompts cost.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["above", "input", "output"]))]
pub(crate) struct LongPrice {
    /// The prompts with more tokens than these, cached ones included.
    #[schemars(range(min = 1), example = 200_000)]
    pub(crate) above: Field<u64>,
    /// Tokens of prompts.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) input: Field<Usd>,
    /// Tokens of answers.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) output: Field<Usd>,
    /// Tokens of prompts that the provider's cache had. Default: `input`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) cache_read: Field<Usd>,
    /// Tokens of prompts written to a cache. Default: `input`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) cache_write: Field<Usd>,
    /// Those written for an hour. Default: `cache_write`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) cache_write_1h: Field<Usd>,
    /// Tokens of thoughts. Default: `output`.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) reasoning: Field<Usd>,
}
