//! Which deployments a feature's requests may go to: policies over typed facts.
//!
//! Pure: no I/O, no clock. Cedar policies and the plain rules of features are compiled into a
//! [`Matrix`] of features and deployments whenever the configuration changes; a request looks its
//! row up. Only policies that look at a request itself (who calls, its tags, what it carries) are
//! asked for each request. Nothing else in the workspace knows Cedar.

mod analysis;
mod asked;
mod cedar;
mod compile;
mod derive;
mod diff;
mod known;
mod looks;
mod matrix;
mod plain;
mod problem;
mod rule;
mod source;
mod world;

pub use analysis::{Finding, Severity, Spot, findings};
pub use asked::{Asked, Caller, TAG_BYTES_MAX, TAGS_MAX};
pub use cedar::SCHEMA;
pub use derive::{Channel, facts};
pub use diff::{Change, diff};
pub use matrix::{Cell, Matrix, Ruling, Verdict};
pub use problem::{PolicyError, Problem};
pub use rule::{CLOSED, Reason};
pub use world::{Deployment, Feature, Tier, World};
