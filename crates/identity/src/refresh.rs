//! A credential that expires: fetched once for all who wait, refreshed ahead, kept while it lasts.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::IdentityError;

/// The longest a source may take; programs that prompt or metadata services that hang end here.
const FETCH_MAX: Duration = Duration::from_secs(15);

/// How long a source is left alone after it failed.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// The least time before expiry at which a refresh begins, for lifetimes that are long enough.
const REFRESH_AHEAD_MIN: Duration = Duration::from_secs(300);

/// Something that hands out credentials.
pub(crate) trait Source: Send + Sync + 'static {
    /// What it hands out; clones are cheap.
    type Credential: Clone + Send + Sync + 'static;

    /// Its name in errors and logs, as in "the AWS profile `prod`".
    fn place(&self) -> &Arc<str>;

    /// Gets a credential. `now` is the time at which the fetch begins.
    fn fetch(
        &self,
        now: SystemTime,
    ) -> impl Future<Output = Result<Lease<Self::Credential>, IdentityError>> + Send;
}

/// A credential and how long it lasts.
#[derive(Clone)]
pub(crate) struct Lease<C> {
    /// The credential.
    pub(crate) credential: C,
    /// When it stops being valid; `None` is never.
    pub(crate) expires: Option<SystemTime>,
}

/// A source behind a cache. Clones share both.
pub(crate) struct Refreshing<S: Source>(Arc<Shared<S>>);

struct Shared<S: Source> {
    source: S,
    state: Mutex<State<S::Credential>>,
}

struct State<C> {
    held: Option<Held<C>>,
    failed: Option<Failure>,
    /// Closed when the fetch under way, if any, has ended in whatever way.
    landing: Option<watch::Receiver<()>>,
}

struct Held<C> {
    lease: Lease<C>,
    refresh: Option<SystemTime>,
}

struct Failure {
    error: IdentityError,
    at: Instant,
}

/// What a caller finds in the cache.
enum Found<C> {
    Valid(C),
    UnderWay(watch::Receiver<()>),
    Failed(IdentityError),
}

impl<S: Source> Clone for Refreshing<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Source> Refreshing<S> {
    /// Puts a cache before `source`. Nothing is fetched yet.
    pub(crate) fn new(source: S) -> Self {
        let state = State { held: None, failed: None, landing: None };
        Self(Arc::new(Shared { source, state: Mutex::new(state) }))
    }

    /// Where the credentials come from.
    pub(crate) fn place(&self) -> &str {
        self.0.source.place()
    }

    /// A credential that is valid at `now`.
    ///
    /// Waits only when there is none. A refresh that is due runs beside the request, in a task of
    /// its own, so that neither a slow source nor a client that leaves can hold others up.
    ///
    /// # Errors
    /// What the source reported, when nothing valid is held. The same error answers until the
    /// source is asked again, [`RETRY_PAUSE`] later.
    pub(crate) async fn get(&self, now: SystemTime) -> Result<S::Credential, IdentityError> {
        match self.find(now) {
            Found::Valid(credential) => Ok(credential),
            Found::Failed(error) => Err(error),
            Found::UnderWay(mut landing) => {
                while landing.changed().await.is_ok() {}
                self.0.landed(now)
            }
        }
    }

    fn find(&self, now: SystemTime) -> Found<S::Credential> {
        let mut state = self.0.state();
        if state.wants_fetch(now) {
            state.landing = Some(self.depart(now));
        }
        if let Some(credential) = state.valid(now) {
            return Found::Valid(credential);
        }
        match (&state.landing, &state.failed) {
            (Some(landing), _) if is_under_way(landing) => Found::UnderWay(landing.clone()),
            (_, Some(failure)) => Found::Failed(failure.error.clone()),
            _ => Found::Failed(self.0.interrupted()),
        }
    }

    fn depart(&self, now: SystemTime) -> watch::Receiver<()> {
        let (under_way, landing) = watch::channel(());
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let outcome = shared.fetch(now).await;
            shared.land(now, outcome);
            drop(under_way);
        });
        landing
    }
}

impl<S: Source> Shared<S> {
    /// Whoever panicked while holding the lock left whole values behind: each is set at once.
    fn state(&self) -> MutexGuard<'_, State<S::Credential>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, now: SystemTime) -> Result<Lease<S::Credential>, IdentityError> {
        let place = self.source.place();
        let lease = timeout(FETCH_MAX, self.source.fetch(now)).await.map_err(|_| {
            IdentityError::TimedOut { place: Arc::clone(place), after: FETCH_MAX }
        })??;
        if lease.is_valid(now) {
            Ok(lease)
        } else {
            Err(IdentityError::Expired { place: Arc::clone(place) })
        }
    }

    fn land(&self, departed: SystemTime, outcome: Result<Lease<S::Credential>, IdentityError>) {
        let mut state = self.state();
        match outcome {
            Ok(lease) => {
                let refresh = lease.refresh(departed);
                state.held = Some(Held { lease, refresh });
                state.failed = None;
            }
            Err(error) => {
                tracing::warn!(reason = error.explain(), "credentials could not be fetched");
                state.failed = Some(Failure { error, at: Instant::now() });
            }
        }
    }

    /// What a fetch that has ended left for a caller who waited for it.
    fn landed(&self, now: SystemTime) -> Result<S::Credential, IdentityError> {
        let state = self.state();
        match (state.valid(now), &state.failed) {
            (Some(credential), _) => Ok(credential),
            (None, Some(failure)) => Err(failure.error.clone()),
            (None, None) => Err(self.interrupted()),
        }
    }

    fn interrupted(&self) -> IdentityError {
        IdentityError::Interrupted { place: Arc::clone(self.source.place()) }
    }
}

impl<C: Clone> State<C> {
    fn valid(&self, now: SystemTime) -> Option<C> {
        let lease = &self.held.as_ref()?.lease;
        lease.is_valid(now).then(|| lease.credential.clone())
    }

    fn wants_fetch(&self, now: SystemTime) -> bool {
        let due = self
            .held
            .as_ref()
            .is_none_or(|held| held.refresh.is_some_and(|refresh| refresh <= now));
        let paused = self.failed.as_ref().is_some_and(|failed| failed.at.elapsed() < RETRY_PAUSE);
        due && !paused && !self.landing.as_ref().is_some_and(is_under_way)
    }
}

impl<C> Lease<C> {
    fn is_valid(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// When to refresh: after 80 % of the lifetime or five minutes before its end, whichever is
    /// earlier, but never in the first half. Outages of token services last longer than minutes.
    fn refresh(&self, since: SystemTime) -> Option<SystemTime> {
        let expires = self.expires?;
        let lifetime = expires.duration_since(since).unwrap_or_default();
        expires.checked_sub((lifetime / 5).max(REFRESH_AHEAD_MIN).min(lifetime / 2))
    }
}

/// A task that has ended, even by panic, has dropped its end of the channel.
fn is_under_way(landing: &watch::Receiver<()>) -> bool {
    landing.has_changed().is_ok()
}
