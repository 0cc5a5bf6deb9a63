//! Prompts by which it is found out whether deployments still answer as they did.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Lapse, Usd};
use crate::lenient::Field;

/// Frozen prompts that every deployment of a feature's tiers is asked again and again: what no
/// longer answers as it did is suspended. Without this key nothing is asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sentinels {
    /// How often a deployment is asked all prompts; at least 5m.
    #[schemars(with = "String", extend("default" = "1h"))]
    pub(crate) every: Field<Lapse>,
    /// Path of a JSON Lines file with prompts of your own. Default: the built-in ones.
    #[schemars(example = "sentinels.jsonl")]
    pub(crate) prompts: Field<String>,
    /// What all of them may cost a day, in US dollars.
    #[schemars(with = "f64", range(min = 0), extend("default" = 0.5))]
    pub(crate) max_usd_per_day: Field<Usd>,
}
