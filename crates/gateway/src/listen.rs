//! Stop 1: accept, TLS, limits; one task a connection.

use std::{convert::Infallible, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tieline_upstream::Upstream;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{GatewayError, gateway::Gateway, serve};

/// The time a client may take to send a request's head, and a TLS client to shake hands. It is also
/// how long an idle connection is kept: hyper has one limit for both.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head; also the read buffer's limit.
const HEAD_BYTES_MAX: usize = 256 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// The most requests that one HTTP/2 connection has under way.
const STREAMS_MAX: u32 = 250;
/// The most connections of one worker.
const CONNECTIONS_MAX: usize = 20_000;

/// What serves connections: the shared gateway and a worker's own connections to providers.
pub struct Worker {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstream: Upstream,
    pub(crate) connections: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

/// TLS for the data port.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads a certificate chain and its key, both PEM. Offers HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// When a file cannot be read or the two do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, GatewayError> {
        let fail = |path: &Path, source: Box<dyn std::error::Error + Send + Sync>| {
            GatewayError::Tls { path: path.to_owned(), source }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| fail(certificate, error.into()))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| fail(key, error.into()))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(|error| fail(certificate, error.into()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

impl Worker {
    /// A worker of a gateway. `stop` ends its connections after their current request.
    ///
    /// # Errors
    /// When connections to providers cannot be set up.
    pub fn new(gateway: &Arc<Gateway>, stop: CancellationToken) -> Result<Arc<Self>, GatewayError> {
        let upstream = Upstream::new(gateway.network.clone()).map_err(GatewayError::Upstream)?;
        Ok(Arc::new(Self {
            gateway: Arc::clone(gateway),
            upstream,
            connections: TaskTracker::new(),
            stop,
        }))
    }

    /// The gateway that it is a worker of.
    #[must_use]
    pub fn gateway(&self) -> Arc<Gateway> {
        Arc::clone(&self.gateway)
    }

    /// Accepts connections until told to stop.
    pub(crate) async fn accept(self: &Arc<Self>, listener: TcpListener, tls: Option<Tls>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) if self.connections.len() >= CONNECTIONS_MAX => drop(stream),
                Ok((stream, _)) => {
                    // Events are small and must go out at once.
                    let _ = stream.set_nodelay(true);
                    let worker = Arc::clone(self);
                    match tls.clone() {
                        None => self.connections.spawn(async move {
                            // HTTP's own limits begin with the first byte.
                            let spoke = stream.readable();
                            if tokio::time::timeout(HEADER_TIMEOUT, spoke).await.is_ok() {
                                worker.serve_io(stream).await;
                            }
                        }),
                        Some(Tls(acceptor)) => self.connections.spawn(async move {
                            let shaken = acceptor.accept(stream);
                            if let Ok(Ok(stream)) =
                                tokio::time::timeout(HEADER_TIMEOUT, shaken).await
                            {
                                worker.serve_io(stream).await;
                            }
                        }),
                    };
                }
                Err(error) => {
                    // Out of file descriptors, mostly: let some connections end first.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Serves one connection, HTTP/1.1 or HTTP/2 as its first bytes say, until it ends.
    pub async fn serve_io<IO>(self: Arc<Self>, io: IO)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.gateway.metrics.connections.inc();
        let worker = Arc::clone(&self);
        let service = service_fn(move |request| {
            // Boxed: the walk's state is large, and the connection moves what it is given.
            let served = Box::pin(serve::serve(Arc::clone(&worker), request));
            async move { Ok::<_, Infallible>(served.await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .keep_alive_interval(Duration::from_secs(30))
            .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(io), service));
        tokio::select! {
            done = connection.as_mut() => note(done),
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                note(connection.await);
            }
        }
        self.gateway.metrics.connections.dec();
    }
}

fn note(done: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Binds a listener that every worker can share.
pub(crate) fn bind(address: SocketAddr) -> Result<std::net::TcpListener, GatewayError> {
    let fail = |source: io::Error| GatewayError::Bind { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    Ok(listener)
}
