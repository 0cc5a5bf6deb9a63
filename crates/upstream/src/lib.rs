//! The only place that opens connections to providers.
//!
//! A [`Route`] says where and how one deployment is called; [`Upstream`] is a pool of connections
//! that belongs to one worker; [`Network`] is the seam under it: TCP and TLS in production,
//! in-memory pipes in drills and tests. Must not know features, tiers or clients.

mod body;
mod connect;
mod fetch;
mod list;
mod memory;
mod network;
mod pool;
mod post;
mod route;
mod send;

pub use body::Parts;
pub use connect::{AddressRule, Dial};
pub use fetch::MEDIA_BYTES_MAX;
pub use memory::{LineFault, MemoryNetwork, MemoryPipe};
pub use network::{Io, Network};
pub use pool::AnswerBody;
pub use route::{Route, RouteError, Routes};
pub use send::{Answer, Outgoing, Upstream, collect};
