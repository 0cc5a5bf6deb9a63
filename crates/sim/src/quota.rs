//! What accounts may use, by the minute: quotas that may change while the simulation runs.

mod bucket;
mod meter;

use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use jiff::fmt::serde::unsigned_duration::friendly::compact;
use serde::{Deserialize, Serialize};
use tieline_types::Usage;

use crate::quota::{
    bucket::{Bucket, Level},
    meter::{Arrivals, Climb},
};

/// What a provider's account may use. A limit that is not given is none. Of several quotas that
/// apply to a request each must have room for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The provider.
    pub provider: String,
    /// Only for this model, by the provider's own name of it; none is one for all models together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only from this long after the simulation's start.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "compact::optional")]
    pub from: Option<Duration>,
    /// Only before this long after the simulation's start.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "compact::optional")]
    pub until: Option<Duration>,
    /// Requests a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers together, a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u32>,
    /// Tokens of prompts a minute; what is read from a cache does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens_per_minute: Option<u32>,
    /// Tokens of answers a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_minute: Option<u32>,
    /// Over how long limits are counted, a minute unless given: so much of them may be used at
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "compact::optional")]
    pub window: Option<Duration>,
    /// How fast use may grow within the limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
}

/// How fast use may grow: within `every`, to `1 + growth` times what it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Tokens a minute, of prompts and answers together, that may be used whatever was used before.
    pub tokens_per_minute: u32,
    /// 0.5 is half as much again.
    #[serde(default = "usual_growth")]
    pub growth: f64,
    /// 15 minutes unless given.
    #[serde(default = "usual_every", with = "compact::required")]
    pub every: Duration,
}

fn usual_growth() -> f64 {
    0.5
}

fn usual_every() -> Duration {
    Duration::from_secs(900)
}

impl Ramp {
    /// Half as much again within 15 minutes, above this many tokens a minute.
    #[must_use]
    pub fn above(tokens_per_minute: u32) -> Self {
        Self { tokens_per_minute, growth: usual_growth(), every: usual_every() }
    }
}

impl Quota {
    /// A quota that limits nothing.
    #[must_use]
    pub fn new(provider: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            model: None,
            from: None,
            until: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
            window: None,
            ramp: None,
        }
    }

    fn limit(&self, what: Counted) -> Option<u32> {
        match what {
            Counted::Requests => self.requests_per_minute,
            Counted::Tokens => self.tokens_per_minute,
            Counted::InputTokens => self.input_tokens_per_minute,
            Counted::OutputTokens => self.output_tokens_per_minute,
        }
    }

    fn is_of(&self, provider: &str, model: Option<&str>) -> bool {
        self.provider == provider && model.is_none_or(|model| self.model.as_deref() == Some(model))
    }

    fn applies(&self, draw: &Draw<'_>) -> bool {
        self.provider == draw.provider
            && self.model.as_deref().is_none_or(|model| model == draw.model)
            && self.from.is_none_or(|from| from <= draw.at)
            && self.until.is_none_or(|until| draw.at < until)
    }
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
}

impl Counted {
    pub(crate) const ALL: [Self; 4] =
        [Self::Requests, Self::Tokens, Self::InputTokens, Self::OutputTokens];

    /// As refusals say it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Requests => "requests per min (RPM)",
            Self::Tokens => "tokens per min (TPM)",
            Self::InputTokens => "input tokens per min (ITPM)",
            Self::OutputTokens => "output tokens per min (OTPM)",
        }
    }

    fn need(self, usage: &Usage) -> f64 {
        let input = usage.input_total().saturating_sub(usage.cache_read);
        let tokens = match self {
            Self::Requests => 1,
            Self::Tokens => usage.input_total() + usage.output_total(),
            Self::InputTokens => input,
            Self::OutputTokens => usage.output_total(),
        };
        tokens as f64
    }
}

/// Who draws on quotas, and when, since the simulation's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw<'a> {
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) at: Duration,
}

/// A request that a quota has no room for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) why: Why,
    /// When there will be room.
    pub(crate) wait: Duration,
}

/// What is used up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    /// A limit, and how much it is a minute.
    Limit(Counted, f64),
    /// Use grows too fast.
    Ramp,
}

/// The quotas in force.
#[derive(Debug, Default)]
pub struct Quotas {
    live: RwLock<Vec<Live>>,
}

/// A quota and what is left of it.
#[derive(Debug)]
struct Live {
    quota: Quota,
    /// What its limits are multiplied by.
    factor: f64,
    /// One for each of [`Counted::ALL`].
    buckets: [Bucket; 4],
    climb: Climb,
    arrivals: Arrivals,
}

impl Quotas {
    /// Puts these quotas in the place of all others. They are unused so far.
    pub fn set(&self, quotas: impl IntoIterator<Item = Quota>) {
        *self.write() = quotas.into_iter().map(Live::new).collect();
    }

    /// Adds a quota.
    pub fn add(&self, quota: Quota) {
        self.write().push(Live::new(quota));
    }

    /// Takes all quotas away.
    pub fn clear(&self) {
        self.set([]);
    }

    /// The quotas in force, as they were given.
    #[must_use]
    pub fn all(&self) -> Vec<Quota> {
        self.read().iter().map(|live| live.quota.clone()).collect()
    }

    /// Multiplies the limits of a provider's quotas as they were given, those of one model or all:
    /// 0.3 leaves three tenths of them from now on, 1 restores them. What was used stays used.
    pub fn scale(&self, provider: &str, model: Option<&str>, factor: f64) {
        for live in self.write().iter_mut().filter(|live| live.quota.is_of(provider, model)) {
            live.factor = factor.max(0.0);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Takes note of a request that came, whatever becomes of it.
    pub(crate) fn arrived(&self, draw: &Draw<'_>) {
        for live in self.write().iter_mut().filter(|live| live.quota.applies(draw)) {
            live.arrivals.add(draw.at);
        }
    }

    /// Requests of late as a share of the limit on requests, the largest of those that apply.
    pub(crate) fn load(&self, draw: &Draw<'_>) -> f64 {
        let live = self.read();
        let loads = live.iter().filter(|live| live.quota.applies(draw)).map(|live| live.load(draw));
        loads.fold(0.0, f64::max)
    }

    /// Takes what a request uses out of every quota that applies, or out of none.
    ///
    /// # Errors
    /// The longest wait for room.
    pub(crate) fn admit(&self, draw: &Draw<'_>, usage: &Usage) -> Result<(), Refused> {
        let mut live = self.write();
        let applying = || live.iter().filter(|live| live.quota.applies(draw));
        let lacks = applying().filter_map(|live| live.lack(draw.at, usage));
        let longest = lacks.max_by(|one, other| one.wait.cmp(&other.wait));
        if let Some(refused) = longest {
            return Err(refused);
        }
        for live in live.iter_mut().filter(|live| live.quota.applies(draw)) {
            live.take(draw.at, usage);
        }
        Ok(())
    }

    /// The narrowest limit of a kind that applies, and what is left of it.
    pub(crate) fn level(&self, draw: &Draw<'_>, what: Counted) -> Option<Level> {
        let live = self.read();
        let applying = live.iter().filter(|live| live.quota.applies(draw));
        let levels = applying.filter_map(|live| live.level(draw.at, what));
        levels.min_by(|one, other| one.remaining.total_cmp(&other.remaining))
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Live>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Live>> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn new(quota: Quota) -> Self {
        let buckets = [(); 4].map(|()| Bucket::full(quota.window));
        let climb = Climb::new(quota.ramp);
        Self { quota, factor: 1.0, buckets, climb, arrivals: Arrivals::default() }
    }

    /// A limit a minute, as it is now.
    fn limit(&self, what: Counted) -> Option<f64> {
        self.quota.limit(what).map(|limit| f64::from(limit) * self.factor)
    }

    fn limits(&self) -> impl Iterator<Item = (Counted, f64, &Bucket)> {
        let all = Counted::ALL.into_iter().zip(&self.buckets);
        all.filter_map(|(what, bucket)| Some((what, self.limit(what)?, bucket)))
    }

    fn load(&self, draw: &Draw<'_>) -> f64 {
        let limit = self.limit(Counted::Requests).filter(|limit| *limit > 0.0);
        limit.map_or(0.0, |limit| self.arrivals.per_minute(draw.at) / limit)
    }

    /// What the request has to wait for longest.
    fn lack(&self, at: Duration, usage: &Usage) -> Option<Refused> {
        let limits = self.limits().filter_map(|(what, limit, bucket)| {
            let wait = bucket.wait(limit, at, what.need(usage))?;
            Some(Refused { why: Why::Limit(what, limit), wait })
        });
        let climb = self.climb.wait(at, Counted::Tokens.need(usage));
        let climb = climb.map(|wait| Refused { why: Why::Ramp, wait });
        limits.chain(climb).max_by(|one, other| one.wait.cmp(&other.wait))
    }

    fn take(&mut self, at: Duration, usage: &Usage) {
        let limits = Counted::ALL.map(|what| self.limit(what));
        for ((what, limit), bucket) in Counted::ALL.iter().zip(limits).zip(&mut self.buckets) {
            if let Some(limit) = limit {
                bucket.take(limit, at, what.need(usage));
            }
        }
        self.climb.take(at, Counted::Tokens.need(usage));
    }

    fn level(&self, at: Duration, what: Counted) -> Option<Level> {
        let mut limits = self.limits();
        limits.find(|(of, ..)| *of == what).map(|(_, limit, bucket)| bucket.level(limit, at))
    }
}

#[cfg(test)]
mod tests;
