//! A feature's limits at the door: who asks for more at a time is told when to come back.

use std::{sync::Arc, time::Duration};

use tieline_dialect::output_limit;
use tieline_route::{Counted, Demand, Entry, Exceeded, Feature, Limiter, Whose};
use tieline_types::{CallRecord, Class, DialectId, Fault};

use crate::{
    admit::{BYTES_PER_TOKEN, Caller},
    plan::ActivePlan,
};

/// The right to one request, to be given back by [`Self::leave`].
pub(crate) struct Admission {
    limiter: Arc<Limiter>,
    entry: Entry,
    /// Tokens of the prompt, roughly.
    input: u64,
}

impl Admission {
    /// Lets a request in; none where its feature has no limits.
    ///
    /// # Errors
    /// The fault that says which limit keeps it out, and for how long.
    pub(crate) fn ask(
        plan: &ActivePlan,
        feature: &Feature,
        caller: &Caller,
        (dialect, body): (DialectId, &[u8]),
        now: Duration,
    ) -> Result<Option<Self>, Fault> {
        let Some(limiter) = plan.live.limiter(feature) else {
            return Ok(None);
        };
        let input = body.len() as u64 / BYTES_PER_TOKEN;
        let counted = feature.limits.counts_tokens();
        let output = counted.then(|| output_limit(dialect, body)).flatten().unwrap_or(0);
        match limiter.enter(caller.name(), now, Demand { input, output }) {
            Ok(entry) => Ok(Some(Self { limiter: Arc::clone(limiter), entry, input })),
            Err(exceeded) => Err(refusal(feature, exceeded)),
        }
    }

    /// The request is over. Where nobody knows what it used, it is its prompt.
    pub(crate) fn leave(self, now: Duration, call: Option<&CallRecord>) {
        let used = match call {
            Some(CallRecord { usage: Some(usage), .. }) => {
                Demand { input: usage.input_total(), output: usage.output_total() }
            }
            Some(call) if call.attempts.is_empty() => Demand::default(),
            _ => Demand { input: self.input, output: 0 },
        };
        self.limiter.leave(self.entry, now, used);
    }
}

fn refusal(feature: &Feature, exceeded: Exceeded) -> Fault {
    let Exceeded { whose, counted, limit, wait } = exceeded;
    let what = match counted {
        Counted::Requests => "requests a minute",
        Counted::Tokens => "tokens a minute",
        Counted::Concurrency => "requests at once",
    };
    let each = match whose {
        Whose::Feature => "",
        Whose::Caller => " of one caller",
    };
    let message = format!("feature `{}` takes at most {limit} {what}{each}", feature.name);
    Fault::new(Class::OverLimit, message).with_retry_after(Some(wait))
}
