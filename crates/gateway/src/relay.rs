//! Stop 7, second half: a committed stream on its way to the client.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tieline_dialect::dialect;
use tieline_types::{Class, Fault, Phase, Usage};
use tokio::time::{Instant, Sleep};

use crate::{
    held::Held,
    recall,
    record::{Record, Served},
    release,
    source::{Pulled, Source},
    walk::{Mending, Walk},
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
    /// How it came to this stream, and where to go from here if it breaks.
    pub(crate) walk: Walk,
    pub(crate) ready: VecDeque<Bytes>,
    pub(crate) source: Box<Source>,
    pub(crate) ended: bool,
    /// Why the stream broke, until what came before has gone out.
    broken: Option<Fault>,
    silence: Pin<Box<Sleep>>,
    /// Pieces of content up to now, and when the last one came.
    progress: (u64, Instant),
    /// The longest time between two contents, once there were two.
    longest_gap: Option<Duration>,
    /// Pieces of content of streams that this one continues.
    pub(crate) pieces_before: u64,
    /// Taken when the books are closed.
    pub(crate) books: Option<(Record, Held)>,
    pub(crate) acceptable: bool,
}

/// What comes next of a relayed stream.
pub(crate) enum Flow {
    /// Bytes for the client.
    Bytes(Bytes),
    /// Nothing: it is over, well or not.
    End,
    /// It broke, and something else may answer in its place.
    Broken(Fault, Mending),
}

impl Relay {
    pub(crate) fn new(
        walk: Walk,
        (withheld, source, ended): (Vec<Bytes>, Box<Source>, bool),
        books: (Record, Held),
        acceptable: bool,
    ) -> Self {
        let now = Instant::now();
        let until = (now + SILENCE_MAX).min(walk.call.deadline);
        Self {
            progress: (source.pieces, now),
            longest_gap: None,
            walk,
            ready: withheld.into(),
            source,
            ended,
            broken: None,
            silence: Box::pin(tokio::time::sleep_until(until)),
            pieces_before: 0,
            books: Some(books),
            acceptable,
        }
    }

    /// Relays another source from now on.
    pub(crate) fn take_up(&mut self, source: Box<Source>, ended: bool) {
        let now = Instant::now();
        self.progressed(source.pieces, now);
        self.silence.as_mut().reset((now + SILENCE_MAX).min(self.walk.call.deadline));
        self.source = source;
        self.ended = ended;
    }

    /// What comes next for the client.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Flow> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Flow::Bytes(bytes));
            }
            if let Some(fault) = self.broken.take() {
                let fault = fault.at(Phase::PostCommit);
                if let Some(mending) = self.mending() {
                    return Poll::Ready(Flow::Broken(fault, mending));
                }
                self.break_off(&fault);
                continue;
            }
            if self.ended {
                self.close_well();
                return Poll::Ready(Flow::End);
            }
            match self.source.poll_pull(cx) {
                Poll::Ready(Pulled::Bytes(bytes)) => {
                    self.rest();
                    if !bytes.is_empty() {
                        return Poll::Ready(Flow::Bytes(bytes));
                    }
                }
                Poll::Ready(Pulled::End(bytes)) => {
                    self.ended = true;
                    if !bytes.is_empty() {
                        self.ready.push_back(bytes);
                    }
                }
                Poll::Ready(Pulled::Fault(fault, before)) => {
                    self.ready.extend((!before.is_empty()).then_some(before));
                    self.broken = Some(fault);
                }
                Poll::Pending => {
                    if self.silence.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    if self.source.seen.ended {
                        // The answer is complete; only the transport forgot to end.
                        self.ended = true;
                        continue;
                    }
                    let message = if Instant::now() >= self.walk.call.deadline {
                        "the feature's deadline passed before the answer was complete"
                    } else if Instant::now() >= self.progress.1 + PROGRESS_MAX {
                        "the provider gave signs of life but no content for too long"
                    } else {
                        "the provider fell silent before the answer was complete"
                    };
                    self.broken = Some(Fault::new(Class::Timeout, message));
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
            self.progressed(self.source.pieces, now);
        }
        let until =
            (now + SILENCE_MAX).min(self.progress.1 + PROGRESS_MAX).min(self.walk.call.deadline);
        if until > self.silence.deadline() + Duration::from_secs(1) {
            self.silence.as_mut().reset(until);
        }
    }

    /// Content arrived.
    fn progressed(&mut self, pieces: u64, now: Instant) {
        self.longest_gap = self.longest_gap.max(Some(now - self.progress.1));
        self.progress = (pieces, now);
    }

    fn close_well(&mut self) {
        let Some((mut record, mut held)) = self.books.take() else {
            return;
        };
        let usage = self.note_usage(&mut record, &mut held);
        held.completed();
        held.used(&usage);
        let reply = self.source.reply();
        release::answered(&self.walk.worker, &self.walk.call, &record, reply.as_ref());
        if let Some(reply) = reply.filter(|_| self.walk.call.keeps_answers()) {
            recall::keep(&self.walk.worker.gateway, &self.walk.call, reply);
        }
        // Settled before it is on record.
        drop(held);
        record.served(self.acceptable, Some(usage));
    }

    /// Where nothing else can answer, a fault after the commit point can only be told: in-band, in
    /// the client's own dialect.
    fn break_off(&mut self, fault: &Fault) {
        self.tell(fault);
        if let Some((mut record, mut held)) = self.books.take() {
            // A deadline of the caller's own says nothing of the deployment.
            if !(self.walk.call.hurried && Instant::now() >= self.walk.call.deadline) {
                held.failed(fault);
            }
            let usage = self.note_usage(&mut record, &mut held);
            held.costs(&usage);
            record.failed(fault, 200, Some(usage));
        }
    }

    /// Ends the stream with a fault and how much of the answer came before it.
    pub(crate) fn tell(&mut self, fault: &Fault) {
        let pieces = self.pieces_before + self.source.pieces;
        let message = format!("{} (after {pieces} pieces of the answer)", fault.message);
        let told = Fault { message, ..fault.clone() };
        let client = dialect(self.walk.call.dialect);
        let told = self.source.write_fault(&told, client, &self.walk.style);
        self.ready.push_back(told);
        self.ended = true;
        let (call, metrics) = (&self.walk.call, &self.walk.worker.gateway.metrics);
        metrics.stream_broke(&call.feature.name, "told", &call.drill());
    }

    /// Notes what the stream consumed: as the provider said, or estimated where it did not (OpenAI
    /// Chat tells only clients that ask, and nobody tells when a stream breaks).
    pub(crate) fn note_usage(&mut self, record: &mut Record, held: &mut Held) -> Usage {
        let usage = self.source.seen.usage.unwrap_or_else(|| Usage {
            input: self.walk.call.body.len() as u64 / BYTES_PER_TOKEN,
            output: self.source.pieces,
            estimated: true,
            ..Usage::default()
        });
        let (model, service_tier) =
            (self.source.seen.model.take(), self.source.seen.service_tier.take());
        held.serves(service_tier.as_ref());
        let gap = self.longest_gap.map(|gap| u64::try_from(gap.as_micros()).unwrap_or(u64::MAX));
        record.note(|call| call.longest_gap_us = gap);
        record.note_served(Served { usage: Some(usage), model, service_tier });
        usage
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.source.seen.ended && self.ready.is_empty() {
            // Clients hang up at the dialect's last event; the transport's end may come later.
            self.close_well();
        }
        if let Some((mut record, mut held)) = self.books.take() {
            let usage = self.note_usage(&mut record, &mut held);
            held.costs(&usage);
            record.note(|call| call.usage = Some(usage));
        }
    }
}
