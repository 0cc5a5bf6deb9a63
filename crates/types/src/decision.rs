//! What the ledger keeps of a decision: who was in or out, and what was to be tried in which order.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Modalities, UsdPico};

/// What every id of a decision begins with.
pub const DECISION_ID: &str = "dec_";

/// What was decided for a request before anything was sent for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// [`DECISION_ID`] and 24 hexadecimal digits of the SHA-256 of all the rest: what was decided
    /// in the same way for the same reasons has the same id.
    pub id: Arc<str>,
    /// What tells the configuration in force from others, secrets aside: the same as in the record
    /// of its reload.
    pub configuration: Arc<str>,
    /// The feature that was asked for.
    pub feature: Arc<str>,
    /// What the request carried beside text; none where no policy asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modalities: Option<Modalities>,
    /// What the feature does because objectives burn, such as `quick: prefer fastest`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_burn: Vec<Arc<str>>,
    /// The drill that the request was part of: it was decided by what that drill had learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Arc<str>>,
    /// Every candidate of every tier.
    pub candidates: Vec<WeighedCandidate>,
    /// What was to be tried, in order.
    pub plan: Vec<PlannedStep>,
}

/// A candidate, in or out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeighedCandidate {
    /// The tier that proposed it.
    pub tier: Arc<str>,
    /// The deployment.
    pub deployment: Arc<str>,
    /// `in`, or why it was out, in the words of [`crate::PassedOver::why`].
    pub verdict: Cow<'static, str>,
    /// What the request was expected to cost there, US dollars; none where nobody asked or knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<UsdPico>,
    /// The usual time to the first content, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_ms: Option<u64>,
    /// The size of the prompts that tell of it, by their most tokens: `1k` and so on to `200k`, or
    /// `more`. A smaller one than the request's where too few of that were seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_of: Option<Cow<'static, str>>,
    /// The time to the first content that 95 of 100 streams keep within, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_p95_ms: Option<u64>,
    /// The size of the prompts that tell of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_p95_of: Option<Cow<'static, str>>,
    /// The quality of its answers, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// What it came to where its tier weighs them: the less the better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The tier.
    pub tier: Arc<str>,
    /// `call`, `cache`, `queue`, `reply` or `off`.
    pub does: Cow<'static, str>,
    /// The deployment that is called.
    pub deployment: Option<Arc<str>>,
}
