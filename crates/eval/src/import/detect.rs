//! Which tool a file is from.

use std::collections::BTreeMap;

use serde::{Serialize, de::IgnoredAny};
use serde_json::Value;

use super::{Source, node::Node};

/// The format of a file to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A configuration of promptfoo.
    Promptfoo,
    /// Objects of OpenAI's Evals API: an eval, its run, or the run's output items.
    Openai,
    /// An entry in the registry of OpenAI's open-source evals.
    Registry,
    /// A log of Inspect.
    Inspect,
    /// Plain JSONL of results.
    Results,
}

/// How every zip archive begins.
const ZIP: &[u8] = b"PK";

pub(super) fn format(source: &Source<'_>) -> Option<Format> {
    if source.bytes.starts_with(ZIP) {
        return Some(Format::Inspect);
    }
    let text = source.text().ok()?;
    let first_line = text.lines().find(|line| !line.trim().is_empty())?;
    if let Ok(Value::Object(line)) = serde_json::from_str(first_line)
        && text.trim() != first_line.trim()
    {
        return of_keys(&|key| line.contains_key(key));
    }
    if let Ok(keys) = serde_json::from_str::<BTreeMap<&str, IgnoredAny>>(text)
        && let Some(format) = of_keys(&|key| keys.contains_key(key))
    {
        return Some(format);
    }
    let node = Node::read(source.name, text).ok()?;
    let first = node.one_or_many().first()?;
    of_keys(&|key| first.get(key).is_some()).or_else(|| {
        let is_entry = first.entries().iter().any(|(_, entry)| entry.get("class").is_some());
        is_entry.then_some(Format::Registry)
    })
}

/// Keys by which formats are told, the surest first.
fn of_keys(has: &dyn Fn(&str) -> bool) -> Option<Format> {
    let table: [(Format, &[&str]); 11] = [
        (Format::Openai, &["testing_criteria"]),
        (Format::Openai, &["datasource_item"]),
        (Format::Openai, &["data_source"]),
        (Format::Openai, &["eval", "run"]),
        (Format::Openai, &["object", "data"]),
        (Format::Inspect, &["eval", "status"]),
        (Format::Results, &["id", "score"]),
        (Format::Results, &["id", "pass"]),
        (Format::Results, &["id", "scores"]),
        (Format::Results, &["id", "error"]),
        (Format::Openai, &["item"]),
    ];
    let promptfoo = ["prompts", "providers", "targets", "tests", "scenarios"];
    let known = table.iter().find(|(_, keys)| keys.iter().all(|key| has(key)));
    known
        .map(|(format, _)| *format)
        .or_else(|| promptfoo.iter().any(|key| has(key)).then_some(Format::Promptfoo))
}
