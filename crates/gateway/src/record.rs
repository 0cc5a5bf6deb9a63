//! The books of one request: opened at its arrival, closed exactly once, whatever happens.

use std::{sync::Arc, time::Duration};

use tieline_route::Deployment;
use tieline_types::{
    AttemptRecord, CallRecord, Class, Cost, DialectId, Fault, Outcome, PassedOver, Phase, Reason,
    ServiceTier, Usage,
};
use tokio::time::Instant;

use crate::{
    drills::Drilled,
    gateway::Gateway,
    limits::Admission,
    prices::Tariff,
    slos::{Drill, Judged},
};

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallKind {
    /// A client's.
    Client,
    /// A client's, answered after the client was told to come back: objectives count how late.
    Job,
    /// Tieline's own, by which what failed comes back: metrics of clients do not count it.
    Probe,
    /// A copy of a client's: metrics of clients do not count it, and releases hear of it apart.
    Mirrored,
    /// Tieline's own, by which drift is found: metrics of clients do not count it.
    Sentinel,
}

/// An open record. Dropped unclosed, it closes itself as cancelled: the client left.
pub(crate) struct Record {
    kind: CallKind,
    gateway: Arc<Gateway>,
    arrived: Instant,
    call: Option<Box<CallRecord>>,
    /// Which of the attempts are under way.
    under_way: Vec<UnderWay>,
    /// Which of them answers.
    answering: Option<usize>,
    /// Its place under its feature's limits.
    admission: Option<Admission>,
    /// The drill that it is part of.
    pub(crate) drilled: Option<Arc<Drilled>>,
}

/// An attempt under way.
struct UnderWay {
    number: usize,
    /// What the deployment's tokens cost, where that is known.
    tariff: Option<Arc<Tariff>>,
}

/// What an answer says of the call that it answers.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// What it consumed.
    pub(crate) usage: Option<Usage>,
    /// The model that the provider says it is.
    pub(crate) model: Option<String>,
    /// The service tier, where that is not the standard one.
    pub(crate) service_tier: Option<ServiceTier>,
}

/// What comes to light in the course of an attempt.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// When the provider's first content arrived.
    pub(crate) first_content: Option<Instant>,
    /// The provider's HTTP status.
    pub(crate) status: Option<u16>,
    /// The provider's request id.
    pub(crate) upstream_request_id: Option<String>,
    /// What translation could not carry.
    pub(crate) losses: Vec<String>,
    /// What a drill let it consume before it broke it.
    pub(crate) usage: Option<Usage>,
}

impl Record {
    /// Opens the books of a request that arrives now.
    pub(crate) fn open(gateway: &Arc<Gateway>, id: String, dialect: DialectId) -> Self {
        let call = blank(id, gateway.unix_ms(), dialect);
        Self {
            kind: CallKind::Client,
            gateway: Arc::clone(gateway),
            arrived: Instant::now(),
            call: Some(Box::new(call)),
            under_way: Vec::new(),
            answering: None,
            admission: None,
            drilled: None,
        }
    }

    /// Opens the books of a request of this kind that begins now.
    pub(crate) fn open_own(
        gateway: &Arc<Gateway>,
        kind: CallKind,
        id: String,
        dialect: DialectId,
    ) -> Self {
        let mut record = Self::open(gateway, id, dialect);
        record.kind = kind;
        record
    }

    /// Opens the books of a copy of a client's request.
    pub(crate) fn open_mirrored(gateway: &Arc<Gateway>, id: String, dialect: DialectId) -> Self {
        let mut record = Self::open(gateway, id, dialect);
        record.kind = CallKind::Mirrored;
        record
    }

    /// Keeps the request's place under its feature's limits until it ends.
    pub(crate) fn let_in(&mut self, admission: Option<Admission>) {
        self.admission = admission;
    }

    /// The request's arrival.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        self.call.as_deref().map_or("", |call| &call.id)
    }

    /// How many upstream calls were made, those under way included.
    pub(crate) fn attempts(&self) -> usize {
        self.call.as_deref().map_or(0, |call| call.attempts.len())
    }

    /// The drill that it is part of, as metrics call it.
    fn drill(&self) -> Drill {
        self.drilled.as_ref().and_then(|drilled| drilled.label())
    }

    /// What is noted of the request so far.
    pub(crate) fn call(&self) -> Option<&CallRecord> {
        self.call.as_deref()
    }

    /// The provider's id of the attempt that answers.
    pub(crate) fn upstream_request_id(&self) -> Option<&str> {
        let call = self.call.as_deref()?;
        call.attempts.get(self.answering?)?.upstream_request_id.as_deref()
    }

    /// Notes something about the request.
    pub(crate) fn note(&mut self, change: impl FnOnce(&mut CallRecord)) {
        if let Some(call) = self.call.as_deref_mut() {
            change(call);
        }
    }

    /// An attempt begins, of a deployment with these prices; gives its number.
    pub(crate) fn begin(
        &mut self,
        mut attempt: AttemptRecord,
        tariff: Option<Arc<Tariff>>,
    ) -> usize {
        attempt.start_us = micros(self.arrived, Instant::now());
        let number = self.attempts();
        self.note(|call| call.attempts.push(attempt));
        self.under_way.push(UnderWay { number, tariff });
        number
    }

    /// A candidate is not called in its turn.
    pub(crate) fn pass_over(&mut self, passed_over: PassedOver) {
        self.note(|call| call.passed_over.push(passed_over));
    }

    /// Notes something about an attempt.
    pub(crate) fn note_attempt(&mut self, number: usize, note: impl FnOnce(&mut AttemptRecord)) {
        let attempts = self.call.as_deref_mut().map(|call| call.attempts.as_mut_slice());
        if let Some(attempt) = attempts.and_then(|attempts| attempts.get_mut(number)) {
            note(attempt);
        }
    }

    /// Takes in what came to light in the course of an attempt.
    pub(crate) fn take_in(&mut self, number: usize, notes: &mut Notes) {
        let arrived = self.arrived;
        self.note_attempt(number, |attempt| {
            let began = arrived + Duration::from_micros(attempt.start_us);
            attempt.first_content_us = notes.first_content.map(|first| micros(began, first));
            attempt.status = notes.status;
            attempt.usage = attempt.usage.or(notes.usage);
            attempt.upstream_request_id = notes.upstream_request_id.take();
        });
    }

    /// This attempt answers: what it sends goes out to the client from now on.
    pub(crate) fn answered_by(&mut self, number: usize, losses: Vec<String>) {
        self.answering = Some(number);
        let now = Instant::now();
        let arrived = self.arrived;
        self.note(|call| {
            call.first_content_us = call.first_content_us.or(Some(micros(arrived, now)));
            call.losses = losses;
        });
    }

    /// Notes what the answer says of the attempt that answers.
    pub(crate) fn note_served(&mut self, served: Served) {
        if let Some(number) = self.answering {
            self.note_attempt(number, |attempt| {
                attempt.usage = served.usage;
                attempt.model_served = served.model;
                attempt.service_tier = served.service_tier;
            });
        }
    }

    /// An attempt ended, well or with a fault.
    pub(crate) fn end_attempt(&mut self, number: usize, fault: Option<&Fault>) {
        let now = Instant::now();
        let arrived = self.arrived;
        let ended = self.under_way.iter().position(|one| one.number == number);
        let tariff = ended.and_then(|at| self.under_way.swap_remove(at).tariff);
        let Some(call) = self.call.as_deref_mut() else {
            return;
        };
        let Some(attempt) = call.attempts.get_mut(number) else {
            return;
        };
        attempt.duration_us = micros(arrived, now).saturating_sub(attempt.start_us);
        attempt.cost = match &attempt.usage {
            Some(usage) => {
                let tier = attempt.service_tier.as_ref();
                Some(tariff.map_or(Cost::UNPRICED, |tariff| tariff.cost(tier, usage)))
            }
            // It was answered, and nobody counted what that took.
            None => fault.is_none().then_some(Cost::UNPRICED),
        };
        if let Some(fault) = fault {
            attempt.fault = Some(fault.class);
            attempt.phase = Some(fault.phase);
            attempt.fault_message = Some(fault.message.clone());
            attempt.status = fault.status.or(attempt.status);
            if fault.upstream_request_id.is_some() {
                attempt.upstream_request_id.clone_from(&fault.upstream_request_id);
            }
        }
        let drill = self.drilled.as_ref().and_then(|drilled| drilled.label());
        self.gateway.metrics.attempt(attempt, &drill);
        if let (CallKind::Client | CallKind::Job, Some(fault), None) = (self.kind, fault, drill) {
            let (tier, deployment) = (&attempt.tier, &attempt.deployment);
            self.gateway.releases.failed(&call.feature, tier, deployment, fault);
        }
    }

    /// The attempt that answered broke, and another may answer in its place.
    pub(crate) fn answer_broke(&mut self, fault: &Fault) {
        if let Some(number) = self.answering.take() {
            self.end_attempt(number, Some(fault));
        }
    }

    /// Another attempt answered first. What this one took in is paid all the same; none where it
    /// was never sent.
    pub(crate) fn supersede(&mut self, number: usize, input: Option<u64>) {
        let usage = input.map(|input| Usage { input, estimated: true, ..Usage::default() });
        self.note_attempt(number, |attempt| attempt.usage = usage);
        let superseded = Fault::new(Class::Superseded, "another attempt answered first");
        self.end_attempt(number, Some(&superseded));
    }

    /// Ends all attempts that are under way.
    pub(crate) fn end_attempts(&mut self, fault: Option<&Fault>) {
        while let Some(number) = self.under_way.first().map(|one| one.number) {
            self.end_attempt(number, fault);
        }
    }

    /// Closes the books: served whole.
    pub(crate) fn served(self, acceptable: bool, usage: Option<Usage>) {
        self.good(200, acceptable, usage);
    }

    /// Closes the books: the client was told to come back.
    pub(crate) fn accepted(self, acceptable: bool) {
        self.good(202, acceptable, None);
    }

    fn good(mut self, status: u16, acceptable: bool, usage: Option<Usage>) {
        self.end_attempts(None);
        self.note(|call| {
            call.outcome = if acceptable { Outcome::Served } else { Outcome::Degraded };
            call.status = status;
            call.fault = None;
            call.usage = usage;
        });
        self.close();
    }

    /// Throws the books away: the request will be tried again under the same id.
    pub(crate) fn forget(mut self) {
        self.call = None;
    }

    /// Closes the books: the client was told of a fault, with `status`.
    pub(crate) fn failed(mut self, fault: &Fault, status: u16, usage: Option<Usage>) {
        self.end_attempts(Some(fault));
        self.note(|call| {
            call.outcome = match (fault.phase, fault.origin) {
                (Phase::PostCommit, _) => Outcome::Broken,
                (_, tieline_types::Origin::Caller) => Outcome::Refused,
                _ => Outcome::Failed,
            };
            call.status = status;
            call.fault = Some(fault.class);
            call.fault_message = Some(fault.message.clone());
            call.usage = usage;
        });
        self.close();
    }

    fn close(&mut self) {
        let Some(mut call) = self.call.take() else {
            return;
        };
        call.duration_us = micros(self.arrived, Instant::now());
        if let Some(admission) = self.admission.take() {
            admission.leave(self.gateway.now(), Some(&call));
        }
        if let Some(drilled) = &self.drilled {
            drilled.closed(&call);
        }
        if let Some(observer) = &self.gateway.observer {
            observer.closed(self.kind, &call);
        }
        match self.kind {
            CallKind::Client => {
                let drill = self.drill();
                self.gateway.metrics.call(&call, &drill);
                self.gateway.judge(&call, Judged::Closed, &drill);
            }
            CallKind::Job => self.gateway.metrics.call(&call, &None),
            CallKind::Probe => self.gateway.metrics.probe(&call),
            CallKind::Mirrored => self.gateway.metrics.mirrored(&call),
            CallKind::Sentinel => self.gateway.metrics.sentinel(&call),
        }
        if let Some(ledger) = &self.gateway.ledger {
            ledger.record(*call);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.call.is_some() {
            let gone =
                Fault::new(Class::ClientGone, "the client left before the answer was complete");
            self.end_attempts(Some(&gone));
            self.close();
        }
        if let Some(admission) = self.admission.take() {
            admission.leave(self.gateway.now(), None);
        }
    }
}

/// The record of a request of which nothing is known yet.
pub(crate) fn blank(id: String, started_ms: u64, dialect: DialectId) -> CallRecord {
    CallRecord {
        id,
        started_ms,
        duration_us: 0,
        first_content_us: None,
        longest_gap_us: None,
        dialect,
        feature: Arc::default(),
        model_asked: String::new(),
        stream: false,
        caller: Arc::default(),
        tier: None,
        deployment: None,
        outcome: Outcome::Cancelled,
        status: Class::ClientGone.status(),
        fault: Some(Class::ClientGone),
        fault_message: None,
        losses: Vec::new(),
        usage: None,
        trace_id: None,
        attempts: Vec::new(),
        passed_over: Vec::new(),
        decision: None,
    }
}

/// An upstream call that is about to begin, proposed by this tier.
pub(crate) fn attempt_of(
    tier: Arc<str>,
    deployment: &Deployment,
    dialect: DialectId,
    reason: Reason,
) -> AttemptRecord {
    AttemptRecord {
        tier,
        deployment: Arc::clone(&deployment.id),
        provider: Arc::clone(&deployment.provider),
        dialect,
        reason,
        start_us: 0,
        duration_us: 0,
        first_content_us: None,
        status: None,
        fault: None,
        phase: None,
        fault_message: None,
        upstream_request_id: None,
        model_served: None,
        service_tier: None,
        usage: None,
        cost: None,
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
