//! Objectives of features, what follows when they burn, and who is told.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::lenient::{Field, Short};

use super::SecretRef;

/// Who is told when an objective is in danger, besides the log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["webhook"]))]
pub(crate) struct Alerts {
    /// What is posted to when an alert begins and when it ends.
    pub(crate) webhook: Field<AlertWebhook>,
}

/// What is told of alerts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    extend("required" = ["url"]),
    example = serde_json::json!({ "url": "https://hooks.example/x", "secret": { "env": "HOOK" } })
)]
pub(crate) struct AlertWebhook {
    /// URL that is posted to.
    #[schemars(extend("format" = "uri"), example = "https://hooks.example/tieline")]
    pub(crate) url: Field<String>,
    /// Secret that messages are signed with.
    #[schemars(with = "SecretRef")]
    pub(crate) secret: Field<Short<SecretRef>>,
}

/// What a feature does while one of its objectives burns: exactly one of `prefer` and `begin_at`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    extend("required" = ["slo", "above"]),
    example = serde_json::json!({ "slo": "support-first-token", "above": 6, "prefer": "fastest" })
)]
pub(crate) struct OnBurn {
    /// Name of the objective, one of the feature's `slos`.
    pub(crate) slo: Field<String>,
    /// The burn rate above which this holds: 1 spends the error budget in exactly its window.
    #[schemars(with = "f64", range(min = 0))]
    pub(crate) above: Field<f64>,
    /// How the feature's tiers choose meanwhile: `cheapest` or `fastest`.
    #[schemars(extend("enum" = ["cheapest", "fastest"]))]
    pub(crate) prefer: Field<String>,
    /// Name of the tier at which the feature begins meanwhile. Those before it come last, so that
    /// nothing is lost.
    pub(crate) begin_at: Field<String>,
}

/// The values of [`OnBurn::prefer`].
pub(crate) const BURN_PREFER_WORDS: [&str; 2] = ["cheapest", "fastest"];
