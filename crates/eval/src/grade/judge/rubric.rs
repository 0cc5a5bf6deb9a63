//! A judge says how well an answer meets a rubric.

use serde_json::Value;

use super::{Bench, Messages, prompts, question, verdict};
use crate::{
    Door,
    flaw::Flaws,
    grade::{
        found::Found,
        mark::{Broken, Mark},
        seen::Seen,
    },
    suite::Message,
    template::Template,
};

/// From where on a score passes where neither the judge nor the suite says.
const THRESHOLD: f64 = 0.5;

pub(in crate::grade) struct Rubric {
    bench: Bench,
    rubric: Template,
    messages: Messages,
    range: (f64, f64),
    threshold: Option<f64>,
}

impl Rubric {
    pub(in crate::grade) fn new(
        bench: Bench,
        rubric: &str,
        messages: &[Message],
        range: Option<(f64, f64)>,
        threshold: Option<f64>,
        flaws: &mut Flaws,
    ) -> Self {
        let range = range.unwrap_or((0.0, 1.0));
        if range.0 >= range.1 {
            flaws.add("/range", "expected a lower number, then a higher one");
        }
        Self {
            bench,
            rubric: flaws.template("/rubric", rubric),
            messages: Messages::new(messages, flaws),
            range,
            threshold,
        }
    }

    pub(in crate::grade) async fn find<D: Door>(&self, seen: &Seen<'_>, door: &D) -> Found {
        self.bench.find(self.ask(seen), door, |text| self.read(text)).await
    }

    fn ask(&self, seen: &Seen<'_>) -> Result<Value, Broken> {
        let rubric = self.rubric.render(seen.scope())?;
        let question = question(seen);
        let scope = seen.scope().with(&[("rubric", &rubric), ("question", &question)]);
        if !self.messages.is_empty() {
            return Ok(Value::Array(self.messages.render(&scope)?));
        }
        if let Some(messages) = self.bench.own_messages(&scope)? {
            return Ok(messages);
        }
        Ok(prompts::rubric(&question, seen.text(), &rubric, self.range))
    }

    /// The judge's `pass` counts, and so does a threshold that the suite sets.
    fn read(&self, text: &str) -> Result<Mark, Broken> {
        let verdict = verdict::read(text)?;
        let score = verdict.score.map(|score| self.in_range(score)).transpose()?;
        let enough = |score: f64| score >= self.threshold.unwrap_or(THRESHOLD);
        let (pass, score) = match (verdict.pass, score) {
            (Some(pass), Some(score)) => {
                (pass && (self.threshold.is_none() || enough(score)), score)
            }
            (Some(pass), None) => (pass, f64::from(u8::from(pass))),
            (None, score) => (score.is_some_and(enough), score.unwrap_or_default()),
        };
        Ok(Mark { pass, score, reason: verdict.reason, settled: false })
    }

    /// A score between 0 and 1.
    fn in_range(&self, score: f64) -> Result<f64, Broken> {
        let (low, high) = self.range;
        if (low..=high).contains(&score) {
            return Ok((score - low) / (high - low));
        }
        Err(Broken(format!("the judge scored {score}, which is not within {low} and {high}")))
    }
}
