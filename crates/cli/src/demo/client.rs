//! A client that knows when an answer is whole.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::json;
use tieline_dialect::{Glance, dialect, frame::Splitter, ir::Finish};
use tieline_types::DialectId;
use tokio::time::{Instant, timeout};

/// The trace that all built-in clients' requests travel under, so that the ledger tells them from
/// other people's: the bytes of `tieline-demo-run` in hexadecimal.
pub(crate) const TRACE_ID: &str = "7469656c696e652d64656d6f2d72756e";
/// How long a client waits before it gives a request up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most tokens a client asks for.
const OUTPUT_TOKENS: u32 = 1024;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) feature: &'static str,
    pub(crate) dialect: DialectId,
    pub(crate) stream: bool,
    pub(crate) prompt: String,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) tier: String,
    pub(crate) deployment: Option<String>,
    /// From the request to the first content of a stream.
    pub(crate) first_token: Option<Duration>,
    /// From the request to the last byte.
    pub(crate) total: Duration,
}

/// Why a request has no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The request could not be written.
    #[error("the request is malformed")]
    Request(#[source] http::Error),
    /// The connection failed.
    #[error("the connection failed")]
    Send(#[source] hyper_util::client::legacy::Error),
    /// The connection broke while the answer came.
    #[error("the answer broke off")]
    Receive(#[source] hyper::Error),
    /// The gateway refused.
    #[error("HTTP {0}")]
    Status(StatusCode),
    /// The answer ended without its end, without content or with an error.
    #[error("the answer is not complete")]
    Incomplete,
    /// Nothing came for too long.
    #[error("no whole answer in time")]
    Late,
}

/// A pool of connections to the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    gateway: SocketAddr,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the gateway that listens there.
    pub(crate) fn new(gateway: SocketAddr) -> Self {
        Self { gateway, pool: Pool::builder(TokioExecutor::new()).build_http() }
    }

    /// Asks and reads the whole answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Answer, Lost> {
        timeout(PATIENCE, self.exchange(ask)).await.unwrap_or(Err(Lost::Late))
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, Lost> {
        let began = Instant::now();
        let request = self.request(ask).map_err(Lost::Request)?;
        let response = self.pool.request(request).await.map_err(Lost::Send)?;
        if response.status() != StatusCode::OK {
            return Err(Lost::Status(response.status()));
        }
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let tier = header("x-tieline-tier").ok_or(Lost::Incomplete)?;
        let deployment = header("x-tieline-deployment");
        let first_token = if ask.stream {
            Some(read_stream(ask.dialect, response, began).await?)
        } else {
            read_whole(ask.dialect, response).await?;
            None
        };
        Ok(Answer { tier, deployment, first_token, total: began.elapsed() })
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>, http::Error> {
        let messages = json!([{ "role": "user", "content": ask.prompt }]);
        let (path, limit) = match ask.dialect {
            DialectId::AnthropicMessages => ("/v1/messages", "max_tokens"),
            _ => ("/v1/chat/completions", "max_completion_tokens"),
        };
        let body = json!({
            "model": ask.feature,
            "messages": messages,
            "stream": ask.stream,
            limit: OUTPUT_TOKENS,
        });
        Request::post(format!("http://{}{path}", self.gateway))
            .header(CONTENT_TYPE, "application/json")
            .header("traceparent", format!("00-{TRACE_ID}-0000000000000001-01"))
            .body(Full::from(body.to_string()))
    }
}

/// Reads a whole answer; it must say that it ended by itself, and have content.
async fn read_whole(id: DialectId, response: Response<Incoming>) -> Result<(), Lost> {
    let body = response.into_body().collect().await.map_err(Lost::Receive)?.to_bytes();
    let reply = dialect(id).read_response(&body).map_err(|_| Lost::Incomplete)?;
    let whole = reply.finish == Finish::Stop && !reply.blocks.is_empty();
    if whole { Ok(()) } else { Err(Lost::Incomplete) }
}

/// Reads a stream to its dialect's terminal event; gives the time of its first content.
async fn read_stream(
    id: DialectId,
    response: Response<Incoming>,
    began: Instant,
) -> Result<Duration, Lost> {
    let dialect = dialect(id);
    let (mut splitter, mut reader) = (Splitter::new(dialect.framing()), dialect.read_events());
    let (mut seen, mut first) = (Glance::default(), None);
    let mut events = Vec::new();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(Lost::Receive)?.into_data() else {
            continue;
        };
        splitter.push(chunk);
        while let Some(frame) = splitter.next_frame().map_err(|_| Lost::Incomplete)? {
            reader.read(&frame, &mut events);
            seen.take_in(&events);
            events.clear();
            if seen.content {
                first.get_or_insert_with(|| began.elapsed());
            }
        }
    }
    reader.end(&mut events);
    seen.take_in(&events);
    let whole = seen.ended && seen.fault.is_none() && seen.finish == Some(Finish::Stop);
    first.filter(|_| whole).ok_or(Lost::Incomplete)
}
