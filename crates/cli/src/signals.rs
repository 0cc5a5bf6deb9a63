//! What the operating system may ask of a running command.

use std::future::poll_fn;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// The signals a running command listens to.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Read the configuration again (SIGHUP).
    Reload,
    /// Finish and end (SIGTERM, SIGINT).
    Stop,
}

impl Signals {
    /// Listens from now on. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let open = |kind| signal(kind).map_err(Failure::os("listen to signals"));
        Ok(Self {
            interrupt: open(SignalKind::interrupt())?,
            terminate: open(SignalKind::terminate())?,
            hangup: open(SignalKind::hangup())?,
        })
    }

    /// Waits for the next wish.
    pub(crate) async fn next(&mut self) -> Wish {
        poll_fn(|cx| {
            let stop = self.interrupt.poll_recv(cx).is_ready();
            if stop | self.terminate.poll_recv(cx).is_ready() {
                return Poll::Ready(Wish::Stop);
            }
            self.hangup.poll_recv(cx).map(|_| Wish::Reload)
        })
        .await
    }

    /// Waits until somebody wishes the command to end.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }
}
