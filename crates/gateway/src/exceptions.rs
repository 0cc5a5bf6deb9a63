//! Exceptions of a running gateway: on record when they begin and end, and shown while they last.

use std::sync::PoisonError;

use serde::Serialize;
use tieline_types::{AuditRecord, Change, Exception};

use crate::{Actor, gateway::Gateway};

/// An exception in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExceptionStatus {
    /// The feature.
    pub feature: String,
    /// The deployments that are open to it.
    pub open: Vec<String>,
    /// When it ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// Seconds until then.
    pub left_s: u64,
    /// Why it was made.
    pub reason: String,
    /// Who answers for it.
    pub author: String,
}

impl Gateway {
    /// The exceptions in force.
    pub(crate) fn exceptions(&self) -> Vec<ExceptionStatus> {
        let (plan, now_ms) = (self.plan(), self.unix_ms());
        let shown = |one: &Exception| ExceptionStatus {
            feature: one.feature.clone(),
            open: one.open.iter().cloned().collect(),
            until_ms: one.until_ms,
            left_s: one.until_ms.saturating_sub(now_ms) / 1000,
            reason: one.reason.clone(),
            author: one.author.clone(),
        };
        in_force(&plan.config.exceptions, now_ms).map(shown).collect()
    }

    /// Puts on record which exceptions have begun and ended since the last look.
    pub(crate) fn note_exceptions(&self) {
        let (plan, now_ms) = (self.plan(), self.unix_ms());
        let current: Vec<Exception> = in_force(&plan.config.exceptions, now_ms).cloned().collect();
        let mut known = self.known_exceptions.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == current {
            return;
        }
        let before = std::mem::replace(&mut *known, current.clone());
        drop(known);
        for begun in current.iter().filter(|one| !before.contains(one)) {
            tracing::warn!(
                feature = begun.feature,
                author = begun.author,
                reason = begun.reason,
                "an exception from policy is in force"
            );
            self.exception_on_record(Change::ExceptionBegan, begun);
        }
        for ended in before.iter().filter(|one| !current.contains(one)) {
            tracing::info!(feature = ended.feature, author = ended.author, "an exception ended");
            self.exception_on_record(Change::ExceptionEnded, ended);
        }
    }

    fn exception_on_record(&self, change: Change, exception: &Exception) {
        let open: Vec<&str> = exception.open.iter().map(String::as_str).collect();
        let record = AuditRecord {
            claimed: Some(exception.author.clone()),
            after: Some(format!("{} until {} ms", open.join(", "), exception.until_ms)),
            reason: Some(exception.reason.clone()),
            ..self.change(change, &exception.feature, &Actor::file())
        };
        if !self.on_record(record) {
            tracing::error!("the ledger takes no record of the exception");
        }
    }
}

fn in_force(exceptions: &[Exception], now_ms: u64) -> impl Iterator<Item = &Exception> {
    exceptions.iter().filter(move |one| now_ms < one.until_ms)
}
