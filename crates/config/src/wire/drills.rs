//! What drills may do in a running gateway.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Lapse, SecretRef};
use crate::lenient::{Field, Short};

/// What drills may do in a running gateway. Without this key nothing is ever injected.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    extend("required" = ["key"]),
    example = serde_json::json!({ "key": { "env": "DRILL_KEY" }, "max_percent": 5 })
)]
pub(crate) struct Drills {
    /// Secret that tokens in the header `x-tieline-drill` are signed with; at least 16 characters.
    #[schemars(with = "SecretRef")]
    pub(crate) key: Field<Short<SecretRef>>,
    /// The most of the matching requests that a drill may take, percent.
    #[schemars(with = "f64", range(min = 0, max = 100), extend("default" = 25))]
    pub(crate) max_percent: Field<f64>,
    /// The longest that a drill may last, and a token may hold; at most 24h.
    #[schemars(with = "String", extend("default" = "30m"))]
    pub(crate) max_ttl: Field<Lapse>,
}
