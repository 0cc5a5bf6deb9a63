//! A client of simulated providers over in-memory pipes.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tieline_dialect::{
    Accepts, Collector, Losses, Target,
    frame::Splitter,
    ir::{Ask, Block, Content, Event, Message, Reply, Role},
};
use tieline_sim::{FAULT_HEADER, Kind, Pace, ProviderSpec, Sim};
use tieline_types::{DialectId, Fault};
use tokio::time::{Instant, timeout};

/// Longer than anything that ends by itself; costs nothing on paused time.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A provider of every kind, and the fastest of paces.
pub(crate) fn sim(seed: u64) -> Sim {
    Sim::new(seed, Kind::ALL.map(|kind| ProviderSpec::new(kind.as_str(), kind)).to_vec())
}

/// One provider named `p`.
pub(crate) fn sim_of(spec: ProviderSpec) -> Sim {
    Sim::new(7, vec![ProviderSpec { name: "p".to_owned(), ..spec }])
}

pub(crate) fn paced(kind: Kind, first_token: Duration, per_token: Duration) -> Sim {
    sim_of(ProviderSpec { pace: Pace { first_token, per_token }, ..ProviderSpec::new("p", kind) })
}

/// A place where model output is had: kind, dialect, path of a whole and of a streamed answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surface {
    pub(crate) kind: Kind,
    pub(crate) dialect: DialectId,
    pub(crate) whole: &'static str,
    pub(crate) stream: &'static str,
}

const fn surface(kind: Kind, dialect: DialectId, path: &'static str) -> Surface {
    Surface { kind, dialect, whole: path, stream: path }
}

pub(crate) const SURFACES: [Surface; 14] = [
    surface(Kind::Openai, DialectId::OpenaiChat, "/v1/chat/completions"),
    surface(Kind::Openai, DialectId::OpenaiResponses, "/v1/responses"),
    surface(Kind::AzureOpenai, DialectId::OpenaiChat, "/openai/v1/chat/completions"),
    surface(
        Kind::AzureOpenai,
        DialectId::OpenaiChat,
        "/openai/deployments/model-1/chat/completions?api-version=2025-04-01-preview",
    ),
    surface(Kind::AzureOpenai, DialectId::OpenaiResponses, "/openai/v1/responses"),
    surface(Kind::AzureOpenai, DialectId::OpenaiResponses, "/openai/responses?api-version=x"),
    surface(Kind::Anthropic, DialectId::AnthropicMessages, "/v1/messages?beta=true"),
    Surface {
        kind: Kind::Bedrock,
        dialect: DialectId::BedrockConverse,
        whole: "/model/model-1/converse",
        stream: "/model/model-1/converse-stream",
    },
    surface(Kind::Bedrock, DialectId::OpenaiChat, "/openai/v1/chat/completions"),
    surface(Kind::Bedrock, DialectId::OpenaiResponses, "/openai/v1/responses"),
    surface(Kind::Bedrock, DialectId::OpenaiResponses, "/v1/responses"),
    surface(Kind::Bedrock, DialectId::AnthropicMessages, "/anthropic/v1/messages"),
    surface(Kind::OpenaiCompatible, DialectId::OpenaiChat, "/v1/chat/completions"),
    surface(Kind::OpenaiCompatible, DialectId::OpenaiResponses, "/v1/responses"),
];

/// One surface of each dialect, at the vendor it comes from.
pub(crate) fn one_of_each_dialect() -> [Surface; 4] {
    [SURFACES[0], SURFACES[1], SURFACES[6], SURFACES[7]]
}

pub(crate) fn user(text: &str) -> Ask {
    let blocks = vec![Block::from(Content::Text(text.to_owned()))];
    Ask {
        model: "model-1".to_owned(),
        messages: vec![Message { role: Role::User, blocks }],
        include_usage: true,
        ..Ask::default()
    }
}

pub(crate) fn streamed(ask: Ask) -> Ask {
    Ask { stream: true, ..ask }
}

/// The request a client of the surface sends, credential included.
pub(crate) fn request(surface: Surface, ask: &Ask) -> Request<Full<Bytes>> {
    let target =
        Target { model: ask.model.clone(), accepts: Accepts::default(), max_output_tokens: 4096 };
    let body = tieline_dialect::dialect(surface.dialect)
        .write_request(ask, &target, &mut Losses::default())
        .unwrap();
    let path = if ask.stream { surface.stream } else { surface.whole };
    request_with(surface.kind, Method::POST, path, body)
}

pub(crate) fn request_with(
    kind: Kind,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "provider.test")
        .header("content-type", "application/json");
    builder = match kind {
        Kind::AzureOpenai => builder.header("api-key", "k"),
        Kind::Anthropic => {
            builder.header("x-api-key", "k").header("anthropic-version", "2023-06-01")
        }
        Kind::Openai | Kind::Bedrock | Kind::OpenaiCompatible => {
            builder.header("authorization", "Bearer k")
        }
    };
    builder.body(Full::new(body.into())).unwrap()
}

pub(crate) fn with_fault(mut request: Request<Full<Bytes>>, fault: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert(FAULT_HEADER, fault.parse().unwrap());
    request
}

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    Broken,
    Never,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Chunks and when they came, since the request.
    pub(crate) chunks: Vec<(Duration, Bytes)>,
    pub(crate) end: End,
}

impl Answer {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|(_, chunk)| chunk.to_vec()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The provider's error as the dialect reads it.
    pub(crate) fn error(&self, dialect: DialectId) -> Fault {
        tieline_dialect::dialect(dialect).read_error(self.status, &self.headers, &self.body())
    }

    /// The whole reply as the dialect reads it.
    pub(crate) fn reply(&self, dialect: DialectId) -> Result<Reply, Fault> {
        assert_eq!(self.status, 200, "{}", self.text());
        tieline_dialect::dialect(dialect).read_response(&self.body())
    }

    /// The events of the stream as the dialect reads them.
    pub(crate) fn events(&self, dialect: DialectId) -> Vec<Event> {
        assert_eq!(self.status, 200, "{}", self.text());
        let dialect = tieline_dialect::dialect(dialect);
        assert_eq!(self.header("content-type"), Some(dialect.framing().content_type()));
        let mut splitter = Splitter::new(dialect.framing());
        let mut reader = dialect.read_events();
        let mut events = Vec::new();
        for (_, chunk) in &self.chunks {
            splitter.push(chunk.clone());
            while let Some(frame) = splitter.next_frame().unwrap() {
                reader.read(&frame, &mut events);
            }
        }
        reader.end(&mut events);
        events
    }

    /// The stream folded into a reply.
    pub(crate) fn collected(&self, dialect: DialectId) -> Result<Reply, Fault> {
        let mut collector = Collector::default();
        for event in self.events(dialect) {
            collector.push(event);
        }
        collector.finish()
    }

    /// Content events of the stream.
    pub(crate) fn content(&self, dialect: DialectId) -> usize {
        self.events(dialect).iter().filter(|event| event.is_content()).count()
    }
}

/// Why there was no answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    Closed,
    Never,
}

/// One request on its own HTTP/1.1 connection.
pub(crate) async fn call(
    sim: &Sim,
    provider: &str,
    request: Request<Full<Bytes>>,
) -> Result<Answer, NoAnswer> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(pipe(sim, provider))).await.unwrap();
    tokio::spawn(connection);
    let begun = Instant::now();
    taken(begun, timeout(LONG, sender.send_request(request)).await).await
}

/// One request on its own HTTP/2 connection.
pub(crate) async fn call_http2(
    sim: &Sim,
    provider: &str,
    request: Request<Full<Bytes>>,
) -> Result<Answer, NoAnswer> {
    let io = TokioIo::new(pipe(sim, provider));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let begun = Instant::now();
    taken(begun, timeout(LONG, sender.send_request(request)).await).await
}

fn pipe(sim: &Sim, provider: &str) -> tokio::io::DuplexStream {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let (sim, provider) = (sim.clone(), provider.to_owned());
    tokio::spawn(async move { sim.serve_io(&provider, server).await });
    client
}

async fn taken(
    begun: Instant,
    response: Result<hyper::Result<Response<Incoming>>, tokio::time::error::Elapsed>,
) -> Result<Answer, NoAnswer> {
    let response = response.map_err(|_| NoAnswer::Never)?.map_err(|_| NoAnswer::Closed)?;
    let (parts, mut body) = response.into_parts();
    let mut chunks = Vec::new();
    let end = loop {
        match timeout(LONG, body.frame()).await {
            Err(_) => break End::Never,
            Ok(None) => break End::Whole,
            Ok(Some(Err(_))) => break End::Broken,
            Ok(Some(Ok(frame))) => {
                chunks.extend(frame.into_data().ok().map(|data| (begun.elapsed(), data)));
            }
        }
    };
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, chunks, end })
}

/// The text of a reply.
pub(crate) fn text_of(reply: &Reply) -> String {
    reply.blocks.iter().fold(String::new(), |all, block| match block {
        Content::Text(text) => all + text,
        _ => all,
    })
}
