//! Streams of `application/vnd.amazon.eventstream` messages.

mod read;
mod write;

pub(super) use read::Reader;
pub(super) use write::Writer;

/// The event that holds content.
const DELTA: &str = "contentBlockDelta";

/// How a message says that it is a content delta: header name, string type, length, value. These
/// bytes cannot stand in a JSON payload, which escapes control characters.
const DELTA_HEADER: &[u8] = b"\x0b:event-type\x07\x00\x11contentBlockDelta";

/// How far into a message its headers may reach to be looked at.
const HEADERS_LOOKED_AT: usize = 160;

/// Whether a message is surely a content delta.
pub(super) fn is_plain_delta(frame: &[u8]) -> bool {
    let head = frame.get(..HEADERS_LOOKED_AT.min(frame.len())).unwrap_or_default();
    memchr::memmem::find(head, DELTA_HEADER).is_some()
}

#[cfg(test)]
mod tests;
