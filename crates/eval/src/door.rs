//! The way to a deployment, lent by whoever runs a suite.

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_types::Usage;

/// Asks deployments.
pub trait Door: Send + Sync {
    /// Sends a chat completion request in OpenAI's form, without `model`, to a deployment. Where
    /// it asks for a stream, the answer says when its first content came.
    ///
    /// # Errors
    /// Why there is no answer.
    fn ask(
        &self,
        deployment: &str,
        request: &Value,
    ) -> impl Future<Output = Result<Answer, Trouble>> + Send;

    /// The vector of a text, by an embedding deployment.
    ///
    /// # Errors
    /// Why there is none.
    fn embed(
        &self,
        deployment: &str,
        text: &str,
    ) -> impl Future<Output = Result<Embedded, Trouble>> + Send;
}

/// What a text became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// Its vector.
    pub vector: Vec<f32>,
    /// What it cost in dollars; none where there is no price.
    pub cost_usd: Option<f64>,
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
    /// From the request to the whole answer; written in microseconds.
    #[serde(rename = "took_us", with = "micros")]
    pub took: Duration,
    /// From the request to its first content; written in microseconds. None where it did not come
    /// as a stream.
    #[serde(
        rename = "ttft_us",
        with = "maybe_micros",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub ttft: Option<Duration>,
    /// It came from a cache, so that what it took says nothing of the deployment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
}

/// Why there is no answer. A provider's trouble is missing data and not a wrong answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{class}: {message}")]
pub struct Trouble {
    /// The class of the fault, as the gateway names it: `rate_limited`, `timeout`.
    pub class: String,
    /// What was said.
    pub message: String,
    /// The HTTP status, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long the provider asks to wait. It is not kept: later it means nothing.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// Another try may be answered.
    pub passing: bool,
}

impl Trouble {
    /// The provider takes no more at this rate; the request itself has nothing to do with it.
    pub(crate) fn is_refusal_for_rate(&self) -> bool {
        self.status == Some(429) || self.class == "rate_limited"
    }
}

/// A duration as a whole number of microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// The same of one that may not be known.
mod maybe_micros {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::micros::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}
