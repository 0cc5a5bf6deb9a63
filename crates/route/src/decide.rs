//! The steps for one request: which candidates of which tiers, in which order, and why.

use std::time::Duration;

use rand::Rng;

use crate::{ATTEMPTS_PER_TIER_MAX, Candidate, Feature, Live, Mode, Permit, Prefer};

/// What a request may do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call this deployment.
    Call {
        /// Position of the tier in the feature.
        tier: usize,
        /// Position of the deployment in the plan.
        deployment: usize,
    },
    /// Answer from the cache, if it has one.
    Cache {
        /// Position of the tier in the feature.
        tier: usize,
    },
    /// Answer with the tier's fixed text.
    Reply {
        /// Position of the tier in the feature.
        tier: usize,
    },
    /// Refuse.
    Off {
        /// Position of the tier in the feature.
        tier: usize,
    },
}

/// Why a candidate is in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Will be tried in its turn.
    In,
    /// Its breaker is open or its quota used up until this time.
    Shut(Duration),
    /// All of its tier's candidates are shut; this one opens soonest and is tried all the same.
    LeastBad(Duration),
    /// The tier has enough candidates before it.
    Surplus,
    /// Its weight is 0.
    NoWeight,
}

/// A candidate and its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// Position of the tier in the feature.
    pub tier: usize,
    /// Position of the deployment in the plan.
    pub deployment: usize,
    /// In or out, and why.
    pub verdict: Verdict,
}

/// The ordered steps and the reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What to try, in order.
    pub steps: Vec<Step>,
    /// Every candidate, with its verdict.
    pub considered: Vec<Considered>,
}

/// Plans one request of `feature` from what is known `now`.
///
/// A tier whose candidates are all shut is passed over. If that leaves no call and the feature has
/// no fixed answer either, the candidate of the last tier of models that opens soonest is tried
/// rather than refusing outright.
pub fn decide(feature: &Feature, live: &Live, now: Duration, rng: &mut impl Rng) -> Decision {
    let mut decision = Decision::default();
    let last_models =
        feature.tiers.iter().rposition(|tier| matches!(tier.mode, Mode::Models { .. }));
    let fixed_answer =
        feature.tiers.iter().any(|tier| matches!(tier.mode, Mode::Reply { .. } | Mode::Off));
    for (tier, config) in feature.tiers.iter().enumerate() {
        match &config.mode {
            Mode::Models { candidates, prefer } => {
                let order = match prefer {
                    Prefer::Ordered => candidates.clone(),
                    Prefer::Weighted => drawn(candidates, rng),
                };
                let rescue = last_models == Some(tier) && !fixed_answer && !decision.has_call();
                consider(tier, &order, rescue, live, now, &mut decision);
                for zero in
                    candidates.iter().filter(|one| *prefer == Prefer::Weighted && one.weight == 0)
                {
                    decision.note(tier, zero.deployment, Verdict::NoWeight);
                }
            }
            Mode::Cache { .. } => decision.steps.push(Step::Cache { tier }),
            Mode::Reply { .. } => decision.steps.push(Step::Reply { tier }),
            Mode::Off => decision.steps.push(Step::Off { tier }),
        }
    }
    decision
}

fn consider(
    tier: usize,
    order: &[Candidate],
    rescue: bool,
    live: &Live,
    now: Duration,
    decision: &mut Decision,
) {
    let mut open = 0;
    let mut least_bad: Option<(Duration, usize)> = None;
    for candidate in order {
        let deployment = candidate.deployment;
        let verdict = match live.peek(deployment, now) {
            Permit::Shut(until) => {
                if least_bad.is_none_or(|(soonest, _)| until < soonest) {
                    least_bad = Some((until, deployment));
                }
                Verdict::Shut(until)
            }
            Permit::Pass | Permit::Probe if open < ATTEMPTS_PER_TIER_MAX => Verdict::In,
            Permit::Pass | Permit::Probe => Verdict::Surplus,
        };
        if verdict == Verdict::In {
            open += 1;
            decision.steps.push(Step::Call { tier, deployment });
        }
        decision.note(tier, deployment, verdict);
    }
    if let (0, true, Some((until, deployment))) = (open, rescue, least_bad) {
        decision.steps.push(Step::Call { tier, deployment });
        for one in &mut decision.considered {
            if one.tier == tier && one.deployment == deployment {
                one.verdict = Verdict::LeastBad(until);
            }
        }
    }
}

impl Decision {
    /// Whether this candidate is to be tried although it is shut.
    #[must_use]
    pub fn is_rescue(&self, tier: usize, deployment: usize) -> bool {
        self.considered.iter().any(|one| {
            one.tier == tier
                && one.deployment == deployment
                && matches!(one.verdict, Verdict::LeastBad(_))
        })
    }

    fn has_call(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Call { .. }))
    }

    fn note(&mut self, tier: usize, deployment: usize, verdict: Verdict) {
        self.considered.push(Considered { tier, deployment, verdict });
    }
}

/// All candidates of positive weight in a random order: each next one drawn by weight.
fn drawn(candidates: &[Candidate], rng: &mut impl Rng) -> Vec<Candidate> {
    let mut left: Vec<Candidate> =
        candidates.iter().filter(|one| one.weight > 0).copied().collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let total: u64 = left.iter().map(|one| u64::from(one.weight)).sum();
        let mut draw = rng.random_range(0..total);
        let at = left.iter().position(|one| match draw.checked_sub(u64::from(one.weight)) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        });
        order.push(left.remove(at.unwrap_or(0)));
    }
    order
}
