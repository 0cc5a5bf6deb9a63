//! Which deployment answers, and what to do when it does not.
//!
//! Pure: time and randomness are arguments, so every decision can be replayed. A *plan* is the
//! immutable compiled form of a configuration; [`Live`] is what was learnt since; [`decide`] makes
//! of both the ordered steps for one request, with the reason why each candidate is in or out;
//! [`outcome`] says what a fault means for the next step. Must not know any wire format.

mod balance;
mod breaker;
mod budget;
mod burn;
pub mod contingency;
mod criticality;
mod decide;
mod domain;
mod habit;
mod limit;
mod live;
mod objective;
mod outcome;
mod pace;
mod plan;
mod pool;
mod price;
mod purse;
mod ring;
mod settle;
mod size;
mod storm;

pub use balance::{Ewma, Load, p2c};
pub use breaker::{Breaker, Cause, Permit, State};
pub use budget::{Budget, Cost, Move, backoff, cost, retry_wait};
pub use burn::{BurnResponse, burns};
pub use criticality::{Criticality, sheds};
pub use decide::{Ask, Considered, Decision, Step, Verdict, decide};
pub use domain::{Domain, Level};
pub use habit::{Habit, Habits};
pub use limit::{Allowance, Counted, Entry, Exceeded, Limiter, Limits, Whose};
pub use live::{Hold, Lease, Live, Shown, Standing, Why};
pub use objective::{Ceilings, Prospect, Weights};
pub use outcome::{Effect, Next, Outcome, may_pass, outcome};
pub use plan::{
    Bar, Canary, Candidate, Deployment, Feature, Hedge, Mode, OnBreak, Plan, Prefer, Role, Similar,
    Tier,
};
pub use pool::{
    Admission, Configured, Demand, Gauge, Observed, Pool, PoolState, Reservation, Seen,
};
pub use price::worst;
pub use purse::{Allotment, OnLimit, Owner, Period, Purse, PurseState, Short, Window};
pub use settle::{TierChange, TierState};
pub use size::{First, PromptSize};
pub use storm::{Storm, Who};

/// The most upstream calls one tier may make for one request; the walk counts them, since what
/// turns out to be shut, or unfit before anything was sent, is none.
pub const ATTEMPTS_PER_TIER_MAX: usize = 3;

/// The most upstream calls one request may make.
pub const ATTEMPTS_PER_REQUEST_MAX: usize = 5;
