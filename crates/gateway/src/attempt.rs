//! Stops 5 and 6: one upstream call, up to the commit point.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tieline_dialect::{
    Dialect, Limit, Losses, Style, dialect,
    ir::{Content, Finish, Reply},
    limits, upstream_request_id,
};
use tieline_route::{Observed, OnBreak, Seen};
use tieline_types::{Class, Fault, Phase, ServiceTier, Usage};
use tieline_upstream::{Answer, AnswerBody, Outgoing, Route, collect};
use tokio::time::{Instant, timeout_at};

use crate::{
    admit::Call,
    drills::Injected,
    held::Held,
    listen::Worker,
    prepare::{Neutral, Prepared, prepare},
    record::{Notes, Served},
    said::Said,
    source::{Pulled, Source},
};

/// The most bytes of a whole answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most bytes of an error answer that are read.
pub(crate) const ERROR_BYTES_MAX: usize = 256 * 1024;
/// The time that reading an error answer may take.
const ERROR_PATIENCE: Duration = Duration::from_secs(2);
/// The most bytes held back before the first content.
const WITHHELD_BYTES_MAX: usize = 1024 * 1024;

/// What an attempt reached: an answer that is good so far.
pub(crate) enum Reached {
    /// A whole answer in the client's dialect.
    Whole {
        body: Bytes,
        usage: Option<Usage>,
        /// The model the provider says it served.
        model: Option<String>,
        /// The service tier it served, where that is not the standard one.
        service_tier: Option<ServiceTier>,
        /// The answer in the neutral form, for the cache.
        reply: Option<Box<Reply>>,
    },
    /// A stream whose first content has arrived, at `came`, and the bytes up to the commit point.
    Stream { withheld: Vec<Bytes>, source: Box<Source>, ended: bool, came: Instant },
}

impl Reached {
    /// The time to the first content of a stream that began at `began`; none for a whole answer.
    pub(crate) fn first_content(&self, began: Instant) -> Option<Duration> {
        match self {
            Self::Whole { .. } => None,
            Self::Stream { came, .. } => Some(came.saturating_duration_since(began)),
        }
    }

    /// What it says of the call, as far as that is known yet.
    pub(crate) fn served(&self) -> Served {
        match self {
            Self::Whole { usage, model, service_tier, .. } => {
                Served { usage: *usage, model: model.clone(), service_tier: service_tier.clone() }
            }
            Self::Stream { source, .. } => Served {
                usage: None,
                model: source.seen.model.clone(),
                service_tier: source.seen.service_tier.clone(),
            },
        }
    }
}

/// When an attempt must have come how far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The head of the answer.
    pub(crate) headers: Instant,
    /// Whole answer, or first content of a stream.
    pub(crate) first: Instant,
}

/// One call of one deployment, with everything it needs.
pub(crate) struct Attempt {
    pub(crate) worker: Arc<Worker>,
    pub(crate) call: Arc<Call>,
    pub(crate) route: Arc<Route>,
    /// Position of the deployment in the plan.
    pub(crate) deployment: usize,
    /// Its id.
    pub(crate) id: Arc<str>,
    pub(crate) style: Style,
    /// The right to call it.
    pub(crate) held: Held,
    /// What a drill does to it.
    pub(crate) injected: Option<Arc<Injected>>,
    /// The answer is to be kept for the cache.
    pub(crate) keep: bool,
    /// The text that it is to continue.
    pub(crate) said: Option<Box<Said>>,
    pub(crate) window: Window,
    pub(crate) began: Instant,
    /// Its number in the record.
    pub(crate) number: usize,
}

/// An attempt that has come to its first content, or failed before.
pub(crate) struct Ran {
    pub(crate) attempt: Attempt,
    pub(crate) notes: Notes,
    pub(crate) result: Result<Reached, Fault>,
}

impl Attempt {
    /// Whether the provider is called, and not only what a drill puts in its place.
    pub(crate) fn is_sent(&self) -> bool {
        self.injected.as_ref().is_none_or(|injected| injected.calls())
    }

    /// Calls the deployment and waits for its answer, or for the first content of its stream.
    pub(crate) async fn run(self, neutral: &mut Neutral) -> Ran {
        let mut notes = Notes::default();
        let result = self.reach(neutral, self.window, &mut notes).await;
        Ran { attempt: self, notes, result }
    }

    /// # Errors
    /// The fault, classified; nothing has been sent to the client yet.
    async fn reach(
        &self,
        neutral: &mut Neutral,
        window: Window,
        notes: &mut Notes,
    ) -> Result<Reached, Fault> {
        let prepared = prepare(&self.call, neutral, &self.route, &self.worker.upstream);
        let late = |_| {
            // Not the deployment's fault: only fetching what the request points to takes time.
            let message = "fetching the media that the request names took too long";
            Fault::new(Class::UnsupportedHere, message).at(Phase::Admit)
        };
        let prepared = timeout_at(window.first, prepared).await.map_err(late)??;
        self.exchange(prepared, window, notes).await
    }

    /// The same with a request that is ready to be sent.
    ///
    /// # Errors
    /// As [`Self::reach`].
    pub(crate) async fn exchange(
        &self,
        prepared: Prepared,
        window: Window,
        notes: &mut Notes,
    ) -> Result<Reached, Fault> {
        let Prepared { body, losses } = prepared;
        // The largest part of a request's future: every layer above would be moved with it.
        let sent = Box::pin(self.send(body));
        let until = window.headers.min(window.first);
        let answer = timeout_at(until, sent).await.map_err(|_| silent(Phase::Headers))??;
        self.held.learn(&observed(answer.headers()));
        notes.status = Some(answer.status().as_u16());
        if answer.status() != StatusCode::OK {
            return Err(Box::pin(self.refusal(answer, window)).await);
        }
        notes.upstream_request_id = upstream_request_id(answer.headers());
        let reached = if self.call.head.stream {
            self.first_content(answer, window, notes).await
        } else {
            let whole = self.whole(answer);
            timeout_at(window.first, whole).await.map_err(|_| silent(Phase::PreCommit))?
        }?;
        notes.first_content.get_or_insert_with(Instant::now);
        notes.losses = losses.iter().map(ToString::to_string).collect();
        Ok(reached)
    }

    async fn send(&self, body: tieline_upstream::Parts) -> Result<Answer, Fault> {
        let gateway = &self.worker.gateway;
        if let Some(injected) = &self.injected {
            injected.strike(gateway, self.route.dialect).await?;
        }
        let mut headers = if self.call.dialect == self.route.dialect {
            self.call.passed_on.clone()
        } else {
            HeaderMap::new()
        };
        self.call.trace.put(&mut headers, &mut gateway.rng());
        let outgoing =
            Outgoing { route: &self.route, stream: self.call.head.stream, headers: &headers, body };
        self.worker.upstream.send(outgoing, gateway.wall()).await
    }

    /// Reads an answer that is not 200.
    async fn refusal(&self, answer: Answer, window: Window) -> Fault {
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        let until = (Instant::now() + ERROR_PATIENCE).min(window.first);
        let read = timeout_at(until, collect(body, ERROR_BYTES_MAX)).await;
        let body = read.ok().and_then(Result::ok).unwrap_or_default();
        let provider = dialect(self.route.dialect);
        provider.read_error(status, &head.headers, &body).at(Phase::Headers)
    }

    async fn whole(&self, answer: Answer) -> Result<Reached, Fault> {
        let raw = collect(answer.into_body(), ANSWER_BYTES_MAX)
            .await
            .map_err(|fault| fault.at(Phase::PreCommit))?;
        let provider = dialect(self.route.dialect);
        let client = self.other_client();
        if client.is_none()
            && !self.keep
            && let Some(seen) = provider.glance_response(&raw)
        {
            return Ok(Reached::Whole {
                body: raw,
                usage: seen.usage,
                model: seen.model,
                service_tier: seen.service_tier,
                reply: None,
            });
        }
        let reply = provider.read_response(&raw)?;
        if reply.finish == Finish::Stop && !reply.blocks.iter().any(has_content) {
            return Err(empty());
        }
        let body = match client {
            None => raw,
            Some(client) => {
                // Losses of an answer are few and known from its dialects; the header tells those
                // of the request.
                let mut unseen = Losses::default();
                client.write_response(&reply, &self.style, &mut unseen).into()
            }
        };
        let model = (!reply.model.is_empty()).then(|| reply.model.clone());
        Ok(Reached::Whole {
            body,
            usage: reply.usage,
            model,
            service_tier: reply.service_tier.clone(),
            reply: Some(Box::new(reply)),
        })
    }

    async fn first_content(
        &self,
        answer: Answer,
        window: Window,
        notes: &mut Notes,
    ) -> Result<Reached, Fault> {
        let mut source = Box::new(self.source(answer.into_body()));
        let mut withheld = Vec::new();
        let mut withheld_bytes = 0;
        let mut until = window.first;
        let mut came = None;
        loop {
            let pulled = timeout_at(until, source.pull()).await;
            if source.is_spoilt() {
                notes.usage = Some(self.prompt_used(&source));
            }
            let (bytes, ended) = match (pulled, came) {
                // Nothing has been sent, so it can still be survived unseen.
                (Ok(Pulled::Fault(fault, _)), _) => return Err(fault.at(Phase::PreCommit)),
                (Ok(Pulled::Bytes(bytes)), _) => (bytes, false),
                (Ok(Pulled::End(bytes)), _) => (bytes, true),
                (Err(_), None) => return Err(silent(Phase::PreCommit)),
                (Err(_), Some(came)) => {
                    return Ok(Reached::Stream { withheld, source, ended: false, came });
                }
            };
            withheld_bytes += bytes.len();
            if !bytes.is_empty() {
                withheld.push(bytes);
            }
            if came.is_none() && (source.seen.content || (ended && source.ended_for_a_reason())) {
                came = Some(Instant::now());
                notes.first_content = came;
                until = self.commit_by();
            }
            let full = withheld_bytes > WITHHELD_BYTES_MAX;
            if let Some(came) = came.filter(|_| ended || full || self.commits(&source)) {
                return Ok(Reached::Stream { withheld, source, ended, came });
            }
            if came.is_some() {
                continue;
            }
            if ended || source.seen.ended && !source.ended_for_a_reason() {
                return Err(empty());
            }
            if full {
                return Err(Fault::new(
                    Class::BadPayload,
                    format!("no content within {WITHHELD_BYTES_MAX} bytes of stream"),
                ));
            }
        }
    }

    /// What a call took that a drill broke before its commit point: the provider was paid.
    fn prompt_used(&self, source: &Source) -> Usage {
        source.seen.usage.unwrap_or_else(|| Usage {
            input: self.call.demand().input,
            output: source.pieces,
            estimated: true,
            ..Usage::default()
        })
    }

    /// The provider's stream, broken where a drill does that.
    fn source(&self, body: AnswerBody) -> Source {
        let (gateway, dialect) = (&self.worker.gateway, self.route.dialect);
        let injected = self.injected.as_ref();
        let spoil = injected.and_then(|injected| injected.spoil(gateway, dialect));
        self.read(body).spoilt_by(spoil)
    }

    /// The provider's stream, read as the feature and the attempt's purpose want it.
    fn read(&self, body: AnswerBody) -> Source {
        let provider = dialect(self.route.dialect);
        if let Some(said) = self.said.as_deref() {
            let client = (dialect(self.call.dialect), &self.style);
            return Source::continuing(body, provider, client, said);
        }
        let client = self.other_client().map(|client| (client, &self.style));
        let source = Source::new(body, provider, client, self.keep);
        match self.call.feature.on_break {
            OnBreak::Continue => source.remembering(),
            OnBreak::Error | OnBreak::Restart | OnBreak::Buffer { .. } => source,
        }
    }

    /// Until when a stream whose first content arrives now may be held back.
    fn commit_by(&self) -> Instant {
        match self.call.feature.on_break {
            OnBreak::Buffer { hold, .. } => (Instant::now() + hold).min(self.call.deadline),
            OnBreak::Error | OnBreak::Restart | OnBreak::Continue => Instant::now(),
        }
    }

    /// Whether a stream with content has enough of it to go out to the client.
    fn commits(&self, source: &Source) -> bool {
        match self.call.feature.on_break {
            OnBreak::Buffer { pieces, .. } => {
                source.seen.ended || pieces.is_some_and(|enough| source.pieces >= enough)
            }
            OnBreak::Error | OnBreak::Restart | OnBreak::Continue => true,
        }
    }

    /// The client's dialect, where it is not the provider's.
    fn other_client(&self) -> Option<&'static dyn Dialect> {
        (self.call.dialect != self.route.dialect).then(|| dialect(self.call.dialect))
    }
}

/// What the provider says of its limits, in the router's words.
pub(crate) fn observed(headers: &HeaderMap) -> Observed {
    let seen =
        |limit: Limit| Seen { limit: limit.limit, remaining: limit.remaining, reset: limit.reset };
    let told = limits(headers);
    Observed {
        requests: seen(told.requests),
        tokens: seen(told.tokens),
        input_tokens: seen(told.input_tokens),
        output_tokens: seen(told.output_tokens),
    }
}

fn has_content(content: &Content) -> bool {
    match content {
        Content::Text(text) | Content::Refusal(text) => !text.trim().is_empty(),
        Content::Reasoning(_) => false,
        Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Image { .. }
        | Content::Document { .. } => true,
    }
}

fn empty() -> Fault {
    Fault::new(Class::Empty, "the provider answered without content and without a reason for it")
}

fn silent(phase: Phase) -> Fault {
    Fault::new(Class::Timeout, "the provider did not answer in the time allowed").at(phase)
}
