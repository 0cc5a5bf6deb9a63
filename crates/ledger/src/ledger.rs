//! The handle that the gateway records through.

use std::{ops::Range, path::PathBuf, sync::Arc, thread, time::Duration};

use tieline_types::{AuditRecord, CallRecord, Change, UsdPico};

use crate::{
    audit::{self, AuditFilter},
    database,
    entry::Entry,
    error::LedgerError,
    jobs::Jobs,
    queue::{Queue, Status, Worker},
    releases::{self, ReleaseRow},
    slos::{self, SloKey, SloMinute},
    spend::{self, SpendWindow},
    spill::Spill,
    spiller,
    sums::Sums,
    writer::Writer,
};

/// How long opening waits for another process that holds the database's lock.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);

/// How long closing waits for the last records to become durable.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Where a ledger lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The database file; made with its directory where there is none.
    pub path: PathBuf,
    /// The directory of the spill files; made where there is none. Best on another disk than the
    /// database. Several processes may share it: a file belongs to the process that locks it.
    pub spill: PathBuf,
}

/// The ledger, open for recording. Cheap to clone; all clones are the same ledger.
///
/// A record accepted more than one second ago survives the death of the process, also while the
/// database is locked, full, slow or hanging: it is then in a spill file, which the next open (or
/// this process, when the database works again) imports. This holds for as long as records do not
/// come faster than both the database and the spill take them. Beyond that rate they wait in
/// memory for longer: [`Status::queued`] grows, and a death costs what is queued. A loss of power
/// may take what the operating system had not yet put on the disk.
///
/// When the last clone is dropped without [`close`](Ledger::close), the threads still write what
/// was accepted and then end.
#[derive(Clone)]
pub struct Ledger {
    handle: Arc<Handle>,
}

/// What all clones share; closes the queue when the last one goes.
struct Handle {
    queue: Arc<Queue>,
    path: PathBuf,
    jobs: Arc<Jobs>,
    sums: Arc<Sums>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.begin_close();
    }
}

impl Ledger {
    /// Opens the ledger: creates or migrates the database, then starts the threads, the first of
    /// which also imports what an earlier process has spilled.
    ///
    /// # Errors
    /// When a directory, the database or a thread cannot be made, when the database is damaged,
    /// locked for more than five seconds, or of another schema than this build's.
    pub fn open(settings: &Settings) -> Result<Self, LedgerError> {
        let connection = database::open(&settings.path, OPEN_PATIENCE)?;
        let spill = Arc::new(Spill::open(&settings.spill)?);
        let queue = Arc::new(Queue::new());
        let handle = Handle {
            queue: Arc::clone(&queue),
            path: settings.path.clone(),
            jobs: Arc::new(Jobs::new(&settings.path)),
            sums: Arc::default(),
        };
        let sums = Arc::clone(&handle.sums);
        let ledger = Self { handle: Arc::new(handle) };

        let spills = (Arc::clone(&queue), Arc::clone(&spill));
        start("spill", &queue, move || spiller::run(&spills.0, &spills.1))?;
        let path = settings.path.clone();
        let writer = Writer::new(Arc::clone(&queue), sums, spill, path, connection)?;
        start("writer", &queue, move || writer.run())?;
        Ok(ledger)
    }

    /// Accepts a record. Never blocks, never fails and does no I/O on the caller's thread.
    ///
    /// A record is dropped, and counted in [`Status::dropped`], only when the database and the
    /// spill have both failed for so long that the queue is full, or after a close.
    pub fn record(&self, record: CallRecord) {
        self.handle.queue.accept(Entry::Call(Arc::new(record)));
    }

    /// Accepts a record of a change, as [`record`](Ledger::record) does; false where it is dropped.
    #[must_use]
    pub fn record_change(&self, record: AuditRecord) -> bool {
        self.handle.queue.accept(Entry::Audit(Arc::new(record)))
    }

    /// Reads the changes that pass `filter`, newest first; those that are queued or spilled are not
    /// seen. Blocks.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, LedgerError> {
        audit::audit(&self.handle.path, filter)
    }

    /// The newest applied change of each subject, of those `actions` alone; read like
    /// [`audit`](Ledger::audit).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_changes(&self, actions: &[Change]) -> Result<Vec<AuditRecord>, LedgerError> {
        audit::last_changes(&self.handle.path, actions)
    }

    /// Adds to what was spent in a window. Never blocks and does no I/O on the caller's thread: the
    /// writer adds it to the database with the next records, within about a second. It is not
    /// spilled: while the database takes nothing it waits in memory, and a death costs it.
    pub fn spend(&self, window: SpendWindow, usd: UsdPico) {
        self.handle.sums.spend.add(window, usd);
    }

    /// What was spent in each of these windows, as far as the database has it; reads it like
    /// [`audit`](Ledger::audit).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn spent(&self, windows: &[SpendWindow]) -> Result<Vec<UsdPico>, LedgerError> {
        spend::spent(&self.handle.path, windows)
    }

    /// Counts requests for an objective. Never blocks and does no I/O on the caller's thread: they
    /// come to the database as amounts do by [`spend`](Ledger::spend); a death costs what waits.
    pub fn count_slo(&self, slo: &Arc<SloKey>, counted: SloMinute) {
        self.handle.sums.slos.add(slo, counted);
    }

    /// The counts of an objective in a span of minutes since the Unix epoch, as far as the database
    /// has them; reads it like [`audit`](Ledger::audit).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn slo_minutes(
        &self,
        slo: &SloKey,
        span: Range<u64>,
    ) -> Result<Vec<SloMinute>, LedgerError> {
        slos::slo_minutes(&self.handle.path, slo, span)
    }

    /// Writes a release as it stands now. Blocks.
    ///
    /// # Errors
    /// When the database takes nothing.
    pub fn keep_release(&self, release: &ReleaseRow) -> Result<(), LedgerError> {
        releases::keep(&self.handle.path, release)
    }

    /// Every release, oldest first; read like [`audit`](Ledger::audit).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn releases(&self) -> Result<Vec<ReleaseRow>, LedgerError> {
        releases::releases(&self.handle.path)
    }

    /// Waits until every record accepted before the call is durable: in the database, or in a spill
    /// file while the database is stuck. Does not end while both fail.
    pub async fn flush(&self) {
        self.handle.queue.flush().await;
    }

    /// Makes every accepted record durable and ends the threads; blocks for up to five seconds.
    /// Records that other clones offer afterwards are dropped.
    ///
    /// # Errors
    /// [`LedgerError::Unwritten`] when neither the database nor the spill took the last records.
    /// The threads go on trying for as long as the process lives.
    pub fn close(self) -> Result<(), LedgerError> {
        self.handle.queue.begin_close();
        match self.handle.queue.wait_closed(CLOSE_LIMIT) {
            0 => Ok(()),
            records => Err(LedgerError::Unwritten { records }),
        }
    }

    /// The requests that are to be answered later, in the same database.
    #[must_use]
    pub fn jobs(&self) -> &Arc<Jobs> {
        &self.handle.jobs
    }

    /// What the ledger is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.handle.queue.status()
    }
}

/// Starts one of the ledger's threads.
fn start(
    name: &'static str,
    queue: &Arc<Queue>,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), LedgerError> {
    let worker = Worker::new(queue);
    let body = move || {
        work();
        drop(worker);
    };
    let started = thread::Builder::new().name(format!("ledger-{name}")).spawn(body);
    started.map(drop).map_err(|source| LedgerError::Thread { name, source })
}
