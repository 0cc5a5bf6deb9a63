//! The days on which models end: stated in the configuration, or read once a day from providers'
//! lists of models.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::civil::Date;
use rand::Rng as _;
use serde::Serialize;
use tieline_config::{Config, Deployment, ShutdownDates};
use tieline_types::{FactName, Pass};
use tokio::time::{MissedTickBehavior, interval};

use crate::{gateway::Gateway, listen::Worker, plan::ActivePlan};

mod list;

/// How often lists that are due are looked for.
const LOOK: Duration = Duration::from_secs(30);
/// Lists are read within this time of a start.
const FIRST: Duration = Duration::from_secs(60);
/// How often a list is read, and how soon again where that failed.
const PACE: Duration = Duration::from_secs(24 * 3600);
const AGAIN: Duration = Duration::from_secs(3600);
/// The share of these by which it comes earlier or later, so that processes spread.
const JITTER: f64 = 0.1;
/// Days before the end at which people are warned, the first of them first.
const WARNINGS: [i64; 3] = [60, 30, 7];
const DAY_MS: u64 = 86_400_000;

/// When a deployment ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shutdown {
    /// The day, such as `2027-01-14`.
    pub on: String,
    /// Days of UTC until then; none left at 0, past it below.
    pub days_left: i64,
    /// `stated` in the configuration, or `listed` by the provider.
    pub source: &'static str,
}

impl Shutdown {
    fn of(day: Date, source: &'static str, now_ms: u64) -> Self {
        let epoch = Date::constant(1970, 1, 1);
        let today = i64::try_from(now_ms / DAY_MS).unwrap_or(i64::MAX);
        let days_left = day.duration_since(epoch).as_hours() / 24 - today;
        Self { on: day.to_string(), days_left, source }
    }

    /// Whether a replacement should be measured by now.
    #[must_use]
    pub const fn is_due(&self) -> bool {
        let [first, ..] = WARNINGS;
        self.days_left <= first
    }

    /// The last of the days of warning that has come.
    fn warning(&self) -> Option<i64> {
        WARNINGS.into_iter().rev().find(|days| self.days_left <= *days)
    }
}

/// When the configuration says that a deployment ends.
pub(crate) fn stated(config: &Config, one: &Deployment, now_ms: u64) -> Option<Shutdown> {
    let provider = config.provider(&one.provider).map(|provider| &provider.facts);
    let day = [Some(&one.facts), provider].into_iter().flatten().find_map(|facts| {
        facts.at(now_ms).text(FactName::RetiresOn).and_then(|day| day.parse::<Date>().ok())
    });
    day.map(|day| Shutdown::of(day, "stated", now_ms))
}

/// What is known of a provider's list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ListingStatus {
    /// The provider.
    pub provider: String,
    /// When its list was last read, milliseconds since the Unix epoch.
    pub read_ms: Option<u64>,
    /// How many models it named then.
    pub models: usize,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
}

/// What providers' lists say.
#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By provider; never more than configurations have named since the start.
    listings: BTreeMap<String, Listing>,
    /// By deployment: the day, and the warning that was given.
    warned: BTreeMap<Arc<str>, (String, i64)>,
}

#[derive(Debug, Default)]
struct Listing {
    due: Duration,
    /// Every model that was listed, and its day, if it has one.
    models: BTreeMap<String, Option<Date>>,
    read_ms: Option<u64>,
    error: Option<String>,
}

impl Listings {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The day of the first of these names that a provider lists.
    fn day<'n>(&self, provider: &str, mut names: impl Iterator<Item = &'n str>) -> Option<Date> {
        let known = self.lock();
        let models = &known.listings.get(provider)?.models;
        names.find_map(|name| models.get(name).copied())?
    }

    /// What is shown of them.
    pub(crate) fn show(&self) -> Vec<ListingStatus> {
        let known = self.lock();
        let show = |(provider, one): (&String, &Listing)| ListingStatus {
            provider: provider.clone(),
            read_ms: one.read_ms,
            models: one.models.len(),
            error: one.error.clone(),
        };
        known.listings.iter().map(show).collect()
    }

    /// Whether a provider's list is due; one that is new is at a time that `first` gives.
    fn is_due(&self, provider: &str, now: Duration, first: impl FnOnce() -> Duration) -> bool {
        let mut known = self.lock();
        if let Some(listing) = known.listings.get(provider) {
            return listing.due <= now;
        }
        let listing = Listing { due: now + first(), ..Listing::default() };
        known.listings.insert(provider.to_owned(), listing);
        false
    }

    /// Takes in a list, or why there is none; what was read before then still counts.
    fn note(
        &self,
        provider: &str,
        read: Result<BTreeMap<String, Option<Date>>, String>,
        (due, now_ms): (Duration, u64),
    ) {
        let mut known = self.lock();
        let listing = known.listings.entry(provider.to_owned()).or_default();
        listing.due = due;
        match read {
            Ok(models) => {
                (listing.models, listing.read_ms, listing.error) = (models, Some(now_ms), None);
            }
            Err(error) => listing.error = Some(error),
        }
    }

    /// The warning that is due for a deployment and was not given yet.
    fn warning(&self, id: &Arc<str>, shutdown: &Shutdown) -> bool {
        let Some(days) = shutdown.warning() else {
            return false;
        };
        let warned = (shutdown.on.clone(), days);
        let before = self.lock().warned.insert(Arc::clone(id), warned.clone());
        before != Some(warned)
    }
}

impl Gateway {
    /// When a deployment ends, as far as anybody says. What is stated counts more than what is
    /// listed. A list names models: a deployment is one by what it is called there, or else by what
    /// the provider said that it is.
    pub(crate) fn shutdown(&self, plan: &ActivePlan, id: &str) -> Option<Shutdown> {
        let now_ms = self.unix_ms();
        let one = plan.config.deployment(id)?;
        stated(&plan.config, one, now_ms).or_else(|| {
            let provider = plan.config.provider(&one.provider)?;
            if provider.shutdown_dates == ShutdownDates::Off {
                return None;
            }
            let served = self.sentinels.show(id).map(|one| one.baseline_models);
            let served = served.unwrap_or_default();
            let names = [one.name.as_str()].into_iter().chain(served.iter().map(String::as_str));
            let day = self.listings.day(&one.provider, names)?;
            Some(Shutdown::of(day, "listed", now_ms))
        })
    }

    /// Warns of what ends soon, once for each of the days of warning.
    fn warn_of_ends(&self, plan: &ActivePlan) {
        for (at, one) in plan.plan.deployments.iter().enumerate() {
            let shutdown = plan.plan.answers(at).then(|| self.shutdown(plan, &one.id)).flatten();
            if let Some(shutdown) = shutdown.filter(|it| self.listings.warning(&one.id, it)) {
                let Shutdown { on, days_left, source } = shutdown;
                tracing::warn!(deployment = %one.id, on, days_left, source, "a deployment ends");
            }
        }
    }
}

/// Reads the lists that are due, for as long as it is polled.
pub async fn shutdown_dates(worker: Arc<Worker>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let plan = worker.gateway.plan();
        if !worker.gateway.is_draining() {
            read_lists(&worker, &plan).await;
            worker.gateway.warn_of_ends(&plan);
        }
    }
}

async fn read_lists(worker: &Worker, plan: &ActivePlan) {
    let gateway = &worker.gateway;
    let providers = plan.config.providers.iter();
    for provider in providers.filter(|one| one.shutdown_dates == ShutdownDates::Daily) {
        let mut deployments = plan.plan.deployments.iter().enumerate();
        let any = deployments.find(|(_, one)| *one.provider == *provider.name);
        // A list of models is nobody's.
        let route = any.and_then(|(at, _)| plan.route(Pass::without_user_data(at)));
        let Some(route) = route.filter(|route| route.models.is_some()) else {
            continue;
        };
        let first = || FIRST.mul_f64(gateway.rng().random());
        if !gateway.listings.is_due(&provider.name, gateway.now(), first) {
            continue;
        }
        let read = match worker.upstream.list_models(route, gateway.wall()).await {
            Ok(body) => list::read(&body.unwrap_or_default()),
            Err(fault) => Err(fault.message),
        };
        if let Err(error) = &read {
            tracing::debug!(provider = provider.name, error, "cannot read the list of models");
        }
        let pace = if read.is_ok() { PACE } else { AGAIN };
        let spread = gateway.rng().random_range(1.0 - JITTER..=1.0 + JITTER);
        let due = gateway.now() + pace.mul_f64(spread);
        gateway.listings.note(&provider.name, read, (due, gateway.unix_ms()));
    }
}
