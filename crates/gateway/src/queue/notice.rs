//! Telling a webhook that a queued request has been answered.

use std::time::Duration;

use bytes::Bytes;
use tieline_config::{TierMode, Webhook};
use tieline_ledger::{JobInfo, Notice};

use super::{run::backoff, view};
use crate::{gateway::Gateway, listen::Worker, webhook};

/// How often a webhook is called for one job.
const TRIES_MAX: u32 = 6;
/// A message that nobody is known to have got by now is sent again: the process died meanwhile.
pub(super) const AGAIN: Duration = Duration::from_secs(60);

/// Tells of the end of a job where a webhook is configured; gives when to tell it again, if ever.
pub(super) async fn tell(worker: &Worker, notice: &Notice) -> Option<u64> {
    let gateway = &worker.gateway;
    let job = &notice.job;
    let webhook = configured(gateway, job)?;
    let body = Bytes::from(view::shown(job));
    let headers = webhook::headers(&webhook, gateway.unix_ms() / 1000, &body);
    let why = match worker.upstream.post(webhook.url.as_str(), headers, body).await {
        Ok(status) if status.is_success() => return None,
        Ok(status) => format!("it answered {status}"),
        Err(fault) => fault.message,
    };
    if notice.tries >= TRIES_MAX {
        tracing::warn!(job = job.id, why, "a webhook was not reached and is given up");
        return None;
    }
    tracing::info!(job = job.id, why, "a webhook was not reached and will be called again");
    Some(gateway.unix_ms().saturating_add(backoff(gateway, notice.tries)))
}

/// The webhook of the tier that queued a job, as the configuration has it now.
fn configured(gateway: &Gateway, job: &JobInfo) -> Option<Webhook> {
    let plan = gateway.plan();
    let tiers = &plan.config.feature(&job.feature)?.tiers;
    match &tiers.iter().find(|tier| tier.name == job.tier)?.mode {
        TierMode::Queue(queue) => queue.webhook.clone(),
        _ => None,
    }
}
