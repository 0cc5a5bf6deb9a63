//! Drills in a running gateway: faults that a share of the requests meets, or one that asks for it.
//!
//! What a request meets is decided once, when it comes in, and goes with it. It is decided by what
//! requests of its drill have learnt, so that no other is led otherwise. All of it is in memory: it
//! ends by itself, and with the process.

mod abort;
mod asked;
mod drill;
mod fault;
mod spoil;
mod status;
mod tally;
mod token;
mod words;

use std::{
    collections::BTreeSet,
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use foldhash::quality::FixedState;
use tieline_types::{AuditRecord, Change, Class, Fault};

pub use asked::{AbortConditions, BreakerState, BurnAbove, DrillRamp, DrillScope, NewDrill};
use drill::{Began, Drill};
pub use drill::{DrillEnd, DrillEnded};
pub(crate) use drill::{Drilled, Injected};
pub use fault::{FaultKind, InjectedFault, Select};
pub(crate) use spoil::{Breaks, Spoil};
pub use status::{DrillBreaker, DrillStatus, DrillsStatus, TokenStatus};
pub use tally::{DrillTally, FeatureTally};
pub use token::DrillToken;
pub(crate) use token::token;

use crate::{admit::Call, audit::Actor, gateway::Gateway, record::Record};

/// How often a drill is looked at for what ends it.
const LOOK: Duration = Duration::from_secs(1);
/// The drills that tokens make at once, by their names.
const TOKEN_DRILLS_MAX: usize = 16;
/// The names of drills that metrics tell apart; those beyond are one.
const LABELS_MAX: usize = 64;
/// What metrics call drills beyond that.
const OTHERS: &str = "other";
/// The most bytes of a drill's name.
const NAME_BYTES_MAX: usize = 64;
/// What a name must be.
const NAMES: &str = "the name of a drill is 1 to 64 letters, digits, `-`, `_` or `.`";

/// Whether a text can be a drill's name.
fn is_name(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(usual)
}

/// Why a drill does not begin, or cannot be halted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrillError {
    /// The configuration allows none.
    #[error(
        "no drills are configured: write `drills: {{ key: {{ env: NAME }} }}` into the \
         configuration to allow them"
    )]
    NotConfigured,
    /// What is asked for makes no sense, or is not allowed.
    #[error("{0}")]
    Wrong(String),
    /// One is running already.
    #[error("the drill `{0}` is running: halt it first, for there is one at a time")]
    Running(String),
    /// What would end it is so already.
    #[error("the drill would end at once: {0}")]
    Unsafe(String),
    /// None is running.
    #[error("no drill is running")]
    NoneRunning,
    /// The ledger takes no record of it.
    #[error("the ledger takes no record of the drill, so it does not begin")]
    Unrecorded,
}

/// The drills of a gateway.
#[derive(Default)]
pub(crate) struct Drills {
    /// The one that was begun last, running or over.
    last: ArcSwapOption<Drill>,
    /// Those that tokens make.
    by_token: Mutex<Vec<Arc<Drill>>>,
    /// The names that metrics tell apart.
    labels: Mutex<BTreeSet<Arc<str>>>,
    /// Held while one begins.
    beginning: Mutex<()>,
}

impl Drills {
    /// What metrics call a drill.
    fn label(&self, name: &str) -> Arc<str> {
        let mut labels = lock(&self.labels);
        if let Some(known) = labels.get(name) {
            return Arc::clone(known);
        }
        let label: Arc<str> = if labels.len() < LABELS_MAX { name } else { OTHERS }.into();
        labels.insert(Arc::clone(&label));
        label
    }

    fn running(&self, now: Duration) -> Option<Arc<Drill>> {
        self.last.load_full().filter(|drill| !drill.is_over(now))
    }

    /// The drill that tokens of a name make, until `until` at least; none where there are too many.
    fn of_token(
        &self,
        name: &str,
        until: Duration,
        (now, now_ms): (Duration, u64),
    ) -> Option<Arc<Drill>> {
        let mut all = lock(&self.by_token);
        all.retain(|drill| !drill.is_over(now));
        if let Some(known) = all.iter().find(|drill| *drill.name == *name) {
            known.extend(until);
            return Some(Arc::clone(known));
        }
        if all.len() >= TOKEN_DRILLS_MAX {
            return None;
        }
        let drill = Arc::new(Drill::of_tokens(name, self.label(name), until, now_ms));
        all.push(Arc::clone(&drill));
        Some(drill)
    }
}

/// Looks after drills for ever: ends what is to end.
pub async fn drills(gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        gateway.tend_drills();
    }
}

impl Gateway {
    /// Begins a drill; on record first.
    ///
    /// # Errors
    /// When it does not begin.
    pub fn begin_drill(&self, asked: NewDrill, actor: &Actor) -> Result<DrillStatus, DrillError> {
        let _turn = lock(&self.drills.beginning);
        let plan = self.plan();
        let allowed = plan.config.drills.as_ref().ok_or(DrillError::NotConfigured)?;
        self.tend_drills();
        if let Some(running) = self.drills.running(self.now()) {
            return Err(DrillError::Running(running.name.to_string()));
        }
        let wrong = asked.wrong(&plan.config, allowed);
        if let Some(wrong) = wrong.or_else(|| abort::wrong(&plan, &asked.abort)) {
            return Err(DrillError::Wrong(wrong));
        }
        let label = self.drills.label(&asked.name);
        let drill = Drill::begun(asked, allowed, label, (self.now(), self.unix_ms()));
        if !plan.plan.features.values().any(|feature| drill.concerns(feature, &plan)) {
            let told = "none of its faults can strike a request of the features in its scope";
            return Err(DrillError::Wrong(told.to_owned()));
        }
        if let Some((_, why)) = drill.must_end(self) {
            return Err(DrillError::Unsafe(why));
        }
        let began = AuditRecord {
            after: drill.told(),
            ..self.change(Change::DrillBegan, &drill.name, actor)
        };
        if !self.on_record(began) {
            return Err(DrillError::Unrecorded);
        }
        tracing::warn!(drill = %drill.name, does = drill.told(), "a drill begins");
        let drill = Arc::new(drill);
        self.drills.last.store(Some(Arc::clone(&drill)));
        drill.status(self).ok_or(DrillError::NoneRunning)
    }

    /// Ends the drill that is running. What it injected ends with it.
    ///
    /// # Errors
    /// When none is running.
    pub fn halt_drill(&self, actor: &Actor) -> Result<DrillStatus, DrillError> {
        if self.plan().config.drills.is_none() {
            return Err(DrillError::NotConfigured);
        }
        self.tend_drills();
        let running = self.drills.running(self.now()).ok_or(DrillError::NoneRunning)?;
        self.end_drill(&running, DrillEnd::Halted, "it was halted".to_owned(), actor);
        running.status(self).ok_or(DrillError::NoneRunning)
    }

    /// The drill that was begun last, and those of tokens.
    ///
    /// # Errors
    /// When the configuration allows none, and none was begun.
    pub fn drills(&self) -> Result<DrillsStatus, DrillError> {
        self.tend_drills();
        let drill = self.drills.last.load_full();
        if drill.is_none() && self.plan().config.drills.is_none() {
            return Err(DrillError::NotConfigured);
        }
        let by_token = lock(&self.drills.by_token);
        Ok(DrillsStatus {
            drill: drill.and_then(|drill| drill.status(self)),
            tokens: by_token.iter().map(|drill| drill.token_status(self)).collect(),
        })
    }

    /// Ends what is to end.
    fn tend_drills(&self) {
        let now = self.now();
        if let Some(drill) = self.drills.last.load_full().filter(|one| one.ended().is_none())
            && let Some((by, why)) = drill.must_end(self)
        {
            self.end_drill(&drill, by, why, &Actor::drill());
        }
        let allowed = self.plan().config.drills.is_some();
        lock(&self.drills.by_token).retain(|drill| {
            let over = drill.is_over(now) || !allowed;
            if over {
                let (by, reason) = (DrillEnd::Ttl, "its tokens expired".to_owned());
                drill.end(DrillEnded { by, reason, at_ms: self.unix_ms() });
            }
            !over
        });
    }

    /// Reverts first: whether it goes on record is another matter.
    fn end_drill(&self, drill: &Drill, by: DrillEnd, reason: String, actor: &Actor) {
        if !drill.end(DrillEnded { by, reason: reason.clone(), at_ms: self.unix_ms() }) {
            return;
        }
        tracing::warn!(drill = %drill.name, by = by.as_str(), reason, "a drill is over");
        let ended = AuditRecord {
            before: drill.told(),
            after: Some(format!("ended: {}", by.as_str())),
            reason: Some(reason),
            ..self.change(Change::DrillEnded, &drill.name, actor)
        };
        if !self.on_record(ended) {
            tracing::error!(drill = %drill.name, "the ledger takes no record of its end");
        }
    }

    /// Makes a request part of a drill, where its token says so or it is of the share that the
    /// drill under way takes.
    ///
    /// # Errors
    /// The fault that says why its token cannot be obeyed.
    pub(crate) fn drilled(&self, mut call: Call, record: &mut Record) -> Result<Call, Fault> {
        let drilled = match call.token.take() {
            Some(token) => Some(self.drilled_by(&call, &token)?),
            None => self.drilled_by_share(&call),
        };
        call.drilled = drilled.map(Arc::new);
        record.drilled.clone_from(&call.drilled);
        Ok(call)
    }

    fn drilled_by(&self, call: &Call, token: &DrillToken) -> Result<Drilled, Fault> {
        let (now, now_ms) = (self.now(), self.unix_ms());
        let holds_ms = token.expires_s.saturating_mul(1000).saturating_sub(now_ms);
        let until = now.saturating_add(Duration::from_millis(holds_ms));
        let drill = self.drills.of_token(&token.drill, until, (now, now_ms)).ok_or_else(|| {
            let told = format!("tokens of {TOKEN_DRILLS_MAX} other drills are in use");
            Fault::new(Class::CallerDenied, told)
        })?;
        drill.affects_one_more();
        let live = drill.live(self, &call.plan);
        Ok(Drilled { live, faults: token.faults.as_slice().into(), drill })
    }

    fn drilled_by_share(&self, call: &Call) -> Option<Drilled> {
        let now = self.now();
        let drill = self.drills.running(now)?;
        let Some(Began { asked, allowed, .. }) = &drill.asked else {
            return None;
        };
        let caller = &call.caller;
        let is_in = asked.scope.has_caller(&caller.id, caller.name())
            && drill.concerns(&call.feature, &call.plan)
            && call.plan.config.drills.as_ref() == Some(allowed)
            && drill.takes(call.belongs_to(), now);
        if !is_in {
            return None;
        }
        if !drill.affects_one_more() {
            let why = format!("{} requests were part of it", drill.affected());
            self.end_drill(&drill, DrillEnd::MaxAffectedRequests, why, &Actor::drill());
            return None;
        }
        let (live, faults) = (drill.live(self, &call.plan), drill.faults());
        Some(Drilled { live, faults, drill })
    }
}

impl Call {
    /// A number for what it belongs to: its conversation, or else its trace.
    fn belongs_to(&self) -> u64 {
        self.told().unwrap_or_else(|| FixedState::default().hash_one(&self.trace.id))
    }
}

impl Drill {
    /// What it does, for records; none where tokens say.
    fn told(&self) -> Option<String> {
        let asked = &self.asked.as_ref()?.asked;
        let (percents, _) = asked.steps();
        let shares: Vec<String> = percents.iter().map(|one| format!("{one} %")).collect();
        let faults: Vec<&str> = asked.faults.iter().map(|one| one.kind.as_str()).collect();
        Some(format!("{} of conversations meet {}", shares.join(", "), faults.join(", ")))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
