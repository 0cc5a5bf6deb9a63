//! What an analysis looks at, as plain data.

use std::{sync::Arc, time::Duration};

use jiff::civil::Date;
use serde::Serialize;
use tieline_types::UsdPico;

use super::Kind;
use crate::Criticality;

/// A configuration as contingencies meet it: what can be lost, what holds how much, what is wanted.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Deployments; everything else names them by position.
    pub nodes: Vec<Node>,
    /// Quota pools; nodes name them by position.
    pub pools: Vec<QuotaPool>,
    /// What features ask for, and where it may go.
    pub loads: Vec<FeatureLoad>,
    /// How long a loss is taken to last: a queue holds so many jobs for so long.
    pub outage: Duration,
    /// What was proved by a drill, and when.
    pub drilled: Vec<Drilled>,
}

/// A drill that a contingency was proved by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drilled {
    /// What kind of element was lost.
    pub kind: Kind,
    /// Its name.
    pub name: Arc<str>,
    /// On which day.
    pub on: Date,
}

/// A deployment.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// `model@provider`.
    pub id: Arc<str>,
    /// Position of the pool that its calls draw on in [`Topology::pools`].
    pub pool: usize,
    /// What it fails with, its own id aside.
    pub domains: Vec<(Kind, Arc<str>)>,
    /// False for what is out already: drained, suspended, or with an open breaker.
    pub up: bool,
}

/// What one or several deployments may draw on.
#[derive(Clone, Debug, Default)]
pub struct QuotaPool {
    /// Its name.
    pub name: Arc<str>,
    /// How much; nothing limits what is none.
    pub quota: Quota,
    /// Whether the provider owes it, rather than give what is left.
    pub firm: bool,
    /// How fast what it carries may grow; at once where there is none.
    pub ramp: Option<Ramp>,
    /// Who says so.
    pub source: QuotaSource,
}

/// How much a pool gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Requests in any minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens of prompts and answers in any minute.
    pub tokens_per_minute: Option<u64>,
    /// Tokens of prompts in any minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Tokens of answers in any minute.
    pub output_tokens_per_minute: Option<u64>,
    /// Requests under way.
    pub concurrency: Option<u64>,
}

/// One of the limits of a [`Quota`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Requests in any minute.
    Requests,
    /// Tokens of prompts and answers in any minute.
    Tokens,
    /// Tokens of prompts in any minute.
    InputTokens,
    /// Tokens of answers in any minute.
    OutputTokens,
    /// Requests under way.
    Concurrency,
}

impl Limit {
    /// All, in the order of [`Quota::limits`] and [`Need::amounts`].
    pub const ALL: [Self; 5] =
        [Self::Requests, Self::Tokens, Self::InputTokens, Self::OutputTokens, Self::Concurrency];

    /// What is counted, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Requests => "requests a minute",
            Self::Tokens => "tokens a minute",
            Self::InputTokens => "input tokens a minute",
            Self::OutputTokens => "output tokens a minute",
            Self::Concurrency => "requests at once",
        }
    }
}

impl Quota {
    /// In the order of [`Limit::ALL`].
    pub(super) fn limits(&self) -> [Option<f64>; 5] {
        [
            self.requests_per_minute,
            self.tokens_per_minute,
            self.input_tokens_per_minute,
            self.output_tokens_per_minute,
            self.concurrency,
        ]
        .map(|limit| limit.map(amount))
    }

    /// One of them.
    pub(super) const fn limit(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Requests => self.requests_per_minute,
            Limit::Tokens => self.tokens_per_minute,
            Limit::InputTokens => self.input_tokens_per_minute,
            Limit::OutputTokens => self.output_tokens_per_minute,
            Limit::Concurrency => self.concurrency,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no quota has more than 53 bits")]
pub(super) const fn amount(count: u64) -> f64 {
    count as f64
}

/// How fast what a pool carries may grow: by such a share of it in each such time. What carries
/// less than that share of its quota may take that share in its first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// The share, above zero.
    pub share: f64,
    /// The time.
    pub every: Duration,
}

impl Ramp {
    /// What a pool may carry that carried `base` of `limit`, so long after it has to take more.
    pub(super) fn reached(&self, base: f64, limit: f64, after: Duration) -> f64 {
        let every = self.every.as_secs_f64().max(1.0);
        let steps = (after.as_secs_f64() / every).floor();
        if steps < 1.0 {
            return base.min(limit);
        }
        let grown = base * (1.0 + self.share).powf(steps);
        let begun = limit * self.share * (1.0 + self.share).powf(steps - 1.0);
        grown.max(begun).min(limit)
    }
}

/// Who says what a quota is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaSource {
    /// The configuration.
    Config,
    /// The provider's answers.
    Headers,
    /// The most that it ever carried.
    Observed,
    /// Nobody: it is taken to have no limit, and nothing is proved by it.
    #[default]
    Unknown,
}

/// What a feature asks for, and where it may go.
#[derive(Clone, Debug)]
pub struct FeatureLoad {
    /// The feature.
    pub feature: Arc<str>,
    /// How much its requests matter when there is not room for all.
    pub criticality: Criticality,
    /// At its peak; none where nobody knows.
    pub need: Option<Need>,
    /// Its ladder, best first, with what policy, evals, releases and operators leave of it.
    pub rungs: Vec<Rung>,
}

/// What a feature asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Need {
    /// Requests a minute, above zero.
    pub requests_per_minute: f64,
    /// Tokens of its prompts a minute, where that is known.
    pub input_tokens_per_minute: Option<f64>,
    /// Tokens of its answers a minute, where that is known.
    pub output_tokens_per_minute: Option<f64>,
    /// How long a request takes, where that is known.
    pub request_takes: Option<Duration>,
}

impl Need {
    /// In the order of [`Limit::ALL`].
    pub(super) fn amounts(&self) -> [Option<f64>; 5] {
        let (input, output) = (self.input_tokens_per_minute, self.output_tokens_per_minute);
        let under_way =
            self.request_takes.map(|takes| self.requests_per_minute * takes.as_secs_f64() / 60.0);
        let tokens = input.zip(output).map(|(input, output)| input + output);
        [Some(self.requests_per_minute), tokens, input, output, under_way]
    }

    /// What it asks for of one limit; nothing where that is not known.
    pub(super) fn amount(&self, limit: Limit) -> f64 {
        let known = Limit::ALL.into_iter().zip(self.amounts()).find(|(one, _)| *one == limit);
        known.and_then(|(_, amount)| amount).unwrap_or_default()
    }
}

/// One tier of a feature.
#[derive(Clone, Debug)]
pub struct Rung {
    /// Its name.
    pub name: Arc<str>,
    /// Whether an answer from here counts as good.
    pub acceptable: bool,
    /// What it does.
    pub serves: Serves,
}

/// What a tier does.
#[derive(Clone, Debug)]
pub enum Serves {
    /// Calls these deployments, in this order.
    Calls(Vec<Choice>),
    /// Keeps requests for later, so many at once.
    Queues(u64),
    /// Answers whatever comes with a fixed text.
    Replies,
    /// Answers from earlier answers: how many nobody knows beforehand, so none are counted.
    Recalls,
    /// Refuses.
    Refuses,
}

/// A deployment that a tier may call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice {
    /// Its position in [`Topology::nodes`].
    pub node: usize,
    /// The share of the tier's requests that try it first, where they do not all begin with the
    /// first that is open.
    pub first_share: Option<f64>,
    /// What a request of the feature costs there with a warm prompt cache.
    pub usd: Option<UsdPico>,
    /// What it costs with a cold one.
    pub usd_cold: Option<UsdPico>,
    /// The time to the first content that 95 of 100 of its streams keep within.
    pub first_p95: Option<Duration>,
    /// The quality of its answers, from 0 to 1.
    pub quality: Option<f64>,
}
