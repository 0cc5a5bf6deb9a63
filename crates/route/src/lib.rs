//! Which deployment answers, and what to do when it does not.
//!
//! Pure: time and randomness are arguments, so every decision can be replayed. A *plan* is the
//! immutable compiled form of a configuration; [`Live`] is what was learnt since; [`decide`] makes
//! of both the ordered steps for one request, with the reason why each candidate is in or out;
//! [`outcome`] says what a fault means for the next step. Must not know any wire format.

mod breaker;
mod decide;
mod live;
mod outcome;
mod plan;

pub use breaker::{Breaker, Permit, State};
pub use decide::{Considered, Decision, Step, Verdict, decide};
pub use live::Live;
pub use outcome::{Effect, Next, Outcome, outcome};
pub use plan::{Candidate, Deployment, Feature, Mode, Plan, Prefer, Tier};

/// The most upstream calls one tier may make for one request.
pub const ATTEMPTS_PER_TIER_MAX: usize = 3;

/// The most upstream calls one request may make.
pub const ATTEMPTS_PER_REQUEST_MAX: usize = 5;
