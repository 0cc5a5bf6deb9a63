//! Requests.

mod read;
mod read_messages;
mod write;
mod write_messages;

#[cfg(test)]
mod tests;

pub(super) use read::read;
pub(super) use write::write;
