//! What the client is told when nothing answered.

use std::time::Duration;

use tieline_policy::CLOSED;
use tieline_route::{Demand, Verdict, may_pass};
use tieline_types::{Class, Fault};
use tokio::time::Instant;

use super::{TOO_DEAR, UNPRICED, Walk};

impl Walk {
    /// Which deployments were left out, and why.
    fn out(&self) -> String {
        let told = self.decision.considered.iter().filter_map(|one| {
            let id = &self.call.plan.plan.deployments.get(one.deployment)?.id;
            match one.verdict {
                Verdict::Shut(_, why) | Verdict::LeastBad(_, why) => {
                    Some(format!("{id} ({})", why.as_str()))
                }
                Verdict::Unpriced => Some(format!("{id} ({UNPRICED})")),
                Verdict::TooDear => Some(format!("{id} ({TOO_DEAR})")),
                Verdict::Barred(bar) => Some(format!("{id} ({})", bar.as_str())),
                Verdict::In | Verdict::NoWeight | Verdict::NoCanary | Verdict::Denied => None,
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// Which deployments policy left out, and by which rules; none where it left out none.
    fn denied(&self) -> Option<String> {
        let considered = self.decision.considered.iter();
        let mut denied: Vec<String> = considered
            .filter(|one| one.verdict == Verdict::Denied)
            .filter_map(|one| {
                let id = &self.call.plan.plan.deployments.get(one.deployment)?.id;
                let rules = self.call.ruling.rules(one.deployment).map_or(CLOSED, |rules| rules);
                Some(format!("{id} ({rules})"))
            })
            .collect();
        denied.dedup();
        (!denied.is_empty()).then(|| denied.join(", "))
    }

    /// The fault that tells the client what was tried.
    pub(super) fn exhausted(&mut self) -> Fault {
        let fault = self.nothing_answered();
        match self.denied() {
            Some(denied) if may_pass(fault.class) => self.left_without(&fault, &denied),
            _ => fault,
        }
    }

    /// What policy leaves did not answer, and what it does not leave was not asked: that is told as
    /// policy's, for waiting may not help.
    fn left_without(&self, fault: &Fault, denied: &str) -> Fault {
        let name = &self.call.feature.name;
        let carries = self.call.ruling.modalities.filter(|carries| !carries.is_none());
        let to = carries.map_or_else(String::new, |all| format!(" to a request with {all}"));
        let legal = match self.decision.is_denied() {
            true => format!("policy leaves no deployment{to}"),
            false => format!("none that policy leaves answered: {}", fault.message),
        };
        let message = format!("feature `{name}`: {legal}; left out: {denied}");
        Fault::new(Class::PolicyDenied, message).with_retry_after(fault.retry_after)
    }

    /// The fault that what was tried amounts to.
    fn nothing_answered(&mut self) -> Fault {
        let feature = &self.call.feature;
        let name = &feature.name;
        let now = self.worker.gateway.now();
        let reopens = self
            .decision
            .considered
            .iter()
            .filter(|one| one.verdict != Verdict::Denied)
            .filter_map(|one| {
                let live = self.call.live();
                let (until, _) =
                    live.peek(one.deployment, feature, now, 0.0, Demand::default()).shut?;
                // What was drained has no time at which it comes back.
                (until < Duration::MAX).then(|| until.saturating_sub(now))
            })
            .min();
        let out = self.out();
        let mut faults = std::mem::take(&mut self.faults).into_iter();
        let Some((first_by, first)) = faults.next() else {
            if let Some(short) = self.short.take() {
                return short.fault;
            }
            let message = if Instant::now() >= self.call.deadline {
                format!("feature `{name}`: the deadline passed before anything could answer")
            } else {
                format!("feature `{name}`: no deployment takes requests now: {out}")
            };
            return Fault::new(Class::Exhausted, message).with_retry_after(reopens);
        };
        let mut same = true;
        let mut told = format!("{first_by}: {}", words(&first));
        for (by, fault) in faults {
            same &= fault.class == first.class;
            told = format!("{told}; {by}: {}", words(&fault));
        }
        if same {
            // What all agree on is what the client should see, with its status.
            let mut fault = first;
            fault.message = told;
            fault.retry_after = fault.retry_after.or(reopens);
            return fault;
        }
        Fault::new(Class::Exhausted, format!("feature `{name}`: nothing could answer: {told}"))
            .with_retry_after(reopens)
    }
}

/// What a caller may read of a fault: not what a provider says of our credential or account.
fn words(fault: &Fault) -> &str {
    match fault.class {
        Class::Auth => "it refused the gateway's credential",
        Class::Billing => "the gateway's account there is exhausted",
        _ => &fault.message,
    }
}
