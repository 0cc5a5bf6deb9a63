//! The router through its public doors.

#[cfg(test)]
mod objectives;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod settling;
