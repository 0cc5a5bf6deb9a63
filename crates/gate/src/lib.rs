//! Whether a candidate is good enough: paired statistics, verdicts, and proofs that may stop at
//! any time.
//!
//! [`judge`] takes what was declared ([`Gate`]) and what was measured ([`Item`]s) and gives a
//! [`Ruling`]: pass, fail, inconclusive or error, with its reasons. [`EProcess`] does the same one
//! pair at a time for canaries, and [`release`] says which stage of a release that leads to. The
//! formulas behind both are public too, for planning ([`power`]), for reports and for calibrating
//! judges ([`calibration`]). [`attest`] signs what passed, and [`sentinel`] tells when what serves
//! no longer answers as it did.
//!
//! This crate does no I/O, reads no clock and draws no random number but from a seed it is given.
//! Every bound takes `tail`, the probability that it leaves out on its side.

pub mod agreement;
pub mod attest;
pub mod binary;
pub mod bootstrap;
mod bound;
pub mod calibration;
mod dist;
pub mod drift;
mod gate;
mod invalid;
pub mod mean;
pub mod multiple;
mod number;
pub mod power;
pub mod quantile;
pub mod rate;
pub mod ratio;
pub mod release;
mod rng;
mod rows;
mod rule;
mod ruling;
mod sample;
pub mod sentinel;
mod sequential;

pub use bound::Method;
pub use gate::{Gate, Guards, MetricRule, Question, SliceRule};
pub use invalid::Invalid;
pub use number::Interval;
pub use rows::{Item, Trial};
pub use rule::judge;
pub use ruling::{
    Finding, Guard, GuardRuling, InvariantRuling, MetricRuling, Missing, Ruling, SliceRuling,
    Verdict,
};
pub use sequential::{EProcess, Proof};
