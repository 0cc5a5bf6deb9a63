//! An answer that comes piece by piece, and when its first piece came.

use std::time::Duration;

use http::{HeaderMap, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tieline_dialect::{
    Collector, Dialect, dialect,
    frame::Splitter,
    ir::{Event, Reply},
};
use tieline_types::{Class, DialectId, Fault};
use tokio::time::Instant;

/// The most bytes of a stream.
const STREAM_BYTES_MAX: usize = 64 << 20;

fn chat() -> &'static dyn Dialect {
    dialect(DialectId::OpenaiChat)
}

/// Whether an answer is a stream; errors before the first content are not.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let kind = chat().framing().content_type();
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(kind.as_bytes()))
}

/// Reads a stream to its end: the reply, and how long after `began` its first content came.
///
/// # Errors
/// What the stream says went wrong, or that it was cut: half an answer is none.
pub(super) async fn whole(
    mut body: Incoming,
    began: Instant,
) -> Result<(Reply, Option<Duration>), Fault> {
    let mut splitter = Splitter::new(chat().framing());
    let mut reader = chat().read_events();
    let (mut collector, mut events) = (Collector::default(), Vec::new());
    let (mut bytes, mut first) = (0_usize, None);
    // A body that breaks off lacks the dialect's end, which is told below.
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(chunk) = frame.into_data() else { continue };
        bytes = bytes.saturating_add(chunk.len());
        if bytes > STREAM_BYTES_MAX {
            let message = format!("the stream is longer than {} MiB", STREAM_BYTES_MAX >> 20);
            return Err(Fault::new(Class::BadPayload, message));
        }
        splitter.push(chunk);
        while let Some(frame) = splitter.next_frame()? {
            reader.read(&frame, &mut events);
        }
        for event in events.drain(..) {
            match event {
                Event::Error(fault) => return Err(fault),
                event if event.is_content() => {
                    first.get_or_insert_with(|| began.elapsed());
                    collector.push(event);
                }
                event => collector.push(event),
            }
        }
    }
    reader.end(&mut events);
    events.into_iter().for_each(|event| collector.push(event));
    Ok((collector.finish()?, first))
}
