//! A quota pool: what several deployments may draw on together.
//!
//! Two gates stand side by side, and a request passes both. The configured limits are token buckets
//! that hold one minute's worth and refill without pause, as OpenAI's and Anthropic's do. What the
//! provider says of its own limits holds until its reset, and is counted down between its answers,
//! so that requests are steered away before it refuses them. It can narrow what is configured, and
//! never widens it.
//!
//! A request's tokens are held as estimated until it settles, then spent as used. Requests are
//! spent when they are sent.

mod meter;

use std::time::Duration;

use meter::Meter;

use crate::PromptSize;

/// A refusal without a hint is believed to last this long.
const WAIT_USUAL: Duration = Duration::from_secs(1);
/// The longest wait that is believed of a refusal.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// The limits that people configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// Requests in any minute; 0 counts as 1.
    pub requests_per_minute: Option<u64>,
    /// Tokens of prompts and answers in any minute; 0 counts as 1.
    pub tokens_per_minute: Option<u64>,
    /// Tokens of prompts in any minute; 0 counts as 1.
    pub input_tokens_per_minute: Option<u64>,
    /// Tokens of answers in any minute; 0 counts as 1.
    pub output_tokens_per_minute: Option<u64>,
}

/// The tokens that one request needs: an estimate before it is sent, a count after it was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

impl Demand {
    /// The size of the prompt.
    #[must_use]
    pub fn size(self) -> PromptSize {
        PromptSize::of(self.input)
    }

    /// What the meters of tokens count: all, input, output.
    const fn amounts(self) -> [u64; 3] {
        [self.input.saturating_add(self.output), self.input, self.output]
    }
}

/// One limit as a provider's answer tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The most that may be used until the reset.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// When all of it is available again, from the answer on.
    pub reset: Option<Duration>,
}

/// All limits that a provider's answer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Requests.
    pub requests: Seen,
    /// Tokens of prompts and answers.
    pub tokens: Seen,
    /// Tokens of prompts.
    pub input_tokens: Seen,
    /// Tokens of answers.
    pub output_tokens: Seen,
}

/// Whether a pool has room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has.
    Open,
    /// Not before this time, by all that is known now.
    Shut(Duration),
}

/// What a request draws until [`Pool::settle`] takes it back. One that is lost stays held for good.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Reservation {
    demand: Demand,
    /// [`Pool::learnt`] at its time.
    learnt: u64,
}

impl Reservation {
    /// What is held.
    pub const fn demand(&self) -> Demand {
        self.demand
    }
}

/// What to show of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// The narrowest limit known, configured or told.
    pub limit: Option<u64>,
    /// The least that is left by either.
    pub left: Option<u64>,
}

/// What to show of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoolState {
    /// Until when the provider refuses everything.
    pub closed_until: Option<Duration>,
    /// See [`Pool::utilisation`].
    pub utilisation: f64,
    /// Requests.
    pub requests: Gauge,
    /// Tokens of prompts and answers.
    pub tokens: Gauge,
    /// Tokens of prompts.
    pub input_tokens: Gauge,
    /// Tokens of answers.
    pub output_tokens: Gauge,
}

/// A pool. All times are durations since one fixed start. One with neither limits nor anything
/// learnt is always open.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    requests: Meter,
    /// All, input, output: in the order of [`Demand::amounts`].
    tokens: [Meter; 3],
    closed_until: Option<Duration>,
    /// How often something was learnt.
    learnt: u64,
}

impl Pool {
    /// A fresh pool, all of it available.
    #[must_use]
    pub fn new(configured: Configured) -> Self {
        let mut pool = Self::default();
        pool.configure(Duration::ZERO, configured);
        pool
    }

    /// Changes the configured limits. What was used and learnt stays.
    pub fn configure(&mut self, now: Duration, configured: Configured) {
        self.requests.configure(now, configured.requests_per_minute);
        let [all, input, output] = &mut self.tokens;
        all.configure(now, configured.tokens_per_minute);
        input.configure(now, configured.input_tokens_per_minute);
        output.configure(now, configured.output_tokens_per_minute);
    }

    /// Whether a request of that estimate may be sent now. One that is larger than a whole minute's
    /// worth may be sent when nothing else is used: the provider decides.
    #[must_use]
    pub fn admits(&self, now: Duration, estimate: Demand) -> Admission {
        let shut = self.tokens_shut(now, estimate).max(self.requests_shut(now));
        shut.max(self.closed(now)).map_or(Admission::Open, Admission::Shut)
    }

    /// Until when there is no room for one more request; none where there is.
    pub(crate) fn requests_shut(&self, now: Duration) -> Option<Duration> {
        self.requests.shut_until(now, 1)
    }

    /// Until when there is no room for the tokens of a request; none where there is.
    pub(crate) fn tokens_shut(&self, now: Duration, estimate: Demand) -> Option<Duration> {
        let tokens = self.tokens.iter().zip(estimate.amounts());
        tokens.filter_map(|(meter, amount)| meter.shut_until(now, amount)).max()
    }

    /// Draws a request of that estimate, admitted or not.
    pub fn reserve(&mut self, now: Duration, estimate: Demand) -> Reservation {
        self.requests.spend(now, 1);
        for (meter, amount) in self.tokens.iter_mut().zip(estimate.amounts()) {
            meter.hold(amount);
        }
        Reservation { demand: estimate, learnt: self.learnt }
    }

    /// Counts what a request really used, and gives back the rest of what was held for it.
    #[expect(clippy::needless_pass_by_value, reason = "a reservation is settled once")]
    pub fn settle(&mut self, now: Duration, reservation: Reservation, used: Demand) {
        let amounts = reservation.demand.amounts().into_iter().zip(used.amounts());
        for (meter, (held, used)) in self.tokens.iter_mut().zip(amounts) {
            meter.settle(now, held, used, reservation.learnt);
        }
    }

    /// Takes in what an answer told. Each telling replaces the one before.
    pub fn learn(&mut self, now: Duration, observed: &Observed) {
        let [all, input, output] = &mut self.tokens;
        let told = [
            (&mut self.requests, observed.requests),
            (all, observed.tokens),
            (input, observed.input_tokens),
            (output, observed.output_tokens),
        ];
        self.learnt = self.learnt.saturating_add(1);
        for (meter, seen) in told {
            meter.learn(now, seen, self.learnt);
        }
    }

    /// The provider refused a request for its quota, and asked to wait that long: nothing is
    /// admitted for so long, 24 hours at most, one second if it did not say.
    pub fn close(&mut self, now: Duration, wait: Option<Duration>) {
        let until = now.saturating_add(wait.unwrap_or(WAIT_USUAL).min(WAIT_MAX));
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// The share of the current minute's limits that is used or held, in 0..=1, of the narrowest
    /// limit; 1 while the provider refuses everything, 0 where nothing is known.
    #[must_use]
    pub fn utilisation(&self, now: Duration) -> f64 {
        if self.closed(now).is_some() {
            return 1.0;
        }
        let tokens = self.tokens.iter().map(|meter| meter.utilisation(now));
        tokens.fold(self.requests.utilisation(now), f64::max)
    }

    /// What to show to people.
    #[must_use]
    pub fn state(&self, now: Duration) -> PoolState {
        let [tokens, input_tokens, output_tokens] = self.tokens.each_ref().map(|m| m.gauge(now));
        PoolState {
            closed_until: self.closed(now),
            utilisation: self.utilisation(now),
            requests: self.requests.gauge(now),
            tokens,
            input_tokens,
            output_tokens,
        }
    }

    fn closed(&self, now: Duration) -> Option<Duration> {
        self.closed_until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests;
