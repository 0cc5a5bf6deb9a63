//! One request to a simulated provider, from its last byte to the first of its answer.

use std::{cell::OnceCell, future::pending, time::Duration};

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
    ir::{Ask, Reply},
};
use tieline_types::{DialectId, Usage};
use tokio::time::sleep;

use crate::{
    Fault, Kind, Pace, Seen,
    answer::Speech,
    body::{Broken, Ending, Paced, Reset},
    change, credential, embed,
    failure::{Failure, Shape},
    fixed,
    headers::{self, Account, Stamp},
    look::{self, Sight},
    path::{self, Endpoint},
    prose,
    quota::Draw,
    refusal,
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
    world: &'a World,
    provider: &'a Provider,
    parts: Parts,
    /// None where it was larger than any provider takes.
    body: Option<Bytes>,
    /// Which request to this provider it is, from 0.
    number: u64,
    /// When it came, since the simulation's start.
    at: Duration,
    reset: Reset,
    /// Whose output it asks for; empty where that cannot be made out.
    model: String,
}

impl<'a> Exchange<'a> {
    /// A request that came as this number at this time.
    pub(crate) fn new(
        world: &'a World,
        provider: &'a Provider,
        parts: Parts,
        body: Option<Bytes>,
        (number, at): (u64, Duration),
        reset: Reset,
    ) -> Self {
        Self { world, provider, parts, body, number, at, reset, model: String::new() }
    }

    /// Answers, or breaks the connection.
    pub(crate) async fn answer(mut self) -> Result<Response<Paced>, Broken> {
        let kind = self.provider.spec.kind;
        let endpoint = path::endpoint(kind, &self.parts.method, &self.parts.uri);
        let shape = Shape::of(kind, endpoint.as_ref().ok().and_then(Endpoint::dialect));
        let head = self.head(endpoint.as_ref().ok());
        self.model.clone_from(&head.model);
        let counts = matches!(&endpoint, Ok(Endpoint::Generate { .. } | Endpoint::Embed { .. }));
        if counts && !self.world.quotas.is_empty() {
            self.world.quotas.arrived(&self.draw());
        }
        let fault = match self.fault(endpoint.as_ref().ok(), &head) {
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
        let refused = fault.as_ref().and_then(|f| refusal::of_any(f, shape, &self.model));
        let answer = match endpoint {
            _ if let Some(failure) = refused => Err(failure),
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
        let unread = self.world.script.is_empty() && self.world.quotas.is_empty();
        if self.provider.canned.is_some() && unread {
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

    fn fault(&self, endpoint: Option<&Endpoint>, head: &Head) -> Result<Option<Fault>, Failure> {
        if let Some(asked) = self.parts.headers.get(FAULT_HEADER) {
            let text = String::from_utf8_lossy(asked.as_bytes());
            return text
                .parse()
                .map(Some)
                .map_err(|error| Failure::new(400).message(format!("{FAULT_HEADER}: {error}")));
        }
        let sight = Sight {
            body: self.body.clone().unwrap_or_default(),
            endpoint,
            head,
            quotas: &self.world.quotas,
            draw: self.draw(),
            look: OnceCell::new(),
        };
        Ok(self.world.script.strike(&Call {
            provider: &self.provider.spec.name,
            model: &head.model,
            stream: head.stream,
            at: self.at,
            facts: &sight,
        }))
    }

    fn draw(&self) -> Draw<'_> {
        Draw { provider: &self.provider.spec.name, model: &self.model, at: self.at }
    }

    /// Lets a request through that there is room for in the account's quotas.
    fn admit(&self, usage: &Usage) -> Result<(), Failure> {
        if self.world.quotas.is_empty() {
            return Ok(());
        }
        let admitted = self.world.quotas.admit(&self.draw(), usage);
        admitted.map_err(|refused| refusal::used_up(&refused, &self.model))
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
            Endpoint::Generate { dialect, model, stream } => {
                if let Some(canned) = &self.provider.canned {
                    return self.recite(canned, dialect, head.stream, fault).await;
                }
                let ask = look::read(dialect, body, head, model.as_deref(), stream)?;
                self.check_model(&ask.model)?;
                if let Some(fault) = fault {
                    refusal::check(fault, shape, (&ask, body), reply::input_tokens(&ask))?;
                }
                let wrong = matches!(fault, Some(Fault::Wrong));
                let reply = reply::reply_to(&ask, &Voice { wrong, ..self.voice(dialect) });
                self.admit(&reply.usage.unwrap_or_default())?;
                let style = self.style(dialect, &reply, &ask);
                self.speak(dialect, &reply, &style, ask.stream, fault).await
            }
        }
    }

    /// Sends the prepared reply, or what the fault makes of it.
    async fn recite(
        &self,
        canned: &fixed::Canned,
        dialect: DialectId,
        stream: bool,
        fault: Option<&Fault>,
    ) -> Result<Answer, Failure> {
        self.admit(&canned.reply.usage.unwrap_or_default())?;
        let Some(fault) = fault else {
            return Ok(prepared(canned, dialect, stream).await);
        };
        let style = self.style(dialect, &canned.reply, &Ask::default());
        self.speak(dialect, &canned.reply, &style, stream, Some(fault)).await
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
        let token_pace = self.pace(fault);
        let tokens = reply.usage.unwrap_or_default().output_total();
        if let Some(fault) = fault {
            change::reply(&mut reply, fault, self.world.seed);
        }
        let (pace, piece_chars) = match &self.provider.canned {
            Some(canned) => (token_pace, canned.piece_chars),
            None => {
                let tokens = spec.tokens_per_event.max(1);
                let chars = prose::TOKEN_BYTES.saturating_mul(tokens.try_into().unwrap_or(1));
                (
                    Pace { per_token: token_pace.per_token.saturating_mul(tokens), ..token_pace },
                    chars,
                )
            }
        };
        let style = &Style { model: reply.model.clone(), ..style.clone() };
        let speech = Speech { kind: spec.kind, dialect, reply: &reply, style, pace, piece_chars };
        if stream {
            return Ok(spoil::stream(&speech, fault, &self.reset));
        }
        let wait = token_pace.whole(reply.usage.map_or(tokens, |usage| usage.output_total()));
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
        self.admit(&Usage { input: asked.tokens(), ..Usage::default() })?;
        let wait = self.pace(fault).first_token;
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

    /// The pace of this answer, as the fault has it.
    fn pace(&self, fault: Option<&Fault>) -> Pace {
        let spec = &self.provider.spec;
        let seed = self.world.seed ^ self.provider.place.rotate_left(40) ^ self.number;
        let pace = spec.spread.map_or(spec.pace, |spread| spread.draw(spec.pace, seed));
        fault.map_or(pace, |fault| change::pace(pace, fault))
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
            wrong: false,
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
        let form = headers::usual_form(self.provider.spec.kind);
        if let (Some(wait), Some(form)) = (failure.wait, form) {
            headers::ask_to_wait(wait, form, &stamp, response.headers_mut());
        }
        let open = failure.status != StatusCode::TOO_MANY_REQUESTS.as_u16() || failure.spare;
        self.dress(response, &stamp, open)
    }

    fn accepted(&self, answer: Answer) -> Response<Paced> {
        let mut response = Response::new(answer.body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
        if let Some(length) = answer.announced {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.dress(response, &self.stamp(), true)
    }

    fn dress(&self, mut response: Response<Paced>, stamp: &Stamp, open: bool) -> Response<Paced> {
        let draw = Draw { at: self.world.elapsed(), ..self.draw() };
        let account = Account { quotas: &self.world.quotas, draw, open };
        headers::dress(self.provider.spec.kind, stamp, &account, response.headers_mut());
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
        .map_err(look::rejected)?;
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
