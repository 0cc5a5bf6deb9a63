//! The gateway over simulated providers, in one process, on pipes and paused time.

#[cfg(test)]
mod attestations;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bars;
#[cfg(test)]
mod breaks;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod contingency;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod drills;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod health;
#[cfg(test)]
mod hedges;
#[cfg(test)]
mod house;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod objectives;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod sentinels;
#[cfg(test)]
mod settling;
#[cfg(test)]
mod shutdowns;
#[cfg(test)]
mod similar;
#[cfg(test)]
mod slos;
#[cfg(test)]
mod tiers;
#[cfg(test)]
mod vectors;
