//! A release: how a deployment comes to serve a feature, and goes back where it does worse.
//!
//! Pure: whoever runs a release tells it the outcomes, and it tells which stage they lead to. The
//! proofs are those of [`EProcess`], so that looking after every answer costs no certainty.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{EProcess, Invalid, Proof};

/// Outcomes of the candidate that wait for one of the incumbent, at most; older ones are dropped.
pub const WAITING_MAX: usize = 64;

/// How a release goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseSettings {
    /// How much less often answers may be good, from 0 to 1.
    pub margin: f64,
    /// How much less often there may be an answer at all, from 0 to 1.
    pub answered_margin: f64,
    /// The probability of a wrong proof, for each of them.
    pub alpha: f64,
    /// The share of the requests that are mirrored in the shadow stage, from 0 to 1; with 0 there
    /// is no such stage.
    pub shadow_share: f64,
    /// The share of the conversations in each canary stage, from 0 to 1, in ascending order.
    pub steps: Vec<f64>,
    /// The pairs of outcomes that every stage needs before the next.
    pub pairs_per_stage: u64,
    /// The pairs after which a release without a proof is held until somebody decides.
    pub pairs_max: u64,
}

impl Default for ReleaseSettings {
    fn default() -> Self {
        Self {
            margin: 0.03,
            answered_margin: 0.05,
            alpha: 0.05,
            shadow_share: 0.1,
            steps: vec![0.01, 0.05, 0.25],
            pairs_per_stage: 100,
            pairs_max: 10_000,
        }
    }
}

impl ReleaseSettings {
    fn check(&self) -> Result<(), Invalid> {
        if !(0.0..=1.0).contains(&self.shadow_share) {
            return Err(Invalid::ShadowShare { value: self.shadow_share });
        }
        let ascending = self.steps.is_sorted_by(|one, next| one < next);
        let shares = self.steps.iter().all(|share| *share > 0.0 && *share <= 1.0);
        match ascending && shares && !self.steps.is_empty() {
            true => Ok(()),
            false => Err(Invalid::Steps),
        }
    }
}

/// Where a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// Requests are mirrored to it, and nobody sees its answers.
    Shadow,
    /// It answers the share of this step.
    Canary {
        /// The position in [`ReleaseSettings::steps`].
        step: usize,
    },
    /// It serves.
    Serving,
    /// It answers nothing until somebody decides: there is no proof either way.
    Paused,
    /// It answers nothing any more.
    RolledBack,
}

impl Stage {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary { .. } => "canary",
            Self::Serving => "serving",
            Self::Paused => "paused",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether outcomes still move it.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Shadow | Self::Canary { .. })
    }
}

/// What came of a request at one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// There was an answer, this good: from 0 to 1; none where nobody looked.
    Answered(Option<f64>),
    /// There was none, and that was the deployment's fault.
    Unanswered,
}

impl Outcome {
    const fn answered(self) -> f64 {
        match self {
            Self::Answered(_) => 1.0,
            Self::Unanswered => 0.0,
        }
    }
}

/// A release under way, or how it ended. Small and serialisable, so that it outlives the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    settings: ReleaseSettings,
    #[serde(flatten)]
    stage: Stage,
    /// How good answers are, of pairs of answers. Where one is missing it says nothing of quality.
    quality: EProcess,
    /// Whether there are answers.
    answered: EProcess,
    /// The pairs of this stage.
    pairs: u64,
    /// The candidate's outcomes that wait for one of the incumbent.
    waiting: VecDeque<Outcome>,
    /// Why it came to where it stands.
    reason: String,
}

impl Progress {
    /// A release that begins.
    ///
    /// # Errors
    /// Where a setting cannot be.
    pub fn begin(settings: ReleaseSettings) -> Result<Self, Invalid> {
        settings.check()?;
        let stage = match settings.shadow_share > 0.0 {
            true => Stage::Shadow,
            false => Stage::Canary { step: 0 },
        };
        Ok(Self {
            quality: EProcess::new(settings.margin, settings.alpha)?,
            answered: EProcess::new(settings.answered_margin, settings.alpha)?,
            settings,
            stage,
            pairs: 0,
            waiting: VecDeque::new(),
            reason: "begun".to_owned(),
        })
    }

    /// Where it stands.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Why it stands there.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How it goes.
    #[must_use]
    pub const fn settings(&self) -> &ReleaseSettings {
        &self.settings
    }

    /// The pairs of outcomes of this stage.
    #[must_use]
    pub const fn pairs_of_stage(&self) -> u64 {
        self.pairs
    }

    /// What is proved of how good answers are.
    #[must_use]
    pub const fn quality(&self) -> &EProcess {
        &self.quality
    }

    /// What is proved of whether there are answers.
    #[must_use]
    pub const fn answered(&self) -> &EProcess {
        &self.answered
    }

    /// The share of the conversations that it answers now.
    #[must_use]
    pub fn share(&self) -> f64 {
        match self.stage {
            Stage::Canary { step } => self.settings.steps.get(step).copied().unwrap_or_default(),
            Stage::Serving => 1.0,
            Stage::Shadow | Stage::Paused | Stage::RolledBack => 0.0,
        }
    }

    /// Takes what came of one request at both. Returns whether the stage changed.
    pub fn pair(&mut self, candidate: Outcome, incumbent: Outcome) -> bool {
        if !self.stage.is_under_way() {
            return false;
        }
        self.answered.step(candidate.answered() - incumbent.answered());
        if let (Outcome::Answered(Some(one)), Outcome::Answered(Some(other))) =
            (candidate, incumbent)
        {
            self.quality.step(one - other);
        }
        self.pairs += 1;
        self.advance()
    }

    /// Takes what came of a request of the canary's share. It waits for the next outcome of the
    /// incumbent.
    pub fn of_candidate(&mut self, outcome: Outcome) {
        if matches!(self.stage, Stage::Canary { .. }) {
            if self.waiting.len() >= WAITING_MAX {
                self.waiting.pop_front();
            }
            self.waiting.push_back(outcome);
        }
    }

    /// Takes what came of a request that is not of the canary's share. Returns whether the stage
    /// changed.
    pub fn of_incumbent(&mut self, outcome: Outcome) -> bool {
        match self.waiting.pop_front() {
            Some(candidate) => self.pair(candidate, outcome),
            None => false,
        }
    }

    /// Goes to the next stage, whatever is proved: somebody decided so. What is paused serves.
    /// Returns whether there was a next one.
    pub fn promote(&mut self, reason: &str) -> bool {
        let next = self.next(self.stage);
        let moves = next != self.stage;
        if moves {
            self.enter(next, reason.to_owned());
        }
        moves
    }

    /// Goes back, whatever is proved. Returns whether it was not back already.
    pub fn roll_back(&mut self, reason: &str) -> bool {
        let moves = self.stage != Stage::RolledBack;
        if moves {
            self.enter(Stage::RolledBack, reason.to_owned());
        }
        moves
    }

    fn advance(&mut self) -> bool {
        let worse = [("answers are worse", &self.quality), ("it answers less", &self.answered)];
        let worse = worse.into_iter().find(|(_, process)| process.state() == Proof::Worse);
        if let Some((what, process)) = worse {
            let reason = format!("{what} by more than the margin: {}", points(process));
            self.enter(Stage::RolledBack, reason);
            return true;
        }
        let (stage, next) = (self.stage, self.next(self.stage));
        let enough = self.pairs >= self.settings.pairs_per_stage;
        let both = [&self.quality, &self.answered];
        let proved = both.iter().all(|one| one.state() == Proof::NonInferior);
        // Nobody goes up while what is seen so far is beyond the margin, proved or not.
        let hopeful = both.iter().all(|one| one.mean().is_none_or(|mean| mean > -one.margin()));
        if enough && if next == Stage::Serving { proved } else { hopeful } {
            let reason = match next {
                Stage::Serving => {
                    format!("not worse by the margin: {}", points(&self.quality))
                }
                _ => format!("{} pairs, and nothing shows that it is worse", self.pairs),
            };
            self.enter(next, reason);
        } else if self.answered.pairs() >= self.settings.pairs_max {
            let reason = format!("no proof after {} pairs", self.answered.pairs());
            self.enter(Stage::Paused, reason);
        }
        self.stage != stage
    }

    fn next(&self, stage: Stage) -> Stage {
        match stage {
            Stage::Shadow => Stage::Canary { step: 0 },
            Stage::Canary { step } if step + 1 < self.settings.steps.len() => {
                Stage::Canary { step: step + 1 }
            }
            Stage::Canary { .. } | Stage::Paused => Stage::Serving,
            Stage::Serving | Stage::RolledBack => stage,
        }
    }

    fn enter(&mut self, stage: Stage, reason: String) {
        self.stage = stage;
        self.reason = reason;
        self.pairs = 0;
        self.waiting.clear();
    }
}

/// A mean difference in percentage points, with what it rests on.
fn points(process: &EProcess) -> String {
    let mean = process.mean().unwrap_or_default();
    format!("{:+.1} points over {} pairs", mean * 100.0, process.pairs())
}
