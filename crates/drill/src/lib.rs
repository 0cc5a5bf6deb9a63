//! Drills: outages that are rehearsed on the real gateway, in simulated time.
//!
//! A [`Scenario`] says who asks for what, what fails when, and what is expected all the same.
//! [`simulate`] puts it on a [`Stage`]: the user's own configuration with simulated providers in
//! the place of the true ones, on tokio's paused clock, where hours take seconds. What happened
//! goes into a [`Log`], the same bytes for the same seed; a [`Report`] says which expectations
//! hold.
//!
//! Nothing here reads a clock, a socket or an environment of its own.

mod book;
mod client;
mod error;
mod fault;
mod junit;
mod log;
mod losing;
mod measure;
mod report;
mod run;
mod scenario;
mod stage;
mod states;
mod timeline;
mod traffic;

pub use error::DrillError;
pub use junit::junit;
pub use log::Log;
pub use losing::{losing, name_of};
pub use report::{Checked, Figures, Report, Verdict};
pub use run::{Outcome, Rooms, simulate};
pub use scenario::{
    Allowance, Arrivals, Bound, Clients, Expectation, Expected, Injected, Invariant, Mode, Pace,
    Phase, Problem, Problems, Scenario, Select, Shape, Tokens, Trouble, Window, Workload, read,
};
pub use timeline::{Slice, Timeline};
