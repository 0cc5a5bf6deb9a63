//! The way to a deployment, lent by whoever runs a suite.

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_types::Usage;

/// Asks deployments.
pub trait Door: Send + Sync {
    /// Sends a chat completion request in OpenAI's form, without `model`, to a deployment.
    ///
    /// # Errors
    /// Why there is no answer.
    fn ask(
        &self,
        deployment: &str,
        request: &Value,
    ) -> impl Future<Output = Result<Answer, Trouble>> + Send;

    /// Vectors of texts, by an embedding deployment.
    ///
    /// # Errors
    /// Why there are none.
    fn embed(
        &self,
        deployment: &str,
        texts: &[String],
    ) -> impl Future<Output = Result<Vec<Vec<f32>>, Trouble>> + Send;
}

/// What a deployment answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its text; empty where it only calls tools.
    pub text: String,
    /// Its tool calls, in OpenAI's form: `{id, type, function: {name, arguments}}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<Value>,
    /// Why it ended, in OpenAI's word: `stop`, `length`, `tool_calls`, `content_filter`.
    pub finish_reason: String,
    /// What it said instead of answering, where the provider marks that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The model that the provider says it was.
    pub model: String,
    /// What it consumed; none where the provider did not say.
    pub usage: Option<Usage>,
    /// What it cost in dollars; none where there is no price.
    pub cost_usd: Option<f64>,
    /// From the request to the whole answer.
    pub took: Duration,
    /// It came from a cache, so that what it took says nothing of the deployment.
    #[serde(default)]
    pub cached: bool,
}

/// Why there is no answer. A provider's trouble is missing data and not a wrong answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{class}: {message}")]
pub struct Trouble {
    /// The class of the fault, as the gateway names it: `rate_limited`, `timeout`.
    pub class: String,
    /// What was said.
    pub message: String,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Another try may be answered.
    pub passing: bool,
}
