//! Vectors for answers that are kept already. Nobody waits for them, and what cannot be had soon
//! is left out: the answer is then found only by the same question.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use tieline_upstream::Upstream;
use tokio::{runtime::Handle, sync::Semaphore, time::Instant};

use super::{Books, Embedding, Errand};
use crate::{cache::Key, gateway::Gateway};

/// The most jobs waiting and under way; more are dropped.
const JOBS_MAX: usize = 256;
/// The most of them under way.
const UNDER_WAY_MAX: usize = 4;
/// The time that one may take once it is under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kept answer that is to get its vector.
pub(crate) struct Job {
    /// What the answer is kept under.
    pub(crate) exact: Key,
    /// What its question has in common with its neighbours.
    pub(crate) alike: Key,
    pub(crate) embedding: Embedding,
}

/// Makes vectors in the background.
pub(crate) struct Embedder {
    upstream: Arc<Upstream>,
    /// The answers whose vectors are being made or waited for.
    jobs: Mutex<HashSet<Key>>,
    turns: Semaphore,
}

impl Embedder {
    /// With these connections.
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, jobs: Mutex::default(), turns: Semaphore::new(UNDER_WAY_MAX) }
    }

    /// Begins a job soon, unless it is under way already or there are too many.
    pub(crate) fn offer(gateway: &Arc<Gateway>, job: Job) {
        // A stream that is cut because its runtime ends has nobody to work for it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if gateway.embedder.accepts(job.exact) {
            let open = Open { gateway: Arc::clone(gateway), exact: job.exact };
            runtime.spawn(async move { open.work(job).await });
        }
    }

    fn accepts(&self, exact: Key) -> bool {
        let mut jobs = self.lock();
        let room = jobs.len() < JOBS_MAX;
        if !room {
            tracing::debug!("too many embeddings are waiting: one is left out");
        }
        room && jobs.insert(exact)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job's place among the others, given back whatever happens.
struct Open {
    gateway: Arc<Gateway>,
    exact: Key,
}

impl Open {
    async fn work(self, job: Job) {
        let gateway = &self.gateway;
        let Ok(_turn) = gateway.embedder.turns.acquire().await else {
            return;
        };
        // The answer may have been dropped for others meanwhile.
        if !gateway.cache.wants_vector(&job.exact, &job.alike) {
            return;
        }
        let errand = Errand {
            gateway,
            upstream: &gateway.embedder.upstream,
            headers: HeaderMap::new(),
            until: Instant::now() + PATIENCE,
        };
        let mut books = Books::of_background(&gateway.metrics);
        if let Some(vector) = job.embedding.vector(&errand, &mut books).await {
            gateway.cache.place(&job.exact, job.alike, vector);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gateway.embedder.lock().remove(&self.exact);
    }
}

#[cfg(test)]
mod tests {
    use tieline_types::DialectId;
    use tieline_upstream::{MemoryNetwork, Network};

    use super::*;
    use crate::cache::key::{Kind, Scope};

    #[test]
    fn a_job_is_taken_once_and_so_many_at_most() {
        let network = Network::Memory(MemoryNetwork::default());
        let embedder = Embedder::new(Arc::new(Upstream::new(network).unwrap()));
        let scope =
            Scope { caller: "c", feature: "f", dialect: DialectId::OpenaiChat, passed_on: None };
        let key = |number: usize| scope.key(Kind::Exact, &[number.to_string().as_bytes()]);
        for number in 0..JOBS_MAX {
            assert!(embedder.accepts(key(number)), "{number}");
            assert!(!embedder.accepts(key(number)), "{number} again");
        }
        assert!(!embedder.accepts(key(JOBS_MAX)));
        embedder.lock().remove(&key(7));
        assert!(embedder.accepts(key(JOBS_MAX)));
    }
}
