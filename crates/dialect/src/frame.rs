//! Cutting a byte stream into whole frames: server-sent events and AWS event streams.

pub mod aws_event;
pub mod sse;

use bytes::{Bytes, BytesMut};
use tieline_types::{Class, Fault};

/// The most bytes one frame may have. Image and document deltas are the largest known.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How a dialect's stream is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`: lines, a blank line ends an event.
    Sse,
    /// `application/vnd.amazon.eventstream`: length-prefixed binary messages with checksums.
    AwsEventStream,
}

impl Framing {
    /// The content type of a stream framed so.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::AwsEventStream => "application/vnd.amazon.eventstream",
        }
    }
}

/// Collects chunks as they come off the wire and hands out whole frames, without copying a frame
/// that lies within one chunk.
#[derive(Debug)]
pub struct Splitter {
    framing: Framing,
    pending: BytesMut,
    /// How much of `pending` was searched for an end already.
    searched: usize,
    chunk: Bytes,
}

impl Splitter {
    /// A splitter for one stream.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self { framing, pending: BytesMut::new(), searched: 0, chunk: Bytes::new() }
    }

    /// Adds the next chunk. Take all frames before adding another.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() && self.pending.is_empty() {
            self.chunk = chunk;
        } else {
            if !self.chunk.is_empty() {
                let rest = std::mem::take(&mut self.chunk);
                self.pending.extend_from_slice(&rest);
            }
            self.pending.extend_from_slice(&chunk);
        }
    }

    /// The next whole frame, its terminator included.
    ///
    /// # Errors
    /// `bad_payload` when a frame exceeds [`FRAME_BYTES_MAX`] or its length field is absurd.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.pending.is_empty() {
            let Some(end) = self.end_of_frame(&self.chunk, 0)? else {
                return Ok(None);
            };
            return Ok(Some(self.chunk.split_to(end)));
        }
        match self.end_of_frame(&self.pending, self.searched)? {
            Some(end) => {
                self.searched = 0;
                Ok(Some(self.pending.split_to(end).freeze()))
            }
            None => {
                self.searched = self.pending.len();
                Ok(None)
            }
        }
    }

    /// What is left when the transport ends: an unfinished frame, or nothing.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        if self.pending.is_empty() { &self.chunk } else { &self.pending }
    }

    fn end_of_frame(&self, bytes: &[u8], searched: usize) -> Result<Option<usize>, Fault> {
        let end = match self.framing {
            Framing::Sse => sse::frame_end(bytes, searched),
            Framing::AwsEventStream => aws_event::frame_end(bytes)?,
        };
        if end.unwrap_or(bytes.len()) > FRAME_BYTES_MAX {
            return Err(Fault::new(
                Class::BadPayload,
                format!("a stream frame exceeds {FRAME_BYTES_MAX} bytes"),
            ));
        }
        Ok(end)
    }
}
