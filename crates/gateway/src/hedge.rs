//! A second deployment beside the first, for a stream that is slow to begin.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tieline_dialect::offers_tools;
use tieline_route::Step;
use tieline_types::{Fault, Reason};
use tokio::time::{Instant, sleep_until};

use crate::{
    attempt::Attempt,
    prepare::Neutral,
    record::Record,
    walk::{By, Target, Walk},
};

/// Whom to call beside a deployment, and when.
#[derive(Clone, Copy)]
pub(crate) struct Hedge {
    target: Target,
    /// The time to the first content that the first one has alone.
    after: Duration,
}

/// An attempt in a race.
struct Runner {
    number: usize,
    deployment: usize,
    began: Instant,
    /// Whether the provider was called.
    sent: bool,
}

impl Runner {
    fn of(attempt: &Attempt) -> Self {
        let Attempt { number, deployment, began, .. } = *attempt;
        Self { number, deployment, began, sent: attempt.is_sent() }
    }
}

impl Walk {
    /// The hedge of a step, where the feature has any: the next open deployment of the same tier.
    pub(crate) fn hedge(&self, first: Target) -> Option<Hedge> {
        let Target { tier, deployment, .. } = first;
        if !self.call.head.stream || first.rescue || !self.is_fresh() {
            return None;
        }
        let after = self.call.live().hedge_after(
            &self.call.feature,
            deployment,
            self.call.demand().size(),
        )?;
        let Some(Step::Call { tier: same, deployment }) = self.later().first() else {
            return None;
        };
        let open = *same == tier && !self.is_rescue(tier, *deployment);
        let target = Target { tier, deployment: *deployment, rescue: false, reason: Reason::Hedge };
        open.then_some(Hedge { target, after })
    }

    /// Waits for the first content of an attempt, or of a second one that begins where the first is
    /// slow. The other is cancelled and its prompt counted as paid.
    pub(crate) async fn race(
        &mut self,
        first: Attempt,
        hedge: Hedge,
        record: &mut Record,
    ) -> Result<Option<By>, Fault> {
        let run = |attempt: Attempt| async move { attempt.run(&mut Neutral::default()).await };
        let mut slow = Some(Box::pin(sleep_until(first.began + hedge.after)));
        let mut others = vec![Runner::of(&first)];
        let mut running = FuturesUnordered::from_iter([run(first)]);
        loop {
            let ran = match &mut slow {
                Some(slow_now) => tokio::select! {
                    biased;
                    ran = running.next() => ran,
                    () = slow_now => {
                        slow = None;
                        if let Some(second) = self.begin_hedge(hedge, record) {
                            others.push(Runner::of(&second));
                            running.push(run(second));
                        }
                        continue;
                    }
                },
                None => running.next().await,
            };
            let Some(ran) = ran else {
                return Ok(None);
            };
            // What failed early is followed by the next step, not by a hedge.
            slow = None;
            others.retain(|runner| runner.number != ran.attempt.number);
            let ended = self.end(ran, record);
            if !matches!(ended, Ok(None)) {
                others.iter().for_each(|runner| self.lose(runner, record));
                return ended;
            }
        }
    }

    fn lose(&self, runner: &Runner, record: &mut Record) {
        record.supersede(runner.number, runner.sent.then_some(self.call.demand().input));
        let (live, now) = (self.call.live(), self.worker.gateway.now());
        live.outpaced(runner.deployment, self.call.demand().size(), now, runner.began.elapsed());
    }

    fn begin_hedge(&mut self, hedge: Hedge, record: &mut Record) -> Option<Attempt> {
        let Hedge { target, .. } = hedge;
        let (call, now) = (&self.call, self.worker.gateway.now());
        let window = self.window(target.tier, self.tier_began.1)?;
        // Tools of the provider's own would be used twice.
        if offers_tools(&call.body) || !call.live().may_hedge(&call.feature, target.deployment, now)
        {
            return None;
        }
        let attempt = self.begin(target, window, record)?;
        self.hedged = Some((target.tier, target.deployment));
        Some(attempt)
    }
}
