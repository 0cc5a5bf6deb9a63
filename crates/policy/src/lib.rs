//! Which deployments a feature's requests may go to: policies over typed facts.
//!
//! Pure: no I/O, no clock. Cedar policies and the plain rules of features are compiled into a
//! [`Matrix`] of features and deployments whenever the configuration changes; a request looks its
//! row up. Only policies that look at who calls or at the tags of a request are asked for each
//! request. Nothing else in the workspace knows Cedar.

mod analysis;
mod cedar;
mod compile;
mod derive;
mod diff;
mod known;
mod matrix;
mod plain;
mod problem;
mod rule;
mod source;
mod world;

pub use analysis::{Finding, Severity, Spot, findings};
pub use cedar::SCHEMA;
pub use derive::{Channel, facts};
pub use diff::{Change, diff};
pub use matrix::{Asked, Cell, Matrix, Ruling, TAG_BYTES_MAX, TAGS_MAX, Verdict};
pub use problem::{PolicyError, Problem};
pub use rule::{CLOSED, Reason};
pub use world::{Deployment, Feature, Tier, World};
