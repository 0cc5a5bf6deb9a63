//! Requests that are answered later, kept through the death of the process.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Deserialize;
use tieline_types::DialectId;

use crate::{
    database,
    error::{LedgerError, is_busy},
    rows::{maybe_unsigned, name, unsigned},
};

/// How long a use of the jobs waits for another connection's lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

const INSERT: &str = include_str!("sql/insert_job.sql");
const CLAIM: &str = include_str!("sql/claim_job.sql");
const EXPIRE: &str = include_str!("sql/expire_jobs.sql");
const FINISH: &str = include_str!("sql/finish_job.sql");

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// It is being answered.
    Running,
    /// It was answered.
    Done,
    /// It was refused, and would be again.
    Failed,
    /// Its time to live ended before it could be answered.
    Expired,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Expired];

    /// The stable name in answers, metrics and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// A request to be answered later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id; unique.
    pub id: String,
    /// The feature that is to answer.
    pub feature: String,
    /// The tier that queued it.
    pub tier: String,
    /// Whose it is: an API key's id, or `local`.
    pub caller: String,
    /// What the client speaks.
    pub dialect: DialectId,
    /// Headers for a provider of the same dialect.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub request: Vec<u8>,
    /// Now, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// How long it is worth answering, and how long the answer is kept.
    pub ttl: Duration,
}

/// What the jobs of one feature may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// Jobs that are queued or running.
    pub jobs: u64,
    /// Bytes of requests and of answers that are still kept.
    pub bytes: u64,
}

/// A job that was taken to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The feature that is to answer.
    pub feature: String,
    /// Whose it is.
    pub caller: String,
    /// What the client speaks.
    pub dialect: DialectId,
    /// Headers for a provider of the same dialect.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub request: Vec<u8>,
    /// How often it was taken, this time included.
    pub attempts: u32,
    /// When it was queued, milliseconds since the Unix epoch.
    pub created_ms: u64,
}

/// What is known of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobInfo {
    /// Its id.
    pub id: String,
    /// How far it has come.
    pub state: JobState,
    /// Its feature.
    pub feature: String,
    /// The tier that queued it.
    pub tier: String,
    /// How often it was taken.
    pub attempts: u32,
    /// When it was queued, milliseconds since the Unix epoch, as all times here.
    pub created_ms: u64,
    /// From when it is no longer worth answering.
    pub expires_ms: u64,
    /// When it ended.
    pub finished_ms: Option<u64>,
    /// From when it is forgotten.
    pub purge_ms: Option<u64>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// The body of the answer, in the client's dialect.
    pub response: Option<Vec<u8>>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// [`JobState::Done`] or [`JobState::Failed`].
    pub state: JobState,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The body of the answer, in the client's dialect.
    pub response: Vec<u8>,
}

/// The end of a job that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The job.
    pub job: JobInfo,
    /// How often it was taken to be told, this time included.
    pub tries: u32,
}

/// How many jobs of a feature are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The feature.
    pub feature: String,
    /// The state.
    pub state: JobState,
    /// How many.
    pub jobs: u64,
}

/// What came of the wish to remove a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, with its answer.
    Removed,
    /// It is being answered and stays.
    Running,
    /// The caller has no such job.
    Unknown,
}

/// The jobs in the ledger's database. Each method is a short blocking use of the disk.
///
/// The database is opened at the first use. What a method has changed survives a loss of power too.
#[derive(Debug)]
pub struct Jobs {
    path: PathBuf,
    connection: Mutex<Option<Connection>>,
    /// Held by the one process that answers jobs; the operating system lifts it when that dies.
    lead: Mutex<Option<File>>,
}

impl Jobs {
    /// The jobs in the database at `path`. Touches no disk.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), connection: Mutex::default(), lead: Mutex::default() }
    }

    /// Keeps a job; false where its feature has no room for it. The job is durable on return.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn enqueue(&self, job: &NewJob, limits: JobLimits) -> Result<bool, LedgerError> {
        self.change(|transaction| {
            let room = has_room(transaction, job, limits)?;
            if room {
                insert(transaction, job)?;
            }
            Ok(room)
        })
    }

    /// A caller's job; none where it has no such job.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn get(&self, id: &str, caller: &str) -> Result<Option<JobInfo>, LedgerError> {
        self.using(|connection| {
            connection
                .prepare_cached("SELECT * FROM jobs WHERE id = ? AND caller = ?")?
                .query_row([id, caller], read_info)
                .optional()
        })
    }

    /// Removes a caller's job with its answer, unless it is running.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn remove(&self, id: &str, caller: &str) -> Result<Removal, LedgerError> {
        self.change(|transaction| {
            let removed = transaction.execute(
                "DELETE FROM jobs WHERE id = ? AND caller = ? AND state <> 'running'",
                [id, caller],
            )?;
            if removed > 0 {
                return Ok(Removal::Removed);
            }
            let running = transaction
                .prepare_cached("SELECT TRUE FROM jobs WHERE id = ? AND caller = ?")?
                .exists([id, caller])?;
            Ok(if running { Removal::Running } else { Removal::Unknown })
        })
    }

    /// Whether this process is the one that answers jobs. The first that asks is, until it dies;
    /// what was running then is queued again when the next one takes over.
    ///
    /// # Errors
    /// When the lock file beside the database cannot be made, or the database takes no change.
    pub fn lead(&self) -> Result<bool, LedgerError> {
        let mut lead = lock(&self.lead);
        if lead.is_some() {
            return Ok(true);
        }
        let Some(file) = self.try_lead()? else {
            return Ok(false);
        };
        self.change(|transaction| {
            transaction.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'", [])
        })?;
        *lead = Some(file);
        Ok(true)
    }

    /// Takes the job of a feature that waits longest, of those that are due at `now_ms`.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn claim(&self, feature: &str, now_ms: u64) -> Result<Option<Job>, LedgerError> {
        self.change(|transaction| {
            let claimed = transaction
                .prepare_cached(CLAIM)?
                .query_row(params![feature, now_ms.cast_signed()], |row| {
                    Ok((row.get::<_, i64>("seq")?, read_job(row)?))
                })
                .optional()?;
            let Some((seq, mut job)) = claimed else {
                return Ok(None);
            };
            job.headers = headers(transaction, seq)?;
            Ok(Some(job))
        })
    }

    /// Queues a running job again, due at `due_ms`.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn put_back(&self, id: &str, due_ms: u64) -> Result<(), LedgerError> {
        self.change(|transaction| {
            transaction.execute(
                "UPDATE jobs SET state = 'queued', due_ms = ? WHERE id = ? AND state = 'running'",
                params![due_ms.cast_signed(), id],
            )
        })?;
        Ok(())
    }

    /// Ends a running job: its answer is kept for as long as its time to live, its request is
    /// dropped, and its end is to be told.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn finish(&self, id: &str, end: &JobEnd, now_ms: u64) -> Result<(), LedgerError> {
        let JobEnd { state, status, response } = end;
        self.change(|transaction| {
            transaction.prepare_cached(FINISH)?.execute(params![
                state.as_str(),
                status,
                response,
                now_ms.cast_signed(),
                id
            ])
        })?;
        Ok(())
    }

    /// Ends what is queued for too long, and forgets what ended long ago. Gives the features of
    /// what it ended, one for each.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn tend(&self, now_ms: u64) -> Result<Vec<String>, LedgerError> {
        let now_ms = now_ms.cast_signed();
        self.change(|transaction| {
            let mut expire = transaction.prepare_cached(EXPIRE)?;
            let expired = expire.query_map([now_ms], |row| row.get(0))?.collect();
            transaction
                .prepare_cached("DELETE FROM jobs WHERE purge_ms <= ?")?
                .execute([now_ms])?;
            expired
        })
    }

    /// Takes a job whose end is to be told at `now_ms`. It is taken again at `again_ms` unless
    /// [`Self::told`] says otherwise.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn claim_notice(&self, now_ms: u64, again_ms: u64) -> Result<Option<Notice>, LedgerError> {
        const SQL: &str = "UPDATE jobs SET notice_due_ms = ?2, notices = notices + 1
             WHERE seq = (SELECT seq FROM jobs WHERE notice_due_ms <= ?1
                          ORDER BY notice_due_ms LIMIT 1)
             RETURNING *";
        self.change(|transaction| {
            transaction
                .prepare_cached(SQL)?
                .query_row([now_ms.cast_signed(), again_ms.cast_signed()], |row| {
                    Ok(Notice { job: read_info(row)?, tries: row.get("notices")? })
                })
                .optional()
        })
    }

    /// Says when the end of a job is to be told again; none for no more.
    ///
    /// # Errors
    /// When the database takes no change.
    pub fn told(&self, id: &str, again_ms: Option<u64>) -> Result<(), LedgerError> {
        self.change(|transaction| {
            transaction.execute(
                "UPDATE jobs SET notice_due_ms = ? WHERE id = ?",
                params![again_ms.map(u64::cast_signed), id],
            )
        })?;
        Ok(())
    }

    /// How many jobs there are, by feature and state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn depths(&self) -> Result<Vec<Depth>, LedgerError> {
        self.using(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT feature, state, count(*) AS jobs FROM jobs GROUP BY feature, state",
            )?;
            let depths = statement.query_map([], |row| {
                Ok(Depth {
                    feature: row.get("feature")?,
                    state: name(row, "state")?,
                    jobs: unsigned(row, "jobs")?,
                })
            })?;
            depths.collect()
        })
    }

    /// Locks the file that says who answers jobs; none while another process has it.
    fn try_lead(&self) -> Result<Option<File>, LedgerError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".jobs");
        let path = PathBuf::from(path);
        let tried = || -> io::Result<Option<File>> {
            let file = OpenOptions::new().append(true).create(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        tried().map_err(|source| LedgerError::LeadJobs { path: path.clone(), source })
    }

    /// Uses the connection; opens it where there is none, and anew after anything worse than
    /// another's lock.
    fn using<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut held = lock(&self.connection);
        let mut connection = match held.take() {
            Some(connection) => connection,
            None => open(&self.path)?,
        };
        let worked = work(&mut connection);
        if worked.as_ref().err().is_none_or(is_busy) {
            *held = Some(connection);
        }
        worked.map_err(|source| LedgerError::Jobs { source })
    }

    /// Runs a change in a transaction.
    fn change<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        self.using(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = change(&transaction)?;
            transaction.commit()?;
            Ok(changed)
        })
    }
}

/// A panic elsewhere leaves what is guarded usable: a transaction that unwinds rolls back.
fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the database so that every commit is on the disk: whoever was told that a job is kept may
/// rely on it, and jobs are few.
fn open(path: &Path) -> Result<Connection, LedgerError> {
    let connection = database::open(path, LOCK_PATIENCE)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(|source| LedgerError::Jobs { source })?;
    Ok(connection)
}

fn has_room(connection: &Connection, job: &NewJob, limits: JobLimits) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE state IN ('queued', 'running')) AS jobs,
                coalesce(sum(bytes), 0) AS bytes FROM jobs WHERE feature = ?",
    )?;
    statement.query_row([&job.feature], |row| {
        let bytes = unsigned(row, "bytes")?.saturating_add(job.request.len() as u64);
        Ok(unsigned(row, "jobs")? < limits.jobs && bytes <= limits.bytes)
    })
}

fn insert(connection: &Connection, job: &NewJob) -> rusqlite::Result<()> {
    let ttl_ms = u64::try_from(job.ttl.as_millis()).unwrap_or(u64::MAX);
    connection.prepare_cached(INSERT)?.execute(params![
        job.id,
        job.feature,
        job.tier,
        job.caller,
        job.dialect.as_str(),
        job.request,
        job.created_ms.cast_signed(),
        ttl_ms.cast_signed(),
        job.created_ms.saturating_add(ttl_ms).cast_signed(),
    ])?;
    let seq = connection.last_insert_rowid();
    let mut header = connection
        .prepare_cached("INSERT INTO job_headers (job, number, name, value) VALUES (?, ?, ?, ?)")?;
    for (number, (name, value)) in (0_i64..).zip(&job.headers) {
        header.execute(params![seq, number, name, value])?;
    }
    Ok(())
}

fn headers(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let mut statement = connection
        .prepare_cached("SELECT name, value FROM job_headers WHERE job = ? ORDER BY number")?;
    let headers = statement.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    headers.collect()
}

/// A claimed job but for its headers.
fn read_job(row: &rusqlite::Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get("id")?,
        feature: row.get("feature")?,
        caller: row.get("caller")?,
        dialect: name(row, "dialect")?,
        headers: Vec::new(),
        request: row.get::<_, Option<_>>("request")?.unwrap_or_default(),
        attempts: row.get("attempts")?,
        created_ms: unsigned(row, "created_ms")?,
    })
}

fn read_info(row: &rusqlite::Row<'_>) -> rusqlite::Result<JobInfo> {
    Ok(JobInfo {
        id: row.get("id")?,
        state: name(row, "state")?,
        feature: row.get("feature")?,
        tier: row.get("tier")?,
        attempts: row.get("attempts")?,
        created_ms: unsigned(row, "created_ms")?,
        expires_ms: unsigned(row, "expires_ms")?,
        finished_ms: maybe_unsigned(row, "finished_ms")?,
        purge_ms: maybe_unsigned(row, "purge_ms")?,
        status: row.get("status")?,
        response: row.get("response")?,
    })
}
