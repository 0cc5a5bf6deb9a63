//! What waits to become durable: records of either kind, in memory and as lines of a spill file.

use std::{mem::size_of, sync::Arc};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tieline_types::{AttemptRecord, AuditRecord, CallRecord, DecisionRecord};

use crate::{audit, rows::Inserter};

/// A record of a request or of a change.
#[derive(Clone)]
pub(crate) enum Entry {
    Call(Arc<CallRecord>),
    Audit(Arc<AuditRecord>),
}

/// A change as a line of a spill file. Requests stand there bare.
#[derive(Serialize, Deserialize)]
struct AuditLine<R> {
    audit: R,
}

impl Entry {
    /// Appends the entry as a line of JSON.
    pub(crate) fn write(&self, lines: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Call(record) => serde_json::to_writer(&mut *lines, record)?,
            Self::Audit(audit) => serde_json::to_writer(&mut *lines, &AuditLine { audit })?,
        }
        lines.push(b'\n');
        Ok(())
    }

    /// Reads a line; none where it is damaged.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        if let Ok(record) = serde_json::from_slice(line) {
            return Some(Self::Call(Arc::new(record)));
        }
        let read = serde_json::from_slice::<AuditLine<AuditRecord>>(line).ok()?;
        Some(Self::Audit(Arc::new(read.audit)))
    }

    /// Inserts the entry; false when its id is there already.
    pub(crate) fn insert(
        &self,
        connection: &Connection,
        calls: &mut Inserter<'_>,
    ) -> rusqlite::Result<bool> {
        match self {
            Self::Call(record) => calls.insert(record),
            Self::Audit(record) => audit::insert(connection, record),
        }
    }

    /// Roughly what it takes in memory, bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Call(record) => call_bytes(record),
            Self::Audit(record) => audit_bytes(record),
        }
    }
}

fn call_bytes(record: &CallRecord) -> usize {
    let strings = [Some(&record.id), Some(&record.model_asked), record.fault_message.as_ref()];
    size_of::<CallRecord>()
        + lengths(strings)
        + lengths([record.trace_id.as_ref()])
        + record.losses.iter().map(|loss| size_of::<String>() + loss.len()).sum::<usize>()
        + record.attempts.iter().map(attempt_bytes).sum::<usize>()
        + size_of_val(record.passed_over.as_slice())
        + record.passed_over.iter().map(|one| one.why.len()).sum::<usize>()
        + record.decision.as_deref().map_or(0, decision_bytes)
}

/// As if nobody shared it.
fn decision_bytes(decision: &DecisionRecord) -> usize {
    size_of::<DecisionRecord>()
        + size_of_val(decision.candidates.as_slice())
        + size_of_val(decision.plan.as_slice())
}

fn attempt_bytes(attempt: &AttemptRecord) -> usize {
    size_of::<AttemptRecord>()
        + lengths([
            attempt.fault_message.as_ref(),
            attempt.upstream_request_id.as_ref(),
            attempt.model_served.as_ref(),
        ])
}

fn audit_bytes(record: &AuditRecord) -> usize {
    size_of::<AuditRecord>()
        + lengths([Some(&record.id), Some(&record.actor), Some(&record.subject)])
        + lengths(
            [&record.claimed, &record.before, &record.after, &record.reason]
                .map(|one| one.as_ref()),
        )
}

fn lengths<const N: usize>(strings: [Option<&String>; N]) -> usize {
    strings.into_iter().flatten().map(String::len).sum()
}
