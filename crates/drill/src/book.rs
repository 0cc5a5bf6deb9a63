//! What the gateway, its clients and its operators see, as it happens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::json;
use tieline_gateway::{CallKind, Observer};
use tieline_slo::JobEnd;
use tieline_types::CallRecord;
use tokio::time::Instant;

use crate::{client::Answer, log::Log};

/// The books of one drill.
#[derive(Debug)]
pub(crate) struct Book {
    began: Instant,
    /// The names of each feature's tiers, best first.
    tiers: HashMap<String, Vec<String>>,
    pages: Mutex<Pages>,
}

/// What is in them.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    pub(crate) log: Log,
    pub(crate) calls: Vec<Closed>,
    pub(crate) jobs: Vec<(String, Duration, JobEnd)>,
    pub(crate) tiers: Vec<TierChange>,
    pub(crate) states: Vec<StateChange>,
    pub(crate) alerts: Vec<AlertChange>,
    pub(crate) answers: Vec<Answer>,
}

/// A request whose books were closed.
#[derive(Debug)]
pub(crate) struct Closed {
    /// When it came, after the drill's start.
    pub(crate) came: Duration,
    pub(crate) kind: CallKind,
    /// Position of the tier that answered.
    pub(crate) tier: Option<usize>,
    pub(crate) call: CallRecord,
}

/// A tier dropped or returned.
#[derive(Debug)]
pub(crate) struct TierChange {
    pub(crate) at: Duration,
    pub(crate) feature: String,
    pub(crate) dropped: bool,
}

/// A deployment is seen in another state than before.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StateChange {
    #[serde(skip)]
    pub(crate) at: Duration,
    pub(crate) deployment: String,
    pub(crate) state: &'static str,
    pub(crate) cause: Option<&'static str>,
    pub(crate) storm: Option<&'static str>,
}

/// An alert fires, or does no more.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AlertChange {
    #[serde(skip)]
    pub(crate) at: Duration,
    pub(crate) feature: String,
    pub(crate) slo: String,
    pub(crate) severity: &'static str,
    pub(crate) fires: bool,
}

impl Book {
    /// Opens the books of a drill that begins now.
    pub(crate) fn open(tiers: HashMap<String, Vec<String>>) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), tiers, pages: Mutex::default() })
    }

    /// Time since the drill began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The moment at which so much time has passed.
    pub(crate) fn at(&self, after: Duration) -> Instant {
        self.began + after
    }

    /// Notes an event that is no more than a line of the log.
    pub(crate) fn tell(&self, what: &str, said: &impl Serialize) {
        self.pages().log.add(millis(self.now()), what, said);
    }

    pub(crate) fn state(&self, change: StateChange) {
        let mut pages = self.pages();
        pages.log.add(millis(change.at), "deployment", &change);
        pages.states.push(change);
    }

    pub(crate) fn alert(&self, change: AlertChange) {
        let mut pages = self.pages();
        pages.log.add(millis(change.at), "alert", &change);
        pages.alerts.push(change);
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.pages().answers.push(answer);
    }

    /// What is in them so far; they are empty afterwards.
    pub(crate) fn close(&self) -> Pages {
        std::mem::take(&mut *self.pages())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request as the log has it.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    tier_position: Option<usize>,
    #[serde(flatten)]
    call: &'a CallRecord,
}

impl Observer for Book {
    fn closed(&self, kind: CallKind, call: &CallRecord) {
        let now = self.now();
        let tiers = self.tiers.get(&*call.feature);
        let tier =
            call.tier.as_ref().and_then(|tier| tiers?.iter().position(|one| **one == **tier));
        // Decisions are long and alike; `tieline route explain` tells them again.
        let call = CallRecord { decision: None, ..call.clone() };
        let mut pages = self.pages();
        let line = Line { kind: name(kind), tier_position: tier, call: &call };
        pages.log.add(millis(now), "request", &line);
        let came = now.saturating_sub(Duration::from_micros(call.duration_us));
        pages.calls.push(Closed { came, kind, tier, call });
    }

    fn job_ended(&self, feature: &str, end: JobEnd) {
        let now = self.now();
        let mut pages = self.pages();
        let said = json!({ "feature": feature, "took_ms": millis(end.took), "done": end.done });
        pages.log.add(millis(now), "job", &said);
        pages.jobs.push((feature.to_owned(), now, end));
    }

    fn tier_changed(&self, feature: &str, tier: &str, change: &'static str) {
        let at = self.now();
        let mut pages = self.pages();
        let said = json!({ "feature": feature, "tier": tier, "change": change });
        pages.log.add(millis(at), "tier", &said);
        let dropped = change == "dropped";
        pages.tiers.push(TierChange { at, feature: feature.to_owned(), dropped });
    }
}

const fn name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Client => "client",
        CallKind::Job => "job",
        CallKind::Probe => "probe",
        CallKind::Mirrored => "mirrored",
        _ => "own",
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
