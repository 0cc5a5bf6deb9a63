//! The simulation: its providers, its time, its connections.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tieline_types::Clock;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    ProviderSpec, Quotas, Script, Seen,
    body::{Broken, Paced, Reset},
    fixed::Canned,
    request::Exchange,
    seen::Log,
};

/// The largest request body that a provider takes.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a listener waits after it failed to accept, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Where simulated wall time begins, seconds since the Unix epoch: 22 November 2026, midnight UTC.
const START_UNIX_S: u64 = 1_795_305_600;

/// Simulated providers. Clones are handles on the same simulation; when the last one is dropped,
/// its listeners close.
#[derive(Clone, Debug)]
pub struct Sim {
    world: Arc<World>,
    _stop: Arc<DropGuard>,
}

/// All that connections share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) script: Script,
    pub(crate) quotas: Quotas,
    start: Instant,
    clock: Clock,
    providers: Vec<Arc<Provider>>,
    stop: CancellationToken,
}

/// One provider and what it remembers.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) spec: ProviderSpec,
    /// Its place among the providers.
    pub(crate) place: u64,
    pub(crate) canned: Option<Canned>,
    count: AtomicU64,
    log: Mutex<Log>,
}

impl Sim {
    /// A simulation that begins now. Wall time in its answers begins on 22 November 2026, so that
    /// they do not depend on the day; see [`Sim::starting_at`].
    #[must_use]
    pub fn new(seed: u64, specs: Vec<ProviderSpec>) -> Self {
        Self::starting_at(UNIX_EPOCH + Duration::from_secs(START_UNIX_S), seed, specs)
    }

    /// A simulation that begins now and whose wall time begins at `wall`.
    #[must_use]
    pub fn starting_at(wall: SystemTime, seed: u64, specs: Vec<ProviderSpec>) -> Self {
        let clock = Clock::starting_at(wall);
        let created_s = clock.unix_s(Duration::ZERO);
        let providers = specs.into_iter().zip(0u64..).map(|(spec, place)| {
            let canned = spec.fixed.map(|fixed| Canned::new(fixed, &spec, seed, created_s));
            let (count, log) = (AtomicU64::new(0), Mutex::default());
            Arc::new(Provider { spec, place, canned, count, log })
        });
        let stop = CancellationToken::new();
        let world = World {
            seed,
            script: Script::new(seed),
            quotas: Quotas::default(),
            start: Instant::now(),
            clock,
            providers: providers.collect(),
            stop: stop.clone(),
        };
        Self { world: Arc::new(world), _stop: Arc::new(stop.drop_guard()) }
    }

    /// The faults in force; may be changed at any time.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.world.script
    }

    /// What accounts may use; may be changed at any time. There are no limits at first.
    #[must_use]
    pub fn quotas(&self) -> &Quotas {
        &self.world.quotas
    }

    /// The latest requests that a provider received, oldest first, at most 1024. Empty for a
    /// provider that is unknown or has a fixed reply.
    #[must_use]
    pub fn seen(&self, provider: &str) -> Vec<Seen> {
        self.world.provider(provider).map(|provider| provider.log().all()).unwrap_or_default()
    }

    /// How many requests a provider received.
    #[must_use]
    pub fn count(&self, provider: &str) -> u64 {
        self.world.provider(provider).map_or(0, |provider| provider.count.load(Ordering::Relaxed))
    }

    /// Serves one connection, HTTP/1.1 or HTTP/2 with prior knowledge, until it closes. An unknown
    /// provider closes it at once.
    pub async fn serve_io<IO>(&self, provider: &str, io: IO)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match self.world.provider(provider) {
            Some(provider) => serve(self.world.clone(), provider, io, Reset::default()).await,
            None => tracing::warn!(provider, "no such simulated provider"),
        }
    }

    /// Opens a port for a provider and serves it until the last handle on this simulation is
    /// dropped. Port 0 takes a free one; the answer says which.
    ///
    /// # Errors
    /// `NotFound` for an unknown provider; whatever binding the address gives.
    pub async fn listen(&self, provider: &str, addr: SocketAddr) -> io::Result<SocketAddr> {
        let provider = self.world.provider(provider).ok_or(io::ErrorKind::NotFound)?;
        let listener = TcpListener::bind(addr).await?;
        let bound = listener.local_addr()?;
        let world = self.world.clone();
        tokio::spawn(async move {
            let stop = world.stop.clone();
            stop.run_until_cancelled(accept(world, provider, listener)).await;
        });
        Ok(bound)
    }
}

impl World {
    /// Since the simulation's start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Simulated wall time, milliseconds since the Unix epoch.
    pub(crate) fn unix_ms(&self, elapsed: Duration) -> u64 {
        self.clock.unix_ms(elapsed)
    }

    fn provider(&self, name: &str) -> Option<Arc<Provider>> {
        self.providers.iter().find(|provider| provider.spec.name == name).cloned()
    }
}

impl Provider {
    pub(crate) fn remember(&self, seen: Seen) {
        self.log().push(seen);
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(world: Arc<World>, provider: Arc<Provider>, listener: TcpListener) -> Infallible {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, provider = provider.spec.name, "accepting failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection may be slow");
        }
        let (world, provider) = (world.clone(), provider.clone());
        tokio::spawn(async move {
            let reset = Reset::default();
            let stop = world.stop.clone();
            let plug = Plug { stream, reset: reset.clone() };
            stop.run_until_cancelled(serve(world, provider, plug, reset)).await;
        });
    }
}

async fn serve<IO>(world: Arc<World>, provider: Arc<Provider>, io: IO, reset: Reset)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let (world, provider, reset) = (world.clone(), provider.clone(), reset.clone());
        async move { answer(&world, &provider, request, reset).await }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Answers carry simulated wall time instead.
    builder.http1().auto_date_header(false);
    builder.http2().auto_date_header(false);
    if let Err(error) = builder.serve_connection(TokioIo::new(io), service).await {
        tracing::debug!(error, provider = provider.spec.name, "a connection ended early");
    }
}

async fn answer(
    world: &World,
    provider: &Provider,
    request: Request<Incoming>,
    reset: Reset,
) -> Result<Response<Paced>, Broken> {
    let at = world.elapsed();
    let number = provider.count.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Some(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => None,
        Err(_) => return Err(Broken),
    };
    Exchange::new(world, provider, parts, body, (number, at), reset).answer().await
}

/// A socket that can be reset instead of closed.
struct Plug {
    stream: TcpStream,
    reset: Reset,
}

impl Drop for Plug {
    fn drop(&mut self) {
        if self.reset.asked() && self.stream.set_zero_linger().is_err() {
            tracing::debug!("the connection is closed, not reset");
        }
    }
}

impl AsyncRead for Plug {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Plug {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
