//! A client of a feature: it asks, reads the answer to its end, and tries again where it may.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rand::{Rng as _, rngs::SmallRng};
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::{run::House, scenario::Clients};

/// Bytes that a connection holds before its writer waits.
const PIPE_BYTES: usize = 64 * 1024;
/// The backoff of official SDKs: from half a second, doubled, at most eight; and the longest wait
/// that they take from a provider.
const BACKOFF_S: f64 = 0.5;
const BACKOFF_MOST_S: f64 = 8.0;
const RETRY_AFTER_MOST_S: f64 = 60.0;
/// Bytes of a simulated token.
const TOKEN_BYTES: u64 = 4;

/// What a client makes of what it got.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// When it asked first, after the drill's start.
    pub(crate) asked: Duration,
    pub(crate) feature: String,
    /// How often it asked in all.
    pub(crate) requests: u32,
    pub(crate) end: End,
    /// A whole answer of a model that is shorter than was asked for.
    pub(crate) truncated: bool,
    /// A tool call that came twice, or with arguments that are no JSON.
    pub(crate) odd_tools: bool,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Whole,
    /// Refused or failed, with this status.
    Refused(u16),
    /// With an error in the client's own dialect, after it had begun.
    Told,
    /// With no word.
    Cut,
    /// Not in the time that the client waits.
    Never,
}

impl End {
    const fn may_be_tried_again(self) -> bool {
        match self {
            Self::Whole | Self::Told => false,
            Self::Refused(status) => matches!(status, 408 | 409 | 429 | 500..=599),
            Self::Cut | Self::Never => true,
        }
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) feature: String,
    pub(crate) body: Bytes,
    pub(crate) stream: bool,
    /// How many tokens the answer should have; none where a tool is called.
    pub(crate) tokens: Option<u64>,
    pub(crate) asked: Duration,
    pub(crate) clients: Clients,
}

/// Connections to the gateway that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    idle: Mutex<Vec<http1::SendRequest<Full<Bytes>>>>,
}

impl Connections {
    async fn take(&self, house: &House) -> Option<http1::SendRequest<Full<Bytes>>> {
        loop {
            let idle = self.idle().pop();
            match idle {
                Some(sender) if sender.is_ready() => return Some(sender),
                Some(_) => {}
                None => return connect(house).await,
            }
        }
    }

    fn give_back(&self, sender: http1::SendRequest<Full<Bytes>>) {
        self.idle().push(sender);
    }

    /// Closes all: whoever served them is gone.
    pub(crate) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<http1::SendRequest<Full<Bytes>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(house: &House) -> Option<http1::SendRequest<Full<Bytes>>> {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let worker = house.worker();
    tokio::spawn(worker.serve_io(theirs));
    let (sender, connection) = http1::handshake(TokioIo::new(ours)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// Asks until there is an answer, or nothing more to try.
pub(crate) async fn ask(house: Arc<House>, ask: Ask, mut rng: SmallRng) -> Answer {
    let mut answer = Answer {
        asked: ask.asked,
        feature: ask.feature.clone(),
        requests: 0,
        end: End::Cut,
        truncated: false,
        odd_tools: false,
    };
    for _ in 0..ask.clients.loops {
        for tried in 0..=ask.clients.retries {
            let once = timeout(ask.clients.timeout, once(&house, &ask, &mut answer)).await;
            answer.requests += 1;
            let (end, headers) = once.unwrap_or((End::Never, HeaderMap::new()));
            answer.end = end;
            let told = headers.get("x-should-retry").map(|value| value == "true");
            if !told.unwrap_or(end.may_be_tried_again()) || tried == ask.clients.retries {
                break;
            }
            sleep(wait(&headers, tried, &mut rng)).await;
        }
        if !answer.end.may_be_tried_again() {
            break;
        }
    }
    answer
}

/// How long an official SDK waits before it tries again.
fn wait(headers: &HeaderMap, tried: u32, rng: &mut SmallRng) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<f64>().ok();
    let asked = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"));
    if let Some(seconds) = asked.filter(|seconds| (0.0..=RETRY_AFTER_MOST_S).contains(seconds)) {
        return Duration::from_secs_f64(seconds);
    }
    let doubled = BACKOFF_S * f64::from(1_u32 << tried.min(10));
    Duration::from_secs_f64(doubled.min(BACKOFF_MOST_S) * rng.random_range(0.75..1.0))
}

/// One request; gives how it ended, with the headers of the answer.
async fn once(house: &House, ask: &Ask, answer: &mut Answer) -> (End, HeaderMap) {
    let gone = (End::Cut, HeaderMap::new());
    let Some(mut sender) = house.connections.take(house).await else { return gone };
    let request = Request::post("/v1/chat/completions")
        .header(header::HOST, "tieline.sim")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(ask.body.clone()));
    let Ok(request) = request else { return gone };
    let Ok(response) = sender.send_request(request).await else { return gone };
    let (status, headers) = (response.status(), response.headers().clone());
    let (bytes, cut) = read(response).await;
    if !cut {
        house.connections.give_back(sender);
    }
    if status != StatusCode::OK {
        let accepted = status.is_success() && !cut;
        return (if accepted { End::Whole } else { End::Refused(status.as_u16()) }, headers);
    }
    let said = if ask.stream { Said::of_stream(&bytes) } else { Said::of_whole(&bytes) };
    let by_model = headers.contains_key("x-tieline-deployment");
    let end = match (said.ended, said.error) {
        (true, false) if !cut => End::Whole,
        (_, true) => End::Told,
        _ => End::Cut,
    };
    if end == End::Whole && by_model {
        let stopped = said.finish.as_deref() == Some("stop");
        let short = |tokens: u64| (said.text_bytes.div_ceil(TOKEN_BYTES)) < tokens;
        answer.truncated |= stopped && ask.tokens.is_some_and(short);
        answer.odd_tools |= said.odd_tools();
    }
    (end, headers)
}

async fn read(response: Response<Incoming>) -> (Vec<u8>, bool) {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Err(_) => return (bytes, true),
        }
    }
    (bytes, false)
}

/// What an answer says, as far as a drill looks at it.
#[derive(Debug, Default)]
struct Said {
    text_bytes: u64,
    finish: Option<String>,
    /// It came to its end.
    ended: bool,
    error: bool,
    tools: Vec<ToolCall>,
}

#[derive(Debug, Default)]
struct ToolCall {
    id: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default, alias = "message")]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<ToolDelta>,
}

#[derive(Deserialize)]
struct ToolDelta {
    #[serde(default)]
    index: usize,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Function,
}

#[derive(Default, Deserialize)]
struct Function {
    #[serde(default)]
    arguments: String,
}

impl Said {
    fn of_stream(bytes: &[u8]) -> Self {
        let mut said = Self::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            match line.strip_prefix(b"data: ") {
                Some(b"[DONE]") => said.ended = true,
                Some(data) => said.take(data),
                None => {}
            }
        }
        said
    }

    fn of_whole(bytes: &[u8]) -> Self {
        let mut said = Self::default();
        said.take(bytes);
        said.ended = said.finish.is_some();
        said
    }

    fn take(&mut self, data: &[u8]) {
        let Ok(chunk) = serde_json::from_slice::<Chunk>(data) else { return };
        self.error |= chunk.error.is_some();
        for choice in chunk.choices {
            let text = choice.delta.content.as_deref().unwrap_or_default();
            self.text_bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
            self.finish = choice.finish_reason.or(self.finish.take());
            for (place, tool) in choice.delta.tool_calls.into_iter().enumerate() {
                let at = tool.index.max(place).min(100);
                if self.tools.len() <= at {
                    self.tools.resize_with(at + 1, ToolCall::default);
                }
                let Some(call) = self.tools.get_mut(at) else { continue };
                call.id.push_str(tool.id.as_deref().unwrap_or_default());
                call.arguments.push_str(&tool.function.arguments);
            }
        }
    }

    fn odd_tools(&self) -> bool {
        let twice = |at: usize, one: &ToolCall| {
            self.tools.iter().take(at).any(|other| !one.id.is_empty() && other.id == one.id)
        };
        self.tools.iter().enumerate().any(|(at, one)| {
            twice(at, one) || serde_json::from_str::<serde::de::IgnoredAny>(&one.arguments).is_err()
        })
    }
}
