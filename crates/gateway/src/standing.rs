//! What evals and releases say of candidates: who may serve, and why somebody does not.
//!
//! Attestations and releases only ever take something away from what policy allows. And they fail
//! static: where they would leave a feature without any model, what was left last serves on, aloud.

mod attested;
mod evidence;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tieline_config::{Candidate, Config, Evals, Feature, Requirement, Tier, TierMode};
use tieline_gate::release::Stage;
use tieline_policy::Matrix;
use tieline_route::{Bar, Canary, Role};

pub(crate) use attested::Attested;
pub use evidence::{Answered, Evidence, Harness};

use crate::{GatewayError, gateway::Gateway, plan::ActivePlan, release::Release};

/// How it stands with the attestations of a deployment for a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum AttestationStanding {
    /// One holds.
    Valid {
        /// Its file.
        file: String,
        /// Until when, milliseconds since the Unix epoch.
        expires_ms: u64,
    },
    /// There is one, and it says nothing of the deployment as it is now.
    Stale {
        /// Its file.
        file: String,
        /// Until when it holds or held, milliseconds since the Unix epoch.
        expires_ms: u64,
        /// Why.
        why: String,
    },
    /// There is none.
    Missing,
}

impl AttestationStanding {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Stale { .. } => "stale",
            Self::Missing => "missing",
        }
    }

    /// Whether one holds.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// What keeps them from holding.
    pub(crate) fn lack(&self) -> &str {
        match self {
            Self::Valid { .. } => "",
            Self::Stale { why, .. } => why,
            Self::Missing => "there is no attestation",
        }
    }
}

/// What evals and its release say of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CandidateStanding {
    /// The feature.
    pub feature: String,
    /// The tier.
    pub tier: String,
    /// The deployment.
    pub deployment: String,
    /// What it may do: `serving`, `canary`, or why it answers nothing.
    pub role: &'static str,
    /// What is wanted: `off`, `warn` or `enforce`.
    pub require: &'static str,
    /// Its attestations, where any is wanted.
    pub attestation: Option<AttestationStanding>,
    /// Its release, where it serves by one.
    pub release: Option<String>,
    /// What somebody should see to.
    pub alarm: Option<String>,
    /// It serves by a release only.
    pub by_release: bool,
    #[serde(skip)]
    pub(crate) plays: Role,
    /// Whether it is for want of an attestation alone that it does not serve.
    #[serde(skip)]
    may_stand_in: bool,
}

impl CandidateStanding {
    /// Why it answers nothing: the rule, and in words; none where it does.
    pub(crate) fn bar(&self) -> Option<(&'static str, String)> {
        let Role::Barred(bar) = self.plays else {
            return None;
        };
        let (rule, words) = match bar {
            Bar::Unattested => {
                let lack = self.attestation.as_ref().map_or("", AttestationStanding::lack);
                ("evals", format!("no valid attestation of its suite: {lack}"))
            }
            Bar::Unreleased => ("release", "it serves by a release only, and has none".to_owned()),
            Bar::Shadow => ("release", "it is being released and answers unseen".to_owned()),
            Bar::Paused => ("release", "its release is paused until somebody decides".to_owned()),
            Bar::RolledBack => ("release", "its release was rolled back".to_owned()),
        };
        Some((rule, words))
    }

    /// The share of conversations that it may answer, from 0 to 1.
    #[must_use]
    pub const fn share(&self) -> f64 {
        match self.plays {
            Role::Serving => 1.0,
            Role::Canary(canary) => canary.share,
            Role::Barred(_) => 0.0,
        }
    }
}

/// A candidate: feature, tier and deployment by name.
type Place = (String, String, String);

/// The standings of all candidates that evals or releases say anything of.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    all: BTreeMap<Place, CandidateStanding>,
    /// Attestations that are worth nothing.
    pub(crate) refused: Vec<RefusedAttestation>,
    /// What it was made of.
    pub(crate) evidence: Evidence,
    /// When it changes by itself, milliseconds since the Unix epoch.
    changes_ms: Option<u64>,
    /// Features with a release under way.
    watched: BTreeSet<String>,
}

/// An attestation that is worth nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedAttestation {
    /// Its file.
    pub file: String,
    /// Why.
    pub reason: String,
}

impl Standings {
    /// Finds out how all candidates stand at a time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Where a key that attestations are to be checked with is none.
    pub(crate) fn at(
        config: &Config,
        evidence: Evidence,
        matrix: &Matrix,
        now_ms: u64,
    ) -> Result<Self, GatewayError> {
        let attested = Attested::read(&config.attestations)?;
        let refused = attested.refused().map(|(file, reason)| RefusedAttestation {
            file: file.to_owned(),
            reason: reason.to_string(),
        });
        let refused = refused.collect();
        let mut all = BTreeMap::new();
        for feature in &config.features {
            let mut standings = of_feature(config, feature, (&attested, &evidence), now_ms);
            if standings.is_empty() {
                continue;
            }
            keep_something(feature, &possible(config, feature, matrix, now_ms), &mut standings);
            let place = |one: &CandidateStanding| {
                (one.feature.clone(), one.tier.clone(), one.deployment.clone())
            };
            all.extend(standings.into_iter().map(|one| (place(&one), one)));
        }
        let under_way = evidence.releases.iter().filter(|one| one.progress.stage().is_under_way());
        let watched = under_way.map(|one| one.feature.clone()).collect();
        let changes_ms = attested.changes_ms(now_ms);
        Ok(Self { all, refused, evidence, changes_ms, watched })
    }

    /// What a candidate may do.
    pub(crate) fn role(&self, feature: &str, tier: &str, candidate: &Candidate) -> Role {
        match self.get(feature, tier, &candidate.deployment) {
            Some(standing) => standing.plays,
            None => Role::Serving,
        }
    }

    /// How a candidate stands, where evals or its release say anything of it.
    pub(crate) fn get(
        &self,
        feature: &str,
        tier: &str,
        deployment: &str,
    ) -> Option<&CandidateStanding> {
        if self.all.is_empty() {
            return None;
        }
        self.all.get(&(feature.to_owned(), tier.to_owned(), deployment.to_owned()))
    }

    /// All of them, by feature, tier and deployment.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &CandidateStanding> {
        self.all.values()
    }

    /// Whether some release of a feature is under way, so that its answers are looked at.
    pub(crate) fn watches(&self, feature: &str) -> bool {
        !self.watched.is_empty() && self.watched.contains(feature)
    }

    /// Whether time has changed it.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.changes_ms.is_some_and(|at| now_ms >= at)
    }
}

impl Gateway {
    /// Shows how candidates stand, and tells what was not so before.
    pub(crate) fn note_standings(&self, old: Option<&ActivePlan>) {
        let plan = self.plan();
        self.metrics.standings(plan.standings.iter());
        let before = old.map(|old| &old.standings);
        for one in plan.standings.iter() {
            let (feature, tier, deployment) = (&one.feature, &one.tier, &one.deployment);
            let was = before.and_then(|before| before.get(feature, tier, deployment));
            if let Some(alarm) = &one.alarm
                && was.is_none_or(|was| was.alarm.as_ref() != Some(alarm))
            {
                tracing::warn!(feature, tier, deployment, "{alarm}");
            }
            if was.is_some_and(|was| was.role != one.role) {
                tracing::info!(feature, tier, deployment, role = one.role, "a candidate's role");
            }
        }
        for refused in &plan.standings.refused {
            if before.is_none_or(|before| !before.refused.contains(refused)) {
                let RefusedAttestation { file, reason } = refused;
                tracing::warn!(file, "an attestation is worth nothing: {reason}");
            }
        }
    }
}

/// How the candidates of a feature stand that something is said of.
fn of_feature(
    config: &Config,
    feature: &Feature,
    known: (&Attested, &Evidence),
    now_ms: u64,
) -> Vec<CandidateStanding> {
    let mut standings = Vec::new();
    for (tier, candidates) in models(feature) {
        let said = |one: &&Candidate| one.by_release || wanted(tier).is_some();
        for candidate in candidates.iter().filter(said) {
            standings.extend(standing(config, (feature, tier), candidate, known, now_ms));
        }
    }
    standings
}

/// The tiers of models, with their candidates.
fn models(feature: &Feature) -> impl Iterator<Item = (&Tier, &[Candidate])> {
    feature.tiers.iter().filter_map(|tier| match &tier.mode {
        TierMode::Models { candidates, .. } => Some((tier, candidates.as_slice())),
        _ => None,
    })
}

/// What a tier wants attestations of.
fn wanted(tier: &Tier) -> Option<&Evals> {
    tier.evals.as_ref().filter(|evals| evals.require != Requirement::Off)
}

fn standing(
    config: &Config,
    (feature, tier): (&Feature, &Tier),
    candidate: &Candidate,
    (attested, evidence): (&Attested, &Evidence),
    now_ms: u64,
) -> Option<CandidateStanding> {
    let deployment = config.deployment(&candidate.deployment)?;
    let names = (feature.name.as_str(), tier.name.as_str());
    let release = candidate.by_release.then(|| evidence.release(names.0, names.1, &deployment.id));
    let released = match release {
        Some(release) => release.map_or(Role::Barred(Bar::Unreleased), role_of),
        None => Role::Serving,
    };
    let wanted = wanted(tier);
    let attestation =
        wanted.map(|evals| attested.of(names, (config, deployment), (evals, evidence), now_ms));
    let require = wanted.map_or(Requirement::Off, |evals| evals.require);
    let lacks = attestation.as_ref().filter(|one| !one.is_valid());
    let barred = lacks.is_some() && require == Requirement::Enforce;
    let plays = match released {
        Role::Serving | Role::Canary(_) if barred => Role::Barred(Bar::Unattested),
        role => role,
    };
    let warns = lacks.filter(|_| require == Requirement::Warn && answers(plays));
    Some(CandidateStanding {
        feature: feature.name.clone(),
        tier: tier.name.clone(),
        deployment: deployment.id.clone(),
        role: word(plays),
        require: require.as_str(),
        alarm: warns.map(|one| format!("it serves without a valid attestation: {}", one.lack())),
        attestation,
        release: release.flatten().map(|release| release.id.clone()),
        by_release: candidate.by_release,
        plays,
        may_stand_in: barred && released == Role::Serving,
    })
}

/// What a release lets its candidate do.
fn role_of(release: &Release) -> Role {
    match release.progress.stage() {
        Stage::Serving => Role::Serving,
        Stage::Canary { .. } => {
            Role::Canary(Canary { share: release.progress.share(), salt: release.salt() })
        }
        Stage::Shadow => Role::Barred(Bar::Shadow),
        Stage::Paused => Role::Barred(Bar::Paused),
        Stage::RolledBack => Role::Barred(Bar::RolledBack),
    }
}

const fn answers(role: Role) -> bool {
    matches!(role, Role::Serving | Role::Canary(_))
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Serving => "serving",
        Role::Canary(_) => "canary",
        Role::Barred(bar) => bar.as_str(),
    }
}

/// The deployments that policy lets some request of a feature go to.
fn possible<'c>(
    config: &'c Config,
    feature: &Feature,
    matrix: &Matrix,
    now_ms: u64,
) -> BTreeSet<&'c str> {
    let possible = matrix.possible(&feature.name, now_ms);
    let deployments = config.deployments().enumerate();
    let possible = deployments.filter(|(at, _)| possible.allowed(*at).is_some());
    possible.map(|(_, one)| one.id.as_str()).collect()
}

/// Where nothing of a feature may serve for want of attestations, what had one last serves on; and
/// where nothing ever had, all does.
fn keep_something(
    feature: &Feature,
    possible: &BTreeSet<&str>,
    standings: &mut [CandidateStanding],
) {
    let serves = |tier: &Tier, candidate: &Candidate| {
        let mut standings = standings.iter();
        let standing =
            standings.find(|one| one.tier == tier.name && one.deployment == candidate.deployment);
        standing.is_none_or(|one| one.plays == Role::Serving)
            && possible.contains(candidate.deployment.as_str())
    };
    let mut candidates = models(feature)
        .flat_map(|(tier, candidates)| candidates.iter().map(move |one| (tier, one)));
    if candidates.any(|(tier, candidate)| serves(tier, candidate)) {
        return;
    }
    // What policy keeps out cannot stand in for anybody.
    let may =
        |one: &CandidateStanding| one.may_stand_in && possible.contains(one.deployment.as_str());
    let was_valid = |one: &CandidateStanding| {
        may(one) && matches!(one.attestation, Some(AttestationStanding::Stale { .. }))
    };
    let some_was = standings.iter().any(was_valid);
    for one in standings.iter_mut() {
        if !may(one) || (some_was && !was_valid(one)) {
            continue;
        }
        let lack = one.attestation.as_ref().map_or("", AttestationStanding::lack);
        one.alarm = Some(format!(
            "it serves without a valid attestation, because nothing else of the feature is left: \
             {lack}"
        ));
        one.plays = Role::Serving;
        one.role = word(one.plays);
    }
}
