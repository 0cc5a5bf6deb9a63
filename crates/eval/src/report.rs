//! What a run found, for people and for programs.
//!
//! `summary` puts the figures together once; every other file writes them in one form.

mod junit;
mod markdown;
mod otel;
mod summary;
mod words;

pub use junit::junit;
pub use markdown::markdown;
pub use otel::otel;
pub use summary::{ArmSummary, Cluster, Pair, Side, Summary};
pub use words::{interval, points, signed, verdict};
