//! Requests.

mod content;
mod media;
mod read;
mod schema;
mod turns;
mod write;

pub(super) use read::read;
pub(super) use write::write;

#[cfg(test)]
mod tests;
