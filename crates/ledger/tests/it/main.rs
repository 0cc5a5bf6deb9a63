//! The ledger through its public doors, each test with a directory of its own.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod common;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod pages;
mod peaks;
#[cfg(test)]
mod query;
#[cfg(test)]
mod releases;
#[cfg(test)]
mod reprice;
#[cfg(test)]
mod roundtrip;
#[cfg(test)]
mod slos;
#[cfg(test)]
mod spend;
#[cfg(test)]
mod stuck;
