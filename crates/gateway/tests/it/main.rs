//! The gateway over simulated providers, in one process, on pipes and paused time.

#[cfg(test)]
mod edges;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod house;
#[cfg(test)]
mod tiers;
