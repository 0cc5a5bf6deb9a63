//! Requests.

mod content;
mod read;
mod turns;
mod write;

#[cfg(test)]
mod tests;

pub(super) use read::read;
pub(super) use write::write;
