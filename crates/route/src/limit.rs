//! What callers may ask of a feature at a time: requests and tokens by the minute, and requests
//! under way.
//!
//! By the minute these are the buckets of a [`Pool`]: they hold a minute's worth and refill without
//! pause, and tokens are held as estimated until the request ends. A refusal draws nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::pool::{Configured, Demand, Gauge, Pool, Reservation};

/// The callers of one feature that are counted apart. Those beyond share what one of them may use.
const CALLERS_MAX: usize = 10_000;
/// Under which name they do; no caller has it.
const OTHERS: &str = "";
/// How long one waits for requests under way to end: nobody knows when they do.
const RECHECK: Duration = Duration::from_secs(1);

/// What may be asked for at a time; nothing limits what is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Requests and tokens in any minute.
    pub by_minute: Configured,
    /// Requests under way; 0 counts as 1.
    pub concurrency: Option<u64>,
}

impl Allowance {
    /// Without any limit.
    pub const UNLIMITED: Self = Self {
        by_minute: Configured {
            requests_per_minute: None,
            tokens_per_minute: None,
            input_tokens_per_minute: None,
            output_tokens_per_minute: None,
        },
        concurrency: None,
    };
}

/// The limits of a feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of all its callers together.
    pub all: Allowance,
    /// Of each of them.
    pub each: Allowance,
}

impl Limits {
    /// Whether there is any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }

    /// Whether tokens count.
    #[must_use]
    pub const fn counts_tokens(&self) -> bool {
        self.all.by_minute.tokens_per_minute.is_some()
            || self.each.by_minute.tokens_per_minute.is_some()
    }
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Requests in any minute.
    Requests,
    /// Tokens in any minute.
    Tokens,
    /// Requests under way.
    Concurrency,
}

/// Whose use a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// That of all callers of the feature.
    Feature,
    /// That of one caller.
    Caller,
}

/// Why a request is refused: of several reasons the one that lasts longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Whose limit it is.
    pub whose: Whose,
    /// What it counts.
    pub counted: Counted,
    /// The limit.
    pub limit: u64,
    /// When it lets the same request through, by all that is known now.
    pub wait: Duration,
}

/// The right to one request. Must be given back by [`Limiter::leave`].
#[derive(Debug)]
#[must_use]
pub struct Entry {
    caller: Option<(Arc<str>, Reservation)>,
    all: Reservation,
}

/// Counts what is asked of one feature, in this process. All times are durations since one fixed
/// start.
#[derive(Debug)]
pub struct Limiter(Mutex<State>);

#[derive(Debug)]
struct State {
    limits: Limits,
    all: Gate,
    callers: BTreeMap<Arc<str>, Gate>,
}

impl Limiter {
    /// Nothing is used yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let all = Gate::new(limits.all);
        Self(Mutex::new(State { limits, all, callers: BTreeMap::new() }))
    }

    /// Changes the limits. What was used stays.
    pub fn configure(&self, now: Duration, limits: Limits) {
        let mut state = self.state();
        state.limits = limits;
        state.all.pool.configure(now, limits.all.by_minute);
        for gate in state.callers.values_mut() {
            gate.pool.configure(now, limits.each.by_minute);
        }
    }

    /// Lets a request of that estimate in, or says why not.
    ///
    /// # Errors
    /// The limit that keeps it out longest.
    pub fn enter(&self, caller: &str, now: Duration, estimate: Demand) -> Result<Entry, Exceeded> {
        let mut state = self.state();
        let State { limits, all, callers } = &mut *state;
        let each = (limits.each != Allowance::UNLIMITED)
            .then(|| gate_of(callers, caller, limits.each, now));
        let over = all.exceeded(limits.all, now, estimate).map(|over| over.of(Whose::Feature));
        let own = each.as_ref().and_then(|(_, gate)| gate.exceeded(limits.each, now, estimate));
        let over = own.map(|own| own.of(Whose::Caller)).into_iter().chain(over);
        if let Some(exceeded) = over.max_by_key(|exceeded| exceeded.wait) {
            return Err(exceeded);
        }
        let caller = each.map(|(name, gate)| (name, gate.enter(now, estimate)));
        Ok(Entry { caller, all: all.enter(now, estimate) })
    }

    /// A request is over and used so many tokens.
    pub fn leave(&self, entry: Entry, now: Duration, used: Demand) {
        let mut state = self.state();
        state.all.leave(now, entry.all, used);
        if let Some((caller, reservation)) = entry.caller
            && let Some(gate) = state.callers.get_mut(&caller)
        {
            gate.leave(now, reservation, used);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The count of a caller, begun where there is none. Where there is no room for it, those go whose
/// count says nothing any more; if none does, it joins the others'.
fn gate_of<'s>(
    callers: &'s mut BTreeMap<Arc<str>, Gate>,
    caller: &str,
    each: Allowance,
    now: Duration,
) -> (Arc<str>, &'s mut Gate) {
    let mut name = callers.get_key_value(caller).map(|(name, _)| Arc::clone(name));
    if name.is_none() && callers.len() >= CALLERS_MAX {
        callers.retain(|_, gate| !gate.is_idle(now));
        name = (callers.len() >= CALLERS_MAX).then(|| OTHERS.into());
    }
    let name = name.unwrap_or_else(|| caller.into());
    let gate = callers.entry(Arc::clone(&name)).or_insert_with(|| Gate::new(each));
    (name, gate)
}

/// What is counted together.
#[derive(Debug)]
struct Gate {
    pool: Pool,
    under_way: u64,
}

/// A limit that is exceeded, whoever's it is.
struct Over {
    counted: Counted,
    limit: u64,
    wait: Duration,
}

impl Over {
    const fn of(self, whose: Whose) -> Exceeded {
        let Self { counted, limit, wait } = self;
        Exceeded { whose, counted, limit, wait }
    }
}

impl Gate {
    fn new(allowance: Allowance) -> Self {
        Self { pool: Pool::new(allowance.by_minute), under_way: 0 }
    }

    fn exceeded(&self, allowance: Allowance, now: Duration, estimate: Demand) -> Option<Over> {
        let Allowance { by_minute, concurrency } = allowance;
        let full = concurrency.is_some_and(|limit| self.under_way >= limit.max(1));
        let wait = |until: Option<Duration>| until.map(|until| until.saturating_sub(now));
        let requests = (by_minute.requests_per_minute, wait(self.pool.requests_shut(now)));
        let tokens = (by_minute.tokens_per_minute, wait(self.pool.tokens_shut(now, estimate)));
        [
            (Counted::Requests, requests),
            (Counted::Tokens, tokens),
            (Counted::Concurrency, (concurrency, full.then_some(RECHECK))),
        ]
        .into_iter()
        .filter_map(|(counted, (limit, wait))| Some(Over { counted, limit: limit?, wait: wait? }))
        .max_by_key(|over| over.wait)
    }

    fn enter(&mut self, now: Duration, estimate: Demand) -> Reservation {
        self.under_way = self.under_way.saturating_add(1);
        self.pool.reserve(now, estimate)
    }

    fn leave(&mut self, now: Duration, reservation: Reservation, used: Demand) {
        self.under_way = self.under_way.saturating_sub(1);
        self.pool.settle(now, reservation, used);
    }

    /// Whether a new one would be the same.
    fn is_idle(&self, now: Duration) -> bool {
        let state = self.pool.state(now);
        let full = |gauge: Gauge| gauge.left == gauge.limit;
        self.under_way == 0 && full(state.requests) && full(state.tokens)
    }
}

#[cfg(test)]
mod tests;
