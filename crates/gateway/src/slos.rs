//! Service level objectives of features: read from their files, counted as requests end, and
//! watched by the minute.
//!
//! What a request means for an objective is said by `tieline_slo`, which is pure. Here requests are
//! brought to it, their counts kept in memory and in the ledger, and what burns is told.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tieline_config::{BurnResponse, Config, Document, Feature, OnBurn};
use tieline_ledger::{Ledger, SloKey, SloMinute};
use tieline_slo::{Counts, Indicator, Minutes, Moment, Problems, Severity, Slo, Text};
use tieline_types::chain;

mod alert;
mod count;
mod metrics;
mod status;
mod watch;

pub(crate) use alert::Outbox;
pub(crate) use count::{Drill, Judged};
pub(crate) use metrics::SloMetrics;
pub(crate) use status::burn_status;
pub use status::{AlertStatus, BurnStatus, SloStatus};
pub use watch::slos;
pub(crate) use watch::{Burning, Watched};

use crate::GatewayError;

/// A minute in milliseconds.
pub(crate) const MINUTE_MS: u64 = 60_000;
/// How far back minutes are kept in memory: longer windows are for `tieline slo report` to read.
const REACH_MAX: Duration = Duration::from_secs(92 * 24 * 3600);
/// The windows that rules look at where an objective has no page of its own.
const USUAL_WINDOWS: (Duration, Duration) =
    (Duration::from_secs(3600), Duration::from_secs(5 * 60));

/// The objectives of a configuration, by feature.
#[derive(Debug, Default)]
pub(crate) struct Slos {
    features: HashMap<Arc<str>, Counted>,
}

/// A feature whose requests are counted.
#[derive(Debug)]
struct Counted {
    /// The names of its tiers, best first.
    tiers: Vec<Arc<str>>,
    slos: Vec<Arc<Tracked>>,
}

/// An objective with what was counted for it. What a new plan has as the old one did, it shares.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) slo: Slo,
    pub(crate) key: Arc<SloKey>,
    minutes: Arc<Mutex<Minutes>>,
    watched: Arc<Mutex<Watched>>,
}

/// The objectives of a configuration, in the order of its features.
///
/// # Errors
/// Every mistake in their files, and rules of `on_burn` that name no objective or would keep their
/// own burning.
pub fn stated_slos(config: &Config) -> Result<Vec<Slo>, GatewayError> {
    let mut problems = Vec::new();
    let mut all = Vec::new();
    for feature in config.features.iter().filter(|feature| !feature.slos.files.is_empty()) {
        let files: Vec<Text<'_>> = feature.slos.files.iter().map(text).collect();
        match tieline_slo::read_all(&files, Some(&feature.name)) {
            Ok(slos) => all.extend(slos),
            Err(found) => problems.extend(found.0),
        }
    }
    if !problems.is_empty() {
        return Err(GatewayError::Slos(Problems(problems)));
    }
    for feature in &config.features {
        let own: Vec<&Slo> = all.iter().filter(|slo| *slo.feature == *feature.name).collect();
        feature.on_burn.iter().try_for_each(|rule| check(feature, rule, &own))?;
    }
    Ok(all)
}

fn text(file: &Document) -> Text<'_> {
    Text { name: &file.name, text: &file.text }
}

/// Whether a rule can do what it says.
fn check(feature: &Feature, rule: &OnBurn, own: &[&Slo]) -> Result<(), GatewayError> {
    let wrong = |why| {
        let (feature, slo) = (feature.name.clone(), rule.slo.clone());
        Err(GatewayError::OnBurn { feature, slo, why })
    };
    let Some(slo) = own.iter().find(|slo| *slo.name == *rule.slo) else {
        return wrong("which is none of its objectives");
    };
    let BurnResponse::BeginAt(tier) = &rule.then else {
        return Ok(());
    };
    let first = feature.tiers.iter().position(|one| one.name == *tier);
    let keeps_burning = match slo.indicator {
        Indicator::BestTier => true,
        Indicator::Availability { max_tier } => max_tier < first && max_tier.is_some(),
        _ => false,
    };
    if keeps_burning { wrong("and begins at a tier that it counts as bad") } else { Ok(()) }
}

impl Slos {
    /// The objectives of a configuration, with what `old` counted of the same.
    ///
    /// # Errors
    /// As [`stated_slos`].
    pub(crate) fn of(config: &Config, old: Option<&Self>) -> Result<Self, GatewayError> {
        let mut features: HashMap<Arc<str>, Counted> = HashMap::new();
        for slo in stated_slos(config)? {
            let tiers = || {
                let written = config.feature(&slo.feature).into_iter();
                let tiers = written.flat_map(|feature| &feature.tiers);
                tiers.map(|tier| tier.name.as_str().into()).collect()
            };
            let counted = features.entry(Arc::clone(&slo.feature));
            let counted = counted.or_insert_with(|| Counted { tiers: tiers(), slos: Vec::new() });
            counted.slos.push(Arc::new(Tracked::new(slo, old)));
        }
        Ok(Self { features })
    }

    /// Every objective, in the order of features and names.
    pub(crate) fn all(&self) -> Vec<&Arc<Tracked>> {
        let all = self.features.values().flat_map(|one| &one.slos);
        let sorted: BTreeMap<_, _> =
            all.map(|one| ((&one.key.feature, &one.key.name), one)).collect();
        sorted.into_values().collect()
    }

    /// Whether answers of a feature are graded for an objective.
    pub(crate) fn grades(&self, feature: &str) -> bool {
        let counted = self.features.get(feature).into_iter();
        counted.flat_map(|one| &one.slos).any(|one| one.slo.indicator.moment() == Moment::Graded)
    }

    fn find(&self, key: &SloKey) -> Option<&Arc<Tracked>> {
        let counted = self.features.get(&key.feature)?;
        counted.slos.iter().find(|one| *one.key == *key)
    }

    /// Reads back what was counted before, for the objectives that `old` did not have. Where the
    /// ledger does not tell, they begin anew.
    pub(crate) fn restore(&self, old: Option<&Self>, ledger: &Ledger, now_ms: u64) {
        let had = |one: &Tracked| {
            let before = old.and_then(|old| old.find(&one.key));
            before.is_some_and(|before| Arc::ptr_eq(&before.minutes, &one.minutes))
        };
        for one in self.all().into_iter().filter(|one| !had(one)) {
            match ledger.slo_minutes(&one.key, one.remembered(now_ms)) {
                Ok(minutes) => minutes.into_iter().for_each(|minute| one.add(minute)),
                Err(error) => {
                    let (slo, why) = (&one.key.name, chain(&error));
                    tracing::error!(%slo, why, "what was counted for an objective cannot be read");
                }
            }
        }
    }
}

impl Tracked {
    fn new(slo: Slo, old: Option<&Slos>) -> Self {
        let key = Arc::new(SloKey {
            feature: Arc::clone(&slo.feature),
            name: Arc::clone(&slo.name),
            digest: slo.digest().into(),
        });
        let before = old.and_then(|old| old.find(&key));
        let alike = before.filter(|before| reach(&before.slo) == reach(&slo));
        let minutes = alike.map_or_else(
            || Arc::new(Mutex::new(Minutes::new(reach(&slo)))),
            |before| Arc::clone(&before.minutes),
        );
        let same = before.filter(|before| before.slo == slo);
        let watched = same.map_or_else(
            || Arc::new(Mutex::new(Watched::new(&slo))),
            |before| Arc::clone(&before.watched),
        );
        Self { slo, key, minutes, watched }
    }

    fn minutes(&self) -> MutexGuard<'_, Minutes> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, counted: SloMinute) {
        let SloMinute { minute, good, bad } = counted;
        self.minutes().add(minute, Counts { good, bad });
    }

    /// The minutes that it can remember, this one included.
    fn remembered(&self, now_ms: u64) -> Range<u64> {
        let now = now_ms / MINUTE_MS;
        now.saturating_sub(reach(&self.slo).as_secs() / 60)..now + 1
    }

    /// How far back its minutes are remembered.
    pub(crate) fn remembers(&self) -> Duration {
        reach(&self.slo)
    }

    /// The burn rate over a window that ends with a minute.
    pub(crate) fn burn_rate(&self, minute: u64, window: Duration) -> Option<f64> {
        self.slo.burn_rate(self.minutes().counts(minute, window))
    }

    /// The burn rates over a long and a short window that end with a minute: those of its most
    /// urgent alert.
    fn burn_rates(&self, minute: u64) -> (Option<f64>, Option<f64>) {
        let pages = |rule: &&tieline_slo::BurnRule| rule.severity == Severity::Page;
        let rule = self.slo.alerting.rules.iter().find(pages);
        let (long, short) = rule.map_or(USUAL_WINDOWS, |rule| (rule.long, rule.short));
        let minutes = self.minutes();
        let rate = |window| self.slo.burn_rate(minutes.counts(minute, window));
        (rate(long), rate(short))
    }
}

/// How far back the minutes of an objective are looked at.
fn reach(slo: &Slo) -> Duration {
    slo.window.max(slo.alerting.reach()).min(REACH_MAX)
}
