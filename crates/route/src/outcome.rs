//! What a fault means: for the request's next step, and for the deployment's health.

use std::time::Duration;

use tieline_types::{Class, Fault};

use crate::Cause;

/// Where to go before the commit point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next candidate, then the next tier.
    Candidate,
    /// The next candidate, although it looks like the caller's fault: many callers see it here all
    /// of a sudden, so it may be the provider's doing. If another answers the same request well, it
    /// was.
    Doubt,
    /// Back to the client: it would fail everywhere.
    Stop,
}

/// What it does to the deployment's breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Neutral,
    /// A failure among others.
    Failure,
    /// Opens at once for at least this long.
    Trip(Duration, Cause),
    /// Nothing goes there for this long, though it is well: its quota pool is closed.
    Pause(Duration),
}

/// Both together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where to go.
    pub next: Next,
    /// What it does to the breaker.
    pub effect: Effect,
}

/// A refused credential is probed again after this long: outages of a provider's authentication
/// look the same as a revoked key, and end.
const AUTH_RETRY: Duration = Duration::from_secs(30);
/// An exhausted account is probed again after this long.
const BILLING_RETRY: Duration = Duration::from_secs(300);
/// A quota without a hint is assumed to reopen after this long.
const QUOTA_WAIT: Duration = Duration::from_secs(1);
/// The longest hint that is believed: quotas of a day exist.
const QUOTA_WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// Whether the same request may fare better at another time. What is wrong with the request itself
/// stays wrong.
#[must_use]
pub const fn may_pass(class: Class) -> bool {
    !matches!(
        class,
        Class::UnsupportedHere
            | Class::ContextOverflow
            | Class::TooLarge
            | Class::PolicyBlock
            | Class::ClientInvalid
            | Class::CallerAuth
            | Class::CallerDenied
            | Class::NotFound
    )
}

/// The decision table. Every class has exactly one row.
#[must_use]
pub fn outcome(fault: &Fault) -> Outcome {
    let (next, effect) = match fault.class {
        Class::Transport
        | Class::ServerError
        | Class::Overloaded
        | Class::Timeout
        | Class::StreamTruncated
        | Class::StreamError
        | Class::BadPayload
        | Class::Empty => (Next::Candidate, Effect::Failure),
        Class::RateLimited => {
            let wait = fault.retry_after.unwrap_or(QUOTA_WAIT).min(QUOTA_WAIT_MAX);
            (Next::Candidate, Effect::Pause(wait))
        }
        Class::Billing => (Next::Candidate, Effect::Trip(BILLING_RETRY, Cause::Account)),
        Class::Auth => (Next::Candidate, Effect::Trip(AUTH_RETRY, Cause::Credential)),
        // Another deployment may take what this one cannot; that is not ill health.
        Class::UnsupportedHere => (Next::Candidate, Effect::Neutral),
        Class::ContextOverflow
        | Class::TooLarge
        | Class::PolicyBlock
        | Class::ClientInvalid
        | Class::ClientGone
        | Class::Superseded
        | Class::CallerAuth
        | Class::CallerDenied
        | Class::OverLimit
        | Class::OverBudget
        | Class::PolicyDenied
        | Class::NotFound
        | Class::Exhausted
        | Class::Internal => (Next::Stop, Effect::Neutral),
    };
    Outcome { next, effect }
}
