//! A request body of several parts, sent without joining them.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Byte strings to send one after the other, with a known length in all.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    parts: VecDeque<Bytes>,
    bytes: u64,
}

impl<const N: usize> From<[Bytes; N]> for Parts {
    fn from(parts: [Bytes; N]) -> Self {
        parts.into_iter().collect()
    }
}

impl From<Vec<u8>> for Parts {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from([Bytes::from(bytes)])
    }
}

impl FromIterator<Bytes> for Parts {
    fn from_iter<T: IntoIterator<Item = Bytes>>(parts: T) -> Self {
        let parts: VecDeque<Bytes> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        Self { parts, bytes }
    }
}

impl Parts {
    /// The parts in order, for signing.
    pub fn as_slices(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter()
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.parts.pop_front();
        if let Some(part) = &part {
            self.bytes = self.bytes.saturating_sub(part.len() as u64);
        }
        Poll::Ready(part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}
