//! A judge compares the answers of both arms, in both orders.

use serde_json::Value;

use super::{Bench, prompts, question, verdict};
use crate::{
    Door,
    flaw::Flaws,
    grade::{
        found::{Found, sum},
        mark::{Broken, Mark, quoted},
        seen::{Seen, text_of},
    },
    template::Template,
};

/// From where on an answer passes: it is no worse than the other.
const THRESHOLD: f64 = 0.5;

pub(in crate::grade) struct Pairwise {
    bench: Bench,
    criteria: Template,
    threshold: f64,
}

impl Pairwise {
    pub(in crate::grade) fn new(
        bench: Bench,
        criteria: &str,
        threshold: Option<f64>,
        flaws: &mut Flaws,
    ) -> Self {
        let criteria = flaws.template("/criteria", criteria);
        Self { bench, criteria, threshold: threshold.unwrap_or(THRESHOLD) }
    }

    /// The mean of both orders: 1 where the answer is better in both, 0.5 where a judge goes by the
    /// order or sees no difference, 0 where it is worse in both. The parts are what the answer
    /// scored as the first and as the second.
    pub(in crate::grade) async fn find<D: Door>(&self, seen: &Seen<'_>, door: &D) -> Found {
        let Some(other) = seen.other else {
            let what = "there is no answer of the other arm to compare with";
            return Found::from(Err(Broken(what.to_owned())));
        };
        let (own, other) = (seen.text(), text_of(other));
        let first = self.order(seen, [own, &other], door, |score| score).await;
        let second = self.order(seen, [&other, own], door, |score| 1.0 - score).await;
        let mark = first.mark.as_ref().and_then(|first| Ok((first, second.mark.as_ref()?)));
        let mark = mark.map(|(first, second)| self.both(first, second)).map_err(Clone::clone);
        let cost_usd = sum([first.cost_usd, second.cost_usd]);
        let parts = vec![first.into_grade("first"), second.into_grade("second")];
        Found { mark, cost_usd, parts }
    }

    fn both(&self, first: &Mark, second: &Mark) -> Mark {
        let agree = (first.score - second.score).abs() < f64::EPSILON;
        let reason = if agree { first.reason.as_str() } else { "the judge goes by the order" };
        Mark::scored(f64::midpoint(first.score, second.score), self.threshold, reason)
    }

    /// What one order gives, as a score of the answer that is graded.
    async fn order<D: Door>(
        &self,
        seen: &Seen<'_>,
        texts: [&str; 2],
        door: &D,
        own: fn(f64) -> f64,
    ) -> Found {
        let read = |text: &str| {
            let (score, reason) = winner(text)?;
            Ok(Mark::scored(own(score), self.threshold, reason))
        };
        self.bench.find(self.ask(seen, texts), door, read).await
    }

    fn ask(&self, seen: &Seen<'_>, [first, second]: [&str; 2]) -> Result<Value, Broken> {
        let criteria = self.criteria.render(seen.scope())?;
        let question = question(seen);
        let names = [
            ("question", question.as_str()),
            ("criteria", &criteria),
            ("first", first),
            ("second", second),
        ];
        let own = self.bench.own_messages(&seen.scope().with(&names))?;
        Ok(own.unwrap_or_else(|| prompts::pairwise(&question, first, second, &criteria)))
    }
}

/// What the first answer scores, and why.
fn winner(text: &str) -> Result<(f64, String), Broken> {
    let object = verdict::last_object(text, &["winner"]);
    let word = object.as_ref().and_then(|object| object.get("winner")).map(|winner| match winner {
        Value::String(word) => word.trim().to_lowercase(),
        other => other.to_string(),
    });
    let score = match word.as_deref() {
        Some("1" | "answer_1" | "first") => 1.0,
        Some("2" | "answer_2" | "second") => 0.0,
        Some("tie" | "0" | "none" | "both") => 0.5,
        _ => return Err(Broken(format!("the judge named no winner: {}", quoted(text)))),
    };
    let reason = object.as_ref().and_then(|object| object.get("reason")).and_then(Value::as_str);
    Ok((score, reason.unwrap_or_default().to_owned()))
}
