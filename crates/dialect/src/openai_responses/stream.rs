//! Streams: typed server-sent events (OpenAI API reference, "Streaming events").

mod read;
mod write;

pub(super) use read::Reader;
pub(super) use write::Writer;

/// How a frame begins that holds a piece of text and nothing else.
const PLAIN_DELTA_HEADS: [&[u8]; 2] =
    [b"event: response.output_text.delta\n", b"data: {\"type\":\"response.output_text.delta\""];

/// Whether a frame is surely a piece of text. Only the head is searched: the same words may stand
/// deeper in other events, which repeat what the client or the model wrote.
pub(super) fn is_plain_delta(frame: &[u8]) -> bool {
    PLAIN_DELTA_HEADS.iter().any(|head| frame.starts_with(head))
        && memchr::memmem::find(frame, b"\"delta\":\"\"").is_none()
}

#[cfg(test)]
mod tests;
