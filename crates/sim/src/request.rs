//! One request to a simulated provider, from its last byte to the first of its answer.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use jiff::{civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use tieline_dialect::{
    Head, RawRequest, Style,
    ir::{Ask, Content, Finish, Reply},
    splice_model,
};
use tieline_types::DialectId;
use tokio::time::sleep;

use crate::{
    Fault, Kind, Seen,
    answer::Speech,
    body::{Broken, Ending, Paced, Reset},
    credential, embed,
    failure::{Failure, Shape},
    fixed,
    headers::{self, Stamp},
    path::{self, Endpoint},
    prose,
    reply::{self, Voice},
    script::Call,
    seen,
    serve::{Provider, World},
    spoil::{self, Answer},
};

/// The request header that asks for a fault, in the written form of [`Fault`]. It goes before the
/// script.
pub const FAULT_HEADER: HeaderName = HeaderName::from_static("x-sim-fault");

/// The model that a provider without a list of models lists.
const ANY_MODEL: &str = "simulated";

/// A request that was read whole, and whom it is for.
pub(crate) struct Exchange<'a> {
    pub(crate) world: &'a World,
    pub(crate) provider: &'a Provider,
    pub(crate) parts: Parts,
    /// None where it was larger than any provider takes.
    pub(crate) body: Option<Bytes>,
    /// Which request to this provider it is, from 0.
    pub(crate) number: u64,
    /// When it came, since the simulation's start.
    pub(crate) at: Duration,
    pub(crate) reset: Reset,
}

impl Exchange<'_> {
    /// Answers, or breaks the connection.
    pub(crate) async fn answer(self) -> Result<Response<Paced>, Broken> {
        let kind = self.provider.spec.kind;
        let endpoint = path::endpoint(kind, &self.parts.method, &self.parts.uri);
        let shape = Shape::of(kind, endpoint.as_ref().ok().and_then(Endpoint::dialect));
        let head = self.head(endpoint.as_ref().ok());
        let fault = match self.fault(&head) {
            Ok(fault) => fault,
            Err(failure) => return Ok(self.refusal(shape, &failure)),
        };
        self.log(fault.as_ref());
        match &fault {
            Some(Fault::Refuse) => {
                self.reset.ask();
                return Err(Broken);
            }
            Some(Fault::Hang) => return pending().await,
            Some(fault @ Fault::Status { .. }) => return Ok(self.scripted(shape, fault)),
            _ => {}
        }
        let answer = match endpoint {
            Ok(endpoint) => self.serve(endpoint, shape, &head, fault.as_ref()).await,
            Err(failure) => Err(failure),
        };
        Ok(match answer {
            Ok(answer) => self.accepted(answer),
            Err(failure) => self.refusal(shape, &failure),
        })
    }

    /// Model and stream flag, as far as they can be made out of a request that may be wrong.
    fn head(&self, endpoint: Option<&Endpoint>) -> Head {
        let mut head = Head::default();
        let body = self.body.as_deref().unwrap_or_default();
        if self.provider.canned.is_some() && self.world.script.is_empty() {
            head.stream = fixed::asks_for_stream(body);
        } else if let Ok(read) = Head::read(body) {
            head = read;
        }
        let named = match endpoint {
            Some(Endpoint::Generate { model, stream, .. }) => {
                head.stream |= *stream;
                model.as_ref()
            }
            Some(Endpoint::Embed { model }) => model.as_ref(),
            _ => None,
        };
        if let Some(model) = named {
            head.model.clone_from(model);
        }
        head
    }

    fn fault(&self, head: &Head) -> Result<Option<Fault>, Failure> {
        if let Some(asked) = self.parts.headers.get(FAULT_HEADER) {
            let text = String::from_utf8_lossy(asked.as_bytes());
            return text
                .parse()
                .map(Some)
                .map_err(|error| Failure::new(400).message(format!("{FAULT_HEADER}: {error}")));
        }
        Ok(self.world.script.strike(&Call {
            provider: &self.provider.spec.name,
            model: &head.model,
            stream: head.stream,
            at: self.at,
        }))
    }

    fn log(&self, fault: Option<&Fault>) {
        if self.provider.canned.is_none() {
            self.provider.remember(Seen {
                at: self.at,
                method: self.parts.method.clone(),
                target: self.parts.uri.to_string(),
                headers: seen::redacted(&self.parts.headers),
                body: self.body.clone().unwrap_or_default(),
                fault: fault.cloned(),
            });
        }
    }

    async fn serve(
        &self,
        endpoint: Endpoint,
        shape: Shape,
        head: &Head,
        fault: Option<&Fault>,
    ) -> Result<Answer, Failure> {
        let spec = &self.provider.spec;
        let canned = self.provider.canned.is_some();
        if spec.require_credential && !canned {
            credential::check(spec.kind, shape, &self.parts.headers)?;
        }
        let body = self.body.as_ref().ok_or_else(|| Failure::new(413))?;
        if spec.kind == Kind::Anthropic && !canned {
            self.check_version()?;
        }
        match endpoint {
            Endpoint::Models => Ok(Answer::json(self.models().to_string())),
            Endpoint::CountTokens => count_tokens(body),
            Endpoint::Embed { .. } => self.embed(body, &head.model, fault).await,
            Endpoint::Generate { dialect, model, stream } => match (&self.provider.canned, fault) {
                (Some(canned), None) => Ok(prepared(canned, dialect, head.stream).await),
                (Some(canned), Some(fault)) => {
                    let style = self.style(dialect, &canned.reply, &Ask::default());
                    self.speak(dialect, &canned.reply, &style, head.stream, Some(fault)).await
                }
                (None, fault) => {
                    let ask = read(dialect, body, head, model.as_deref(), stream)?;
                    self.check_model(&ask.model)?;
                    let reply = reply::reply_to(&ask, &self.voice(dialect));
                    let style = self.style(dialect, &reply, &ask);
                    self.speak(dialect, &reply, &style, ask.stream, fault).await
                }
            },
        }
    }

    /// Sends a reply at the provider's pace, struck by the fault.
    async fn speak(
        &self,
        dialect: DialectId,
        reply: &Reply,
        style: &Style,
        stream: bool,
        fault: Option<&Fault>,
    ) -> Result<Answer, Failure> {
        let spec = &self.provider.spec;
        let mut reply = reply.clone();
        let mut pace = spec.pace;
        match fault {
            Some(Fault::Empty) => empty(&mut reply),
            Some(Fault::Model(name)) => reply.model.clone_from(name),
            Some(Fault::Fenced) => fence(&mut reply),
            Some(Fault::Say(text)) => {
                reply.blocks = vec![Content::Text(text.clone())];
                reply.finish = Finish::Stop;
            }
            Some(Fault::SlowFirstToken(wait)) => {
                pace.first_token = pace.first_token.saturating_add(*wait);
            }
            _ => {}
        }
        let piece_chars =
            self.provider.canned.as_ref().map_or(prose::TOKEN_BYTES, |canned| canned.piece_chars);
        let style = &Style { model: reply.model.clone(), ..style.clone() };
        let speech = Speech { kind: spec.kind, dialect, reply: &reply, style, pace, piece_chars };
        if stream {
            return Ok(spoil::stream(&speech, fault, &self.reset));
        }
        let wait = pace.whole(reply.usage.unwrap_or_default().output_total());
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(spoil::whole(&speech, fault, &self.reset))
    }

    /// Sends vectors after the time of a first token, struck by the fault.
    async fn embed(
        &self,
        body: &Bytes,
        model: &str,
        fault: Option<&Fault>,
    ) -> Result<Answer, Failure> {
        let asked = embed::Asked::read(body)?;
        self.check_model(model)?;
        let mut wait = self.provider.spec.pace.first_token;
        if let Some(Fault::SlowFirstToken(more)) = fault {
            wait = wait.saturating_add(*more);
        }
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let answer = if matches!(fault, Some(Fault::Empty)) {
            embed::nothing(model)
        } else {
            asked.answer(model)
        };
        let in_band = |code: &str| Failure::new(500).word(code).write(Shape::Openai, "").1.into();
        Ok(spoil::body(&answer.into(), in_band, fault, &self.reset))
    }

    fn voice(&self, dialect: DialectId) -> Voice<'_> {
        let spec = &self.provider.spec;
        Voice {
            seed: self.world.seed,
            provider: &spec.name,
            kind: spec.kind,
            dialect,
            prefill: spec.prefill,
            reply_tokens: &spec.reply_tokens,
            known: spec.known.as_deref(),
        }
    }

    fn style(&self, dialect: DialectId, reply: &Reply, ask: &Ask) -> Style {
        let created_s = self.world.unix_ms(self.at) / 1000;
        let include_usage = ask.include_usage || dialect != DialectId::OpenaiChat;
        Style { id: reply.id.clone(), model: reply.model.clone(), created_s, include_usage }
    }

    /// Anthropic answers no request that does not say which version of its API it means.
    fn check_version(&self) -> Result<(), Failure> {
        if self.parts.headers.contains_key("anthropic-version") {
            return Ok(());
        }
        Err(Failure::new(400).message("anthropic-version: header is required"))
    }

    fn check_model(&self, model: &str) -> Result<(), Failure> {
        let models = &self.provider.spec.models;
        if models.is_empty() || models.iter().any(|known| known == model) {
            return Ok(());
        }
        Err(Failure::new(404).message(format!("model `{model}` does not exist here")))
    }

    /// The list of models, in the vendor's form.
    fn models(&self) -> Value {
        let any = [ANY_MODEL.to_owned()];
        let models = &self.provider.spec.models;
        let ends = &self.provider.spec.shutdown_dates;
        let dated = ends.keys().filter(|id| !models.contains(id));
        let some = models.iter().chain(dated).cloned().collect::<Vec<_>>();
        let ids = if some.is_empty() { any.as_slice() } else { some.as_slice() };
        if self.provider.spec.kind == Kind::Anthropic {
            let data: Vec<Value> = ids.iter().map(|id| anthropic_model(id)).collect();
            json!({"data": data, "has_more": false,
                   "first_id": ids.first(), "last_id": ids.last()})
        } else {
            let created_s = self.world.unix_ms(Duration::ZERO) / 1000;
            let kind = self.provider.spec.kind;
            let model = |id: &String| openai_model(kind, id, created_s, ends.get(id).copied());
            let data: Vec<Value> = ids.iter().map(model).collect();
            json!({"object": "list", "data": data})
        }
    }

    /// The HTTP error that a script asks for.
    fn scripted(&self, shape: Shape, fault: &Fault) -> Response<Paced> {
        let Fault::Status { code, error, retry_after, retry_form } = fault else {
            return self.refusal(shape, &Failure::new(500));
        };
        let failure = Failure { status: *code, word: error.clone(), ..Failure::default() };
        let mut response = self.refusal(shape, &failure);
        if let Some(wait) = retry_after {
            headers::ask_to_wait(*wait, *retry_form, &self.stamp(), response.headers_mut());
        }
        response
    }

    fn refusal(&self, shape: Shape, failure: &Failure) -> Response<Paced> {
        let stamp = self.stamp();
        let (headers, body) = failure.write(shape, &stamp.request_id(self.provider.spec.kind));
        let mut response = Response::new(Paced::whole(body));
        *response.status_mut() =
            StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = headers;
        self.dress(response, &stamp)
    }

    fn accepted(&self, answer: Answer) -> Response<Paced> {
        let mut response = Response::new(answer.body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
        if let Some(length) = answer.announced {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.dress(response, &self.stamp())
    }

    fn dress(&self, mut response: Response<Paced>, stamp: &Stamp) -> Response<Paced> {
        let open = response.status() != StatusCode::TOO_MANY_REQUESTS;
        headers::dress(self.provider.spec.kind, stamp, open, response.headers_mut());
        response
    }

    fn stamp(&self) -> Stamp {
        let now = self.world.elapsed();
        Stamp {
            unix_ms: self.world.unix_ms(now),
            took: now.saturating_sub(self.at),
            id: (self.world.seed ^ self.provider.place.rotate_left(40), self.number),
        }
    }
}

/// OpenAI says of every model on which day it ends, if on any; Azure when, in seconds; compatible
/// servers know nothing of it.
fn openai_model(kind: Kind, id: &str, created_s: u64, ends: Option<Date>) -> Value {
    let mut model =
        json!({"id": id, "object": "model", "created": created_s, "owned_by": "simulated"});
    let end = match (kind, ends) {
        (Kind::Openai, _) => Some(("shutdown_date", json!(ends.map(|day| day.to_string())))),
        (Kind::AzureOpenai, Some(day)) => {
            let end_s = day.to_zoned(TimeZone::UTC).map(|end| end.timestamp().as_second());
            Some(("deprecation", json!({ "inference": end_s.unwrap_or_default() })))
        }
        _ => None,
    };
    if let (Some(fields), Some((key, end))) = (model.as_object_mut(), end) {
        fields.insert(key.to_owned(), end);
    }
    model
}

fn anthropic_model(id: &str) -> Value {
    json!({"type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z"})
}

/// Reads a request in its dialect. A model named by the path alone is put into bodies that name
/// their model themselves.
fn read(
    dialect: DialectId,
    body: &Bytes,
    head: &Head,
    path_model: Option<&str>,
    path_stream: bool,
) -> Result<Ask, Failure> {
    let named;
    let (body, path_model) = match path_model {
        Some(model) if dialect != DialectId::BedrockConverse => {
            named = splice_model(body, head.model_span.as_ref(), model).concat();
            (named.as_slice(), None)
        }
        _ => (body.as_ref(), path_model),
    };
    let raw = RawRequest { body, path_model, path_stream };
    tieline_dialect::dialect(dialect).read_request(&raw).map_err(rejected)
}

fn rejected(fault: tieline_types::Fault) -> Failure {
    Failure {
        status: fault.class.status(),
        word: fault.code,
        message: Some(fault.message),
        param: fault.param,
    }
}

/// Counts tokens of a request that is like one for output, but for its limit.
fn count_tokens(body: &Bytes) -> Result<Answer, Failure> {
    let invalid = |_| Failure::new(400).message("the body is not a JSON object");
    let mut request: serde_json::Map<String, Value> =
        serde_json::from_slice(body).map_err(invalid)?;
    request.entry("max_tokens").or_insert(json!(1));
    let body = Value::Object(request).to_string();
    let raw = RawRequest { body: body.as_bytes(), path_model: None, path_stream: false };
    let ask = tieline_dialect::dialect(DialectId::AnthropicMessages)
        .read_request(&raw)
        .map_err(rejected)?;
    Ok(Answer::json(json!({"input_tokens": reply::input_tokens(&ask)}).to_string()))
}

async fn prepared(canned: &fixed::Canned, dialect: DialectId, stream: bool) -> Answer {
    let framing = tieline_dialect::dialect(dialect).framing();
    let Some(written) = canned.written(dialect) else {
        return Answer::json(Bytes::new());
    };
    if stream {
        let body = Paced::stream(written.pieces.clone(), Ending::Clean);
        return Answer::sound(framing.content_type(), body);
    }
    let wait = written.pieces.iter().map(|piece| piece.wait).sum::<Duration>();
    if !wait.is_zero() {
        sleep(wait).await;
    }
    Answer::json(written.whole.clone())
}

/// The same text in a Markdown fence.
fn fence(reply: &mut Reply) {
    for block in &mut reply.blocks {
        if let Content::Text(text) = block {
            *text = format!("```json\n{text}\n```");
        }
    }
}

/// A complete reply that says nothing.
fn empty(reply: &mut Reply) {
    reply.blocks.clear();
    reply.finish = Finish::Stop;
    reply.stop_sequence = None;
    if let Some(usage) = &mut reply.usage {
        usage.output = 0;
        usage.reasoning = 0;
    }
}
