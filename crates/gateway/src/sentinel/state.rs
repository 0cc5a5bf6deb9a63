//! What sentinels know of each deployment, what they have cost today, and what is shown of both.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tieline_gate::sentinel::{Baseline, Finding, Round, Watch};
use tieline_ledger::{Ledger, SpendWindow};
use tieline_types::{Change, UsdPico, chain};

/// A day of UTC, in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// How a deployment answers the prompts of sentinels.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SentinelStatus {
    /// Rounds since the start.
    pub rounds: u64,
    /// Rounds that its baseline is made of.
    pub baseline_rounds: usize,
    /// The models that it was by its baseline.
    pub baseline_models: Vec<String>,
    /// What has drifted, as long as nobody has accepted it.
    pub drift: Option<String>,
    /// The last round that was answered.
    pub last: Option<RoundStatus>,
}

/// What one round showed; shares are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoundStatus {
    /// When it ended, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Answers, of all prompts.
    pub answered: f64,
    /// Answers that have the form that was asked for.
    pub format: f64,
    /// Answers that refuse.
    pub refused: f64,
    /// Answers with nothing in them.
    pub empty: f64,
    /// Prompts that got one and the same answer, which is right for others.
    pub constant: f64,
    /// Answers that would have their form but for a fence around them.
    pub fenced: usize,
    /// Tokens of an answer on average.
    pub mean_output_tokens: Option<f64>,
    /// The model that the provider says it is.
    pub model: Option<String>,
}

impl RoundStatus {
    fn of(round: &Round, at_ms: u64) -> Self {
        Self {
            at_ms,
            answered: round.answered.share(),
            format: round.format().share(),
            refused: round.refused.share(),
            empty: round.empty.share(),
            constant: round.constant.given.share(),
            fenced: round.fenced,
            mean_output_tokens: round.mean_output_tokens,
            model: round.model.clone(),
        }
    }

    /// The shares, by name.
    pub(crate) fn shares(&self) -> [(&'static str, f64); 5] {
        [
            ("answered", self.answered),
            ("format", self.format),
            ("refused", self.refused),
            ("empty", self.empty),
            ("constant", self.constant),
        ]
    }
}

/// What sentinels know, shared by those who ask and those who look.
#[derive(Debug, Default)]
pub(crate) struct Sentinels(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By deployment; never more than configurations have named since the start.
    watched: BTreeMap<Arc<str>, Watched>,
    /// What the ledger told at the start, by deployment.
    restored: BTreeMap<String, Baseline>,
    /// What has drifted and was not accepted, by deployment.
    drifts: BTreeMap<String, String>,
    /// The day of UTC, since the Unix epoch, and what was spent or is reserved on it.
    spent: (u64, UsdPico),
}

#[derive(Debug)]
struct Watched {
    watch: Watch,
    due: Duration,
    rounds: u64,
    last: Option<RoundStatus>,
}

impl Sentinels {
    /// What the ledger tells: baselines that nobody has accepted a change of since, what
    /// deployments are suspended for, and what was spent today.
    pub(crate) fn restored(ledger: &Ledger, unix_ms: u64) -> Self {
        let last = |actions: &[Change]| {
            ledger.last_changes(actions).unwrap_or_else(|error| {
                let why = chain(&error);
                tracing::error!(why, "what sentinels knew cannot be read: they begin anew");
                Vec::new()
            })
        };
        let baselines = last(&[Change::Baseline, Change::Resume]);
        let baselines = baselines.into_iter().filter_map(|change| {
            Some((change.subject, serde_json::from_str(change.after.as_deref()?).ok()?))
        });
        let suspended = last(&[Change::Suspend, Change::Resume]);
        let suspended = suspended.into_iter().filter(|change| change.action == Change::Suspend);
        let drifts = suspended.filter_map(|change| Some((change.subject, change.reason?)));
        let spent = ledger.spent(&[window(unix_ms)]).ok();
        let spent = spent.and_then(|amounts| amounts.first().copied()).unwrap_or(UsdPico::ZERO);
        Self(Mutex::new(Known {
            watched: BTreeMap::new(),
            restored: baselines.collect(),
            drifts: drifts.collect(),
            spent: (unix_ms / DAY_MS, spent),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a round is due. A deployment that is new, or is asked otherwise than before, is due
    /// at a time that `first` gives, told whether it is known what it was like.
    pub(super) fn is_due(
        &self,
        id: &Arc<str>,
        asked: &str,
        now: Duration,
        first: impl FnOnce(bool) -> Duration,
    ) -> bool {
        let mut known = self.lock();
        if let Some(watched) = known.watched.get(id).filter(|one| one.watch.asked() == asked) {
            return watched.due <= now;
        }
        let watch = Watch::new(asked, known.restored.remove(&**id));
        let due = first(watch.baseline().is_some());
        known.watched.insert(Arc::clone(id), Watched { watch, due, rounds: 0, last: None });
        false
    }

    /// Takes in a round, and gives what it means and the baseline after it.
    pub(super) fn take(
        &self,
        id: &str,
        round: &Round,
        at_ms: u64,
    ) -> Option<(Finding, Option<Baseline>)> {
        let mut known = self.lock();
        let watched = known.watched.get_mut(id)?;
        watched.rounds += 1;
        let finding = watched.watch.take(round);
        if finding != Finding::Silent {
            watched.last = Some(RoundStatus::of(round, at_ms));
        }
        Some((finding, watched.watch.baseline().cloned()))
    }

    /// The next round is due then.
    pub(super) fn rest(&self, id: &str, due: Duration) {
        if let Some(watched) = self.lock().watched.get_mut(id) {
            watched.due = due;
        }
    }

    pub(super) fn note_drift(&self, id: &str, drift: &str) {
        self.lock().drifts.insert(id.to_owned(), drift.to_owned());
    }

    /// A deployment is accepted as it answers now: the next round is its baseline, and due at once.
    pub(crate) fn accept(&self, id: &str) {
        let mut known = self.lock();
        known.drifts.remove(id);
        known.restored.remove(id);
        if let Some(watched) = known.watched.get_mut(id) {
            watched.watch.accept();
            watched.due = Duration::ZERO;
        }
    }

    /// What has drifted at a deployment and was not accepted.
    pub(crate) fn drift(&self, id: &str) -> Option<String> {
        self.lock().drifts.get(id).cloned()
    }

    /// What is shown of a deployment; none where it is not asked and nothing is known.
    pub(crate) fn show(&self, id: &str) -> Option<SentinelStatus> {
        let known = self.lock();
        let (watched, drift) = (known.watched.get(id), known.drifts.get(id));
        if watched.is_none() && drift.is_none() {
            return None;
        }
        let baseline = watched.and_then(|one| one.watch.baseline());
        Some(SentinelStatus {
            rounds: watched.map_or(0, |one| one.rounds),
            baseline_rounds: baseline.map_or(0, |one| one.rounds),
            baseline_models: baseline
                .map(|one| one.models.iter().cloned().collect())
                .unwrap_or_default(),
            drift: drift.cloned(),
            last: watched.and_then(|one| one.last.clone()),
        })
    }

    /// Reserves what a prompt may cost within what may be spent today; false where that is no more.
    pub(super) fn reserve(&self, unix_ms: u64, most: UsdPico, may_spend: UsdPico) -> bool {
        let mut known = self.lock();
        let day = unix_ms / DAY_MS;
        if known.spent.0 != day {
            known.spent = (day, UsdPico::ZERO);
        }
        let after = known.spent.1.plus(most);
        if after > may_spend {
            return false;
        }
        known.spent.1 = after;
        true
    }

    /// A prompt for which `most` was reserved has cost this.
    pub(super) fn spend(
        &self,
        ledger: Option<&Ledger>,
        unix_ms: u64,
        (most, cost): (UsdPico, UsdPico),
    ) {
        let mut known = self.lock();
        if known.spent.0 == unix_ms / DAY_MS {
            known.spent.1 = known.spent.1.minus(most).plus(cost);
        }
        drop(known);
        if let Some(ledger) = ledger.filter(|_| cost > UsdPico::ZERO) {
            ledger.spend(window(unix_ms), cost);
        }
    }
}

/// The window of today's spend.
fn window(unix_ms: u64) -> SpendWindow {
    let start_ms = unix_ms / DAY_MS * DAY_MS;
    SpendWindow { kind: "sentinels", name: "all".into(), per: "day", start_ms }
}
