//! Requests that are sent to a candidate as well: billed apart, and never seen by users.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use tieline_dialect::Style;
use tieline_gate::release::Outcome;
use tieline_route::{Criticality, Decision, Feature, OnBreak, Step};
use tieline_types::SHADOW_CALLER;
use tokio::time::Instant;

use super::is_its_own;
use crate::{
    admit::{Call, Caller},
    listen::Worker,
    record::Record,
    respond,
    walk::Walk,
};

/// What a mirrored request is compared with.
#[derive(Clone, Debug)]
pub(crate) struct Mirrored {
    /// The release.
    pub(crate) release: String,
    /// What came of the same request at whatever answered it.
    pub(crate) incumbent: Outcome,
}

/// Sends a request to a release's candidate in the background, if there is room and policy lets it
/// go there.
pub(super) fn mirror(
    worker: &Arc<Worker>,
    call: &Call,
    (tier, candidate): (&str, &str),
    release: String,
    incumbent: Outcome,
) {
    let Ok(turn) = Arc::clone(&worker.gateway.releases.mirrored).try_acquire_owned() else {
        return;
    };
    let tier = call.feature.tiers.iter().position(|one| *one.name == *tier);
    let deployments = &call.plan.plan.deployments;
    let deployment = deployments.iter().position(|one| *one.id == *candidate);
    let Some((tier, deployment)) = tier.zip(deployment) else {
        return;
    };
    if call.allowed(deployment).is_none() {
        return;
    }
    let call = mirrored(call, Mirrored { release, incumbent });
    let worker = Arc::clone(worker);
    tokio::spawn(async move {
        ask(&worker, call, Step::Call { tier, deployment }).await;
        drop(turn);
    });
}

/// The same request, as one that nobody waits for and no budget of users pays.
fn mirrored(call: &Call, mirrored: Mirrored) -> Call {
    let feature = Feature {
        criticality: Criticality::Sheddable,
        hedge: None,
        on_break: OnBreak::Error,
        ..(*call.feature).clone()
    };
    Call {
        caller: Caller::named(SHADOW_CALLER),
        deadline: Instant::now() + feature.deadline,
        hurried: false,
        takes_restarts: false,
        budgets: Vec::new(),
        output_limit: None,
        feature: Arc::new(feature),
        mirrored: Some(mirrored),
        ..call.clone()
    }
}

/// Asks the candidate, and takes its answer in. That it was answered is told where all answers are.
async fn ask(worker: &Arc<Worker>, call: Call, step: Step) {
    let gateway = &worker.gateway;
    let id = gateway.request_id(&mut gateway.rng());
    let mut record = Record::open_mirrored(gateway, id.clone(), call.dialect);
    record.note(|books| {
        books.caller = Arc::clone(&call.caller.id);
        books.trace_id = Some(call.trace.id.clone());
        books.model_asked.clone_from(&call.head.model);
        books.stream = call.head.stream;
        books.feature = Arc::clone(&call.feature.name);
    });
    let style = Style {
        id,
        model: call.head.model.clone(),
        created_s: gateway.unix_ms() / 1000,
        include_usage: call.head.include_usage,
    };
    let decision = Decision { steps: vec![step], ..Decision::default() };
    let (dialect, mirrored) = (call.dialect, call.mirrored.clone());
    let mut walk = Walk::new(worker, call, decision, style);
    match walk.answer(&mut record).await {
        Ok(answered) => {
            let mut body = respond::answer(walk, answered, record).into_body();
            // Nobody reads it; an end that does not come is told as a fault of the attempt.
            while let Some(Ok(_)) = body.frame().await {}
        }
        Err(fault) => {
            let asked = record.attempts() > 0;
            if let Some(mirrored) = mirrored.filter(|_| asked && is_its_own(&fault)) {
                let (release, incumbent) = (&mirrored.release, mirrored.incumbent);
                gateway.releases.paired(release, Outcome::Unanswered, incumbent);
            }
            drop(respond::refuse(dialect, &fault, record));
        }
    }
}
