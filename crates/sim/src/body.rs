//! Response bodies that take their time and may end badly.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// What was sent is given this long to reach the wire before the connection breaks.
const BREAK_AFTER: Duration = Duration::from_millis(1);

/// One write of a body, and the wait before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Since the piece before was due.
    pub(crate) wait: Duration,
    pub(crate) bytes: Bytes,
    /// It holds content, as a client would see it.
    pub(crate) content: bool,
}

impl Piece {
    /// A piece that is due at once.
    pub(crate) fn now(bytes: impl Into<Bytes>) -> Self {
        Self { wait: Duration::ZERO, bytes: bytes.into(), content: false }
    }
}

/// How a body ends.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// As it should.
    Clean,
    /// The connection breaks.
    Break(Reset),
    /// Never.
    Hang,
}

/// Tells the owner of a connection that it is to be reset, not closed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reset(Arc<AtomicBool>);

impl Reset {
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The connection was broken on purpose.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the simulated provider broke the connection")]
pub(crate) struct Broken;

/// Pieces on their times. Times count from the body's making, so a slow reader gets late pieces at
/// once, as from a provider that generates regardless.
pub(crate) struct Paced {
    pieces: Arc<[Piece]>,
    next: usize,
    ending: Ending,
    /// The length is known beforehand and told.
    whole: bool,
    due: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Paced {
    /// A stream of unknown length.
    pub(crate) fn stream(pieces: impl Into<Arc<[Piece]>>, ending: Ending) -> Self {
        Self {
            pieces: pieces.into(),
            next: 0,
            ending,
            whole: false,
            due: Instant::now(),
            timer: None,
            waiting: false,
        }
    }

    /// A body of known length, sent at once.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { whole: true, ..Self::stream([Piece::now(bytes)], Ending::Clean) }
    }

    fn poll_wait(&mut self, wait: Duration, cx: &mut Context<'_>) -> Poll<()> {
        if wait.is_zero() {
            return Poll::Ready(());
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(self.due)));
        if !self.waiting {
            self.waiting = true;
            self.due += wait;
            timer.as_mut().reset(self.due);
        }
        ready!(timer.as_mut().poll(cx));
        self.waiting = false;
        Poll::Ready(())
    }

    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.ending.clone() {
            Ending::Clean => Poll::Ready(None),
            Ending::Hang => Poll::Pending,
            Ending::Break(reset) => {
                if !self.waiting {
                    self.due = self.due.max(Instant::now());
                }
                ready!(self.poll_wait(BREAK_AFTER, cx));
                reset.ask();
                Poll::Ready(Some(Err(Broken)))
            }
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(piece) = self.pieces.get(self.next) else {
            return self.poll_ending(cx);
        };
        let (wait, bytes) = (piece.wait, piece.bytes.clone());
        ready!(self.poll_wait(wait, cx));
        self.next += 1;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.next == self.pieces.len() && matches!(self.ending, Ending::Clean)
    }

    fn size_hint(&self) -> SizeHint {
        if !self.whole {
            return SizeHint::default();
        }
        let left = self.pieces.iter().skip(self.next).map(|piece| piece.bytes.len()).sum::<usize>();
        SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
    }
}
