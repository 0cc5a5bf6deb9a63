//! Requests of Tieline's own: sent, held for or against the deployment, and put on record like any
//! other, but nobody waits for them.

use std::{sync::Arc, time::Duration};

use tieline_dialect::{Losses, Style};
use tieline_route::{Criticality, Effect, Feature, Limits, OnBreak, outcome};
use tieline_types::{Fault, Pass, Reason, Replay, Usage};
use tokio::time::Instant;

use crate::{
    admit::Call,
    attempt::{Attempt, Reached, Window},
    held::Held,
    listen::Worker,
    prepare::Prepared,
    record::{CallKind, Notes, Record, attempt_of},
};

/// The feature that requests of Tieline's own belong to.
pub(crate) fn own_feature(name: &str, deadline: Duration) -> Feature {
    Feature {
        name: name.into(),
        owner: None,
        // It takes due probes at once, and gives way where a quota runs low.
        criticality: Criticality::Sheddable,
        deadline,
        return_after: Duration::ZERO,
        strict: false,
        hedge: None,
        on_break: OnBreak::Error,
        limits: Limits::default(),
        implicit: false,
        tiers: Vec::new(),
    }
}

/// A request about to be sent to one deployment.
pub(crate) struct Own {
    pub(crate) worker: Arc<Worker>,
    pub(crate) call: Arc<Call>,
    pub(crate) pass: Pass,
    pub(crate) held: Held,
    pub(crate) kind: CallKind,
    /// The answer is wanted in the neutral form.
    pub(crate) keep: bool,
}

/// A request that was answered or has failed, and whose books are open.
pub(crate) struct Sent {
    result: Result<Reached, Fault>,
    number: usize,
    deployment: Arc<str>,
    call: Arc<Call>,
    held: Held,
    record: Record,
    notes: Notes,
}

impl Own {
    /// Sends it; none where the deployment is no more.
    pub(crate) async fn send(self) -> Option<Sent> {
        let Self { worker, call, pass, held, kind, keep } = self;
        let gateway = &worker.gateway;
        let at = pass.deployment();
        let (route, known) = (call.plan.route(pass)?, call.plan.plan.deployments.get(at)?);
        let id = gateway.request_id(&mut gateway.rng());
        let style = Style {
            id: id.clone(),
            model: known.model.to_string(),
            created_s: gateway.unix_ms() / 1000,
            include_usage: false,
        };
        let mut record = Record::open_own(gateway, kind, id, route.dialect);
        record.note(|noted| {
            noted.caller = Arc::clone(&call.caller.id);
            noted.feature = Arc::clone(&call.feature.name);
            noted.model_asked = known.model.to_string();
            noted.trace_id = Some(call.trace.id.clone());
        });
        let attempt = attempt_of(Arc::default(), known, route.dialect, Reason::Chosen);
        let number = record.begin(attempt, call.plan.tariff(at));
        let attempt = Attempt {
            worker: Arc::clone(&worker),
            call: Arc::clone(&call),
            route: Arc::clone(route),
            deployment: at,
            id: Arc::clone(&known.id),
            style,
            held,
            injected: None,
            keep,
            said: None,
            window: Window { headers: call.deadline, first: call.deadline },
            began: Instant::now(),
            number,
        };
        let prepared = Prepared { body: [call.body.clone()].into(), losses: Losses::default() };
        let mut notes = Notes::default();
        let result = attempt.exchange(prepared, attempt.window, &mut notes).await;
        let Attempt { held, .. } = attempt;
        let deployment = Arc::clone(&known.id);
        Some(Sent { result, number, deployment, call: Arc::clone(&call), held, record, notes })
    }
}

impl Sent {
    /// The deployment that was asked.
    pub(crate) fn deployment(&self) -> Arc<str> {
        Arc::clone(&self.deployment)
    }

    /// Holds what came of it for or against the deployment, and closes the books. A refusal that
    /// would be the caller's fault says only that this model does not take such a request: to
    /// conclude more would keep it shut for good.
    ///
    /// # Errors
    /// The fault that it met.
    pub(crate) fn settle(self) -> Result<Reached, Fault> {
        let Self { result, number, deployment, call, mut held, mut record, mut notes } = self;
        record.take_in(number, &mut notes);
        let reached = match result {
            Ok(reached) => reached,
            Err(fault) => {
                if fault.replay == Replay::NotSent {
                    held.used(&Usage::default());
                }
                if outcome(&fault).effect != Effect::Neutral {
                    held.failed(&fault);
                }
                record.failed(&fault, fault.class.status(), None);
                return Err(fault);
            }
        };
        record.answered_by(number, notes.losses);
        let served = reached.served();
        let usage = served.usage;
        held.serves(served.service_tier.as_ref());
        record.note_served(served);
        held.served(call.who, None);
        if let Some(usage) = &usage {
            held.used(usage);
        }
        held.completed();
        record.note(|noted| noted.deployment = Some(deployment));
        record.served(true, usage);
        Ok(reached)
    }
}
