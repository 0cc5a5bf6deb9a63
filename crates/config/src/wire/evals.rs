//! Attestations of evals, and which of them features want.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{config::Requirement, lenient::Field};

/// The attestations that there are, and whose signatures count.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    extend("required" = ["attestations", "keys"]),
    example = serde_json::json!({ "attestations": "attestations/*.json", "keys": ["eval.pub"] })
)]
pub(crate) struct Evals {
    /// Attestations, as `tieline eval attest` writes them: a path whose last part may have one `*`.
    #[schemars(example = "attestations/*.json")]
    pub(crate) attestations: Field<String>,
    /// Files of public keys, as `tieline eval keygen` prints them. What none of them has signed is
    /// worth nothing.
    #[schemars(extend("minItems" = 1))]
    pub(crate) keys: Field<Vec<Field<String>>>,
}

/// The suite that a deployment must have passed to serve a feature.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    example = serde_json::json!({ "suite": "evals/support-reply.yaml", "require": "enforce" })
)]
pub(crate) struct FeatureEvals {
    /// The suite, relative to this file.
    #[schemars(example = "evals/support-reply.yaml")]
    pub(crate) suite: Field<String>,
    /// What becomes of a deployment that has no valid attestation of it.
    #[schemars(extend("default" = "warn"))]
    pub(crate) require: Field<Requirement>,
}
