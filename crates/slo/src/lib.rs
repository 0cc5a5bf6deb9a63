//! Service level objectives of features: what counts as a good request, and how many must be.
//!
//! The unit is one request of a client, whatever was called for it upstream. Everything here is
//! pure: counts and times are arguments.

mod indicator;
mod objective;

pub use indicator::{Event, Indicator};
pub use objective::{Counts, Slo};
