//! Hosts within the process, and what may be wrong with the way to them.

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use rustls::CertificateError;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::{Notify, mpsc},
};

/// Bytes that an in-memory pipe holds before its writer waits.
const PIPE_BYTES: usize = 64 * 1024;
/// Connections that may wait to be accepted by an in-memory host.
const BACKLOG: usize = 1024;

/// What is wrong with the way to a host, below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// The host's name has no address. Open connections stay.
    NoAddress,
    /// Nobody takes connections. Open ones stay.
    Refused,
    /// Packets vanish: no connection comes about, and open ones go quiet until it is over.
    BlackHole,
    /// The host shows a certificate that is out of date. Open connections stay.
    BadCertificate,
    /// Connections are reset: the open ones at once, new ones as soon as they are used.
    Reset,
}

impl LineFault {
    /// What whoever connects is told, as sockets, resolver and TLS tell it; none where the
    /// connection comes about or never does.
    fn refusal(self) -> Option<io::Error> {
        match self {
            Self::NoAddress => Some(io::Error::other("failed to look up the host's address")),
            Self::Refused => Some(io::ErrorKind::ConnectionRefused.into()),
            Self::BadCertificate => {
                let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
                Some(io::Error::new(io::ErrorKind::InvalidData, expired))
            }
            Self::BlackHole | Self::Reset => None,
        }
    }
}

/// Hosts within the process, by authority (`host:port`).
#[derive(Clone, Debug, Default)]
pub struct MemoryNetwork {
    hosts: Arc<Mutex<HashMap<String, Host>>>,
}

#[derive(Debug, Default)]
struct Host {
    door: Option<mpsc::Sender<DuplexStream>>,
    line: Arc<Line>,
}

impl MemoryNetwork {
    /// Opens a host; connections to it arrive at the receiver. Dropping the receiver closes it.
    #[must_use]
    pub fn listen(&self, authority: &str) -> mpsc::Receiver<DuplexStream> {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        self.hosts().entry(authority.to_owned()).or_default().door = Some(sender);
        receiver
    }

    /// Says what is wrong with the way to a host from now on; none heals it.
    pub fn strike(&self, authority: &str, fault: Option<LineFault>) {
        self.hosts().entry(authority.to_owned()).or_default().line.strike(fault);
    }

    /// Connects to a host. To a host in a black hole it never does: give it a time.
    ///
    /// # Errors
    /// `ConnectionRefused` where no such host listens or its backlog is full; what the way's fault
    /// brings.
    pub async fn connect(&self, authority: &str) -> io::Result<MemoryPipe> {
        let line = self.hosts().get(authority).map(|host| host.line.clone());
        if let Some(line) = line {
            line.passable().await?;
        }
        self.open(authority)
    }

    fn open(&self, authority: &str) -> io::Result<MemoryPipe> {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let hosts = self.hosts();
        let host = hosts.get(authority).ok_or_else(refused)?;
        let door = host.door.as_ref().ok_or_else(refused)?;
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        door.try_send(theirs).map_err(|_| refused())?;
        Ok(MemoryPipe { stream: ours, end: host.line.enlist(), line: host.line.clone() })
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to one host.
#[derive(Debug, Default)]
struct Line {
    state: Mutex<LineState>,
    /// For whoever waits to connect.
    changed: Notify,
}

#[derive(Debug, Default)]
struct LineState {
    fault: Option<LineFault>,
    /// Those whose fault it is too, while they are there.
    ends: Vec<Weak<End>>,
}

/// What a line can do to one connection over it.
#[derive(Debug, Default)]
struct End {
    reset: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Line {
    fn strike(&self, fault: Option<LineFault>) {
        let mut state = self.state();
        state.fault = fault;
        self.changed.notify_waiters();
        for end in state.ends.iter().filter_map(Weak::upgrade) {
            end.reset.fetch_or(fault == Some(LineFault::Reset), Ordering::AcqRel);
            if let Some(task) = end.task().take() {
                task.wake();
            }
        }
    }

    /// Comes back when connections come about.
    async fn passable(&self) -> io::Result<()> {
        loop {
            let changed = self.changed.notified();
            match self.state().fault {
                Some(LineFault::BlackHole) => {}
                fault => return fault.and_then(LineFault::refusal).map_or(Ok(()), Err),
            }
            changed.await;
        }
    }

    /// A new connection's end.
    fn enlist(&self) -> Arc<End> {
        let mut state = self.state();
        let end = Arc::new(End::default());
        end.reset.store(state.fault == Some(LineFault::Reset), Ordering::Release);
        state.ends.retain(|end| end.strong_count() > 0);
        state.ends.push(Arc::downgrade(&end));
        end
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to a host within the process.
#[derive(Debug)]
pub struct MemoryPipe {
    stream: DuplexStream,
    end: Arc<End>,
    line: Arc<Line>,
}

impl MemoryPipe {
    /// Lets bytes through, holds them back, or fails as a reset connection.
    fn poll_line(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.end.task().replace(cx.waker().clone());
        if self.end.reset.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        match self.line.state().fault {
            Some(LineFault::BlackHole) => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for MemoryPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_line(cx))?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for MemoryPipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_line(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_line(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
