//! Requests that are answered later: kept by the walk, run in the background, fetched by clients.
//!
//! This is the one place where a request waits on the store: whoever is told that its request is
//! kept must be able to rely on it. Only that tier waits, and not for long.

mod job;
mod notice;
pub(crate) mod poll;
mod run;
mod view;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tieline_dialect::without_stream;
use tieline_ledger::{Depth, JobLimits, Jobs, Ledger, LedgerError, NewJob};
use tieline_route::Mode;
use tokio::{
    sync::{Notify, Semaphore, oneshot},
    time::Instant,
};

use crate::{admit::Call, door::JOBS, gateway::Gateway, headers, metrics::Metrics};

/// How long a request waits for the store to keep it before the next tier answers.
const KEEP_PATIENCE: Duration = Duration::from_secs(2);
/// Requests that wait for the store at once, in the whole process.
const KEEPING_MAX: usize = 16;
/// How many other uses of the jobs' table there are at once, such as clients that look.
const STORING_MAX: usize = 8;
/// How many webhooks are called at once.
const TELLING_MAX: usize = 2;
/// The most bytes of requests and of answers kept for one feature.
const BYTES_PER_FEATURE_MAX: u64 = 256 * 1024 * 1024;

/// The requests that wait, as one process sees them.
pub(crate) struct Queue {
    /// None where nothing is recorded.
    jobs: Option<Arc<Jobs>>,
    keeping: Arc<Semaphore>,
    /// Uses of the disk at a time, apart from that.
    storing: Arc<Semaphore>,
    /// Webhooks called at a time: some room is always left for jobs.
    telling: Arc<Semaphore>,
    /// A job was queued here.
    queued: Notify,
    /// How many jobs there are, as of the last look.
    depths: Mutex<Vec<Depth>>,
}

/// A request that was kept.
pub(crate) struct Queued {
    id: String,
    feature: Arc<str>,
    created_ms: u64,
    expires_ms: u64,
}

/// The jobs could not be used.
#[derive(Debug, thiserror::Error)]
enum StoreError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The work on it did not end.
    #[error("a use of the jobs was cut off")]
    Cut(#[from] tokio::task::JoinError),
}

impl Queue {
    pub(crate) fn new(ledger: Option<&Ledger>) -> Self {
        Self {
            jobs: ledger.map(|ledger| Arc::clone(ledger.jobs())),
            keeping: Arc::new(Semaphore::new(KEEPING_MAX)),
            storing: Arc::new(Semaphore::new(STORING_MAX)),
            telling: Arc::new(Semaphore::new(TELLING_MAX)),
            queued: Notify::new(),
            depths: Mutex::default(),
        }
    }

    /// Keeps a request for later; none where there is no room for it or the store does not take it
    /// in time.
    pub(crate) async fn keep(&self, gateway: &Gateway, call: &Call, tier: usize) -> Option<Queued> {
        let jobs = Arc::clone(self.jobs.as_ref()?);
        let config = call.feature.tiers.get(tier)?;
        let Mode::Queue { ttl, max_jobs } = config.mode else {
            return None;
        };
        let job = NewJob {
            id: gateway.id("job", &mut gateway.rng()),
            feature: call.feature.name.to_string(),
            tier: config.name.to_string(),
            caller: call.caller.id.to_string(),
            dialect: call.dialect,
            headers: headers(call),
            request: whole_body(call),
            created_ms: gateway.unix_ms(),
            ttl,
        };
        let queued = Queued {
            id: job.id.clone(),
            feature: Arc::clone(&call.feature.name),
            created_ms: job.created_ms,
            expires_ms: job.created_ms.saturating_add(millis(ttl)),
        };
        let limits = JobLimits { jobs: max_jobs, bytes: BYTES_PER_FEATURE_MAX };
        let kept = self.commit(jobs, job, limits);
        let kept = tokio::time::timeout_at(Instant::now() + KEEP_PATIENCE, kept).await;
        if !kept.unwrap_or(false) {
            tracing::warn!(feature = %call.feature.name, "a request could not be queued");
            return None;
        }
        self.queued.notify_one();
        Some(queued)
    }

    /// Whether the job is durable. Where nobody waits for that any more, it is taken back: its
    /// client was told something else, or left.
    async fn commit(&self, jobs: Arc<Jobs>, job: NewJob, limits: JobLimits) -> bool {
        let Ok(permit) = Arc::clone(&self.keeping).acquire_owned().await else {
            return false;
        };
        let (told, kept) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            if told.is_closed() {
                return;
            }
            let kept = jobs.enqueue(&job, limits).unwrap_or_else(|error| {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "the ledger does not take jobs");
                false
            });
            if told.send(kept).is_err()
                && kept
                && let Err(error) = jobs.remove(&job.id, &job.caller)
            {
                tracing::warn!(%error, job = job.id, "a job that nobody waits for stays queued");
            }
        });
        kept.await.unwrap_or(false)
    }

    /// Runs a short use of the disk beside the runtime; none where nothing is recorded.
    async fn stored<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Jobs) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let Some(jobs) = self.jobs.clone() else {
            return Ok(None);
        };
        let Ok(turn) = Arc::clone(&self.storing).acquire_owned().await else {
            return Ok(None);
        };
        let work = move || {
            // Held until the work is over, also where nobody waits for it any more.
            let _turn = turn;
            work(&jobs)
        };
        let worked = tokio::task::spawn_blocking(work).await?;
        Ok(Some(worked?))
    }

    /// How many jobs there are by feature and state, as of the last look of this process.
    pub(crate) fn depths(&self) -> Vec<Depth> {
        self.depths.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_depths(&self, metrics: &Metrics, depths: Vec<Depth>) {
        metrics.jobs(&depths);
        *self.depths.lock().unwrap_or_else(PoisonError::into_inner) = depths;
    }
}

impl Queued {
    /// Where its client can look for the answer.
    pub(crate) fn location(&self) -> String {
        format!("{JOBS}{}", self.id)
    }
}

/// The client's headers that go to a provider of its dialect, what it says of the request, and the
/// drill that it was part of.
fn headers(call: &Call) -> Vec<(String, Vec<u8>)> {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    let tags = (!call.tags.is_empty())
        .then(|| (headers::TAGS.to_string(), call.tags.join(",").into_bytes()));
    let drill = call.drill().map(|name| (headers::DRILL.to_string(), name.as_bytes().to_vec()));
    call.passed_on.iter().map(header).chain(tags).chain(drill).collect()
}

/// The body as it asks for a whole answer: nobody will listen to a stream.
fn whole_body(call: &Call) -> Vec<u8> {
    let streamed = call.head.stream.then(|| without_stream(&call.body)).flatten();
    streamed.unwrap_or_else(|| call.body.to_vec())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
