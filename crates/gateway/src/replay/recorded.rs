//! What one record tells: what answered, what that used, and who was well.

use std::sync::Arc;

use tieline_route::{Effect, outcome};
use tieline_types::{
    AttemptRecord, CallRecord, Class, Cost, Fault, Modalities, Outcome, PassedOver, Phase, Reason,
    Usage,
};

/// What answers a request where no deployment and no tier does.
pub(super) const REFUSED: &str = "refused by policy";
pub(super) const NOBODY: &str = "nobody";
pub(super) const NO_FEATURE: &str = "no such feature";
pub(super) const NO_BUDGET: &str = "no budget left";

/// What stands before the name of a tier.
const TIER: &str = "tier ";

/// What answers requests that a tier answers without a deployment.
pub(super) fn by_tier(tier: &str) -> Arc<str> {
    format!("{TIER}{tier}").into()
}

/// One record, read.
pub(super) struct Recorded<'r> {
    pub(super) record: &'r CallRecord,
    /// What answered, as [`Answers::by`](super::report::Answers::by).
    pub(super) by: Arc<str>,
    /// The attempt that answered, or was about to when the client left.
    pub(super) attempt: Option<&'r AttemptRecord>,
    /// What the answer used, where that is known.
    pub(super) usage: Option<&'r Usage>,
}

impl<'r> Recorded<'r> {
    pub(super) fn of(record: &'r CallRecord) -> Self {
        let attempt = answering(record);
        let by = match (&record.deployment, attempt, &record.tier) {
            (Some(deployment), ..) => Arc::clone(deployment),
            (None, Some(attempt), _) => Arc::clone(&attempt.deployment),
            (None, None, Some(tier)) if is_good(record) => by_tier(tier),
            _ if record.fault == Some(Class::PolicyDenied) => REFUSED.into(),
            _ => NOBODY.into(),
        };
        // What a tier answers out of its own uses nothing, which says nothing of a deployment.
        let usage = attempt.and_then(|one| one.usage.as_ref().or(record.usage.as_ref()));
        Self { record, by, attempt, usage }
    }

    /// What it carried beside text; none where nobody looked.
    pub(super) fn modalities(&self) -> Option<Modalities> {
        self.record.decision.as_ref()?.modalities
    }

    /// Whether something answered.
    pub(super) fn is_answered(&self) -> bool {
        is_answer(&self.by)
    }

    /// What the answer cost. None where it is not known, or there was nothing to pay.
    pub(super) fn cost(&self) -> Option<Cost> {
        self.attempt?.cost
    }

    /// Whether a deployment answered, so that it was to be paid. Who left before anything came paid
    /// nothing that anybody knows of.
    pub(super) fn is_paid(&self) -> bool {
        self.attempt.is_some_and(|one| one.fault != Some(Class::ClientGone) || one.usage.is_some())
    }

    /// Whether a tier of this name answered without a deployment, out of its own.
    pub(super) fn is_of_tier(&self, tier: &str) -> bool {
        self.attempt.is_none() && is_good(self.record) && self.record.tier.as_deref() == Some(tier)
    }

    /// What the request itself tells of a deployment; none where it did not come there.
    pub(super) fn tells_of(&self, deployment: &str) -> Option<Sign> {
        if self.attempt.is_some_and(|one| &*one.deployment == deployment) {
            return Some(Sign::Well);
        }
        let calls = self.record.attempts.iter().rev().filter(|one| &*one.deployment == deployment);
        if let Some(last) = calls.map(sign).next() {
            return Some(last);
        }
        let mut passed = self.record.passed_over.iter();
        passed.find(|one| &*one.deployment == deployment).and_then(shut)
    }
}

/// Whether a deployment answers.
pub(super) fn is_deployment(by: &str) -> bool {
    is_answer(by) && !by.starts_with(TIER)
}

/// Whether this is an answer.
pub(super) fn is_answer(by: &str) -> bool {
    ![REFUSED, NOBODY, NO_FEATURE, NO_BUDGET].contains(&by)
}

fn is_good(record: &CallRecord) -> bool {
    matches!(record.outcome, Outcome::Served | Outcome::Degraded)
}

/// The last attempt at the deployment that answered. Where the client left before, it is what it
/// waited for.
fn answering(record: &CallRecord) -> Option<&AttemptRecord> {
    let mut calls = record.attempts.iter().rev().filter(|one| one.reason != Reason::Embeddings);
    match &record.deployment {
        Some(answered) => calls.find(|one| one.deployment == *answered),
        None => calls.find(|one| one.fault == Some(Class::ClientGone)),
    }
}

/// What is told of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answers.
    Well,
    /// It fails, or nothing goes there since it failed.
    Ill,
    /// It cannot answer this request, or does not get it. That says nothing of others.
    Unfit,
    /// There was nothing left to call it with after what failed before it. Called first, it may
    /// answer.
    TooLate,
}

/// What an attempt tells of its deployment.
pub(super) fn sign(attempt: &AttemptRecord) -> Sign {
    let Some(class) = attempt.fault else {
        return Sign::Well;
    };
    let effect = outcome(&Fault::new(class, "")).effect;
    match (class, attempt.phase) {
        (Class::ClientGone, _) => Sign::Well,
        // Another one was quicker.
        (Class::Superseded, _) | (_, Some(Phase::Admit)) => Sign::Unfit,
        _ if effect == Effect::Neutral => Sign::Unfit,
        _ => Sign::Ill,
    }
}

/// What tells that nothing goes to a deployment since it failed, or somebody took it out: words of
/// `Cause` and `Why`.
const ILL: [&str; 7] =
    ["failures", "slowness", "credential", "account", "drained", "suspended", "quota"];
/// The same, but for a share of requests only.
const SHUT: [&str; 5] = ["returning", "suspected", "shed", "settling", "due"];

/// What tells that a request had used up its time or its retries.
const SPENT: [&str; 3] = ["time", "attempts", "budget"];

/// What it tells that a deployment was passed over. Money and policy may be others elsewhere.
pub(super) fn shut(passed: &PassedOver) -> Option<Sign> {
    match &*passed.why {
        why if ILL.contains(&why) => Some(Sign::Ill),
        why if SHUT.contains(&why) => Some(Sign::Unfit),
        why if SPENT.contains(&why) => Some(Sign::TooLate),
        _ => None,
    }
}
