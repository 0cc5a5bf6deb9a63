//! HTTP/1.1 connections to providers, kept between requests.
//!
//! One pool belongs to one worker. A connection carries one request at a time and comes back when
//! its answer was read to the end; an answer that is dropped early takes its connection with it,
//! which is how a provider learns that nobody listens any more. HTTP/2 is not used upstream: one
//! dead path or one `GOAWAY` would take every stream that shares it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::HOST, uri::PathAndQuery};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tieline_types::{Class, Fault, Phase, Replay, chain};
use tokio::time::{Instant, timeout};

use crate::{Parts, connect::Connector};

/// How long an idle connection is kept. Providers close theirs after one to ten minutes.
const IDLE: Duration = Duration::from_secs(50);
/// The time a connection may take to be ready again after an answer was read to its end.
const SETTLE: Duration = Duration::from_millis(10);
/// Idle connections kept for one host.
const IDLE_PER_HOST_MAX: usize = 1024;

/// A pool of connections made by one connector.
#[derive(Clone)]
pub(crate) struct Pool {
    connector: Connector,
    /// None where connections are not kept: callers name the hosts, and there is no end of them.
    idle: Option<Arc<Idle>>,
}

/// Idle connections by scheme and authority. Providers are few: a list beats a map.
#[derive(Default)]
struct Idle {
    hosts: Mutex<Vec<(Uri, Vec<Resting>)>>,
}

struct Resting {
    sender: SendRequest<Parts>,
    since: Instant,
}

/// The body of an answer. Read to its end, it gives its connection back.
pub struct AnswerBody {
    incoming: Incoming,
    lease: Option<Lease>,
}

struct Lease {
    sender: SendRequest<Parts>,
    host: Uri,
    idle: Option<Arc<Idle>>,
}

impl Pool {
    pub(crate) fn new(connector: Connector, keep: bool) -> Self {
        Self { connector, idle: keep.then(Arc::default) }
    }

    /// Sends a request with an absolute address and waits for the head of the answer.
    ///
    /// # Errors
    /// A fault of class `transport`; `replay` says whether the provider may have seen the request.
    pub(crate) async fn send(
        &self,
        mut request: Request<Parts>,
    ) -> Result<Response<AnswerBody>, Fault> {
        let host = to_origin_form(&mut request)?;
        while let Some(mut sender) = self.idle.as_ref().and_then(|idle| idle.take(&host)) {
            // Closed meanwhile, or still uploading to a provider that answered early: not reusable.
            if !sender.is_ready() && !matches!(timeout(SETTLE, sender.ready()).await, Ok(Ok(()))) {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.lend(response, sender, host)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(lost(&failed.into_error())),
                },
            }
        }
        let mut sender = self.connect(&host).await.map_err(|error| unreached(&error))?;
        match sender.send_request(request).await {
            Ok(response) => Ok(self.lend(response, sender, host)),
            Err(error) => Err(lost(&error)),
        }
    }

    async fn connect(&self, host: &Uri) -> io::Result<SendRequest<Parts>> {
        let io = TokioIo::new(self.connector.connect(host).await?);
        let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
        tokio::spawn(async move {
            // What goes wrong is told to the request under way.
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn lend(
        &self,
        response: Response<Incoming>,
        sender: SendRequest<Parts>,
        host: Uri,
    ) -> Response<AnswerBody> {
        let lease = Lease { sender, host, idle: self.idle.clone() };
        response.map(|incoming| AnswerBody { incoming, lease: Some(lease) })
    }
}

impl Idle {
    /// The connection used last, which is the likeliest to be open still.
    fn take(&self, host: &Uri) -> Option<SendRequest<Parts>> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, resting) = hosts.iter_mut().find(|(known, _)| known == host)?;
        while let Some(newest) = resting.pop() {
            if newest.since.elapsed() > IDLE {
                // The rest is older still.
                resting.clear();
                return None;
            }
            if !newest.sender.is_closed() {
                return Some(newest.sender);
            }
        }
        None
    }

    fn put(&self, host: Uri, sender: SendRequest<Parts>) {
        let resting = Resting { sender, since: Instant::now() };
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        match hosts.iter_mut().find(|(known, _)| *known == host) {
            Some((_, others)) if others.len() >= IDLE_PER_HOST_MAX => {}
            Some((_, others)) => others.push(resting),
            None => hosts.push((host, vec![resting])),
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => {
                if let Some(Lease { sender, host, idle: Some(idle) }) = self.lease.take() {
                    idle.put(host, sender);
                }
            }
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Splits an absolute address into the host to connect to, which is returned, and the path that
/// goes over the wire; names the host in its header unless a signature has done so.
fn to_origin_form(request: &mut Request<Parts>) -> Result<Uri, Fault> {
    let invalid = || Fault::new(Class::Internal, "a provider's address is not absolute");
    let mut parts = request.uri().clone().into_parts();
    let path = parts.path_and_query.replace(PathAndQuery::from_static("/")).ok_or_else(invalid)?;
    let host = Uri::from_parts(parts).map_err(|_| invalid())?;
    let authority = host.authority().ok_or_else(invalid)?;
    if !request.headers().contains_key(HOST) {
        let default = if host.scheme_str() == Some("https") { 443 } else { 80 };
        let name = match authority.port_u16() {
            Some(port) if port != default => authority.as_str(),
            _ => authority.host(),
        };
        let value = HeaderValue::from_str(name).map_err(|_| invalid())?;
        request.headers_mut().insert(HOST, value);
    }
    *request.uri_mut() = path.into();
    Ok(host)
}

/// The request never left.
fn unreached(error: &io::Error) -> Fault {
    Fault::new(Class::Transport, format!("cannot connect to the provider: {error}"))
}

/// The connection broke before an answer came.
fn lost(error: &hyper::Error) -> Fault {
    let mut fault = Fault::new(
        Class::Transport,
        format!("the connection to the provider broke: {}", chain(error)),
    );
    fault.replay = Replay::MaybeExecuted;
    fault.phase = Phase::Headers;
    fault
}
