//! The books of one request: opened at its arrival, closed exactly once, whatever happens.

use std::sync::Arc;

use tieline_types::{
    AttemptRecord, CallRecord, Class, DialectId, Fault, Outcome, PassedOver, Phase, Usage,
};
use tokio::time::Instant;

use crate::gateway::Gateway;

/// An open record. Dropped unclosed, it closes itself as cancelled: the client left.
pub(crate) struct Record {
    gateway: Arc<Gateway>,
    arrived: Instant,
    call: Option<Box<CallRecord>>,
    /// The attempt under way.
    trying: Option<(AttemptRecord, Instant)>,
}

impl Record {
    /// Opens the books of a request that arrives now.
    pub(crate) fn open(gateway: &Arc<Gateway>, id: String, dialect: DialectId) -> Self {
        let call = CallRecord {
            id,
            started_ms: gateway.unix_ms(),
            duration_us: 0,
            first_content_us: None,
            dialect,
            feature: "".into(),
            model_asked: String::new(),
            stream: false,
            caller: "".into(),
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
        };
        Self {
            gateway: Arc::clone(gateway),
            arrived: Instant::now(),
            call: Some(Box::new(call)),
            trying: None,
        }
    }

    /// The request's arrival.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        self.call.as_deref().map_or("", |call| &call.id)
    }

    /// How many upstream calls were made, the one under way included.
    pub(crate) fn attempts(&self) -> usize {
        let done = self.call.as_deref().map_or(0, |call| call.attempts.len());
        done + usize::from(self.trying.is_some())
    }

    /// What is noted of the request so far.
    pub(crate) fn call(&self) -> Option<&CallRecord> {
        self.call.as_deref()
    }

    /// The provider's id of the attempt under way.
    pub(crate) fn upstream_request_id(&self) -> Option<&str> {
        self.trying.as_ref()?.0.upstream_request_id.as_deref()
    }

    /// Notes something about the request.
    pub(crate) fn note(&mut self, change: impl FnOnce(&mut CallRecord)) {
        if let Some(call) = self.call.as_deref_mut() {
            change(call);
        }
    }

    /// An attempt begins.
    pub(crate) fn begin(&mut self, attempt: AttemptRecord) {
        let now = Instant::now();
        let start_us = micros(self.arrived, now);
        self.trying = Some((AttemptRecord { start_us, ..attempt }, now));
    }

    /// A candidate is not called in its turn.
    pub(crate) fn pass_over(&mut self, passed_over: PassedOver) {
        self.note(|call| call.passed_over.push(passed_over));
    }

    /// Notes something about the attempt under way.
    pub(crate) fn note_attempt(&mut self, change: impl FnOnce(&mut AttemptRecord)) {
        if let Some((attempt, _)) = &mut self.trying {
            change(attempt);
        }
    }

    /// The provider's first content arrived, and goes out to the client at once.
    pub(crate) fn first_content(&mut self) {
        let now = Instant::now();
        if let Some((attempt, began)) = &mut self.trying {
            attempt.first_content_us = Some(micros(*began, now));
        }
        let arrived = self.arrived;
        self.note(|call| call.first_content_us = Some(micros(arrived, now)));
    }

    /// The attempt under way ended, well or with a fault.
    pub(crate) fn end_attempt(&mut self, fault: Option<&Fault>) {
        let Some((mut attempt, began)) = self.trying.take() else {
            return;
        };
        attempt.duration_us = micros(began, Instant::now());
        if let Some(fault) = fault {
            attempt.fault = Some(fault.class);
            attempt.phase = Some(fault.phase);
            attempt.fault_message = Some(fault.message.clone());
            attempt.status = fault.status.or(attempt.status);
            if fault.upstream_request_id.is_some() {
                attempt.upstream_request_id.clone_from(&fault.upstream_request_id);
            }
        }
        self.gateway.metrics.attempt(&attempt);
        self.note(|call| call.attempts.push(attempt));
    }

    /// Closes the books: served whole.
    pub(crate) fn served(mut self, acceptable: bool, usage: Option<Usage>) {
        self.end_attempt(None);
        self.note(|call| {
            call.outcome = if acceptable { Outcome::Served } else { Outcome::Degraded };
            call.status = 200;
            call.fault = None;
            call.usage = usage;
        });
        self.close();
    }

    /// Closes the books: the client was told of a fault, with `status`.
    pub(crate) fn failed(mut self, fault: &Fault, status: u16, usage: Option<Usage>) {
        self.end_attempt(Some(fault));
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
        self.gateway.metrics.call(&call);
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
            self.end_attempt(Some(&gone));
            self.close();
        }
    }
}

fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX)
}
