//! A provider's stream, read frame by frame and turned into what the client gets.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use tieline_dialect::{
    Collector, Dialect, Glance, ReadEvents, Style, WriteEvents,
    frame::{Framing, Splitter},
    ir::{Event, Finish, Reply},
};
use tieline_types::{Class, Fault, Phase};
use tieline_upstream::AnswerBody;

use crate::{
    drills::{Breaks, Spoil},
    said::{Said, Splice},
};

/// What came of the next piece of a stream.
pub(crate) enum Pulled {
    /// Bytes for the client; may be empty while nothing whole has arrived.
    Bytes(Bytes),
    /// The stream is complete; these are its last bytes.
    End(Bytes),
    /// The stream failed. Nothing of the failure has been written yet; the bytes came before it.
    Fault(Fault, Bytes),
}

/// One provider stream.
pub(crate) struct Source {
    body: AnswerBody,
    dialect: &'static dyn Dialect,
    splitter: Splitter,
    reader: Box<dyn ReadEvents>,
    /// Writes the client's dialect; none where the provider speaks it already.
    writer: Option<Box<dyn WriteEvents>>,
    events: Vec<Event>,
    collector: Option<Collector>,
    /// What was said, where it may have to be continued.
    pub(crate) said: Option<Box<Said>>,
    /// Makes this stream the rest of a text that another began.
    splice: Option<Splice>,
    /// How a drill breaks it.
    spoil: Option<Box<Spoil>>,
    /// What was seen so far.
    pub(crate) seen: Glance,
    /// How many pieces of content were seen.
    pub(crate) pieces: u64,
}

impl Source {
    /// Begins to read. `client` is where dialects differ; `keep` collects the reply for the cache.
    pub(crate) fn new(
        body: AnswerBody,
        dialect: &'static dyn Dialect,
        client: Option<(&'static dyn Dialect, &Style)>,
        keep: bool,
    ) -> Self {
        Self {
            body,
            dialect,
            splitter: Splitter::new(dialect.framing()),
            reader: dialect.read_events(),
            writer: client.map(|(client, style)| client.write_events(style)),
            events: Vec::new(),
            collector: keep.then(Collector::default),
            said: None,
            splice: None,
            spoil: None,
            seen: Glance::default(),
            pieces: 0,
        }
    }

    /// The same, keeping what is said.
    pub(crate) fn remembering(self) -> Self {
        Self { said: Some(Box::default()), ..self }
    }

    /// The same, as a drill breaks it.
    pub(crate) fn spoilt_by(self, spoil: Option<Spoil>) -> Self {
        Self { spoil: spoil.map(Box::new), ..self }
    }

    /// Whether a drill has broken it.
    pub(crate) fn is_spoilt(&self) -> bool {
        self.spoil.as_ref().is_some_and(|spoil| spoil.has_struck())
    }

    /// Begins to read the rest of what was said, to be written into the message that the client has
    /// open.
    pub(crate) fn continuing(
        body: AnswerBody,
        dialect: &'static dyn Dialect,
        (client, style): (&'static dyn Dialect, &Style),
        said: &Said,
    ) -> Self {
        let mut source = Self::new(body, dialect, Some((client, style)), false);
        let mut sent_already = Vec::new();
        if let Some(writer) = &mut source.writer {
            for event in said.opening() {
                writer.write(&event, &mut sent_already);
            }
        }
        let splice = Some(Splice::behind(said));
        Self { said: Some(Box::new(said.clone())), splice, ..source }
    }

    /// Reads on until something can be said.
    pub(crate) fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Pulled> {
        if let Some(pulled) = ready!(self.poll_spoilt(cx)) {
            return Poll::Ready(pulled);
        }
        loop {
            let chunk = match std::pin::Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(self.end()),
                Poll::Ready(Some(Err(error))) => {
                    let message = format!("the provider's stream broke off: {error}");
                    let fault = Fault::new(Class::StreamTruncated, message);
                    return Poll::Ready(self.broken(fault, Bytes::new()));
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) if !chunk.is_empty() => chunk,
                    _ => continue,
                },
            };
            match self.digest(chunk) {
                Pulled::Bytes(bytes) if bytes.is_empty() => {
                    // Signs of life count: the caller restarts its timers.
                    return Poll::Ready(Pulled::Bytes(bytes));
                }
                pulled => return Poll::Ready(pulled),
            }
        }
    }

    /// What a drill makes of the stream now; none where it goes on.
    fn poll_spoilt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Pulled>> {
        let due = self.is_to_break();
        let Some(spoil) = &mut self.spoil else {
            return Poll::Ready(None);
        };
        if spoil.poll_over(cx).is_ready() {
            self.spoil = None;
            // What had arrived before it broke comes first.
            return Poll::Ready(Some(self.digest(Bytes::new())));
        }
        if !due {
            return Poll::Ready(None);
        }
        let frame = match spoil.strike() {
            Breaks::Silent => return Poll::Pending,
            Breaks::Cut => Vec::new(),
            Breaks::Told(frame) => frame.clone(),
        };
        let mut fault = spoil.cut();
        if !frame.is_empty() {
            self.reader.read(&frame, &mut self.events);
            fault = self.take_in(&mut Out::default()).unwrap_or(fault);
        }
        Poll::Ready(Some(self.fail(fault, Bytes::new())))
    }

    /// Whether a drill lets nothing more of it through. What is complete is not broken any more.
    fn is_to_break(&self) -> bool {
        let due = |spoil: &Spoil| spoil.is_due(self.pieces) && !self.seen.ended;
        self.spoil.as_deref().is_some_and(due)
    }

    /// Reads on until something can be said.
    pub(crate) async fn pull(&mut self) -> Pulled {
        std::future::poll_fn(|cx| self.poll_pull(cx)).await
    }

    /// The whole reply, once the stream is complete, if it was to be kept.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        self.collector.take()?.finish().ok()
    }

    /// Whether an answer that ended without content is one nevertheless: it was cut short or
    /// refused, which the client must see.
    pub(crate) fn ended_for_a_reason(&self) -> bool {
        self.seen.finish.is_some_and(|finish| finish != Finish::Stop)
    }

    fn digest(&mut self, chunk: Bytes) -> Pulled {
        let arrived = chunk.clone();
        self.splitter.push(chunk);
        let mut out = Out::default();
        while !self.is_to_break() {
            let frame = match self.splitter.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(fault) => return self.fail(fault, out.finish()),
            };
            let unread = self.writer.is_none() && self.collector.is_none() && self.said.is_none();
            if unread && self.seen.content && self.dialect.is_plain_delta(&frame) {
                self.pieces += 1;
            } else {
                self.reader.read(&frame, &mut self.events);
                if let Some(fault) = self.take_in(&mut out) {
                    return self.fail(fault, out.finish());
                }
            }
            if self.writer.is_none() {
                out.pass(frame, &arrived);
            }
        }
        let bytes = out.finish();
        // Some dialects send usage behind their terminal event; reading goes on to the true end.
        Pulled::Bytes(bytes)
    }

    /// Takes note of the events read, and writes them where dialects differ. Returns the error
    /// that the provider reported.
    fn take_in(&mut self, out: &mut Out) -> Option<Fault> {
        let mut fault = None;
        if let Some(splice) = &mut self.splice {
            splice.rewrite(&mut self.events);
        }
        self.seen.take_in(&self.events);
        for event in self.events.drain(..) {
            self.pieces += u64::from(event.is_content());
            if let Event::Error(error) = event {
                fault = Some(error);
                break;
            }
            if let Some(writer) = &mut self.writer {
                writer.write(&event, &mut out.written);
            }
            if let Some(said) = &mut self.said {
                said.take_in(&event);
            }
            if let Some(collector) = &mut self.collector {
                collector.push(event);
            }
        }
        self.events.clear();
        fault
    }

    fn end(&mut self) -> Pulled {
        let mut out = Out::default();
        if !self.seen.ended {
            self.read_rest(&mut out);
            self.reader.end(&mut self.events);
        }
        match self.take_in(&mut out) {
            Some(fault) => self.broken(fault, out.finish()),
            None => Pulled::End(out.finish()),
        }
    }

    /// Reads what came without its end. An event that lacks but its blank line is whole; anything
    /// else is a stream cut within a frame. After the finish nothing is left that could matter.
    fn read_rest(&mut self, out: &mut Out) {
        let rest = Bytes::copy_from_slice(self.splitter.rest());
        if rest.is_empty() || self.seen.finish.is_some() {
            return;
        }
        self.reader.read(&rest, &mut self.events);
        let mut whole = true;
        for event in &mut self.events {
            if let Event::Error(fault) = event {
                whole = false;
                if fault.class == Class::BadPayload {
                    let message = "the provider's stream ended within an event";
                    *fault = Fault::new(Class::StreamTruncated, message);
                }
            }
        }
        if whole && self.writer.is_none() && self.dialect.framing() == Framing::Sse {
            out.passed = Some([&rest[..], b"\n\n"].concat().into());
        }
    }

    fn broken(&self, fault: Fault, before: Bytes) -> Pulled {
        if self.seen.ended {
            return Pulled::End(before);
        }
        self.fail(fault, before)
    }

    fn fail(&self, fault: Fault, before: Bytes) -> Pulled {
        let phase = if self.seen.content { Phase::PostCommit } else { Phase::PreCommit };
        Pulled::Fault(fault.at(phase), before)
    }

    /// Writes a fault as the client's dialect does inside a stream.
    pub(crate) fn write_fault(
        &mut self,
        fault: &Fault,
        client: &'static dyn Dialect,
        style: &Style,
    ) -> Bytes {
        let mut out = Vec::new();
        let event = Event::Error(fault.clone());
        match &mut self.writer {
            Some(writer) => writer.write(&event, &mut out),
            None => client.write_events(style).write(&event, &mut out),
        }
        out.into()
    }
}

/// Bytes for the client, gathered from the frames of one chunk.
#[derive(Default)]
struct Out {
    written: Vec<u8>,
    passed: Option<Bytes>,
    joined: BytesMut,
}

impl Out {
    /// Passes a frame on untouched. Frames that follow each other in the chunk they arrived in
    /// become one slice of it again.
    fn pass(&mut self, frame: Bytes, chunk: &Bytes) {
        let Some(before) = self.passed.take() else {
            self.passed = Some(frame);
            return;
        };
        let offset = |bytes: &Bytes| bytes.as_ptr().addr().wrapping_sub(chunk.as_ptr().addr());
        let start = offset(&before);
        let end = start.wrapping_add(before.len());
        if end == offset(&frame) && start < chunk.len() && end + frame.len() <= chunk.len() {
            self.passed = Some(chunk.slice(start..end + frame.len()));
        } else {
            self.joined.extend_from_slice(&before);
            self.passed = Some(frame);
        }
    }

    fn finish(mut self) -> Bytes {
        match (self.passed, self.joined.is_empty()) {
            (Some(passed), true) => passed,
            (Some(passed), false) => {
                self.joined.extend_from_slice(&passed);
                self.joined.freeze()
            }
            (None, _) => self.written.into(),
        }
    }
}
