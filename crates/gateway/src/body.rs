//! Bodies: reading a client's with a cap, and what is sent back.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tieline_types::{Class, Fault};
use tokio::time::Instant;

use crate::mend::Stream;

/// The time a client may take between two pieces of its request body.
const BODY_GAP: Duration = Duration::from_secs(30);
/// The time a client may take to send its whole request body.
const BODY_TIME: Duration = Duration::from_secs(300);

/// What a client is sent.
pub(crate) enum Outgoing {
    /// Bytes known in full.
    Whole(Bytes),
    /// A stream as it comes from a provider.
    Stream(Stream),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Stream(stream) => {
                stream.poll_bytes(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Reads a request body of at most `max` bytes.
///
/// # Errors
/// `too_large`, `timeout` where the client stalls, `client_gone` where it leaves.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    max: usize,
) -> Result<Bytes, Fault> {
    let too_large = || Fault::new(Class::TooLarge, format!("the request body exceeds {max} bytes"));
    let declared =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let end = Instant::now() + BODY_TIME;
    loop {
        let until = (Instant::now() + BODY_GAP).min(end);
        let frame = match tokio::time::timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(Fault::new(
                    Class::ClientGone,
                    format!("the request body broke off: {error}"),
                ));
            }
            Ok(None) => break,
            Err(_) => {
                let mut fault = Fault::new(Class::Timeout, "the request body stalled");
                fault.origin = tieline_types::Origin::Caller;
                return Err(fault.with_status(408));
            }
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > max {
            return Err(too_large());
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies arrive in one piece, which then is the whole, uncopied.
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(declared.unwrap_or(first.len() + data.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
