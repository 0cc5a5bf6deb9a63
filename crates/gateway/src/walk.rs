//! Stop 7, first half: from step to step until something answers.

use std::{sync::Arc, time::Duration};

use tieline_dialect::{
    Style,
    ir::{Content, Finish, Reply},
};
use tieline_route::{
    ATTEMPTS_PER_REQUEST_MAX, Decision, Demand, Effect, Mode, Move, Next, Step, Verdict, backoff,
    may_pass, outcome, retry_wait,
};
use tieline_types::{Class, Fault, PassedOver, Reason, Replay, Usage};
use tokio::time::Instant;

use crate::{
    admit::Call,
    attempt::{Attempt, Ran, Reached, Window},
    hedge::Hedge,
    held::Held,
    listen::Worker,
    prepare::Neutral,
    queue::Queued,
    recall::{self, Hit},
    record::{Record, attempt_of},
};

/// The time to the first content that a stream may take where its tier does not say.
const FIRST_CONTENT: Duration = Duration::from_secs(30);
/// The time to the head of a streamed answer where the tier says nothing of its first content.
/// Whole answers come with their head.
const HEADERS: Duration = Duration::from_secs(15);
/// The longest pause before the only deployment is called a second time.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// An attempt is not begun with less time than this.
pub(crate) const WORTH_TRYING: Duration = Duration::from_millis(100);
/// Silence within less than this is our impatience, not the deployment's failure.
pub(crate) const FAIR_WINDOW: Duration = Duration::from_secs(1);

/// The same where the caller set a deadline of its own.
const FAIR_WINDOW_HURRIED: Duration = Duration::from_secs(5);

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

/// Walks the decision's steps until one answers or a fault says stop.
pub(crate) async fn walk(
    worker: &Worker,
    call: &Call,
    decision: &Decision,
    style: &Style,
    record: &mut Record,
) -> Result<Answered, Fault> {
    let mut walk = Walk {
        worker,
        call,
        style,
        draw: decision.draw,
        neutral: Neutral::default(),
        faults: Vec::new(),
        doubts: Vec::new(),
        missed: None,
        hedged: None,
        embeddings: 0,
    };
    let now = worker.gateway.now();
    call.plan.live.deposit(&call.feature, now);
    for one in &decision.considered {
        if let Verdict::Shut(until, why) | Verdict::LeastBad(until, why) = one.verdict {
            walk.pass_over(one.tier, one.deployment, why.as_str(), Some((until, now)), record);
        }
    }
    let mut tier_began = (0, Instant::now());
    for (at, step) in decision.steps.iter().enumerate() {
        let later = decision.steps.get(at + 1..).unwrap_or_default();
        match step {
            Step::Call { tier, deployment } if walk.hedged == Some((*tier, *deployment)) => {}
            Step::Call { tier, deployment } => {
                if tier_began.0 != *tier {
                    tier_began = (*tier, Instant::now());
                }
                let Some(window) = walk.window(*tier, tier_began.1, later) else {
                    walk.pass_over(*tier, *deployment, "time", None, record);
                    continue;
                };
                let rescue = decision.is_rescue(*tier, *deployment);
                let reason = walk.reason(rescue);
                let target = Target { tier: *tier, deployment: *deployment, rescue, reason };
                if !walk.affords(*deployment, walk.next_move()) {
                    walk.pass_over(*tier, *deployment, "budget", None, record);
                    continue;
                }
                let hedge = walk.hedge(target, tier_began.1, later, decision);
                if let Some(by) = walk.call(target, window, hedge, record).await? {
                    return Ok(Answered { tier: *tier, by });
                }
            }
            Step::Cache { tier } => {
                if let Some((reply, hit)) = walk.cached(*tier, record).await {
                    return Ok(Answered { tier: *tier, by: By::Cache(reply, hit) });
                }
            }
            Step::Queue { tier } => {
                if let Some(queued) = walk.queued(*tier).await {
                    return Ok(Answered { tier: *tier, by: By::Queue(queued) });
                }
            }
            Step::Reply { tier } => {
                let reply = Arc::new(walk.fixed(*tier));
                return Ok(Answered { tier: *tier, by: By::Tieline(reply) });
            }
            Step::Off { tier: _ } => {
                let message = format!("feature `{}` is switched off", call.feature.name);
                walk.faults.push(("off".into(), Fault::new(Class::Exhausted, message)));
                break;
            }
        }
    }
    if let Some(answered) = walk.late(record).await? {
        return Ok(answered);
    }
    if let Some(answered) = walk.again(decision, record).await? {
        return Ok(answered);
    }
    Err(walk.exhausted(decision))
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

pub(crate) struct Walk<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) call: &'a Call,
    style: &'a Style,
    neutral: Neutral,
    draw: f64,
    /// What each step that failed had to say.
    faults: Vec<(Arc<str>, Fault)>,
    /// Faults that look like the caller's, of deployments where many callers see them. If another
    /// answers this request well, they were the deployments' own.
    doubts: Vec<(Held, Fault)>,
    /// The first deployment that was shut between the decision and its turn.
    missed: Option<Target>,
    /// The step that was taken before its turn, beside another.
    pub(crate) hedged: Option<(usize, usize)>,
    /// Upstream calls that were for vectors, not for answers.
    embeddings: usize,
}

impl<'a> Walk<'a> {
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
            return self.race(attempt, hedge, record).await;
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
    ) -> Option<Attempt<'a>> {
        let Target { tier, deployment, rescue, reason } = target;
        let (worker, call) = (self.worker, self.call);
        let (gateway, plan) = (&worker.gateway, &call.plan);
        if record.attempts() >= ATTEMPTS_PER_REQUEST_MAX + self.embeddings {
            self.pass_over(tier, deployment, "attempts", None, record);
            return None;
        }
        let (route, known) = (plan.routes.get(deployment)?, plan.plan.deployments.get(deployment)?);
        let (feature, now) = (&call.feature, gateway.now());
        let admitted = plan.live.admit(deployment, feature, now, self.draw, call.demand(), rescue);
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
            plan.live.first_attempt(deployment, now);
        }
        let attempt = attempt_of(self.tier_name(tier), known, route.dialect, reason);
        let number = record.begin(attempt);
        Some(Attempt {
            worker,
            call,
            route,
            deployment,
            id: Arc::clone(&known.id),
            style: Style { model: known.model.to_string(), ..self.style.clone() },
            held: Held::new(gateway, plan, lease),
            keep: call.keeps_answers(),
            window,
            began: Instant::now(),
            number,
        })
    }

    /// Draws the consequences of an attempt.
    pub(crate) fn end(&mut self, ran: Ran<'_>, record: &mut Record) -> Result<Option<By>, Fault> {
        let Ran { attempt, mut notes, result } = ran;
        let Attempt { mut held, id, deployment, window, began, number, .. } = attempt;
        record.take_in(number, &mut notes);
        match result {
            Ok(reached) => {
                record.answered_by(number, notes.losses);
                let (usage, model) = reached.served();
                record.note_usage(usage, model);
                held.served(self.call.who, self.call.head.stream.then(|| began.elapsed()));
                for (mut doubted, fault) in self.doubts.drain(..) {
                    doubted.convicted(&fault);
                }
                Ok(Some(By::Deployment { deployment, reached: Box::new(reached), held }))
            }
            Err(fault) => {
                record.end_attempt(number, Some(&fault));
                tracing::debug!(deployment = %id, class = %fault.class, "attempt failed");
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
        if fault.replay == Replay::NotSent {
            held.used(&Usage::default());
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

    /// Whether a deployment was silent only for as long as we, or the caller, had to spare. That
    /// says nothing about its health.
    fn had_no_fair_chance(&self, fault: &Fault, allowed: Duration) -> bool {
        let silent = fault.class == Class::Timeout && fault.status.is_none();
        let fair = if self.call.hurried { FAIR_WINDOW_HURRIED } else { FAIR_WINDOW };
        silent && allowed < fair
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
        let Some(window) = self.window(missed.tier, Instant::now(), &[]) else {
            return Ok(None);
        };
        let target = Target { rescue: true, reason: Reason::LastResort, ..missed };
        let by = self.call(target, window, None, record).await?;
        Ok(by.map(|by| Answered { tier: missed.tier, by }))
    }

    /// Calls the only deployment there is a second time, after a pause, where it refused before it
    /// did any work.
    async fn again(
        &mut self,
        decision: &Decision,
        record: &mut Record,
    ) -> Result<Option<Answered>, Fault> {
        let ([Step::Call { tier, deployment }], [(_, fault)]) =
            (decision.steps.as_slice(), self.faults.as_slice())
        else {
            return Ok(None);
        };
        let refused = matches!(fault.replay, Replay::NotSent | Replay::Refused);
        let passes = matches!(outcome(fault).effect, Effect::Failure | Effect::Pause(_));
        let backoff = backoff(0, true, &mut self.worker.gateway.rng());
        let wait = retry_wait(fault.retry_after, backoff);
        let left = self.call.deadline.saturating_duration_since(Instant::now());
        let worth_it = refused && passes && wait <= PAUSE_MAX && wait <= left / 2;
        if !worth_it || !self.affords(*deployment, Move::Further) {
            return Ok(None);
        }
        tokio::time::sleep(wait).await;
        let Some(window) = self.window(*tier, Instant::now(), &[]) else {
            return Ok(None);
        };
        let (tier, deployment) = (*tier, *deployment);
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
        why: &'static str,
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
        self.call.plan.live.may_repeat(feature, deployment, now, last, step)
    }

    /// The time an attempt gets: half of what is left while another call could still answer, nine
    /// tenths before a tier that calls nobody, all of it otherwise. None when it is not worth
    /// beginning.
    pub(crate) fn window(
        &self,
        tier: usize,
        tier_began: Instant,
        later: &[Step],
    ) -> Option<Window> {
        let now = Instant::now();
        let config = self.call.feature.tiers.get(tier)?;
        let tier_end = config.deadline.map_or(self.call.deadline, |deadline| tier_began + deadline);
        let end = tier_end.min(self.call.deadline);
        let left = end.checked_duration_since(now).filter(|left| *left >= WORTH_TRYING)?;
        let whole = tier_end == self.call.deadline;
        let another = |step: &Step| match step {
            Step::Call { tier: other, .. } => whole || *other == tier,
            Step::Cache { .. } | Step::Queue { .. } | Step::Reply { .. } | Step::Off { .. } => {
                false
            }
        };
        let mut share = match later {
            [] => left,
            later if later.iter().any(another) => left / 2,
            _ if whole => left - left / 10,
            _ => left,
        };
        if self.call.head.stream {
            share = share.min(config.ttft.unwrap_or(FIRST_CONTENT));
        }
        let headers = if self.call.head.stream { config.ttft.unwrap_or(HEADERS) } else { share };
        Some(Window { headers: now + headers, first: now + share })
    }

    async fn cached(&mut self, tier: usize, record: &mut Record) -> Option<(Arc<Reply>, Hit)> {
        let tier = self.call.feature.tiers.get(tier)?;
        let attempts = record.attempts();
        let found = recall::recall(self.worker, self.call, tier, record).await;
        self.embeddings += record.attempts().saturating_sub(attempts);
        found
    }

    /// Keeps the request for later, unless what failed it will fail it then too.
    async fn queued(&self, tier: usize) -> Option<Queued> {
        let lasting = |(_, fault): &(_, Fault)| !may_pass(fault.class);
        let hopeless = self.faults.iter().all(lasting) && !self.faults.is_empty();
        if hopeless {
            return None;
        }
        let gateway = &self.worker.gateway;
        gateway.queue.keep(gateway, self.call, tier).await
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

    /// Which deployments were left out, and why.
    fn out(&self, decision: &Decision) -> String {
        let told = decision.considered.iter().filter_map(|one| {
            let id = &self.call.plan.plan.deployments.get(one.deployment)?.id;
            match one.verdict {
                Verdict::Shut(_, why) | Verdict::LeastBad(_, why) => {
                    Some(format!("{id} ({})", why.as_str()))
                }
                Verdict::In | Verdict::Surplus | Verdict::NoWeight => None,
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// The fault that tells the client what was tried.
    fn exhausted(self, decision: &Decision) -> Fault {
        let feature = &self.call.feature;
        let name = &feature.name;
        let now = self.worker.gateway.now();
        let reopens = decision
            .considered
            .iter()
            .filter_map(|one| {
                let live = &self.call.plan.live;
                let (until, _) =
                    live.peek(one.deployment, feature, now, 0.0, Demand::default()).shut?;
                // What was drained has no time at which it comes back.
                (until < Duration::MAX).then(|| until.saturating_sub(now))
            })
            .min();
        let out = self.out(decision);
        let mut faults = self.faults.into_iter();
        let Some((first_by, first)) = faults.next() else {
            let message = if Instant::now() >= self.call.deadline {
                format!("feature `{name}`: the deadline passed before anything could answer")
            } else {
                format!("feature `{name}`: no deployment takes requests now: {out}")
            };
            return Fault::new(Class::Exhausted, message).with_retry_after(reopens);
        };
        let mut same = true;
        let mut told = format!("{first_by}: {}", words(&first));
        for (by, fault) in faults {
            same &= fault.class == first.class;
            told = format!("{told}; {by}: {}", words(&fault));
        }
        if same {
            // What all agree on is what the client should see, with its status.
            let mut fault = first;
            fault.message = told;
            fault.retry_after = fault.retry_after.or(reopens);
            return fault;
        }
        Fault::new(Class::Exhausted, format!("feature `{name}`: nothing could answer: {told}"))
            .with_retry_after(reopens)
    }
}

/// What a caller may read of a fault: not what a provider says of our credential or account.
fn words(fault: &Fault) -> &str {
    match fault.class {
        Class::Auth => "it refused the gateway's credential",
        Class::Billing => "the gateway's account there is exhausted",
        _ => &fault.message,
    }
}
