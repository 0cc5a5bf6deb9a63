//! `POST /v1/messages/count_tokens`: asked of a provider that counts, estimated where none does.

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tieline_dialect::splice_model;
use tieline_route::Step;
use tieline_types::{DialectId, Pass};
use tieline_upstream::{Outgoing as Outward, Parts, collect};

use crate::{
    admit::{Call, admit},
    body::Outgoing,
    headers,
    listen::Worker,
    record::Record,
    respond,
    trace::Trace,
};

/// The most bytes of a provider's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes per token, for want of a tokenizer: near enough for English and JSON, and marked.
const BYTES_PER_TOKEN: usize = 4;

/// Counts the tokens of a prompt.
pub(crate) async fn serve(
    worker: &Worker,
    dialect: DialectId,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let gateway = &worker.gateway;
    let mut rng = gateway.rng();
    let mut record = Record::open(gateway, gateway.request_id(&mut rng), dialect);
    let trace = Trace::of(request.headers(), &mut rng);
    let request = request.into_parts();
    let call = match admit(gateway, gateway.plan(), dialect, request, trace, &mut record).await {
        Ok(call) => call,
        Err(fault) => return respond::refuse(dialect, &fault, record),
    };
    let decision = call.decide(gateway, &mut rng);
    for step in &decision.steps {
        let Step::Call { deployment, .. } = step else {
            continue;
        };
        let Some(pass) = call.allowed(*deployment) else {
            continue;
        };
        if let Some(count) = asked(worker, &call, pass).await {
            record.served(true, None);
            return respond::plain(StatusCode::OK, count);
        }
    }
    record.served(true, None);
    let tokens = call.body.len().div_ceil(BYTES_PER_TOKEN);
    let body = json!({ "input_tokens": tokens }).to_string().into_bytes();
    let mut response = respond::plain(StatusCode::OK, body);
    response
        .headers_mut()
        .insert(headers::ESTIMATED, http::HeaderValue::from_static("input_tokens"));
    response
}

/// Asks a deployment, if it counts. Counting does not touch its health: it is another service.
async fn asked(worker: &Worker, call: &Call, pass: Pass) -> Option<Vec<u8>> {
    let route = call.plan.route(pass)?.counting()?;
    if route.dialect != call.dialect {
        return None;
    }
    let span = call.head.model_span.as_ref();
    let body = Parts::from(splice_model(&call.body, span, &route.target.model));
    let mut headers: HeaderMap = call.passed_on.clone();
    call.trace.put(&mut headers, &mut worker.gateway.rng());
    let outward = Outward { route: &route, stream: false, headers: &headers, body };
    let asked = async {
        let answer = worker.upstream.send(outward, worker.gateway.wall()).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        collect(answer.into_body(), ANSWER_BYTES_MAX).await.ok()
    };
    tokio::time::timeout_at(call.deadline, asked).await.ok()?.map(Vec::from)
}
