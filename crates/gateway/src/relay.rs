//! Stop 7, second half: a committed stream on its way to the client.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tieline_dialect::{Style, dialect};
use tieline_types::{Class, Fault, Phase, Usage};
use tokio::time::{Instant, Sleep};

use crate::{
    admit::Call,
    gateway::Gateway,
    held::Held,
    recall,
    record::Record,
    source::{Pulled, Source},
};

/// The longest silence inside a stream, signs of life included.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// The longest time without content, thoughts included: signs of life alone are no answer.
const PROGRESS_MAX: Duration = Duration::from_secs(180);
/// The time that the transport may take to end after the dialect's last event.
const ENDING: Duration = Duration::from_secs(1);
/// Bytes of a request per input token, where the provider does not count. A piece of a stream is
/// mostly one output token.
const BYTES_PER_TOKEN: u64 = 4;

/// A stream from the commit point to its end. Dropped before, it is the client who left: the
/// connection to the provider closes at once and the record says cancelled.
pub(crate) struct Relay {
    gateway: Arc<Gateway>,
    call: Call,
    style: Style,
    ready: VecDeque<Bytes>,
    source: Box<Source>,
    ended: bool,
    silence: Pin<Box<Sleep>>,
    /// Pieces of content up to now, and when the last one came.
    progress: (u64, Instant),
    /// Taken when the books are closed.
    books: Option<(Record, Held)>,
    acceptable: bool,
}

impl Relay {
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        call: Call,
        style: Style,
        stream: (Vec<Bytes>, Box<Source>, bool),
        books: (Record, Held),
        acceptable: bool,
    ) -> Self {
        let (withheld, source, ended) = stream;
        let now = Instant::now();
        let until = (now + SILENCE_MAX).min(call.deadline);
        Self {
            progress: (source.pieces, now),
            gateway: Arc::clone(gateway),
            call,
            style,
            ready: withheld.into(),
            source,
            ended,
            silence: Box::pin(tokio::time::sleep_until(until)),
            books: Some(books),
            acceptable,
        }
    }

    /// The next bytes for the client; none when the stream is over, well or not.
    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(bytes));
            }
            if self.ended {
                self.close_well();
                return Poll::Ready(None);
            }
            match self.source.poll_pull(cx) {
                Poll::Ready(Pulled::Bytes(bytes)) => {
                    self.rest();
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(bytes));
                    }
                }
                Poll::Ready(Pulled::End(bytes)) => {
                    self.ended = true;
                    if !bytes.is_empty() {
                        self.ready.push_back(bytes);
                    }
                }
                Poll::Ready(Pulled::Fault(fault)) => self.break_off(fault),
                Poll::Pending => {
                    if self.silence.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    if self.source.seen.ended {
                        // The answer is complete; only the transport forgot to end.
                        self.ended = true;
                        continue;
                    }
                    let message = if Instant::now() >= self.call.deadline {
                        "the feature's deadline passed before the answer was complete"
                    } else if Instant::now() >= self.progress.1 + PROGRESS_MAX {
                        "the provider gave signs of life but no content for too long"
                    } else {
                        "the provider fell silent before the answer was complete"
                    };
                    self.break_off(Fault::new(Class::Timeout, message));
                }
            }
        }
    }

    /// Something arrived: the silence begins anew. Resetting a timer costs; a second's slack is
    /// nothing against a minute.
    fn rest(&mut self) {
        let now = Instant::now();
        if self.source.seen.ended {
            self.silence.as_mut().reset(now + ENDING);
            return;
        }
        if self.source.pieces != self.progress.0 {
            self.progress = (self.source.pieces, now);
        }
        let until = (now + SILENCE_MAX).min(self.progress.1 + PROGRESS_MAX).min(self.call.deadline);
        if until > self.silence.deadline() + Duration::from_secs(1) {
            self.silence.as_mut().reset(until);
        }
    }

    fn close_well(&mut self) {
        let Some((mut record, mut held)) = self.books.take() else {
            return;
        };
        let usage = self.note_usage(&mut record);
        held.completed();
        held.used(&usage);
        if let Some(reply) = self.source.reply() {
            recall::keep(&self.gateway, &self.call, reply);
        }
        record.served(self.acceptable, Some(usage));
    }

    /// After the commit point a fault can only be told: in-band, in the client's own dialect.
    fn break_off(&mut self, fault: Fault) {
        let fault = fault.at(Phase::PostCommit);
        let client = dialect(self.call.dialect);
        let told = self.source.write_fault(&fault, client, &self.style);
        self.ready.push_back(told);
        self.ended = true;
        if let Some((mut record, mut held)) = self.books.take() {
            // A deadline of the caller's own says nothing of the deployment.
            if !(self.call.hurried && Instant::now() >= self.call.deadline) {
                held.failed(&fault);
            }
            let usage = self.note_usage(&mut record);
            record.failed(&fault, 200, Some(usage));
        }
    }

    /// Notes what the stream consumed: as the provider said, or estimated where it did not (OpenAI
    /// Chat tells only clients that ask, and nobody tells when a stream breaks).
    fn note_usage(&mut self, record: &mut Record) -> Usage {
        let usage = self.source.seen.usage.unwrap_or_else(|| Usage {
            input: self.call.body.len() as u64 / BYTES_PER_TOKEN,
            output: self.source.pieces,
            estimated: true,
            ..Usage::default()
        });
        let model = self.source.seen.model.take();
        record.note_usage(Some(usage), model);
        usage
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.source.seen.ended && self.ready.is_empty() {
            // Clients hang up at the dialect's last event; the transport's end may come later.
            self.close_well();
        }
        if let Some((mut record, _)) = self.books.take() {
            let usage = self.note_usage(&mut record);
            record.note(|call| call.usage = Some(usage));
        }
    }
}
