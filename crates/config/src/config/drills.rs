//! What drills may do in a running gateway.

use std::time::Duration;

use tieline_types::Secret;

/// What drills may do in a running gateway. Without it nothing is ever injected.
#[derive(Clone, Debug, PartialEq)]
pub struct Drills {
    /// What tokens in the header `x-tieline-drill` are signed with.
    pub key: Secret,
    /// The most of the matching requests that a drill may take, percent.
    pub max_percent: f64,
    /// The longest that a drill may last, and a token may hold.
    pub max_ttl: Duration,
}
