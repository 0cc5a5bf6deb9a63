//! The dialects through their public doors: every fixture to every other dialect.
//!
//! What comes out is committed under `tests/golden/snapshots`: one input, one snapshot a target.

#[cfg(test)]
mod common;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod modalities;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod robust;
#[cfg(test)]
mod service_tiers;
#[cfg(test)]
mod streams;
