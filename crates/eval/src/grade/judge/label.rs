//! A judge chooses a label for an answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Bench, Messages, prompts, question, verdict};
use crate::{
    Door,
    flaw::Flaws,
    grade::{
        found::Found,
        mark::{Broken, Mark, quoted, unit},
        seen::Seen,
    },
    suite::Message,
};

pub(in crate::grade) struct Label {
    bench: Bench,
    messages: Messages,
    labels: Vec<String>,
    passing: Vec<String>,
    scores: BTreeMap<String, f64>,
}

impl Label {
    pub(in crate::grade) fn new(
        bench: Bench,
        messages: &[Message],
        labels: &[String],
        passing: &[String],
        scores: &BTreeMap<String, f64>,
        flaws: &mut Flaws,
    ) -> Self {
        if labels.is_empty() {
            flaws.add("/labels", "expected at least one label");
        }
        if messages.is_empty() {
            flaws.add("/messages", "expected what the judge is asked");
        }
        for (index, label) in passing.iter().enumerate() {
            if !labels.contains(label) {
                flaws.add(&format!("/passing/{index}"), format!("`{label}` is not in `labels`"));
            }
        }
        for (label, score) in scores {
            if !labels.contains(label) {
                flaws.add("/scores", format!("`{label}` is not in `labels`"));
            }
            if !(0.0..=1.0).contains(score) {
                flaws.add("/scores", format!("the score of `{label}` is not within 0 and 1"));
            }
        }
        Self {
            bench,
            messages: Messages::new(messages, flaws),
            labels: labels.to_vec(),
            passing: passing.to_vec(),
            scores: scores.clone(),
        }
    }

    pub(in crate::grade) async fn find<D: Door>(&self, seen: &Seen<'_>, door: &D) -> Found {
        self.bench.find(self.ask(seen), door, |text| self.read(text)).await
    }

    fn ask(&self, seen: &Seen<'_>) -> Result<Value, Broken> {
        let scope = seen.scope().with(&[("question", &question(seen))]);
        let mut messages = self.messages.render(&scope)?;
        messages.push(prompts::labels(&self.labels));
        Ok(Value::Array(messages))
    }

    fn read(&self, text: &str) -> Result<Mark, Broken> {
        let (label, reason) = self.chosen(text).ok_or_else(|| {
            Broken(format!("the judge chose none of the labels: {}", quoted(text)))
        })?;
        let pass = self.passing.iter().any(|passing| passing == label);
        let score = self.scores.get(label).copied().unwrap_or_else(|| f64::from(u8::from(pass)));
        let reason =
            if reason.is_empty() { label.to_owned() } else { format!("{label}: {reason}") };
        Ok(Mark { pass, score: unit(score), reason, settled: false })
    }

    /// The label of the last object that names one; or that of the last line that is one.
    fn chosen(&self, text: &str) -> Option<(&str, String)> {
        if let Some(object) = verdict::last_object(text, &["label", "choice", "result"]) {
            let named = ["label", "choice", "result"].iter().find_map(|key| object.get(*key));
            let label = named.and_then(Value::as_str).and_then(|name| self.label(name))?;
            let reason = object.get("reason").and_then(Value::as_str).unwrap_or_default();
            return Some((label, reason.to_owned()));
        }
        text.lines().rev().find_map(|line| self.label(line)).map(|label| (label, String::new()))
    }

    fn label(&self, text: &str) -> Option<&str> {
        let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
        let is = |label: &&String| {
            label.eq_ignore_ascii_case(text.trim()) || label.eq_ignore_ascii_case(bare)
        };
        self.labels.iter().find(is).map(String::as_str)
    }
}
