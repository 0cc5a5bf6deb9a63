//! The background: what is due is run, a few at once, as soon as the models can answer again.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rand::{Rng as _, seq::SliceRandom as _};
use tieline_ledger::{Depth, Job, JobState, Jobs, LedgerError, Notice};
use tieline_route::Mode;
use tokio::{sync::OwnedSemaphorePermit, task::JoinSet};

use super::{StoreError, job, millis, notice};
use crate::{gateway::Gateway, listen::Worker};

/// Jobs and messages under way at once.
const AT_ONCE: usize = 4;
/// How often the jobs are looked at while there are any.
const LOOK: Duration = Duration::from_secs(2);
/// How often they are looked for while there are none.
const LOOK_IDLE: Duration = Duration::from_secs(10);
/// The longest pause after the first failed run; it doubles with each.
const BACKOFF_MIN_MS: u64 = 5_000;
/// The longest pause of all.
const BACKOFF_MAX_MS: u64 = 60_000;
/// How long to wait before an answer that the store did not take is offered again.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// Something to do.
enum Due {
    Job(Job),
    /// With its turn among those that call a webhook.
    Notice(Notice, OwnedSemaphorePermit),
}

/// The jobs at one moment.
struct Look {
    depths: Vec<Depth>,
    /// Whether it is for this process to run them.
    leads: bool,
    /// The features of jobs whose time has ended.
    expired: Vec<String>,
}

/// Looks at the jobs, and tends them where that is for this process. Where nothing can be queued
/// and nothing is, nothing is touched.
fn look(jobs: &Jobs, wanted: bool, now_ms: u64) -> Result<Look, LedgerError> {
    if !wanted && jobs.depths()?.is_empty() {
        return Ok(Look { depths: Vec::new(), leads: false, expired: Vec::new() });
    }
    let leads = jobs.lead()?;
    let expired = if leads { jobs.tend(now_ms)? } else { Vec::new() };
    Ok(Look { depths: jobs.depths()?, leads, expired })
}

impl Worker {
    /// Answers queued requests until told to stop; ends when those under way have ended. Of all
    /// processes that share a ledger, one does so at a time.
    pub async fn run_jobs(self: Arc<Self>) {
        let mut under_way = JoinSet::new();
        while !self.stop.is_cancelled() {
            let looked = self.take_due(&mut under_way).await.unwrap_or_else(|error| {
                report(&error, "cannot look for queued requests");
                LOOK
            });
            tokio::select! {
                () = self.stop.cancelled() => {}
                Some(_) = under_way.join_next() => {}
                () = self.gateway.queue.queued.notified() => {}
                () = tokio::time::sleep(looked) => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Begins what is due, as far as there is room; gives the time until the next look.
    async fn take_due(
        self: &Arc<Self>,
        under_way: &mut JoinSet<()>,
    ) -> Result<Duration, StoreError> {
        let queue = &self.gateway.queue;
        let now_ms = self.gateway.unix_ms();
        let wanted = has_queues(&self.gateway);
        let Some(Look { depths, leads, expired }) =
            queue.stored(move |jobs| look(jobs, wanted, now_ms)).await?
        else {
            return Ok(LOOK_IDLE);
        };
        self.gateway.judge_expired(&expired);
        queue.note_depths(&self.gateway.metrics, depths.clone());
        let rest = if depths.is_empty() { LOOK_IDLE } else { LOOK };
        if !leads {
            return Ok(rest);
        }
        let mut waiting: Vec<String> = depths.iter().filter_map(waits).collect();
        waiting.retain(|feature| job::can_answer(&self.gateway, feature));
        waiting.shuffle(&mut self.gateway.rng());
        let mut waiting = VecDeque::from(waiting);
        while under_way.len() < AT_ONCE {
            let due = claim_notice(&self.gateway, now_ms).await?;
            let due = match due {
                Some(due) => Some(due),
                None => claim(&self.gateway, &mut waiting, now_ms).await?,
            };
            let Some(due) = due else {
                break;
            };
            under_way.spawn(Arc::clone(self).work(due));
        }
        Ok(rest)
    }

    async fn work(self: Arc<Self>, due: Due) {
        match due {
            Due::Job(job) => self.work_job(job).await,
            Due::Notice(notice, _turn) => {
                let again_ms = notice::tell(&self, &notice).await;
                let id = notice.job.id;
                self.store(move |jobs| jobs.told(&id, again_ms)).await;
            }
        }
    }

    async fn work_job(self: &Arc<Self>, job: Job) {
        let gateway = &self.gateway;
        let end = job::run(self, &job).await;
        if let Some(end) = &end {
            gateway.judge_job(&job, end.state == JobState::Done);
        }
        let now_ms = gateway.unix_ms();
        let due_ms = now_ms.saturating_add(backoff(gateway, job.attempts));
        self.store(move |jobs| match &end {
            Some(end) => jobs.finish(&job.id, end, now_ms),
            None => jobs.put_back(&job.id, due_ms),
        })
        .await;
    }

    /// Stores what came of something, as often as it takes: an answer has been paid for. Until then
    /// it keeps its place among those under way.
    async fn store(&self, work: impl Fn(&Jobs) -> Result<(), LedgerError> + Send + Sync + 'static) {
        let work = Arc::new(work);
        loop {
            let work = Arc::clone(&work);
            let Err(error) = self.gateway.queue.stored(move |jobs| work(jobs)).await else {
                return;
            };
            report(&error, "cannot store what came of a queued request; it is offered again");
            if self.stop.is_cancelled() {
                // It is still marked as running, so the next process does it again.
                return;
            }
            tokio::time::sleep(STORE_RETRY).await;
        }
    }
}

/// Takes a job of the features that wait, which take turns; one that has none due has no further
/// turn.
async fn claim(
    gateway: &Gateway,
    waiting: &mut VecDeque<String>,
    now_ms: u64,
) -> Result<Option<Due>, StoreError> {
    while let Some(feature) = waiting.pop_front() {
        let wanted = feature.clone();
        let claimed = gateway.queue.stored(move |jobs| jobs.claim(&wanted, now_ms)).await?;
        if let Some(job) = claimed.flatten() {
            waiting.push_back(feature);
            return Ok(Some(Due::Job(job)));
        }
    }
    Ok(None)
}

async fn claim_notice(gateway: &Gateway, now_ms: u64) -> Result<Option<Due>, StoreError> {
    let Ok(turn) = Arc::clone(&gateway.queue.telling).try_acquire_owned() else {
        return Ok(None);
    };
    let again_ms = now_ms.saturating_add(millis(notice::AGAIN));
    let claimed = gateway.queue.stored(move |jobs| jobs.claim_notice(now_ms, again_ms)).await?;
    Ok(claimed.flatten().map(|notice| Due::Notice(notice, turn)))
}

/// The feature, where some of its jobs wait.
fn waits(depth: &Depth) -> Option<String> {
    (depth.state == JobState::Queued).then(|| depth.feature.clone())
}

fn has_queues(gateway: &Gateway) -> bool {
    let plan = gateway.plan();
    let mut tiers = plan.plan.features.values().flat_map(|feature| &feature.tiers);
    tiers.any(|tier| matches!(tier.mode, Mode::Queue { .. }))
}

fn report(error: &StoreError, what: &'static str) {
    let error: &dyn std::error::Error = error;
    tracing::warn!(error, "{what}");
}

/// The pause before the next try, in milliseconds: anything up to 5 s, doubling to 60 s, so that
/// what failed together does not return together.
pub(super) fn backoff(gateway: &Gateway, tries: u32) -> u64 {
    let doublings = tries.saturating_sub(1).min(u64::BITS);
    let ceiling = BACKOFF_MIN_MS.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
    gateway.rng().random_range(0..=ceiling.min(BACKOFF_MAX_MS))
}
