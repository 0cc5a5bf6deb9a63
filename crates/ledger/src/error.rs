//! What can go wrong with the ledger, and what to do about it.

use std::{io, path::PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// A failed operation of the ledger.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// A directory for the database or the spill could not be made or locked.
    #[error("cannot create or use the directory {path}; check that its parent is writable")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database could not be opened or prepared.
    #[error("cannot open the ledger {path}; check that it is writable and that no tool locks it")]
    Open {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The database file is damaged.
    #[error(
        "the ledger {path} is corrupt; move it away together with its -wal and -shm files, then \
         start again with a new one or with a restored backup"
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite found.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is a SQLite database of something else.
    #[error("{path} is a database, but not a ledger; choose another path for the ledger")]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// A newer Tieline has written the file.
    #[error(
        "the ledger {path} has schema version {found} and this build knows only {known}; use the \
         newer build, or another path"
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version that this build knows.
        known: u32,
    },
    /// An older Tieline has written the file, and it is only open for reading.
    #[error(
        "the ledger {path} has schema version {found} and this build needs {known}; start the \
         gateway once to migrate it"
    )]
    Older {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The version that this build needs.
        known: u32,
    },
    /// A schema version of the file was made by other SQL than this build's.
    #[error(
        "schema version {version} of the ledger {path} differs from this build's; use the build \
         that made it, or another path"
    )]
    Altered {
        /// The database file.
        path: PathBuf,
        /// The version that differs.
        version: u32,
    },
    /// A schema migration failed and was rolled back.
    #[error("cannot migrate the ledger to schema version {version}; the file is unchanged")]
    Migrate {
        /// The version that failed.
        version: u32,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A batch of records was not committed; it stays queued or spilled.
    #[error("cannot write records to the ledger")]
    Write {
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// Records could not be read.
    #[error("cannot read the ledger")]
    Read {
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A record could not be put as a line of JSON.
    #[error("cannot encode a record for the spill")]
    Encode {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A spill file could not be made, written, read or removed.
    #[error("cannot {action} the spill file {path}")]
    Spill {
        /// What was tried: create, write, read, remove.
        action: &'static str,
        /// The file, or the directory of all of them.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A thread of the ledger could not be started.
    #[error("cannot start the ledger's {name} thread")]
    Thread {
        /// What the thread does.
        name: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The ledger was closed while neither the database nor the spill took records.
    #[error("{records} records were not written: neither the database nor the spill took them")]
    Unwritten {
        /// How many.
        records: usize,
    },
    /// The jobs could not be read or changed.
    #[error("cannot use the jobs in the ledger")]
    Jobs {
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The file whose lock says which process answers jobs could not be made or locked.
    #[error("cannot create or lock {path}")]
    LeadJobs {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The keys could not be read.
    #[error("cannot read the keys")]
    ReadKeys {
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A key could not be created or revoked.
    #[error("cannot change the keys")]
    ChangeKeys {
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The operating system gave no randomness for a new key.
    #[error("the operating system gave no randomness for a key")]
    Randomness {
        /// Why.
        #[source]
        source: rand::rand_core::OsError,
    },
    /// There is no key of that id.
    #[error("there is no key {id}")]
    NoSuchKey {
        /// The id that was asked for.
        id: String,
    },
    /// A new key is bound to a feature it may not use.
    #[error("the key is bound to the feature {feature} but not allowed to use it")]
    BoundFeature {
        /// The feature.
        feature: String,
    },
}

/// Whether SQLite says that the file itself is damaged or no database at all.
pub(crate) fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether another connection holds the lock that was needed.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
