//! Stop 2: one request, from its head to its record.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tieline_dialect::Style;
use tieline_types::DialectId;

use crate::{
    admit::admit,
    body::Outgoing,
    count,
    door::{Door, Operation},
    listen::Worker,
    models, queue,
    record::Record,
    respond,
    trace::Trace,
    walk::Walk,
};

/// Answers whatever arrives at the data port.
pub(crate) async fn serve(worker: Arc<Worker>, request: Request<Incoming>) -> Response<Outgoing> {
    let gateway = &worker.gateway;
    let door = match Door::find(request.method(), request.uri().path(), request.headers()) {
        Ok(door) => door,
        Err((dialect, fault)) => {
            let id = gateway.request_id(&mut gateway.rng());
            return respond::plain_refusal(dialect, &fault, &id);
        }
    };
    match door.operation {
        Operation::Infer => serve_request(&worker, door.dialect, request).await,
        Operation::CountTokens => Box::pin(count::serve(&worker, door.dialect, request)).await,
        Operation::Models => models::serve(gateway, door.dialect, &request),
        Operation::Job => Box::pin(queue::poll::serve(gateway, door.dialect, &request)).await,
        Operation::Health => respond::plain(StatusCode::OK, br#"{"status":"ok"}"#.to_vec()),
        Operation::Ready if gateway.is_draining() => {
            respond::plain(StatusCode::SERVICE_UNAVAILABLE, br#"{"status":"draining"}"#.to_vec())
        }
        Operation::Ready => respond::plain(StatusCode::OK, br#"{"status":"ready"}"#.to_vec()),
    }
}

/// One request for model output. Every line is a stop of the walk in ARCHITECTURE.md.
async fn serve_request(
    worker: &Arc<Worker>,
    dialect: DialectId,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let gateway = &worker.gateway;
    let plan = gateway.plan(); // immutable until this request ends
    let mut rng = gateway.rng();
    let mut record = Record::open(gateway, gateway.request_id(&mut rng), dialect);
    let trace = Trace::of(request.headers(), &mut rng);
    let request = request.into_parts();
    let call = match admit(gateway, plan, dialect, request, trace, &mut record).await {
        Ok(call) => call,
        Err(fault) => return respond::refuse(dialect, &fault, record),
    };
    let call = match gateway.drilled(call, &mut record) {
        Ok(call) => call,
        Err(fault) => return respond::refuse(dialect, &fault, record),
    };
    let decision = call.decide(gateway, &mut rng);
    record.note(|books| books.decision = Some(call.on_record(&decision)));
    let style = Style {
        id: record.id().to_owned(),
        model: call.head.model.clone(),
        created_s: gateway.unix_ms() / 1000,
        include_usage: call.head.include_usage,
    };
    let mut walk = Walk::new(worker, call, decision, style);
    // Connections stay, and with them the room for what a request needs at most.
    match Box::pin(walk.answer(&mut record)).await {
        Ok(answered) => respond::answer(walk, answered, record),
        Err(fault) => respond::refuse(dialect, &fault, record),
    }
}
