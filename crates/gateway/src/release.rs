//! Releases: a deployment comes to serve a feature step by step, on proof.
//!
//! What is proved, and which stage it leads to, is for `tieline-gate`. Here outcomes of requests
//! are told to it, requests are mirrored, and what changes is written down and put in force.

mod mirror;
mod outcome;
mod runner;
mod status;

use std::{
    collections::BTreeSet,
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tieline_gate::{
    Invalid,
    release::{Outcome, Progress, ReleaseSettings, Stage},
};
use tieline_ledger::{Ledger, ReleaseRow};
use tieline_types::{AuditRecord, Change, Class, Fault, chain};
use tokio::sync::{Notify, Semaphore};

pub(crate) use mirror::Mirrored;
pub(crate) use outcome::answered;
pub use runner::tend_releases;
pub use status::{Evidenced, ReleaseStatus};

use crate::{
    audit::Actor,
    gateway::Gateway,
    standing::{AttestationStanding, Standings},
};

/// Mirrored requests under way at once; beyond it requests are not mirrored.
const MIRRORED_MAX: usize = 8;

/// A release of a deployment in a tier of a feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// `rel_` and a UUIDv7.
    pub id: String,
    /// The feature.
    pub feature: String,
    /// The tier.
    pub tier: String,
    /// The deployment that wants to serve.
    pub candidate: String,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// When its stage last changed, milliseconds since the Unix epoch.
    pub changed_ms: u64,
    /// Where it stands, and what is proved.
    pub progress: Progress,
}

impl Release {
    /// Reads a release as the ledger has it.
    ///
    /// # Errors
    /// Where another version of Tieline wrote it in a form that this one does not know.
    pub fn read(row: &ReleaseRow) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: row.id.clone(),
            feature: row.feature.clone(),
            tier: row.tier.clone(),
            candidate: row.candidate.clone(),
            started_ms: row.started_ms,
            changed_ms: row.changed_ms,
            progress: serde_json::from_str(&row.progress)?,
        })
    }

    fn row(&self) -> ReleaseRow {
        ReleaseRow {
            id: self.id.clone(),
            feature: self.feature.clone(),
            tier: self.tier.clone(),
            candidate: self.candidate.clone(),
            stage: self.progress.stage().as_str().to_owned(),
            started_ms: self.started_ms,
            changed_ms: self.changed_ms,
            // Numbers and words are never refused.
            progress: serde_json::to_string(&self.progress).unwrap_or_default(),
        }
    }

    /// Whether it is of this tier.
    pub(crate) fn is_of(&self, feature: &str, tier: &str) -> bool {
        self.feature == feature && self.tier == tier
    }

    /// A number that is its own.
    pub(crate) fn salt(&self) -> u64 {
        foldhash::quality::FixedState::default().hash_one(&self.id)
    }

    /// Moves it as somebody decided.
    fn decided(&mut self, to: &Move, now_ms: u64) -> Result<(), ReleaseError> {
        let why = |reason: &Option<String>, usual: &str| {
            reason.as_deref().unwrap_or(usual).chars().take(REASON_CHARS_MAX).collect::<String>()
        };
        let stage = self.progress.stage().as_str();
        let moves = match to {
            Move::Promote { reason } => self.progress.promote(&why(reason, "promoted by hand")),
            Move::RollBack { reason } => {
                self.progress.roll_back(&why(reason, "rolled back by hand"))
            }
        };
        if !moves {
            return Err(ReleaseError::NoMove { id: self.id.clone(), stage });
        }
        self.changed_ms = now_ms;
        Ok(())
    }

    /// What the audit calls it.
    fn subject(&self) -> String {
        format!("{} in {}/{}", self.candidate, self.feature, self.tier)
    }
}

/// What somebody asks to be released.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    /// The feature.
    pub feature: String,
    /// The tier; may be left out where only one lists the deployment among its release candidates.
    #[serde(default)]
    pub tier: Option<String>,
    /// The deployment that is to serve.
    pub candidate: String,
    /// How it is to go.
    #[serde(default)]
    pub settings: ReleaseSettings,
}

/// What somebody decides of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "move")]
pub enum Move {
    /// On to the next stage, whatever is proved.
    Promote {
        /// Why.
        reason: Option<String>,
    },
    /// Back, whatever is proved.
    RollBack {
        /// Why.
        reason: Option<String>,
    },
}

/// Why a release was not begun or moved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReleaseError {
    /// There is no such feature.
    #[error("there is no feature `{0}`")]
    NoFeature(String),
    /// No tier lists the deployment among its release candidates.
    #[error(
        "no tier of `{feature}` lists {candidate} among its `release_candidates`; without that it \
         may not serve there"
    )]
    NoCandidate {
        /// The feature.
        feature: String,
        /// The deployment.
        candidate: String,
    },
    /// Several tiers do.
    #[error("{candidate} is a release candidate of several tiers; name one of {tiers}")]
    SeveralTiers {
        /// The deployment.
        candidate: String,
        /// The tiers.
        tiers: String,
    },
    /// Policy keeps the feature from it.
    #[error("policy keeps `{feature}` from {candidate}")]
    Denied {
        /// The feature.
        feature: String,
        /// The deployment.
        candidate: String,
    },
    /// It has not passed its suite.
    #[error("{candidate} has no valid attestation, which `require: enforce` wants: {why}")]
    Unattested {
        /// The deployment.
        candidate: String,
        /// What is wrong with its attestations.
        why: String,
    },
    /// Another release of the tier is not over.
    #[error("release {id} of {candidate} is at stage {stage} in this tier; end it first")]
    UnderWay {
        /// The other release.
        id: String,
        /// Its deployment.
        candidate: String,
        /// Where it stands.
        stage: &'static str,
    },
    /// A setting cannot be.
    #[error(transparent)]
    Settings(#[from] Invalid),
    /// There is no such release.
    #[error("there is no release `{0}`")]
    NoRelease(String),
    /// There is nowhere to move it to.
    #[error("release {id} is at stage {stage}, from where it cannot be moved so")]
    NoMove {
        /// The release.
        id: String,
        /// Where it stands.
        stage: &'static str,
    },
    /// The ledger takes no record of it.
    #[error("the ledger takes no record of it, so nothing was changed: {0}")]
    Unrecorded(String),
    /// The plan could not be made anew.
    #[error("it is on record, but could not be put in force: {0}")]
    NotInForce(String),
}

/// The releases that a gateway knows.
pub(crate) struct Releases {
    /// Answers of users wait for it, so that nobody may hold it for long.
    kept: Mutex<Kept>,
    /// Held while somebody decides, which takes as long as the ledger does.
    deciding: Mutex<()>,
    /// A stage changed, which has to be put in force.
    moved: Notify,
    /// There are more pairs, which have to be written down.
    counted: Notify,
    mirrored: Arc<Semaphore>,
}

#[derive(Default)]
struct Kept {
    all: Vec<Release>,
    /// Ids of those that changed since they were written down.
    unwritten: BTreeSet<String>,
    /// Ids of those whose stage changed since that was put in force, with the stage before.
    moved: Vec<(String, Stage)>,
}

impl Releases {
    /// The releases that the ledger knows.
    pub(crate) fn restore(ledger: Option<&Ledger>) -> Self {
        let rows = ledger.map_or_else(|| Ok(Vec::new()), Ledger::releases);
        let rows = rows.unwrap_or_else(|error| {
            tracing::error!("cannot read the releases; none is in force: {}", chain(&error));
            Vec::new()
        });
        let read = |row: ReleaseRow| match Release::read(&row) {
            Ok(release) => Some(release),
            Err(error) => {
                tracing::error!(release = row.id, %error, "cannot read a release");
                None
            }
        };
        let all = rows.into_iter().filter_map(read).collect();
        Self {
            kept: Mutex::new(Kept { all, ..Kept::default() }),
            deciding: Mutex::default(),
            moved: Notify::new(),
            counted: Notify::new(),
            mirrored: Arc::new(Semaphore::new(MIRRORED_MAX)),
        }
    }

    /// All of them as they stand, oldest first.
    pub(crate) fn all(&self) -> Vec<Release> {
        self.lock().all.clone()
    }

    /// An attempt for a user failed.
    pub(crate) fn failed(&self, feature: &str, tier: &str, deployment: &str, fault: &Fault) {
        if is_its_own(fault) {
            self.saw((feature, tier), deployment, Outcome::Unanswered);
        }
    }

    /// Something came of a request of a user at a deployment.
    fn saw(&self, (feature, tier): (&str, &str), deployment: &str, outcome: Outcome) {
        self.step(
            |one| one.is_of(feature, tier) && matches!(one.progress.stage(), Stage::Canary { .. }),
            |one| match one.candidate == deployment {
                true => one.progress.of_candidate(outcome),
                false => {
                    one.progress.of_incumbent(outcome);
                }
            },
        );
    }

    /// The same came of a mirrored request at both.
    fn paired(&self, id: &str, candidate: Outcome, incumbent: Outcome) {
        self.step(
            |one| one.id == id && one.progress.stage() == Stage::Shadow,
            |one| {
                one.progress.pair(candidate, incumbent);
            },
        );
    }

    /// A release as it stands.
    fn get(&self, id: &str) -> Result<Release, ReleaseError> {
        let found = self.lock().all.iter().find(|one| one.id == id).cloned();
        found.ok_or_else(|| ReleaseError::NoRelease(id.to_owned()))
    }

    /// Changes a release; gives it as it then stands.
    fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Release) -> Result<(), ReleaseError>,
    ) -> Result<Release, ReleaseError> {
        let mut kept = self.lock();
        let found = kept.all.iter_mut().find(|one| one.id == id);
        let found = found.ok_or_else(|| ReleaseError::NoRelease(id.to_owned()))?;
        change(found)?;
        Ok(found.clone())
    }

    fn decide(&self) -> MutexGuard<'_, ()> {
        self.deciding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells something to some of the releases, and notes what that changes.
    fn step(&self, which: impl Fn(&Release) -> bool, tell: impl Fn(&mut Release)) {
        let mut kept = self.lock();
        let kept = &mut *kept;
        for one in kept.all.iter_mut().filter(|one| which(one)) {
            let (stage, pairs) = (one.progress.stage(), one.progress.pairs_of_stage());
            tell(one);
            if one.progress.stage() != stage {
                kept.moved.push((one.id.clone(), stage));
                kept.unwritten.insert(one.id.clone());
                self.moved.notify_one();
            } else if one.progress.pairs_of_stage() != pairs {
                kept.unwritten.insert(one.id.clone());
                self.counted.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a fault says that a deployment does not answer, rather than that it was not asked, or
/// that the request was wrong.
fn is_its_own(fault: &Fault) -> bool {
    let effect = tieline_route::outcome(fault).effect;
    effect != tieline_route::Effect::Neutral && fault.class != Class::ClientGone
}

impl Gateway {
    /// Begins a release. On record first, so that none goes without.
    ///
    /// # Errors
    /// When it was not begun, or is not in force yet.
    pub fn begin_release(&self, asked: NewRelease, actor: &Actor) -> Result<Release, ReleaseError> {
        let plan = self.plan();
        let NewRelease { feature, tier, candidate, settings } = asked;
        let tier = self.released_in(&feature, tier.as_deref(), &candidate)?;
        may_begin(&plan.standings, (&feature, &tier), &candidate)?;
        let at = plan.plan.deployments.iter().position(|one| *one.id == *candidate);
        let possible = plan.matrix.possible(&feature, self.unix_ms());
        if at.and_then(|at| possible.allowed(at)).is_none() {
            return Err(ReleaseError::Denied { feature, candidate });
        }
        let _turn = self.releases.decide();
        let over = |stage| matches!(stage, Stage::Serving | Stage::RolledBack);
        let others = self.releases.all();
        let mut others = others.iter().filter(|one| one.is_of(&feature, &tier));
        if let Some(other) = others.find(|one| !over(one.progress.stage())) {
            return Err(ReleaseError::UnderWay {
                id: other.id.clone(),
                candidate: other.candidate.clone(),
                stage: other.progress.stage().as_str(),
            });
        }
        let now_ms = self.unix_ms();
        let release = Release {
            id: self.id("rel", &mut self.rng()),
            feature,
            tier,
            candidate,
            started_ms: now_ms,
            changed_ms: now_ms,
            progress: Progress::begin(settings)?,
        };
        self.write_down(&release, None, actor)?;
        self.releases.lock().all.push(release.clone());
        self.put_in_force()?;
        Ok(release)
    }

    /// Moves a release, whatever is proved. On record first.
    ///
    /// # Errors
    /// When it was not moved, or is not in force yet.
    pub fn move_release(
        &self,
        id: &str,
        to: &Move,
        actor: &Actor,
    ) -> Result<Release, ReleaseError> {
        let _turn = self.releases.decide();
        let mut moved = self.releases.get(id)?;
        let before = moved.progress.stage();
        moved.decided(to, self.unix_ms())?;
        self.write_down(&moved, Some(before), actor)?;
        // Outcomes have come since. What they moved on is not promoted twice.
        let moved = self.releases.change(id, |one| match (to, one.progress.stage()) {
            (Move::Promote { .. }, stage) if stage != before => {
                Err(ReleaseError::NoMove { id: id.to_owned(), stage: stage.as_str() })
            }
            _ => one.decided(to, moved.changed_ms),
        })?;
        self.put_in_force()?;
        Ok(moved)
    }

    /// All releases as they stand, oldest first.
    #[must_use]
    pub fn releases(&self) -> Vec<Release> {
        self.releases.all()
    }

    /// The tier that a deployment is to be released in.
    fn released_in(
        &self,
        feature: &str,
        tier: Option<&str>,
        candidate: &str,
    ) -> Result<String, ReleaseError> {
        let plan = self.plan();
        if plan.config.feature(feature).is_none() {
            return Err(ReleaseError::NoFeature(feature.to_owned()));
        }
        let listed = plan
            .standings
            .iter()
            .filter(|one| one.feature == feature && one.deployment == candidate && one.by_release);
        let mut tiers: Vec<String> = listed.map(|one| one.tier.clone()).collect();
        tiers.retain(|one| tier.is_none_or(|tier| tier == one));
        let (feature, candidate) = (feature.to_owned(), candidate.to_owned());
        match tiers.len() {
            0 => Err(ReleaseError::NoCandidate { feature, candidate }),
            1 => Ok(tiers.swap_remove(0)),
            _ => Err(ReleaseError::SeveralTiers { candidate, tiers: tiers.join(", ") }),
        }
    }

    /// Puts a stage on record, then down.
    fn write_down(
        &self,
        release: &Release,
        before: Option<Stage>,
        actor: &Actor,
    ) -> Result<(), ReleaseError> {
        let progress = &release.progress;
        let change = AuditRecord {
            before: before.map(|stage| stage.as_str().to_owned()),
            after: Some(shown(progress)),
            reason: Some(progress.reason().to_owned()),
            ..self.change(Change::Release, &release.subject(), actor)
        };
        if !self.on_record(change) {
            return Err(ReleaseError::Unrecorded("its queue is full".to_owned()));
        }
        let kept =
            self.ledger.as_ref().map_or(Ok(()), |ledger| ledger.keep_release(&release.row()));
        kept.map_err(|error| ReleaseError::Unrecorded(chain(&error)))?;
        tracing::warn!(
            release = release.id,
            feature = release.feature,
            tier = release.tier,
            candidate = release.candidate,
            stage = shown(progress),
            "a release moved: {}",
            progress.reason()
        );
        Ok(())
    }

    fn put_in_force(&self) -> Result<(), ReleaseError> {
        self.renew_standings().map_err(|error| ReleaseError::NotInForce(chain(&error)))
    }
}

/// The most characters of a reason that somebody gives.
const REASON_CHARS_MAX: usize = 500;

/// A stage with its share.
fn shown(progress: &Progress) -> String {
    match progress.stage() {
        Stage::Canary { .. } => format!("canary {}%", progress.share() * 100.0),
        stage => stage.as_str().to_owned(),
    }
}

/// Whether a deployment may be released as far as its evals go.
fn may_begin(
    standings: &Standings,
    (feature, tier): (&str, &str),
    candidate: &str,
) -> Result<(), ReleaseError> {
    let standing = standings.get(feature, tier, candidate);
    let lacking = standing.filter(|one| one.require == "enforce");
    let attestation = lacking.and_then(|one| one.attestation.as_ref());
    match attestation.filter(|one| !one.is_valid()) {
        Some(attestation) => Err(ReleaseError::Unattested {
            candidate: candidate.to_owned(),
            why: AttestationStanding::lack(attestation).to_owned(),
        }),
        None => Ok(()),
    }
}
