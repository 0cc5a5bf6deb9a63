//! A door that sends again what a provider's trouble stopped.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::{pace::Pace, vectors::Vectors};
use crate::{Answer, Door, Embedded, Trouble};

/// The pause before the first repetition, doubled before each further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest pause.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// Refusals for the rate do not count as tries; so many of them do.
const REFUSALS_MAX: u32 = 20;

/// A door with patience: what passes is tried again, and a provider that asks for less gets less.
pub(crate) struct Patient<'a, D> {
    door: &'a D,
    retries: u32,
    pace: Mutex<Pace>,
    rng: Mutex<SmallRng>,
    vectors: Vectors,
}

impl<'a, D: Door> Patient<'a, D> {
    pub(crate) fn new(door: &'a D, concurrency: u32, retries: u32, seed: u64) -> Self {
        let rng = Mutex::new(SmallRng::seed_from_u64(seed));
        let pace = Mutex::new(Pace::new(concurrency));
        Self { door, retries, pace, rng, vectors: Vectors::default() }
    }

    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until there is an answer or no hope of one, and tells how often it was sent.
    pub(crate) async fn ask_counted(
        &self,
        deployment: &str,
        request: &Value,
    ) -> (Result<Answer, Trouble>, u32) {
        self.insist(|| self.door.ask(deployment, request)).await
    }

    async fn insist<T, F>(&self, mut send: impl FnMut() -> F) -> (Result<T, Trouble>, u32)
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        let (mut sent, mut failed, mut refused) = (0, 0, 0);
        loop {
            self.wait().await;
            let began = Instant::now();
            let trouble = match send().await {
                Ok(answer) => {
                    self.pace().answered();
                    return (Ok(answer), sent + 1);
                }
                Err(trouble) => trouble,
            };
            sent += 1;
            if trouble.is_refusal_for_rate() {
                refused += 1;
                self.pace().refused(began, Instant::now(), trouble.retry_after);
                if refused > REFUSALS_MAX {
                    return (Err(trouble), sent);
                }
                continue;
            }
            if !trouble.passing || failed >= self.retries {
                return (Err(trouble), sent);
            }
            sleep(self.backoff(failed).max(trouble.retry_after.unwrap_or_default())).await;
            failed += 1;
        }
    }

    /// Waits until something may be sent, and a little more, so that not all go on at once.
    async fn wait(&self) {
        loop {
            let until = self.pace().paused_until(Instant::now());
            let Some(until) = until else { return };
            let more = self.draw(Duration::from_millis(250));
            sleep_until(until + more).await;
        }
    }

    fn backoff(&self, failed: u32) -> Duration {
        let whole = BACKOFF.saturating_mul(2_u32.saturating_pow(failed)).min(BACKOFF_MAX);
        whole / 2 + self.draw(whole / 2)
    }

    fn draw(&self, most: Duration) -> Duration {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(rng.random())
    }
}

impl<D: Door> Door for Patient<'_, D> {
    async fn ask(&self, deployment: &str, request: &Value) -> Result<Answer, Trouble> {
        self.ask_counted(deployment, request).await.0
    }

    async fn embed(&self, deployment: &str, text: &str) -> Result<Embedded, Trouble> {
        let ask = || async { self.insist(|| self.door.embed(deployment, text)).await.0 };
        self.vectors.get(deployment, text, ask).await
    }
}
