//! One job through the walk: the same feature, its models only.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use rand::rngs::SmallRng;
use tieline_dialect::{Head, Style};
use tieline_ledger::{Job, JobEnd, JobState};
use tieline_route::{Ask, Criticality, Decision, Feature, Mode, Step, decide, may_pass};
use tieline_types::{Class, Fault};
use tokio::time::Instant;

use crate::{
    admit::{self, Call, Caller},
    body::Outgoing,
    gateway::Gateway,
    listen::Worker,
    plan::ActivePlan,
    record::{CallKind, Record},
    respond,
    tags::tags,
    trace::Trace,
    walk::Walk,
};

/// What answers the jobs of a feature: its models, which serve whoever waits for them first. None
/// where there are none any more.
fn answering(feature: &Feature) -> Option<Feature> {
    let models = |tier: &&tieline_route::Tier| matches!(tier.mode, Mode::Models { .. });
    let tiers: Vec<_> = feature.tiers.iter().filter(models).cloned().collect();
    let feature = Feature { criticality: Criticality::Sheddable, tiers, ..feature.clone() };
    (!feature.tiers.is_empty()).then_some(feature)
}

/// Whether a feature's models take jobs now.
pub(super) fn can_answer(gateway: &Gateway, feature: &str) -> bool {
    let plan = gateway.plan();
    let Some(feature) = plan.plan.features.get(feature).and_then(|feature| answering(feature))
    else {
        return false;
    };
    let (now, mut rng) = (gateway.now(), gateway.rng());
    let eligible = plan.matrix.possible(&feature.name, gateway.unix_ms());
    let decision = decide(&feature, &eligible, &plan.live, now, Ask::default(), &mut rng);
    gateway.note_tiers(&feature, &decision, &None);
    !open_only(decision).steps.is_empty()
}

/// The decision without last resorts: who has time waits until something is open.
fn open_only(mut decision: Decision) -> Decision {
    let steps = std::mem::take(&mut decision.steps);
    let open = |step: &Step| match step {
        Step::Call { tier, deployment } => !decision.is_rescue(*tier, *deployment),
        Step::Cache { .. } | Step::Queue { .. } | Step::Reply { .. } | Step::Off { .. } => false,
    };
    let steps = steps.into_iter().filter(open).collect();
    Decision { steps, ..decision }
}

/// Answers a job; none where it should be tried again.
pub(super) async fn run(worker: &Arc<Worker>, job: &Job) -> Option<JobEnd> {
    let gateway = &worker.gateway;
    let plan = gateway.plan();
    // A feature that is gone may come back with the next configuration.
    let feature = plan.plan.features.get(job.feature.as_str())?;
    let feature = Arc::new(answering(feature)?);
    let mut rng = gateway.rng();
    let mut record = Record::open_own(gateway, CallKind::Job, job.id.clone(), job.dialect);
    let call = match call(gateway, plan, feature, job, &mut rng) {
        Ok(call) => call,
        Err(fault) => return Some(refused(job, &fault, record)),
    };
    note(&mut record, &call);
    let decision = open_only(call.decide(gateway, &mut rng));
    record.note(|books| books.decision = Some(call.on_record(&decision)));
    let style = Style {
        id: job.id.clone(),
        model: call.head.model.clone(),
        created_s: gateway.unix_ms() / 1000,
        include_usage: false,
    };
    let mut walk = Walk::new(worker, call, decision, style);
    match walk.answer(&mut record).await {
        Ok(answered) => {
            let response = respond::answer(walk, answered, record);
            Some(end(JobState::Done, response))
        }
        Err(fault) if may_pass(fault.class) => {
            tracing::debug!(job = job.id, class = %fault.class, "a job will be tried again");
            record.forget();
            None
        }
        Err(fault) => Some(refused(job, &fault, record)),
    }
}

/// The request as it would be admitted now.
fn call(
    gateway: &Gateway,
    plan: Arc<ActivePlan>,
    feature: Arc<Feature>,
    job: &Job,
    rng: &mut SmallRng,
) -> Result<Call, Fault> {
    let caller = caller(gateway, job)?;
    let body = Bytes::copy_from_slice(&job.request);
    let (budgets, output_limit) = admit::paying(&plan, &feature, &caller, (job.dialect, &body));
    let headers = headers(job);
    let tags = tags(&headers)?;
    let asked = (job.dialect, &*body);
    let ruling = admit::ruling(gateway, &plan, &feature, (&caller, &tags), asked);
    Ok(Call {
        dialect: job.dialect,
        who: admit::who(&feature, &caller),
        head: Head::read(&body)?,
        trace: Trace::of(&HeaderMap::new(), rng),
        deadline: Instant::now() + feature.deadline,
        hurried: false,
        takes_restarts: false,
        session: None,
        budgets,
        output_limit,
        passed_on: admit::passed_on(&headers),
        tags,
        ruling,
        mirrored: None,
        token: None,
        drilled: None,
        plan,
        caller,
        feature,
        body,
    })
}

/// Whose job it is, if the caller may still use the feature.
fn caller(gateway: &Gateway, job: &Job) -> Result<Caller, Fault> {
    let caller = admit::known_caller(gateway, &job.caller);
    caller.filter(|caller| caller.allows(&job.feature)).ok_or_else(|| {
        let message = format!("this API key may no longer use `{}`", job.feature);
        Fault::new(Class::CallerDenied, message)
    })
}

/// What the client's headers said, as far as it was kept.
fn headers(job: &Job) -> HeaderMap {
    let header = |(name, value): &(String, Vec<u8>)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(value).ok()?))
    };
    job.headers.iter().filter_map(header).collect()
}

fn note(record: &mut Record, call: &Call) {
    record.note(|books| {
        books.caller = Arc::clone(&call.caller.id);
        books.trace_id = Some(call.trace.id.clone());
        books.model_asked.clone_from(&call.head.model);
        books.feature = Arc::clone(&call.feature.name);
    });
}

fn refused(job: &Job, fault: &Fault, record: Record) -> JobEnd {
    end(JobState::Failed, respond::refuse(job.dialect, fault, record))
}

/// What the client would have been sent.
fn end(state: JobState, response: Response<Outgoing>) -> JobEnd {
    let status = response.status().as_u16();
    let response = match response.into_body() {
        Outgoing::Whole(body) => body.to_vec(),
        // Not asked for, so nobody sends one.
        Outgoing::Stream(_) => Vec::new(),
    };
    JobEnd { state, status, response }
}
