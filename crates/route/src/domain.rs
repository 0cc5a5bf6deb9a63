//! What several deployments share, so that they may fail together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long the neighbours of deployments that failed together are under suspicion.
const SUSPICION: Duration = Duration::from_secs(60);
/// Under suspicion, one neighbour at a time is probed, so long apart.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
/// So many must be out before the rest is suspected, and at least half.
const OUT_MIN: usize = 2;

/// The levels of the failure-domain tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One model, wherever it is served.
    Model,
    /// One account and its credential: a provider of the configuration.
    Account,
    /// One region of a cloud.
    Region,
    /// One cloud or vendor platform.
    Cloud,
}

impl Level {
    /// The stable name used in status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Account => "account",
            Self::Region => "region",
            Self::Cloud => "cloud",
        }
    }
}

/// One element of the failure-domain tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// What kind of thing is shared.
    pub level: Level,
    /// Its name, unique within its level.
    pub name: Arc<str>,
}

/// Whether a domain as a whole is suspected.
#[derive(Debug, Default)]
pub(crate) struct Suspicion {
    /// Milliseconds; 0 while there never was any.
    until_ms: AtomicU64,
    next_probe_ms: AtomicU64,
}

impl Suspicion {
    /// The same, for somebody else to go on from.
    pub(crate) fn copied(&self) -> Self {
        let copied = |of: &AtomicU64| AtomicU64::new(of.load(Ordering::Relaxed));
        Self { until_ms: copied(&self.until_ms), next_probe_ms: copied(&self.next_probe_ms) }
    }

    /// Looks at a domain in which `out` of `all` deployments are out of service.
    pub(crate) fn look(&self, now: Duration, out: usize, all: usize) {
        if out >= OUT_MIN && out * 2 >= all {
            self.raise(now);
        }
    }

    pub(crate) fn raise(&self, now: Duration) {
        self.until_ms.store(ms(now + SUSPICION), Ordering::Relaxed);
    }

    pub(crate) fn is_raised(&self, now: Duration) -> bool {
        ms(now) < self.until_ms.load(Ordering::Relaxed)
    }

    /// From when the next probe may go, where that is restricted.
    pub(crate) fn next_probe(&self, now: Duration) -> Option<Duration> {
        let next = self.next_probe_ms.load(Ordering::Relaxed);
        self.is_raised(now).then(|| Duration::from_millis(next))
    }

    pub(crate) fn note_probe(&self, now: Duration) {
        self.next_probe_ms.store(ms(now + PROBE_INTERVAL), Ordering::Relaxed);
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
