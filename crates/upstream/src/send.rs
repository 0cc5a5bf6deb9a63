//! One upstream call: identity, pooled connection, write, response head.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tieline_identity::{TOKEN_REPLY_BYTES_MAX, TokenHttp, TokenHttpFuture};
use tieline_types::{Class, Fault};

use crate::{
    AddressRule, Dial, Network, Parts, Route,
    connect::Connector,
    pool::{AnswerBody, Pool},
};

/// A provider's response: its head, and its body as it arrives.
pub type Answer = Response<AnswerBody>;

/// What is sent to a deployment.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Where to.
    pub route: &'a Route,
    /// Whether a stream is wanted (some dialects have another path for it).
    pub stream: bool,
    /// The client's headers that its dialect hands through, and trace context.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: Parts,
}

/// A pool of connections to providers. Each worker has its own, so that workers share no lock.
pub struct Upstream {
    network: Network,
    pub(crate) usual: Pool,
    /// Pools for providers that are dialled in an unusual way.
    special: Mutex<Vec<(Dial, Pool)>>,
    pub(crate) public: Pool,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Upstream {
    /// A pool on the given network.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(network: Network) -> io::Result<Self> {
        let connector = Connector::new(network.clone(), &Dial::default())?;
        let public = Pool::new(connector.clone().of(AddressRule::Public), false);
        let usual = Pool::new(connector, true);
        Ok(Self { network, usual, special: Mutex::default(), public })
    }

    /// Sends one request and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    /// A fault of class `auth` (no credential to be had) or `transport`; `replay` says whether the
    /// provider may have seen the request.
    pub async fn send(&self, call: Outgoing<'_>, now: SystemTime) -> Result<Answer, Fault> {
        let (method, uri) = (Method::POST, call.route.uri(call.stream));
        let request =
            Self::request((method, uri), call.route, call.headers, call.body, now).await?;
        self.dispatch(&call.route.dial, request).await
    }

    pub(crate) async fn dispatch(
        &self,
        dial: &Dial,
        request: Request<Parts>,
    ) -> Result<Answer, Fault> {
        if *dial == Dial::default() {
            return self.usual.send(request).await;
        }
        let pool = self.special(dial).map_err(|error| {
            Fault::new(Class::Internal, format!("cannot dial the provider: {error}"))
        })?;
        pool.send(request).await
    }

    pub(crate) async fn request(
        (method, uri): (Method, &Uri),
        route: &Route,
        headers: &HeaderMap,
        body: Parts,
        now: SystemTime,
    ) -> Result<Request<Parts>, Fault> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().clone_from(&route.headers);
        for (name, value) in headers {
            request.headers_mut().insert(name, value.clone());
        }
        let (mut parts, body) = request.into_parts();
        let slices: Vec<Bytes> = body.as_slices().cloned().collect();
        route
            .credential
            .authorize(&mut parts, &slices, now)
            .await
            .map_err(|error| error.fault())?;
        Ok(Request::from_parts(parts, body))
    }

    fn special(&self, dial: &Dial) -> io::Result<Pool> {
        let mut special = self.special.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pool)) = special.iter().find(|(known, _)| known == dial) {
            return Ok(pool.clone());
        }
        let made = Pool::new(Connector::new(self.network.clone(), dial)?, true);
        special.push((dial.clone(), made.clone()));
        Ok(made)
    }
}

/// Reads a whole body of at most `max` bytes.
///
/// # Errors
/// `stream_truncated` when the connection breaks off, `bad_payload` when it is too long.
pub async fn collect(mut body: AnswerBody, max: usize) -> Result<Bytes, Fault> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX).min(max);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Fault::new(Class::StreamTruncated, format!("the provider's answer broke off: {error}"))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > max {
            return Err(Fault::new(
                Class::BadPayload,
                format!("the provider's answer exceeds {max} bytes"),
            ));
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(expected.max(first.len() + data.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Token requests travel through the same client as everything else.
impl TokenHttp for Upstream {
    fn send(&self, request: Request<Bytes>) -> TokenHttpFuture<'_> {
        Box::pin(async move {
            let request = request.map(|body| Parts::from([body]));
            let answer = self.usual.send(request).await?;
            let (head, body) = answer.into_parts();
            let body = collect(body, TOKEN_REPLY_BYTES_MAX).await?;
            Ok(Response::from_parts(head, body))
        })
    }
}
