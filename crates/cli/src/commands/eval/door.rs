//! The way to deployments: a gateway within this process for each, under the suite's feature.

mod stream;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tieline_config::{Config, RealWorld, World as _};
use tieline_dialect::{
    dialect,
    ir::{Content, Finish, Reply},
};
use tieline_eval::{Answer, Door, Embedded, Trouble};
use tieline_gateway::{Gateway, Parts, Worker};
use tieline_ledger::{KeyRing, Ledger, Settings};
use tieline_types::{Class, Cost, CostState, DialectId, EVAL_CALLER, Fault};
use tieline_upstream::Network;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::arms;
use crate::{commands::serve::random_seed, failure::Failure, print, when};

/// Bytes that wait in the pipe to a gateway.
const PIPE_BYTES: usize = 64 * 1024;

/// A gateway for each deployment.
pub(super) struct Rooms {
    feature: String,
    workers: BTreeMap<String, Arc<Worker>>,
    ledger: Option<Ledger>,
}

impl Rooms {
    /// Sets up a gateway for each of the deployments, with that one alone under the feature.
    ///
    /// # Errors
    /// Where a feature or a deployment does not exist or cannot be called.
    pub(super) fn open(
        config: &Config,
        feature: &str,
        deployments: &BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let ledger = ledger(config);
        let mut workers = BTreeMap::new();
        for deployment in deployments {
            let alone = arms::alone(config, feature, deployment)?;
            let parts = Parts {
                ledger: ledger.clone(),
                keys: KeyRing::default(),
                local: EVAL_CALLER,
                network: Network::Tcp,
                wall: when::wall_now(),
                // Ids of requests are made of it, so that no two gateways may share one.
                seed: random_seed(),
                env: Box::new(|name| RealWorld.env(name)),
                harness: None,
                observer: None,
            };
            let gateway = Gateway::new(&alone, parts)?;
            let worker = Worker::new(&gateway, CancellationToken::new())?;
            workers.insert(deployment.clone(), worker);
        }
        Ok(Self { feature: feature.to_owned(), workers, ledger })
    }

    fn worker(&self, deployment: &str) -> Result<&Arc<Worker>, Trouble> {
        self.workers.get(deployment).ok_or_else(|| {
            let message = format!("nothing is set up to ask {deployment}");
            told(&Fault::new(Class::NotFound, message))
        })
    }

    /// Waits until what was asked is on record.
    ///
    /// # Errors
    /// Where the ledger takes it not.
    pub(super) fn close(self) -> Result<(), Failure> {
        drop(self.workers);
        self.ledger.map_or(Ok(()), |ledger| Ok(ledger.close()?))
    }
}

/// The configuration's ledger. A run without one is as good, only its calls are not in
/// `tieline cost`.
fn ledger(config: &Config) -> Option<Ledger> {
    let settings =
        Settings { path: config.ledger.path.clone(), spill: config.ledger.spill.clone() };
    let opened = Ledger::open(&settings);
    if let Err(error) = &opened {
        print::remark(&format!("what this run costs is not put on record: {error}"));
    }
    opened.ok()
}

impl Door for Rooms {
    async fn ask(&self, deployment: &str, request: &Value) -> Result<Answer, Trouble> {
        let worker = Arc::clone(self.worker(deployment)?);
        let mut body = request.clone();
        if let Value::Object(fields) = &mut body {
            fields.insert("model".to_owned(), json!(self.feature));
            if fields.get("stream") == Some(&json!(true)) {
                fields.insert("stream_options".to_owned(), json!({ "include_usage": true }));
            }
        }
        // A task of its own, so that no grader at work makes an answer look slow.
        let asked = tokio::spawn(exchange(worker, deployment.to_owned(), body.to_string()));
        match asked.await {
            Ok(answered) => answered.map_err(|fault| told(&fault)),
            Err(error) => Err(told(&Fault::new(Class::Internal, error.to_string()))),
        }
    }

    async fn embed(&self, deployment: &str, text: &str) -> Result<Embedded, Trouble> {
        let worker = self.worker(deployment)?;
        let embedded = worker.embed(&self.feature, deployment, text).await;
        let tieline_gateway::Embedded { vector, cost } = embedded.map_err(|fault| told(&fault))?;
        Ok(Embedded { vector, cost_usd: cost.and_then(dollars) })
    }
}

/// One request and its answer, over a pipe.
async fn exchange(worker: Arc<Worker>, deployment: String, body: String) -> Result<Answer, Fault> {
    let broken = |error: &dyn std::fmt::Display| Fault::new(Class::Internal, error.to_string());
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    tokio::spawn(Arc::clone(&worker).serve_io(theirs));
    let opened = http1::handshake(TokioIo::new(ours)).await;
    let (mut sender, connection) = opened.map_err(|error| broken(&error))?;
    tokio::spawn(connection);
    let request = Request::post("/v1/chat/completions")
        .header("host", "tieline")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| broken(&error))?;
    let began = Instant::now();
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let (head, body) = response.into_parts();
    if stream::is_stream(&head.headers) {
        let (reply, ttft) = stream::whole(body, began).await?;
        let tier = reply.service_tier.as_ref();
        let cost = reply.usage.and_then(|usage| worker.cost(&deployment, tier, &usage));
        let cost_usd = cost.and_then(dollars);
        return Ok(Answer { took: began.elapsed(), ttft, cost_usd, ..answer(reply) });
    }
    let body = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
    let took = began.elapsed();
    let chat = dialect(DialectId::OpenaiChat);
    if head.status != StatusCode::OK {
        let fault = chat.read_error(head.status.as_u16(), &head.headers, &body);
        return refused(fault, took);
    }
    let reply = chat.read_response(&body)?;
    Ok(Answer { took, cost_usd: cost(&head.headers), ..answer(reply) })
}

/// What a content filter stops is an answer, though not the one that was hoped for; everything else
/// is trouble.
fn refused(fault: Fault, took: Duration) -> Result<Answer, Fault> {
    if fault.class != Class::PolicyBlock {
        return Err(fault);
    }
    let finish_reason = Finish::ContentFilter.as_openai().to_owned();
    Ok(Answer { refusal: Some(fault.message), finish_reason, took, ..Answer::default() })
}

/// What an answer cost, where all of it has a price.
fn cost(headers: &HeaderMap) -> Option<f64> {
    let text = headers.get("x-tieline-cost-usd")?.to_str().ok()?;
    let (usd, state) = text.split_once(';').unwrap_or((text, ""));
    usd.trim().parse().ok().filter(|_| state.trim() != "partial")
}

/// The same of a cost that is no text.
fn dollars(cost: Cost) -> Option<f64> {
    let whole = matches!(cost.state, CostState::Priced | CostState::Estimated);
    whole.then(|| cost.usd.approximately())
}

fn answer(reply: Reply) -> Answer {
    let finish_reason = reply.finish.as_openai().to_owned();
    let mut answer =
        Answer { model: reply.model, usage: reply.usage, finish_reason, ..Answer::default() };
    for block in reply.blocks {
        match block {
            Content::Text(text) => answer.text.push_str(&text),
            Content::Refusal(text) => answer.refusal = Some(text),
            Content::ToolCall(call) => answer.tool_calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })),
            _ => {}
        }
    }
    answer
}

fn told(fault: &Fault) -> Trouble {
    Trouble {
        class: fault.class.to_string(),
        message: fault.message.to_string(),
        status: fault.status,
        retry_after: fault.retry_after,
        passing: passes(fault.class),
    }
}

/// Whether the same request may be answered at another time.
const fn passes(class: Class) -> bool {
    matches!(
        class,
        Class::Transport
            | Class::ServerError
            | Class::Overloaded
            | Class::RateLimited
            | Class::Timeout
            | Class::StreamTruncated
            | Class::StreamError
            | Class::BadPayload
            | Class::Empty
            | Class::Exhausted
            | Class::OverLimit
    )
}
