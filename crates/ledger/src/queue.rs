//! The bounded queue between the request path and the ledger's threads.
//!
//! Records wait in order of acceptance until the database or a spill file has them. Both threads
//! work on the oldest records and may hold the same ones: whoever is done first *settles* them, and
//! what both have written is in the database once, because records are keyed by request id.
//!
//! When neither takes records the queue fills to its bounds. The oldest stay, because each was
//! accepted with a promise; new ones are dropped and counted.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::entry::Entry;

/// How many records the queue holds.
const QUEUE_RECORDS: usize = 65_536;

/// How much memory the queued records may take, bytes.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// How many records are written at once, to the database or to a spill file.
pub(crate) const BATCH: usize = 1_000;

/// How long the first record of a batch waits for others: most of the cost of a write is that of
/// its transaction, and the promise is a second.
const GATHER: Duration = Duration::from_millis(100);

/// How often records that the database has not taken are looked for. A record is spilled at the
/// second look after its acceptance at the latest, which is after twice this time.
const LOOK: Duration = Duration::from_millis(200);

/// What the ledger is doing. The counts begin at [`Ledger::open`](crate::Ledger::open).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Records accepted and not yet in the database or a spill file.
    pub queued: usize,
    /// Records appended to spill files.
    pub spilled: u64,
    /// Records read back from spill files, this process's and earlier ones', into the database.
    pub imported: u64,
    /// Damaged lines of spill files that were set aside in a file ending in `.rejected`.
    pub rejected: u64,
    /// Records added to the database, imported ones included.
    pub written: u64,
    /// Records lost: the database and the spill both failed until the queue was full, or the
    /// ledger had been closed.
    pub dropped: u64,
    /// Whether the database took the last records offered to it, in time.
    pub writer_healthy: bool,
}

/// A record that is not yet durable.
struct Pending {
    sequence: u64,
    bytes: usize,
    record: Entry,
}

/// Some of the oldest records of the queue.
pub(crate) struct Batch {
    /// The records, oldest first.
    pub(crate) records: Vec<Entry>,
    /// The sequence number of the newest.
    upto: u64,
}

/// What the writer is to do next.
pub(crate) enum Next {
    /// Write these.
    Write(Batch),
    /// Nothing came in the time allowed.
    Nothing,
    /// The ledger is closed and everything durable.
    Closed,
}

struct State {
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    /// The sequence number of the newest record accepted; the first is 1.
    accepted: u64,
    closing: bool,
    workers: usize,
    status: Status,
}

impl State {
    fn is_full(&self, bytes: usize) -> bool {
        self.pending.len() >= QUEUE_RECORDS || self.pending_bytes + bytes > QUEUE_BYTES
    }

    /// Half full: records must leave faster than the database takes them.
    fn is_pressed(&self) -> bool {
        self.pending.len() >= QUEUE_RECORDS / 2 || self.pending_bytes >= QUEUE_BYTES / 2
    }

    fn is_done(&self) -> bool {
        self.closing && self.pending.is_empty()
    }

    fn push(&mut self, record: Entry, bytes: usize) {
        self.accepted += 1;
        self.pending_bytes += bytes;
        self.pending.push_back(Pending { sequence: self.accepted, bytes, record });
    }

    /// Up to [`BATCH`] of the oldest records, none newer than `newest`.
    fn oldest(&self, newest: u64) -> Option<Batch> {
        let due = self.pending.iter().take(BATCH).take_while(|p| p.sequence <= newest);
        let upto = due.clone().last()?.sequence;
        Some(Batch { records: due.map(|p| p.record.clone()).collect(), upto })
    }

    /// Takes out what is durable up to `upto`, for the caller to free outside the lock.
    fn settle(&mut self, upto: u64) -> Vec<Pending> {
        let count = self.pending.partition_point(|p| p.sequence <= upto);
        let settled: Vec<Pending> = self.pending.drain(..count).collect();
        self.pending_bytes -= settled.iter().map(|p| p.bytes).sum::<usize>();
        settled
    }
}

/// The queue and what else the ledger's handle and threads share.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something happened that a thread may be waiting for.
    changed: Condvar,
    /// The sequence number up to which everything is durable.
    settled: watch::Sender<u64>,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let status = Status { writer_healthy: true, ..Status::default() };
        let state = State {
            pending: VecDeque::new(),
            pending_bytes: 0,
            accepted: 0,
            closing: false,
            workers: 0,
            status,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), settled: watch::Sender::new(0) }
    }

    /// A panic elsewhere leaves the state whole: no method unwinds half way through a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        limit: Duration,
        pending: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout_while(state, limit, pending);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Queues a record, or drops it when the queue is full or closed: false then.
    pub(crate) fn accept(&self, record: Entry) -> bool {
        let bytes = record.bytes();
        let mut state = self.lock();
        if state.closing || state.is_full(bytes) {
            state.status.dropped += 1;
            return false;
        }
        let was_pressed = state.is_pressed();
        state.push(record, bytes);
        // Threads wait for the first record, a full batch and pressure; the rest need no wake-up.
        let count = state.pending.len();
        let wake = count == 1 || count == BATCH || (state.is_pressed() && !was_pressed);
        drop(state);
        if wake {
            self.changed.notify_all();
        }
        true
    }

    /// What the writer is to do; waits up to `rest` when there is nothing.
    pub(crate) fn next(&self, rest: Duration) -> Next {
        let state = self.wait(self.lock(), rest, |s| s.pending.is_empty() && !s.closing);
        if state.pending.is_empty() {
            return if state.closing { Next::Closed } else { Next::Nothing };
        }
        let state = self.wait(state, GATHER, |s| s.pending.len() < BATCH && !s.closing);
        state.oldest(u64::MAX).map_or(Next::Nothing, Next::Write)
    }

    /// Waits until records are overdue and gives the sequence number of the newest that is; none
    /// when the ledger is closed and everything durable.
    pub(crate) fn overdue(&self) -> Option<u64> {
        let waited = self.changed.wait_while(self.lock(), |s| s.pending.is_empty() && !s.closing);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let seen = state.accepted;
        let state = self.wait(state, LOOK, |s| !s.is_pressed() && !s.is_done());
        if state.is_done() {
            return None;
        }
        Some(if state.is_pressed() { state.accepted } else { seen })
    }

    /// The next records to spill, none newer than `newest`.
    pub(crate) fn oldest(&self, newest: u64) -> Option<Batch> {
        self.lock().oldest(newest)
    }

    /// Waits `time`, or less when the ledger is closed and everything durable.
    pub(crate) fn pause(&self, time: Duration) {
        drop(self.wait(self.lock(), time, |s| !s.is_done()));
    }

    /// Whether live records keep the writer busy, so that an import must wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.lock().pending.len() >= BATCH
    }

    /// The database has a batch, of which `added` records were new to it. True when it had been
    /// unhealthy before.
    pub(crate) fn written(&self, batch: &Batch, added: u64) -> bool {
        self.settle(batch, |status| {
            status.written += added;
            !std::mem::replace(&mut status.writer_healthy, true)
        })
    }

    /// A spill file has a batch. True when the database had been healthy before.
    pub(crate) fn spilled(&self, batch: &Batch) -> bool {
        self.settle(batch, |status| {
            status.spilled += count(batch.records.len());
            std::mem::replace(&mut status.writer_healthy, false)
        })
    }

    /// The database has `records` records of a spill, of which `added` were new to it.
    pub(crate) fn imported(&self, records: usize, added: u64) -> bool {
        let mut state = self.lock();
        state.status.imported += count(records);
        state.status.written += added;
        !std::mem::replace(&mut state.status.writer_healthy, true)
    }

    /// A damaged line of a spill was set aside.
    pub(crate) fn rejected(&self) {
        self.lock().status.rejected += 1;
    }

    /// The database failed. True when it had been healthy before.
    pub(crate) fn failed(&self) -> bool {
        std::mem::replace(&mut self.lock().status.writer_healthy, false)
    }

    fn settle(&self, batch: &Batch, note: impl FnOnce(&mut Status) -> bool) -> bool {
        let mut state = self.lock();
        let settled = state.settle(batch.upto);
        let changed = note(&mut state.status);
        let done = state.is_done();
        drop(state);
        drop(settled);
        self.settled.send_modify(|newest| *newest = batch.upto.max(*newest));
        if done {
            self.changed.notify_all();
        }
        changed
    }

    /// Waits until everything accepted before the call is durable.
    pub(crate) async fn flush(&self) {
        let accepted = self.lock().accepted;
        // The sender lives as long as this queue, so that waiting can only end with the level.
        let _ = self.settled.subscribe().wait_for(|settled| *settled >= accepted).await;
    }

    /// Accepts nothing more; the threads end when everything is durable.
    pub(crate) fn begin_close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits up to `limit` for the threads to end; gives the number of records still not durable.
    pub(crate) fn wait_closed(&self, limit: Duration) -> usize {
        self.wait(self.lock(), limit, |s| s.workers > 0).pending.len()
    }

    /// What the ledger is doing.
    pub(crate) fn status(&self) -> Status {
        let state = self.lock();
        Status { queued: state.pending.len(), ..state.status }
    }
}

/// A thread that must end before the ledger counts as closed.
pub(crate) struct Worker {
    queue: Arc<Queue>,
}

impl Worker {
    /// Counts a thread that is about to start.
    pub(crate) fn new(queue: &Arc<Queue>) -> Self {
        queue.lock().workers += 1;
        Self { queue: Arc::clone(queue) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.queue.lock().workers -= 1;
        self.queue.changed.notify_all();
    }
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}
