//! Opening the database file: its mode, its schema, its refusals.

use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use sha2::{Digest, Sha256};

use crate::error::{LedgerError, is_corrupt};

/// How much of the write-ahead log stays on disk after a checkpoint, bytes.
const LOG_BYTES: i64 = 64 * 1024 * 1024;

/// How long the write-ahead log grows before it is copied into the database, pages of 4 KiB. A page
/// that many batches touch is copied once for all of them.
const CHECKPOINT_PAGES: i64 = 4_000;

/// How long a command waits for another connection's lock. Readers are rarely kept out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// One step from a schema version to the next.
struct Migration {
    version: u32,
    sql: &'static str,
}

impl Migration {
    /// The SHA-256 of the SQL in hexadecimal: proof that two builds mean the same version.
    fn checksum(&self) -> String {
        format!("{:x}", Sha256::digest(self.sql))
    }
}

/// Every migration, in order, numbered from 1 without gaps.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: include_str!("sql/001_initial.sql") },
    Migration { version: 2, sql: include_str!("sql/002_rare_outcomes.sql") },
    Migration { version: 3, sql: include_str!("sql/003_decisions.sql") },
    Migration { version: 4, sql: include_str!("sql/004_audit.sql") },
    Migration { version: 5, sql: include_str!("sql/005_jobs.sql") },
    Migration { version: 6, sql: include_str!("sql/006_spend.sql") },
    Migration { version: 7, sql: include_str!("sql/007_cost.sql") },
    Migration { version: 8, sql: include_str!("sql/008_decision.sql") },
    Migration { version: 9, sql: include_str!("sql/009_service_tier.sql") },
    Migration { version: 10, sql: include_str!("sql/010_first_cost.sql") },
    Migration { version: 11, sql: include_str!("sql/011_releases.sql") },
    Migration { version: 12, sql: include_str!("sql/012_slos.sql") },
];

/// Opens the database for reading and writing, creates it where there is none, and migrates it.
///
/// `patience` is how long a statement waits for another connection's lock.
pub(crate) fn open(path: &Path, patience: Duration) -> Result<Connection, LedgerError> {
    create_parent(path)?;
    let mut connection = Connection::open(path).map_err(|source| opening(path, source))?;
    configure(&connection, patience).map_err(|source| opening(path, source))?;
    log_ahead(&connection, path)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the database for reading only; a gateway may be writing to it.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| opening(path, source))?;
    connection.busy_timeout(PATIENCE).map_err(|source| opening(path, source))?;
    let known = newest();
    match version_of(&connection, path)? {
        found if found < known => Err(LedgerError::Older { path: path.into(), found, known }),
        _ => Ok(connection),
    }
}

/// Creates the directory that a file is to live in.
fn create_parent(path: &Path) -> Result<(), LedgerError> {
    let Some(parent) = parent_of(path) else { return Ok(()) };
    fs::create_dir_all(parent)
        .map_err(|source| LedgerError::Directory { path: parent.into(), source })
}

/// The directory of a file, unless it is the current one.
fn parent_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty())
}

/// With write-ahead logging, `NORMAL` keeps every commit through the death of the process without
/// a disk flush for each.
fn configure(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))
}

/// Switches a new file to write-ahead logging, which lets readers and the writer pass each other.
///
/// SQLite does not wait for others during the switch, so that of several processes that open a new
/// file all but one would fail. They take turns by a lock on its directory, which ends with its
/// holder; files that were switched before, nearly all, need none.
fn log_ahead(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |source| opening(path, source);
    let mode: String = connection.pragma_query_value(None, "journal_mode", get).map_err(failed)?;
    if mode == "wal" {
        return Ok(());
    }
    let directory = parent_of(path).unwrap_or(Path::new("."));
    let turn = File::open(directory).and_then(|file| file.lock().map(|()| file));
    let _turn = turn.map_err(|source| LedgerError::Directory { path: directory.into(), source })?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(failed)
}

/// Runs the migrations that the file lacks, each in a transaction of its own.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    if version_of(connection, path)? == newest() {
        return Ok(());
    }
    for migration in MIGRATIONS {
        let version = migration.version;
        let failed = |source| LedgerError::Migrate { version, source };
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Asked again under the write lock: another process may have migrated meanwhile.
        if version_of(&transaction, path)? < version {
            apply(&transaction, migration).map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
    }
    Ok(())
}

/// Runs one migration and notes it.
fn apply(connection: &Connection, migration: &Migration) -> rusqlite::Result<()> {
    connection.execute_batch(migration.sql)?;
    connection.execute(
        "INSERT INTO schema_version (version, checksum) VALUES (?, ?)",
        (migration.version, migration.checksum()),
    )?;
    Ok(())
}

/// The schema version of the file; 0 when it is empty.
fn version_of(connection: &Connection, path: &Path) -> Result<u32, LedgerError> {
    let failed = |source| opening(path, source);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], get).map_err(failed)?;
    if tables == 0 {
        return Ok(0);
    }
    let ours: bool = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", [], get)
        .map_err(failed)?;
    if !ours {
        return Err(LedgerError::Foreign { path: path.into() });
    }
    let applied = applied(connection).map_err(failed)?;
    check(&applied, path)
}

/// Every version noted in the file with its checksum, in order.
fn applied(connection: &Connection) -> rusqlite::Result<Vec<(u32, String)>> {
    let mut statement =
        connection.prepare("SELECT version, checksum FROM schema_version ORDER BY version")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The newest of the versions noted in the file, if this build can work with all of them.
fn check(applied: &[(u32, String)], path: &Path) -> Result<u32, LedgerError> {
    let found = applied.last().map_or(0, |(version, _)| *version);
    let known = newest();
    if found > known {
        return Err(LedgerError::Newer { path: path.into(), found, known });
    }
    let expected = MIGRATIONS.iter().map(|migration| (migration.version, migration.checksum()));
    match applied.iter().zip(expected).find(|(noted, expected)| *noted != expected) {
        Some((_, (version, _))) => Err(LedgerError::Altered { path: path.into(), version }),
        None => Ok(found),
    }
}

/// The newest schema version that this build knows.
fn newest() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// The error for a file that could not be opened, which names damage where that is the reason.
fn opening(path: &Path, source: rusqlite::Error) -> LedgerError {
    let path = path.into();
    if is_corrupt(&source) {
        LedgerError::Corrupt { path, source }
    } else {
        LedgerError::Open { path, source }
    }
}

/// The only column of a row.
fn get<T: rusqlite::types::FromSql>(row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}
