//! Telling a webhook that a queued request has been answered.

use std::{fmt::Write as _, time::Duration};

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use tieline_config::{TierMode, Webhook};
use tieline_ledger::{JobInfo, Notice};

use super::{run::backoff, view};
use crate::{gateway::Gateway, listen::Worker};

/// How often a webhook is called for one job.
const TRIES_MAX: u32 = 6;
/// A message that nobody is known to have got by now is sent again: the process died meanwhile.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// When the message was signed, seconds since the Unix epoch.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-tieline-timestamp");
/// `sha256=` and the HMAC of the timestamp, a full stop and the body, in hexadecimal.
const SIGNATURE: HeaderName = HeaderName::from_static("x-tieline-signature");

/// Tells of the end of a job where a webhook is configured; gives when to tell it again, if ever.
pub(super) async fn tell(worker: &Worker, notice: &Notice) -> Option<u64> {
    let gateway = &worker.gateway;
    let job = &notice.job;
    let webhook = webhook(gateway, job)?;
    let body = Bytes::from(view::shown(job));
    let headers = headers(&webhook, gateway.unix_ms() / 1000, &body);
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
fn webhook(gateway: &Gateway, job: &JobInfo) -> Option<Webhook> {
    let plan = gateway.plan();
    let tiers = &plan.config.feature(&job.feature)?.tiers;
    match &tiers.iter().find(|tier| tier.name == job.tier)?.mode {
        TierMode::Queue(queue) => queue.webhook.clone(),
        _ => None,
    }
}

fn headers(webhook: &Webhook, now_s: u64, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(TIMESTAMP, HeaderValue::from(now_s));
    if let Some(secret) = &webhook.secret
        && let Ok(value) = HeaderValue::try_from(signature(secret.expose(), now_s, body))
    {
        headers.insert(SIGNATURE, value);
    }
    headers
}

/// The value of [`SIGNATURE`]. With the time in it, an old message cannot pass for a new one.
fn signature(secret: &str, now_s: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(now_s.to_string().as_bytes());
    signing.update(b".");
    signing.update(body);
    signing.sign().as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_time_and_body() {
        // From Python: hmac.new(key, b"1790000000." + body, "sha256").hexdigest()
        assert_eq!(
            signature("whsec-0123", 1_790_000_000, br#"{"id":"job_1"}"#),
            "sha256=9ebb671edb3dd2ddfe680a147135a2eae341f23d89730cde782dcd26bfc2d90b"
        );
    }
}
