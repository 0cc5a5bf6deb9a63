//! Simulated providers: every dialect, every way to fail, seeded.
//!
//! A [`Sim`] answers like the providers it is given: their paths, credentials, headers, errors and
//! streams. What it says depends on nothing but the seed, the provider, the model and the
//! conversation; when it says it depends on tokio's time alone, so that a drill on paused time
//! replays hours in seconds. [`Script`] holds the faults it shows, [`Quotas`] what accounts may
//! use.
//!
//! It serves HTTP/1.1 and HTTP/2 with prior knowledge on any pipe or socket, and must not know the
//! gateway, its configuration or its routes.

mod answer;
mod body;
mod change;
mod credential;
mod drift;
mod embed;
mod failure;
mod fault;
mod fixed;
mod headers;
mod kind;
mod known;
mod look;
mod path;
mod prose;
mod quota;
mod refusal;
mod reply;
mod request;
mod schema;
mod script;
mod seen;
mod serve;
mod spec;
mod spoil;
mod spread;

pub use fault::{BadFault, Fault, RetryForm};
pub use kind::{Kind, UnknownKind};
pub use known::{BadLine, Known};
pub use quota::{Quota, Quotas, Ramp};
pub use request::FAULT_HEADER;
pub use script::{Rule, Script};
pub use seen::{Seen, digest};
pub use serve::Sim;
pub use spec::{FixedReply, Pace, ProviderSpec};
pub use spread::Spread;
