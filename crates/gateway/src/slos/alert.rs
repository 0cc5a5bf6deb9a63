//! Telling of alerts: the log, and a webhook where one is configured.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::Serialize;
use tieline_slo::Firing;
use tokio::sync::Notify;

use super::{AlertStatus, MINUTE_MS, Tracked};
use crate::{gateway::Gateway, listen::Worker, webhook};

/// Messages that wait for the webhook at once; beyond it the oldest are given up.
const WAITING_MAX: usize = 256;
/// How often the webhook is called for one message.
const TRIES_MAX: u32 = 6;
/// The pause after the first try; it doubles with each.
const PAUSE: Duration = Duration::from_secs(2);

/// An alert that began or ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Message {
    kind: &'static str,
    /// `began` or `ended`.
    event: &'static str,
    /// `page`, `ticket` or `no_data`.
    severity: &'static str,
    feature: Arc<str>,
    slo: Arc<str>,
    sli: &'static str,
    target: f64,
    /// When it began.
    since_ms: u64,
    at_ms: u64,
    /// The share of the error budget that is left.
    budget_left: Option<f64>,
    burn: Option<Burn>,
}

/// The rates by which an alert began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Burn {
    /// The rate above which both had to be.
    above: f64,
    long: f64,
    short: f64,
    long_window_s: u64,
    short_window_s: u64,
}

impl Message {
    pub(super) fn began(
        slo: &Tracked,
        firing: &Firing,
        severity: &'static str,
        minute: u64,
    ) -> Self {
        let burn = match firing {
            Firing::Burn { rule, long, short, .. } => Some(Burn {
                above: rule.factor,
                long: *long,
                short: *short,
                long_window_s: rule.long.as_secs(),
                short_window_s: rule.short.as_secs(),
            }),
            Firing::NoData { .. } => None,
        };
        let since_ms = (minute + 1).saturating_mul(MINUTE_MS);
        Self::new("began", slo, (severity, since_ms), minute, burn)
    }

    pub(super) fn ended(slo: &Tracked, alert: &AlertStatus, minute: u64) -> Self {
        Self::new("ended", slo, (alert.severity, alert.since_ms), minute, None)
    }

    fn new(
        event: &'static str,
        slo: &Tracked,
        (severity, since_ms): (&'static str, u64),
        minute: u64,
        burn: Option<Burn>,
    ) -> Self {
        Self {
            kind: "slo_alert",
            event,
            severity,
            feature: Arc::clone(&slo.key.feature),
            slo: Arc::clone(&slo.key.name),
            sli: slo.slo.indicator.as_str(),
            target: slo.slo.target,
            since_ms,
            at_ms: (minute + 1).saturating_mul(MINUTE_MS),
            budget_left: slo.budget_left(minute),
            burn,
        }
    }

    fn log(&self) {
        let Self { feature, slo, severity, budget_left, .. } = self;
        if self.event == "ended" {
            tracing::info!(%feature, %slo, severity, "an alert of an objective ended");
        } else {
            let burn = self.burn.map(|burn| burn.long);
            tracing::warn!(%feature, %slo, severity, budget_left, burn, "an alert begins");
        }
    }
}

/// The messages that wait for the webhook.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<VecDeque<Message>>,
    arrived: Notify,
}

impl Outbox {
    fn put(&self, message: Message) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            waiting.pop_front();
            tracing::warn!("too many alerts wait for the webhook: the oldest is given up");
        }
        waiting.push_back(message);
        drop(waiting);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Message> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Gateway {
    /// Tells of an alert that began or ended.
    pub(super) fn tell(&self, message: Message) {
        message.log();
        if self.plan().config.alerts.webhook.is_some() {
            self.outbox.put(message);
        }
    }
}

/// Delivers what waits for the webhook, one after the other, for as long as it is polled.
pub(super) async fn deliver(worker: Arc<Worker>) {
    let outbox = &worker.gateway.outbox;
    loop {
        match outbox.take() {
            Some(message) => post(&worker, &message).await,
            None => outbox.arrived.notified().await,
        }
    }
}

async fn post(worker: &Worker, message: &Message) {
    let Ok(body) = serde_json::to_vec(message).map(Bytes::from) else {
        return;
    };
    let (slo, mut pause) = (&message.slo, PAUSE);
    for tried in 1..=TRIES_MAX {
        // The configuration may have changed since the last try.
        let Some(webhook) = worker.gateway.plan().config.alerts.webhook.clone() else {
            return;
        };
        let headers = webhook::headers(&webhook, worker.gateway.unix_ms() / 1000, &body);
        let why = match worker.upstream.post(webhook.url.as_str(), headers, body.clone()).await {
            Ok(status) if status.is_success() => return,
            Ok(status) => format!("it answered {status}"),
            Err(fault) => fault.message,
        };
        if tried == TRIES_MAX {
            tracing::error!(%slo, why, "an alert did not reach the webhook and is given up");
            return;
        }
        tracing::info!(%slo, why, "an alert did not reach the webhook and is told again");
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
}
