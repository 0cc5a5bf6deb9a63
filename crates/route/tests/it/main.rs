//! The router through its public doors.

#[cfg(test)]
mod allowed;
#[cfg(test)]
mod apart;
#[cfg(test)]
mod burning;
#[cfg(test)]
mod objectives;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod settling;
#[cfg(test)]
mod sizes;

#[cfg(test)]
use tieline_types::{Eligible, Pass};

/// A policy that leaves nothing out.
#[cfg(test)]
fn all() -> Eligible {
    (0..64).collect()
}

/// The right to an attempt.
#[cfg(test)]
fn pass(deployment: usize) -> Pass {
    Pass::without_user_data(deployment)
}
