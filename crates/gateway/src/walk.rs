//! Stop 7, first half: from step to step until something answers.

use std::{borrow::Cow, sync::Arc, time::Duration};

use rand::Rng as _;
use tieline_dialect::{
    Style,
    ir::{Content, Finish, Reply},
};
use tieline_route::{
    ATTEMPTS_PER_REQUEST_MAX, ATTEMPTS_PER_TIER_MAX, Decision, Deployment, Effect, Mode, Move,
    Next, Step, Verdict, backoff, may_pass, outcome, retry_wait,
};
use tieline_types::{Class, Fault, PassedOver, Phase, Reason, Replay, Usage};
use tokio::time::Instant;

use crate::{
    admit::Call,
    attempt::{Attempt, Ran, Reached, Window},
    bill::Shortage,
    decision::{TOO_DEAR, UNPRICED, denied},
    drills::Injected,
    hedge::Hedge,
    held::Held,
    listen::Worker,
    prepare::Neutral,
    queue::Queued,
    recall::{self, Hit},
    record::{Record, attempt_of},
    said::Said,
};

mod exhausted;
mod pay;
mod window;

pub(crate) use window::{FAIR_WINDOW, WORTH_TRYING};

/// The longest pause before the only deployment is called a second time.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What answers a request.
pub(crate) struct Answered {
    /// Position of the tier in the feature.
    pub(crate) tier: usize,
    pub(crate) by: By,
}

/// Who answers.
pub(crate) enum By {
    /// A deployment, by position in the plan.
    Deployment { deployment: usize, reached: Box<Reached>, held: Held },
    /// An earlier answer.
    Cache(Arc<Reply>, Hit),
    /// The tier's fixed text.
    Tieline(Arc<Reply>),
    /// Nobody yet: it is kept to be answered later.
    Queue(Queued),
}

/// Whom to call.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) tier: usize,
    pub(crate) deployment: usize,
    /// Even though it is shut, for want of anything better.
    pub(crate) rescue: bool,
    pub(crate) reason: Reason,
}

/// One request's way over the decision's steps. It may go on after its commit point, where a stream
/// broke and something else is to answer.
pub(crate) struct Walk {
    pub(crate) worker: Arc<Worker>,
    pub(crate) call: Arc<Call>,
    pub(crate) style: Style,
    decision: Decision,
    /// How many steps are behind us.
    taken: usize,
    /// The tier that was come to last, and when.
    pub(crate) tier_began: (usize, Instant),
    /// The request in the neutral form.
    pub(crate) neutral: Neutral,
    /// What each step that failed had to say.
    faults: Vec<(Arc<str>, Fault)>,
    /// Faults that look like the caller's, of deployments where many callers see them. If another
    /// answers this request well, they were the deployments' own.
    doubts: Vec<(Held, Fault)>,
    /// The budget in which there was no room; of several the one that has some soonest.
    short: Option<Shortage>,
    /// The first deployment that was shut between the decision and its turn.
    missed: Option<Target>,
    /// The step that was taken before its turn, beside another.
    pub(crate) hedged: Option<(usize, usize)>,
    /// Upstream calls that were for vectors, not for answers, or were given up before anything was
    /// sent: they do not count.
    uncounted: usize,
    /// Calls of open candidates of the current tier.
    tier_calls: usize,
    /// What to make good.
    mending: Mending,
}

/// What a walk is to make good.
pub(crate) enum Mending {
    /// Nothing yet: nothing has been sent.
    Nothing,
    /// A stream that broke, by another from its beginning.
    Restart,
    /// A text that broke off, by the rest of it.
    Continue(Box<Said>),
}

impl Walk {
    pub(crate) fn new(worker: &Arc<Worker>, call: Call, decision: Decision, style: Style) -> Self {
        Self {
            worker: Arc::clone(worker),
            call: Arc::new(call),
            style,
            decision,
            taken: 0,
            tier_began: (0, Instant::now()),
            neutral: Neutral::default(),
            faults: Vec::new(),
            doubts: Vec::new(),
            short: None,
            missed: None,
            hedged: None,
            uncounted: 0,
            tier_calls: 0,
            mending: Mending::Nothing,
        }
    }

    /// Walks until something answers or a fault says stop.
    pub(crate) async fn answer(&mut self, record: &mut Record) -> Result<Answered, Fault> {
        let now = self.worker.gateway.now();
        self.call.live().deposit(&self.call.feature, now);
        for one in &self.decision.considered {
            let (why, opens) = match one.verdict {
                Verdict::Shut(until, why) | Verdict::LeastBad(until, why) => {
                    (why.as_str(), Some((until, now)))
                }
                Verdict::Unpriced => (UNPRICED, None),
                Verdict::TooDear => (TOO_DEAR, None),
                Verdict::Barred(bar) => (bar.as_str(), None),
                Verdict::Denied => {
                    self.deny(one.tier, one.deployment, record);
                    continue;
                }
                Verdict::In | Verdict::NoWeight | Verdict::NoCanary => continue,
            };
            self.pass_over(one.tier, one.deployment, why, opens, record);
        }
        if let Some(answered) = self.go_on(record).await? {
            return Ok(answered);
        }
        if let Some(answered) = self.late(record).await? {
            return Ok(answered);
        }
        if let Some(answered) = self.again(record).await? {
            return Ok(answered);
        }
        Err(self.exhausted())
    }

    /// Takes in that what answered broke, by id and with its fault. False where the same would
    /// happen everywhere.
    pub(crate) fn broke(&mut self, held: Held, deployment: Arc<str>, fault: &Fault) -> bool {
        let elsewhere = self.judge(held, fault, Duration::MAX).is_ok();
        self.faults.push((deployment, fault.clone()));
        elsewhere
    }

    /// Goes on behind the step that broke.
    pub(crate) async fn mend(&mut self, mending: Mending, record: &mut Record) -> Option<Answered> {
        self.mending = mending;
        // Who lost a race may still mend what won it, and the time of the stream was no tier's.
        self.hedged = None;
        self.tier_began.1 = Instant::now();
        self.go_on(record).await.ok().flatten()
    }

    /// Takes the steps that are left until one answers.
    async fn go_on(&mut self, record: &mut Record) -> Result<Option<Answered>, Fault> {
        while let Some(step) = self.decision.steps.get(self.taken).cloned() {
            self.taken += 1;
            if !self.suits(&step) {
                continue;
            }
            let answered = match step {
                Step::Call { tier, deployment } => {
                    let by = self.take(tier, deployment, record).await?;
                    by.map(|by| Answered { tier, by })
                }
                Step::Cache { tier } => {
                    let found = self.cached(tier, record).await;
                    found.map(|(reply, hit)| Answered { tier, by: By::Cache(reply, hit) })
                }
                Step::Queue { tier } => {
                    let queued = self.queued(tier).await;
                    queued.map(|queued| Answered { tier, by: By::Queue(queued) })
                }
                Step::Reply { tier } => {
                    let reply = Arc::new(self.fixed(tier));
                    Some(Answered { tier, by: By::Tieline(reply) })
                }
                Step::Off { tier: _ } => {
                    let message = format!("feature `{}` is switched off", self.call.feature.name);
                    self.faults.push(("off".into(), Fault::new(Class::Exhausted, message)));
                    // Whoever is off calls nobody, late or not.
                    self.missed = None;
                    return Ok(None);
                }
            };
            if answered.is_some() {
                return Ok(answered);
            }
        }
        Ok(None)
    }

    /// Calls a deployment in its turn, if there is time and budget for it.
    async fn take(
        &mut self,
        tier: usize,
        deployment: usize,
        record: &mut Record,
    ) -> Result<Option<By>, Fault> {
        if self.tier_began.0 != tier {
            self.tier_began = (tier, Instant::now());
            self.tier_calls = 0;
        }
        let rescue = self.decision.is_rescue(tier, deployment);
        if !rescue && self.tier_calls >= ATTEMPTS_PER_TIER_MAX {
            self.pass_over(tier, deployment, "attempts", None, record);
            return Ok(None);
        }
        let Some(window) = self.window(tier, self.tier_began.1) else {
            self.pass_over(tier, deployment, "time", None, record);
            return Ok(None);
        };
        let target = Target { tier, deployment, rescue, reason: self.reason(rescue) };
        // What is only tried for want of anything better is never free.
        let step = if rescue { Move::Further } else { self.next_move() };
        if !self.affords(deployment, step) {
            self.pass_over(tier, deployment, "budget", None, record);
            return Ok(None);
        }
        let hedge = self.hedge(target);
        self.call(target, window, hedge, record).await
    }

    /// The steps that are left.
    pub(crate) fn later(&self) -> &[Step] {
        self.decision.steps.get(self.taken..).unwrap_or_default()
    }

    /// Whether nothing has gone to the client yet.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self.mending, Mending::Nothing)
    }

    /// Whether a candidate is only tried for want of anything better.
    pub(crate) fn is_rescue(&self, tier: usize, deployment: usize) -> bool {
        self.decision.is_rescue(tier, deployment)
    }

    /// Whether a step is to be taken. What was called beside another has had its turn. To make good
    /// what broke, nobody is called again who was called before, and only some can continue a text.
    fn suits(&self, step: &Step) -> bool {
        let plan = &self.call.plan;
        let fresh = |at: usize| {
            let known = plan.plan.deployments.get(at);
            known.is_some_and(|known| self.faults.iter().all(|(id, _)| *id != known.id))
        };
        match (&self.mending, step) {
            (_, Step::Call { tier, deployment }) if self.hedged == Some((*tier, *deployment)) => {
                false
            }
            (Mending::Nothing, _) => true,
            (Mending::Restart, Step::Call { deployment, .. }) => fresh(*deployment),
            // The client has an answer begun: it cannot be told to come back.
            (Mending::Restart, Step::Queue { .. }) => false,
            (Mending::Restart, _) => true,
            (Mending::Continue(_), Step::Call { deployment, .. }) => {
                fresh(*deployment) && plan.continues(*deployment)
            }
            (Mending::Continue(_), _) => false,
        }
    }

    /// Calls one deployment, and where that is slow to begin and the feature hedges, the next one
    /// beside it. `Ok(None)` means: go on with the next step.
    async fn call(
        &mut self,
        target: Target,
        window: Window,
        hedge: Option<Hedge>,
        record: &mut Record,
    ) -> Result<Option<By>, Fault> {
        let Some(attempt) = self.begin(target, window, record) else {
            return Ok(None);
        };
        if let Some(hedge) = hedge {
            return Box::pin(self.race(attempt, hedge, record)).await;
        }
        let ran = attempt.run(&mut self.neutral).await;
        self.end(ran, record)
    }

    /// Takes the right to call a deployment and opens the books of the attempt. None where nothing
    /// goes there.
    pub(crate) fn begin(
        &mut self,
        target: Target,
        window: Window,
        record: &mut Record,
    ) -> Option<Attempt> {
        let Target { tier, deployment, rescue, reason } = target;
        let (worker, call) = (Arc::clone(&self.worker), Arc::clone(&self.call));
        let (gateway, plan) = (&worker.gateway, &call.plan);
        if record.attempts() >= ATTEMPTS_PER_REQUEST_MAX + self.uncounted {
            self.pass_over(tier, deployment, "attempts", None, record);
            return None;
        }
        // Every attempt of every kind begins here, and none without the right to it.
        let Some(pass) = call.allowed(deployment) else {
            self.deny(tier, deployment, record);
            return None;
        };
        let (route, known) = (plan.route(pass)?, plan.plan.deployments.get(deployment)?);
        let injected = self.injected(known);
        let sent = injected.as_ref().is_none_or(|injected| injected.calls());
        // What is not sent costs nothing.
        let bill = if sent { self.pay(tier, deployment, record)? } else { None };
        let (feature, now) = (&call.feature, gateway.now());
        let admitted = {
            let (demand, draw) = (call.demand(), self.decision.draw);
            call.live().admit(pass, feature, now, draw, demand, rescue)
        };
        let lease = match admitted {
            Ok(lease) => lease,
            Err((until, why)) => {
                // It was open to traffic when the request was planned, and has been shut since.
                self.missed.get_or_insert(target);
                self.pass_over(tier, deployment, why.as_str(), Some((until, now)), record);
                return None;
            }
        };
        if self.faults.is_empty() && reason != Reason::Hedge {
            call.live().first_attempt(deployment, now);
        }
        let attempt = attempt_of(self.tier_name(tier), known, route.dialect, reason);
        let number = record.begin(attempt, plan.tariff(deployment));
        self.tier_calls += 1;
        let said = match &self.mending {
            Mending::Continue(said) => Some(said.clone()),
            Mending::Nothing | Mending::Restart => None,
        };
        Some(Attempt {
            route: Arc::clone(route),
            deployment,
            id: Arc::clone(&known.id),
            style: Style { model: known.model.to_string(), ..self.style.clone() },
            held: Held::new(gateway, plan, lease)
                .apart(call.apart(), sent, call.demand())
                .paid_by(bill)
                .of(feature),
            injected,
            keep: call.wants_answers(),
            said,
            window,
            began: Instant::now(),
            number,
            worker,
            call,
        })
    }

    /// What the drill that the request is part of does to an attempt.
    fn injected(&self, known: &Deployment) -> Option<Arc<Injected>> {
        let (call, gateway) = (&self.call, &self.worker.gateway);
        let drilled = call.drilled.as_ref()?;
        let draw = gateway.rng().random();
        let of = (&*call.feature.name, call.head.stream);
        drilled.strikes(of, known, (gateway.now(), draw)).map(Arc::new)
    }

    /// Draws the consequences of an attempt.
    pub(crate) fn end(&mut self, ran: Ran, record: &mut Record) -> Result<Option<By>, Fault> {
        let Ran { attempt, mut notes, result } = ran;
        let Attempt { mut held, id, deployment, window, began, number, .. } = attempt;
        record.take_in(number, &mut notes);
        match result {
            Ok(reached) => {
                record.answered_by(number, notes.losses);
                let served = reached.served();
                held.serves(served.service_tier.as_ref());
                record.note_served(served);
                held.served(self.call.who, reached.first_content(began));
                for (mut doubted, fault) in self.doubts.drain(..) {
                    doubted.convicted(&fault);
                }
                Ok(Some(By::Deployment { deployment, reached: Box::new(reached), held }))
            }
            Err(fault) => {
                record.end_attempt(number, Some(&fault));
                tracing::debug!(deployment = %id, class = %fault.class, "attempt failed");
                if fault.phase == Phase::Admit {
                    self.uncounted += 1;
                    self.tier_calls = self.tier_calls.saturating_sub(1);
                }
                if let Some(usage) = notes.usage {
                    held.costs_all_the_same(&usage);
                }
                let allowed = window.first.saturating_duration_since(began);
                self.judge(held, &fault, allowed)?;
                self.faults.push((id, fault));
                Ok(None)
            }
        }
    }

    /// Holds a fault against its deployment, or keeps it in doubt; an error where it would fail
    /// everywhere.
    fn judge(&mut self, mut held: Held, fault: &Fault, allowed: Duration) -> Result<(), Fault> {
        match fault.replay {
            // What came before it broke is paid.
            _ if fault.phase == Phase::PostCommit => {}
            Replay::NotSent => held.used(&Usage::default()),
            Replay::Refused => held.unpaid(),
            Replay::MaybeExecuted | Replay::Executed => {}
        }
        if self.had_no_fair_chance(fault, allowed) {
            return Ok(());
        }
        match held.weigh(self.call.who, fault) {
            Next::Candidate => held.failed(fault),
            Next::Doubt => self.doubts.push((held, fault.clone())),
            Next::Stop => {
                held.failed(fault);
                return Err(fault.clone());
            }
        }
        Ok(())
    }

    /// Calls what was shut between the decision and its turn, where nothing else answered: planned
    /// a moment later, the request would have gone there for want of anything better.
    async fn late(&mut self, record: &mut Record) -> Result<Option<Answered>, Fault> {
        let Some(missed) = self.missed else {
            return Ok(None);
        };
        let gives_way = self.call.feature.criticality.gives_way();
        if gives_way || !self.affords(missed.deployment, self.next_move()) {
            return Ok(None);
        }
        let Some(window) = self.window(missed.tier, Instant::now()) else {
            return Ok(None);
        };
        let target = Target { rescue: true, reason: Reason::LastResort, ..missed };
        let by = self.call(target, window, None, record).await?;
        Ok(by.map(|by| Answered { tier: missed.tier, by }))
    }

    /// Calls the only deployment there is a second time, after a pause, where it refused before it
    /// did any work.
    async fn again(&mut self, record: &mut Record) -> Result<Option<Answered>, Fault> {
        let ([Step::Call { tier, deployment }], [(_, fault)]) =
            (self.decision.steps.as_slice(), self.faults.as_slice())
        else {
            return Ok(None);
        };
        let (tier, deployment) = (*tier, *deployment);
        let refused = matches!(fault.replay, Replay::NotSent | Replay::Refused);
        let passes = matches!(outcome(fault).effect, Effect::Failure | Effect::Pause(_));
        let backoff = backoff(0, true, &mut self.worker.gateway.rng());
        let wait = retry_wait(fault.retry_after, backoff);
        let left = self.call.deadline.saturating_duration_since(Instant::now());
        let worth_it = refused && passes && wait <= PAUSE_MAX && wait <= left / 2;
        if !worth_it || !self.affords(deployment, Move::Further) {
            return Ok(None);
        }
        tokio::time::sleep(wait).await;
        let Some(window) = self.window(tier, Instant::now()) else {
            return Ok(None);
        };
        let target = Target { tier, deployment, rescue: true, reason: Reason::Again };
        let by = self.call(target, window, None, record).await?;
        Ok(by.map(|by| Answered { tier, by }))
    }

    /// Why the next candidate is called.
    fn reason(&self, rescue: bool) -> Reason {
        match rescue {
            true => Reason::LastResort,
            false if self.faults.is_empty() => Reason::Chosen,
            false => Reason::Fallback,
        }
    }

    /// Notes why a candidate is not called in its turn; `opens` is until when that is so, and now.
    fn pass_over(
        &self,
        tier: usize,
        deployment: usize,
        why: impl Into<Cow<'static, str>>,
        opens: Option<(Duration, Duration)>,
        record: &mut Record,
    ) {
        let Some(known) = self.call.plan.plan.deployments.get(deployment) else {
            return;
        };
        // What was drained has no time at which it comes back.
        let opens = opens.filter(|(until, _)| *until < Duration::MAX);
        let opens_in = opens.map(|(until, now)| until.saturating_sub(now).as_millis());
        record.pass_over(PassedOver {
            tier: self.tier_name(tier),
            deployment: Arc::clone(&known.id),
            why: why.into(),
            opens_in_ms: opens_in.and_then(|ms| u64::try_from(ms).ok()),
        });
    }

    /// Notes that policy leaves a candidate out, and by which rules.
    fn deny(&self, tier: usize, deployment: usize, record: &mut Record) {
        self.pass_over(tier, deployment, denied(&self.call.ruling, deployment), None, record);
    }

    fn tier_name(&self, tier: usize) -> Arc<str> {
        let tier = self.call.feature.tiers.get(tier);
        tier.map_or_else(|| "".into(), |tier| Arc::clone(&tier.name))
    }

    /// The first move goes to another deployment than the one that failed.
    fn next_move(&self) -> Move {
        if self.faults.len() <= 1 { Move::First } else { Move::Further }
    }

    /// Whether the retry budgets pay for one more attempt.
    fn affords(&self, deployment: usize, step: Move) -> bool {
        let Some((_, last)) = self.faults.last() else {
            return true;
        };
        let (feature, now) = (&self.call.feature, self.worker.gateway.now());
        self.call.live().may_repeat(feature, deployment, now, last, step)
    }

    async fn cached(&mut self, tier: usize, record: &mut Record) -> Option<(Arc<Reply>, Hit)> {
        let call = Arc::clone(&self.call);
        let tier = call.feature.tiers.get(tier)?;
        let attempts = record.attempts();
        let found = Box::pin(recall::recall(&self.worker, &call, tier, record)).await;
        self.uncounted += record.attempts().saturating_sub(attempts);
        found
    }

    /// Keeps the request for later, unless what failed it will fail it then too.
    async fn queued(&self, tier: usize) -> Option<Queued> {
        let lasting = |(_, fault): &(_, Fault)| !may_pass(fault.class);
        let hopeless = self.faults.iter().all(lasting) && !self.faults.is_empty();
        if hopeless || self.decision.is_denied() {
            return None;
        }
        let gateway = &self.worker.gateway;
        Box::pin(gateway.queue.keep(gateway, &self.call, tier)).await
    }

    fn fixed(&self, tier: usize) -> Reply {
        let text = match self.call.feature.tiers.get(tier).map(|tier| &tier.mode) {
            Some(Mode::Reply { text }) => text.to_string(),
            _ => String::new(),
        };
        Reply {
            model: self.call.feature.name.to_string(),
            blocks: vec![Content::Text(text)],
            finish: Finish::Stop,
            usage: Some(Usage::default()),
            ..Reply::default()
        }
    }
}
