//! Streams: `message_start`, blocks one after another, `message_delta`, `message_stop`.

mod read;
mod write;

pub(super) use read::Reader;
pub(super) use write::Writer;

#[cfg(test)]
mod tests;
