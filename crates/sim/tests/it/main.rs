//! Simulated providers as a client sees them.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod determinism;
#[cfg(test)]
mod embeddings;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixed;
#[cfg(test)]
mod http_manners;
#[cfg(test)]
mod known;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod support;
#[cfg(test)]
mod time;
