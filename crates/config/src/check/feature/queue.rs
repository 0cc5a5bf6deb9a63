//! Tiers that keep requests for later.

use std::time::Duration;

use crate::{
    check::Check,
    config::{Queue, TierMode, Webhook},
    lenient::Field,
    problem::{Code, Problem},
    source::Span,
    wire,
};

const TTL: Duration = Duration::from_secs(24 * 3600);
/// Kept longer, prompts and answers would need a policy of their own.
const TTL_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
const JOBS: u64 = 1_000;
const JOBS_MAX: u64 = 100_000;

impl Check<'_> {
    /// What a tier with `queue` does.
    pub(super) fn queue(&mut self, written: &wire::Queue) -> Option<TierMode> {
        let ttl = self.ttl(&written.ttl);
        let max_jobs = self.max_jobs(&written.max_jobs);
        let url = self.url(&written.webhook);
        let secret = self.secret(&written.secret);
        if let (Some(at), false) = (written.secret.key, written.webhook.is_written()) {
            let problem = Problem::new(Code::TierMode, at, "`secret` has no effect here");
            self.add(problem.with_found("secret").with_help("add `webhook` or remove the key"));
        }
        let webhook = url.map(|url| Webhook { url, secret });
        Some(TierMode::Queue(Queue { ttl: ttl?, max_jobs: max_jobs?, webhook }))
    }

    fn ttl(&mut self, field: &Field<wire::Lapse>) -> Option<Duration> {
        if !field.is_written() {
            return Some(TTL);
        }
        let ttl = self.lapse(field)?;
        if ttl > TTL_MAX {
            let at = field.at.unwrap_or_default();
            let message = "`ttl` is longer than seven days";
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_help("write at most `7d`"));
            return None;
        }
        Some(ttl)
    }

    fn max_jobs(&mut self, field: &Field<u64>) -> Option<u64> {
        let Some((jobs, at)) = field.placed() else { return Some(JOBS) };
        if !(1..=JOBS_MAX).contains(jobs) {
            let message = format!("`{jobs}` is not a number from 1 to {JOBS_MAX}");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_found(jobs.to_string()));
        }
        Some(*jobs)
    }

    /// Reports what stands between a queue and the end of the ladder: it would answer only while
    /// the queue is full.
    pub(super) fn queue_last(&mut self, rungs: &[(&wire::Tier, Span)]) {
        let after = rungs.iter().skip_while(|(tier, _)| !tier.queue.is_written()).skip(1);
        for (_, at) in after {
            let message = "this tier is reached only when the queue before it is full";
            let problem = Problem::new(Code::UnreachableTier, *at, message);
            self.add(problem.with_help("only `reply` or `off` may follow a tier with `queue`"));
        }
    }
}
