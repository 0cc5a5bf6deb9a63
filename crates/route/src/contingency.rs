//! Which features survive the loss of any one element, before it is lost.
//!
//! Pure: a [`Topology`] of plain data in, a [`Report`] out. For every [`Contingency`] the
//! deployments that it takes away are removed, and what is left is shared out anew.
//!
//! **The claim** that a verdict makes of a contingency: *of every critical feature, acceptable
//! tiers answer 100 % of the demand at steady state after failover*, by the routing as it is
//! configured. Steady state is after breakers have opened and before anything comes back; demand is
//! even within a minute. [`Verdict::Secure`] and [`Verdict::Remedial`] claim it,
//! [`Verdict::NotSecure`] denies it. A drill that takes the same deployments away under the same
//! demand can refute either.
//!
//! Two computations stand behind it. The allocation (`allocate`) is exact and says what the quotas
//! could do at best: which tiers answer which share. The routing (`routed`) says whether the
//! gateway gets there by itself, where every feature only looks down its own ladder. Where the
//! first could and the second does not, the verdict is "not secure", and the binding constraint is
//! the order of tiers.
//!
//! What nobody knows never proves anything: see [`Evidence`].

mod allocate;
mod analyse;
mod element;
mod figures;
mod outcome;
mod reserve;
mod routed;
mod topology;

pub use allocate::Unsolved;
pub use analyse::{Depth, analyse};
pub use element::{Class, Contingency, Kind, Named, pairs, singles};
pub use outcome::{Binding, Evidence, FeatureOutcome, Outcome, Report, TierShare, Verdict};
pub use reserve::Reserve;
pub use topology::{
    Choice, Drilled, FeatureLoad, Limit, Need, Node, Quota, QuotaPool, QuotaSource, Ramp, Rung,
    Serves, Topology,
};

#[cfg(test)]
mod tests;
