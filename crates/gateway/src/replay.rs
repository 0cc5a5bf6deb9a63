//! Recorded traffic under another configuration: what would answer, what that would cost and take,
//! and what policy would say.
//!
//! The same engine that decides for requests decides here: the matrix of what is allowed at the
//! time of each request, the prices of its day, and the steps of [`tieline_route::decide`], with
//! what is learnt of answers on the way. What the engine cannot know, whether a provider would have
//! answered, is taken from the record ([`health`]); nothing is sent anywhere.

use std::{collections::BTreeMap, sync::Arc};

use tieline_config::Config;
use tieline_types::{
    CallRecord, EVAL_CALLER, Outcome, PROBE_FEATURE, SENTINEL_FEATURE, SHADOW_CALLER,
};

use crate::GatewayError;

mod health;
mod recorded;
mod report;
mod tally;
mod times;
mod world;

pub use report::{
    Answers, Changed, Check, Closed, Day, Evidence, FeatureReplay, IdleFeature, Known, LeftOut,
    Money, Moves, Replay, Side, Times,
};

use health::Health;
use recorded::{Recorded, is_deployment};
use tally::{Costs, Tally};
use times::Measured;
use world::World;

const DAY_MS: u64 = 86_400_000;

/// What the replay never knows.
const ALWAYS: [&str; 4] = [
    "answers are taken to be as long elsewhere as they were, in the same tokens",
    "where another deployment answers, it does so in its standard service tier",
    "conversations are not on record: what keeps them together is not replayed",
    "failed and hedged calls are not replayed: what they cost is in neither sum",
];
/// What it does not know where policies look at tags.
const TAGS: &str = "policies look at tags, which are not on record: they were asked without any";
/// The same where they look at more of callers than their ids.
const CALLERS: &str = "policies look at names or features of callers' keys, which are not on \
                       record: they were asked by ids alone";
/// What it does otherwise where there are budgets or limits.
const RATIONS: &str = "limits of features and budgets of callers refuse nothing here; other \
                       budgets begin full, and pay what answers cost, one after the other";

/// A replay under way. What it keeps grows with configurations and days, not with requests.
pub struct Replayer<'c> {
    now: Option<World<'c>>,
    other: World<'c>,
    health: Health,
    measured: Measured,
    left_out: LeftOut,
    /// Requests of which it is not on record what they carried.
    unseen: u64,
    check: Check,
    total: Tally,
    features: BTreeMap<Arc<str>, Tally>,
    days: BTreeMap<u64, Day>,
}

impl std::fmt::Debug for Replayer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replayer").field("left_out", &self.left_out).finish_non_exhaustive()
    }
}

impl<'c> Replayer<'c> {
    /// Begins a replay of what arrived from `since_ms` on, milliseconds since the Unix epoch, under
    /// `other`. Where `now` is given, the present configuration, the same replay under it tells how
    /// far the result can be believed.
    ///
    /// # Errors
    /// Every mistake in the policies, and in the user's own prices.
    pub fn new(
        now: Option<&'c Config>,
        other: &'c Config,
        since_ms: u64,
    ) -> Result<Self, GatewayError> {
        Ok(Self {
            now: now.map(|now| World::new(now, since_ms)).transpose()?,
            other: World::new(other, since_ms)?,
            health: Health::default(),
            measured: Measured::default(),
            left_out: LeftOut::default(),
            unseen: 0,
            check: Check::default(),
            total: Tally::default(),
            features: BTreeMap::new(),
            days: BTreeMap::new(),
        })
    }

    /// Takes in a record. They must come in the order of their arrival.
    ///
    /// # Errors
    /// Where the prices of a new day cannot be had.
    pub fn take(&mut self, record: &CallRecord) -> Result<(), GatewayError> {
        let own = [PROBE_FEATURE, SENTINEL_FEATURE].contains(&&*record.feature);
        if own || [EVAL_CALLER, SHADOW_CALLER].contains(&&*record.caller) {
            self.left_out.probes += 1;
        } else if record.outcome == Outcome::Refused || record.feature.is_empty() {
            self.left_out.refused += 1;
        } else {
            self.replay(&Recorded::of(record))?;
        }
        self.health.note(record);
        Ok(())
    }

    fn replay(&mut self, recorded: &Recorded<'_>) -> Result<(), GatewayError> {
        let (health, measured) = (&self.health, &self.measured);
        if let Some(now) = &mut self.now {
            let answer = now.answer(recorded, health, measured)?;
            self.check.of += 1;
            self.check.agrees += u64::from(answer.by == recorded.by);
        }
        let answer = self.other.answer(recorded, health, measured)?;
        self.unseen += u64::from(recorded.modalities().is_none());
        let costs = Costs::of(recorded, &answer);
        let name = &recorded.record.feature;
        self.total.note(recorded, &answer, &costs);
        let feature = self.features.entry(Arc::clone(name)).or_default();
        feature.note(recorded, &answer, &costs);
        let from_ms = recorded.record.started_ms / DAY_MS * DAY_MS;
        let day = self.days.entry(from_ms).or_insert(Day { from_ms, ..Day::default() });
        day.requests += 1;
        costs.add_to(&mut day.before, &mut day.after);
        self.measured.note(recorded);
        Ok(())
    }

    /// What it came to.
    #[must_use]
    pub fn finish(mut self) -> Replay {
        let notes = self.notes();
        let idle = self.idle();
        let known = |name: &str| {
            let other = self.other.has(name);
            Known::of(self.now.as_ref().map_or(other, |now| now.has(name)), other)
        };
        let features = std::mem::take(&mut self.features).into_iter();
        let mut features: Vec<FeatureReplay> = features
            .map(|(feature, tally)| FeatureReplay {
                known: known(&feature),
                changed: tally.finish(&self.measured),
                feature,
            })
            .collect();
        features.sort_by_key(|feature| std::cmp::Reverse(feature.changed.requests));
        let total = self.total.finish(&self.measured);
        let deployments = total.answers.iter().map(|one| &one.by);
        let deployments = deployments.filter(|by| is_deployment(by));
        let evidence = |by: &Arc<str>| {
            let known = self.health.known(by);
            let (calls, failed) = (known.calls, known.failed);
            Evidence { deployment: Arc::clone(by), calls, failed, assumed: calls == 0 }
        };
        Replay {
            requests: total.requests,
            left_out: self.left_out,
            check: self.now.is_some().then_some(self.check),
            notes,
            features,
            idle,
            deployments: deployments.map(evidence).collect(),
            days: without_gaps(&self.days),
            total,
        }
    }

    fn notes(&self) -> Vec<String> {
        let matrix = self.other.matrix();
        let known = [
            matrix.asks_tags().then_some(TAGS),
            matrix.asks_callers().then_some(CALLERS),
            self.other.is_rationed().then_some(RATIONS),
        ];
        let known = ALWAYS.into_iter().chain(known.into_iter().flatten()).map(str::to_owned);
        known.chain(self.unseen()).collect()
    }

    /// What it does not know of requests whose content nobody looked at.
    fn unseen(&self) -> Option<String> {
        let unseen = self.unseen;
        (unseen > 0 && self.other.matrix().asks_modalities()).then(|| {
            format!(
                "policies look at what requests carry, which is not on record of {unseen}: no \
                 policy looked at it then, and they were taken for text alone"
            )
        })
    }

    /// Features that one configuration alone spells out, and that had no requests.
    fn idle(&self) -> Vec<IdleFeature> {
        let Some(now) = &self.now else {
            return Vec::new();
        };
        let gone = now.features().filter(|name| !self.other.has(name));
        let new = self.other.features().filter(|name| !now.has(name));
        let told = |known| move |name: &Arc<str>| IdleFeature { feature: Arc::clone(name), known };
        let all = gone.map(told(Known::Now)).chain(new.map(told(Known::Other)));
        all.filter(|one| !self.features.contains_key(&one.feature)).collect()
    }
}

/// Every day from the first to the last.
fn without_gaps(days: &BTreeMap<u64, Day>) -> Vec<Day> {
    let (Some(first), Some(last)) = (days.keys().next(), days.keys().next_back()) else {
        return Vec::new();
    };
    let every = (first / DAY_MS..=last / DAY_MS).map(|day| day * DAY_MS);
    every
        .map(|from_ms| days.get(&from_ms).copied().unwrap_or(Day { from_ms, ..Day::default() }))
        .collect()
}
