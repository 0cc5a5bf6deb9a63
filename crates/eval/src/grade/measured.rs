//! Graders of what was measured of an answer: time, cost, end, length and refusals.

use super::{
    mark::{Broken, Mark, quoted},
    scorer::Scorer,
    seen::Seen,
};
use crate::{flaw::Flaws, template::Template};

/// The whole answer came in time.
pub(super) struct Latency {
    pub(super) at_most_ms: u64,
}

impl Scorer for Latency {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let took = seen.answer.took.as_millis();
        let reason = format!("it took {took} ms, of which {} are allowed", self.at_most_ms);
        Ok(Mark::of(took <= u128::from(self.at_most_ms), reason))
    }
}

/// The answer cost no more than allowed.
pub(super) struct Cost {
    pub(super) at_most_usd: f64,
}

impl Scorer for Cost {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let cost = seen.answer.cost_usd;
        let cost = cost.ok_or_else(|| Broken("the answer has no price".to_owned()))?;
        let reason = format!("it cost ${cost}, of which ${} are allowed", self.at_most_usd);
        Ok(Mark::of(cost <= self.at_most_usd, reason))
    }
}

/// The answer ended for a reason.
pub(super) struct Finish {
    value: Template,
}

impl Finish {
    pub(super) fn new(value: &str, flaws: &mut Flaws) -> Self {
        Self { value: flaws.template("/value", value) }
    }
}

impl Scorer for Finish {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let wanted = self.value.render(seen.scope())?;
        let found = &seen.answer.finish_reason;
        Ok(Mark::of(*found == wanted, format!("it ended with `{found}`, expected `{wanted}`")))
    }
}

/// The answer has so many words; a word is what stands between white space.
pub(super) struct Words {
    min: Option<u64>,
    max: Option<u64>,
}

impl Words {
    pub(super) fn new(min: Option<u64>, max: Option<u64>, flaws: &mut Flaws) -> Self {
        if min.is_none() && max.is_none() {
            flaws.add("", "expected `min`, `max` or both");
        }
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            flaws.add("/min", "`min` is above `max`");
        }
        Self { min, max }
    }
}

impl Scorer for Words {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let words = u64::try_from(seen.text().split_whitespace().count()).unwrap_or(u64::MAX);
        let (few, many) =
            (self.min.is_some_and(|min| words < min), self.max.is_some_and(|max| words > max));
        let wanted = match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, max) => format!("at most {}", max.unwrap_or(u64::MAX)),
        };
        Ok(Mark::of(!few && !many, format!("it has {words} words, expected {wanted}")))
    }
}

/// The answer refuses: the provider says so, or it is empty, or it begins as refusals do.
pub(super) struct Refusal;

impl Scorer for Refusal {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        Ok(match refusal(seen) {
            Some(why) => Mark::of(true, why),
            None => Mark::of(false, format!("{} is no refusal", quoted(seen.text()))),
        })
    }
}

fn refusal(seen: &Seen<'_>) -> Option<String> {
    if let Some(said) = &seen.answer.refusal {
        return Some(format!("the provider marked a refusal: {}", quoted(said)));
    }
    if seen.answer.finish_reason == "content_filter" {
        return Some("the provider's filter ended the answer".to_owned());
    }
    if seen.text().trim().is_empty() {
        return Some("the answer is empty".to_owned());
    }
    let found = tieline_gate::sentinel::refusal(seen.text())?;
    Some(format!("it says \"{found}\" at its beginning"))
}
