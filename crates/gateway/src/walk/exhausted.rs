//! What the client is told when nothing answered.

use std::time::Duration;

use tieline_route::{Demand, Verdict};
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
                Verdict::In | Verdict::NoWeight => None,
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// The fault that tells the client what was tried.
    pub(super) fn exhausted(&mut self) -> Fault {
        let feature = &self.call.feature;
        let name = &feature.name;
        let now = self.worker.gateway.now();
        let reopens = self
            .decision
            .considered
            .iter()
            .filter_map(|one| {
                let live = &self.call.plan.live;
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
