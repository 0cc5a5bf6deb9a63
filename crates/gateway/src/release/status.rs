//! Releases as they are shown.

use serde::{Deserialize, Serialize};
use tieline_gate::{EProcess, Proof, release::ReleaseSettings};

use super::Release;

/// How a release stands, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseStatus {
    /// `rel_` and a UUIDv7.
    pub id: String,
    /// The feature.
    pub feature: String,
    /// The tier.
    pub tier: String,
    /// The deployment that wants to serve.
    pub candidate: String,
    /// `shadow`, `canary`, `serving`, `paused` or `rolled_back`.
    pub stage: String,
    /// The share of conversations that it answers, from 0 to 1.
    pub share: f64,
    /// Why it stands there.
    pub reason: String,
    /// When it began, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// When its stage last changed, milliseconds since the Unix epoch.
    pub changed_ms: u64,
    /// The pairs of outcomes of this stage.
    pub pairs_of_stage: u64,
    /// How good answers are, beside those of whatever serves.
    pub quality: Evidenced,
    /// Whether there are answers, beside whatever serves.
    pub answered: Evidenced,
    /// How it goes.
    pub settings: ReleaseSettings,
}

/// What pairs of outcomes show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidenced {
    /// How many pairs there were.
    pub pairs: u64,
    /// The mean difference, candidate less whatever serves; none before the first pair.
    pub difference: Option<f64>,
    /// Its lower bound, for looking at.
    pub lower: Option<f64>,
    /// Its upper bound, for looking at.
    pub upper: Option<f64>,
    /// What is proved.
    pub proof: Proof,
    /// How far the proof is that it is not worse by the margin: it is had at 1.
    pub towards_serving: f64,
    /// How far the proof is that it is worse by more than the margin: it is had at 1.
    pub towards_rollback: f64,
}

impl Evidenced {
    fn of(process: &EProcess, alpha: f64) -> Self {
        let (serving, rollback) = process.log_wealth();
        let confidence = process.confidence();
        let way = |wealth: f64| (wealth / -alpha.ln()).clamp(0.0, 1.0);
        Self {
            pairs: process.pairs(),
            difference: confidence.map(|(mean, _)| mean),
            lower: confidence.map(|(_, interval)| interval.lower),
            upper: confidence.map(|(_, interval)| interval.upper),
            proof: process.state(),
            towards_serving: way(serving),
            towards_rollback: way(rollback),
        }
    }
}

impl Release {
    /// How it stands.
    #[must_use]
    pub fn status(&self) -> ReleaseStatus {
        let Self { id, feature, tier, candidate, started_ms, changed_ms, progress } = self;
        let alpha = progress.settings().alpha;
        ReleaseStatus {
            id: id.clone(),
            feature: feature.clone(),
            tier: tier.clone(),
            candidate: candidate.clone(),
            stage: progress.stage().as_str().to_owned(),
            share: progress.share(),
            reason: progress.reason().to_owned(),
            started_ms: *started_ms,
            changed_ms: *changed_ms,
            pairs_of_stage: progress.pairs_of_stage(),
            quality: Evidenced::of(progress.quality(), alpha),
            answered: Evidenced::of(progress.answered(), alpha),
            settings: progress.settings().clone(),
        }
    }
}
