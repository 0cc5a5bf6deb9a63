//! Streams of chunks: server-sent events, each a JSON object, ended by `[DONE]`.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub(super) use read::{Reader, is_plain_delta};
pub(super) use write::Writer;
