//! The thread that moves records into the database.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    database,
    entry::Entry,
    error::{LedgerError, is_busy},
    import::Import,
    queue::{Batch, Next, Queue},
    rows::Inserter,
    spill::Spill,
    sums::{Sums, Taken},
};

/// How long a batch waits for another connection's lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(250);

/// How long to wait after a failed write before the next.
const RETRY: Duration = Duration::from_millis(100);

/// How long an idle writer waits before it looks for spilled records.
const REST: Duration = Duration::from_secs(1);

/// The one writer of records of this process.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    sums: Arc<Sums>,
    database: Database,
    import: Import,
}

impl Writer {
    /// A writer that begins with an open `connection` to the database at `path`.
    pub(crate) fn new(
        queue: Arc<Queue>,
        sums: Arc<Sums>,
        spill: Arc<Spill>,
        path: PathBuf,
        connection: Connection,
    ) -> Result<Self, LedgerError> {
        connection.busy_timeout(LOCK_PATIENCE).map_err(|source| LedgerError::Write { source })?;
        let import = Import::new(Arc::clone(&queue), spill);
        let database = Database { path, connection: Some(connection) };
        Ok(Self { queue, sums, database, import })
    }

    /// Writes batches, and imports spills in between, until the ledger is closed.
    pub(crate) fn run(mut self) {
        loop {
            let rest = if self.import.is_active() { Duration::ZERO } else { REST };
            match self.queue.next(rest) {
                Next::Write(batch) => self.write(&batch),
                Next::Nothing => {
                    self.write_sums();
                    self.import();
                }
                Next::Closed => {
                    self.write_sums();
                    break;
                }
            }
        }
    }

    fn write(&mut self, batch: &Batch) {
        match self.insert(batch.records.iter()) {
            Ok(added) => {
                let recovered = self.queue.written(batch, added);
                report_recovery(recovered);
                if !self.queue.is_behind() {
                    self.import();
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Writes what was added up, while no record comes along with it.
    fn write_sums(&mut self) {
        // What is wrong with the database shows when the next record comes.
        if self.sums.is_any() && self.insert(std::iter::empty()).is_err() {
            self.queue.pause(RETRY);
        }
    }

    /// Writes records with what was added up meanwhile.
    fn insert<'r>(&mut self, records: impl Iterator<Item = &'r Entry>) -> Result<u64, LedgerError> {
        let sums = self.sums.take();
        let written = self.database.write(records, &sums);
        if written.is_err() {
            self.sums.put_back(sums);
        }
        written
    }

    /// Imports one batch of spilled records, if any wait.
    fn import(&mut self) {
        let records = match self.import.peek() {
            Ok(Some(records)) => records,
            Ok(None) => return,
            Err(error) => return report_import(&error),
        };
        match self.database.write(records.iter(), &Taken::default()) {
            Ok(added) => {
                report_recovery(self.queue.imported(records.len(), added));
                if let Err(error) = self.import.done() {
                    report_import(&error);
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&self, error: &LedgerError) {
        if self.queue.failed() {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "the ledger's database does not take records");
        }
        self.queue.pause(RETRY);
    }
}

fn report_recovery(recovered: bool) {
    if recovered {
        tracing::info!("the ledger's database takes records again");
    }
}

fn report_import(error: &LedgerError) {
    let error: &dyn std::error::Error = error;
    tracing::warn!(error, "cannot import spilled records");
}

/// The connection, opened anew after anything worse than another's lock.
struct Database {
    path: PathBuf,
    connection: Option<Connection>,
}

impl Database {
    /// Writes records and sums in one transaction; gives the number of records that were not
    /// there already.
    fn write<'r>(
        &mut self,
        records: impl Iterator<Item = &'r Entry>,
        sums: &Taken,
    ) -> Result<u64, LedgerError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => database::open(&self.path, LOCK_PATIENCE)?,
        };
        let written = insert_all(&mut connection, records, sums);
        if written.as_ref().err().is_none_or(is_busy) {
            self.connection = Some(connection);
        }
        written.map_err(|source| LedgerError::Write { source })
    }
}

fn insert_all<'r>(
    connection: &mut Connection,
    records: impl Iterator<Item = &'r Entry>,
    sums: &Taken,
) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut added = 0;
    let mut inserter = Inserter::new(&transaction)?;
    for record in records {
        added += u64::from(record.insert(&transaction, &mut inserter)?);
    }
    drop(inserter);
    sums.add(&transaction)?;
    transaction.commit()?;
    Ok(added)
}
