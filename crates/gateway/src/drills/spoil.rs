//! How a fault strikes: in the place of a call, before it, or in the middle of its stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tieline_dialect::dialect;
use tieline_types::{Class, DialectId, Fault, Phase};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    FaultKind,
    drill::Injected,
    words::{Refusal, frame},
};
use crate::gateway::Gateway;

/// How a stream breaks.
pub(crate) enum Breaks {
    /// It falls silent.
    Silent,
    /// It ends without its terminal event.
    Cut,
    /// It ends with this frame.
    Told(Vec<u8>),
}

/// A stream that breaks.
pub(crate) struct Spoil {
    gateway: Arc<Gateway>,
    injected: Arc<Injected>,
    /// Pieces of content before it.
    after: u64,
    breaks: Breaks,
    /// The drill ends, and with it what it does.
    over: Pin<Box<WaitForCancellationFutureOwned>>,
    struck: bool,
}

impl Injected {
    /// What happens before the provider is called.
    ///
    /// # Errors
    /// The fault that takes the place of the call.
    pub(crate) async fn strike(&self, gateway: &Gateway, id: DialectId) -> Result<(), Fault> {
        let within = self.calls() && !matches!(self.kind, FaultKind::TtftDelay { .. });
        if within {
            return Ok(());
        }
        self.count(gateway);
        match &self.kind {
            FaultKind::ConnectRefused => {
                let message = self.told("the connection was refused");
                Err(Fault::new(Class::Transport, message))
            }
            FaultKind::HttpError { status, word, retry_after_s } => {
                let message = self.told("the provider refused the request");
                let refusal = Refusal {
                    status: *status,
                    word: word.as_deref(),
                    retry_after_s: *retry_after_s,
                    message: &message,
                };
                let (headers, body) = refusal.write(id);
                Err(dialect(id).read_error(*status, &headers, &body).at(Phase::Headers))
            }
            FaultKind::TtftDelay { duration_ms } => {
                let over = self.over();
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(*duration_ms)) => {}
                    () = over.cancelled() => {}
                }
                Ok(())
            }
            FaultKind::Truncate { .. } => {
                let message = self.told("the provider's answer broke off");
                Err(Fault::new(Class::StreamTruncated, message))
            }
            FaultKind::Hang | FaultKind::Stall { .. } | FaultKind::StreamError { .. } => {
                self.over().cancelled().await;
                let message = self.told("the provider did not answer until the drill was over");
                Err(Fault::new(Class::Timeout, message))
            }
        }
    }

    /// How the stream of the call breaks; none where it does not.
    pub(crate) fn spoil(self: &Arc<Self>, gateway: &Arc<Gateway>, id: DialectId) -> Option<Spoil> {
        let (after, breaks) = match &self.kind {
            FaultKind::Stall { after_events } => (*after_events, Breaks::Silent),
            FaultKind::Truncate { after_events } => (*after_events, Breaks::Cut),
            FaultKind::StreamError { after_events, word } => {
                let message = self.told("the provider failed");
                (*after_events, Breaks::Told(frame(id, word.as_deref(), &message)))
            }
            _ => return None,
        };
        let over = Box::pin(self.over().cancelled_owned());
        let (gateway, injected) = (Arc::clone(gateway), Arc::clone(self));
        Some(Spoil { gateway, injected, after, breaks, over, struck: false })
    }

    /// What is said of it, so that nobody looks for it at the provider.
    fn told(&self, what: &str) -> String {
        format!("{what} (injected by the drill `{}`)", self.drilled.name())
    }
}

impl Spoil {
    /// Whether the stream, of which so many pieces of content came, is to break now.
    pub(crate) fn is_due(&self, pieces: u64) -> bool {
        pieces >= self.after
    }

    /// Whether the drill is over, so that the stream goes on as it is. Whoever asks is told when
    /// that changes.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.over.as_mut().poll(cx)
    }

    /// The stream breaks, in this way.
    pub(crate) fn strike(&mut self) -> &Breaks {
        if !self.struck {
            self.struck = true;
            self.injected.count(&self.gateway);
        }
        &self.breaks
    }

    /// Whether it has broken.
    pub(crate) const fn has_struck(&self) -> bool {
        self.struck
    }

    /// The fault of a stream that was cut.
    pub(crate) fn cut(&self) -> Fault {
        let message = self.injected.told("the provider's stream broke off");
        Fault::new(Class::StreamTruncated, message)
    }
}
