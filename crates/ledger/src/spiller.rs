//! The thread that saves from a stuck database what it has not taken in time.

use std::time::Duration;

use crate::{queue::Queue, spill::Spill};

/// How long to wait after a failed append before the next.
const RETRY: Duration = Duration::from_millis(200);

/// Spills overdue records until the ledger is closed and everything durable.
///
/// Nothing here touches the database: a write that hangs in it must not hang this thread.
pub(crate) fn run(queue: &Queue, spill: &Spill) {
    let mut report = Report::default();
    while let Some(newest) = queue.overdue() {
        report.drops(queue.status().dropped);
        while let Some(batch) = queue.oldest(newest) {
            let appended = spill.append(&batch.records);
            report.append(appended.as_ref().err());
            if appended.is_err() {
                queue.pause(RETRY);
                break;
            }
            if queue.spilled(&batch) {
                tracing::warn!("the ledger's database does not take records in time; spilling");
            }
        }
    }
    spill.seal();
}

/// Logs what changes, not every repetition of it.
#[derive(Default)]
struct Report {
    failing: bool,
    dropped: u64,
}

impl Report {
    fn append(&mut self, error: Option<&crate::LedgerError>) {
        if let (Some(error), false) = (error, self.failing) {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "the ledger cannot spill; records stay in memory");
        }
        self.failing = error.is_some();
    }

    fn drops(&mut self, dropped: u64) {
        if dropped > self.dropped {
            tracing::error!(dropped, "the ledger's queue is full; new records were dropped");
        }
        self.dropped = dropped;
    }
}
