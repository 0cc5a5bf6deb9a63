//! Tests in a CSV file, and the small language of their expectations.

use serde_json::{Map, Value, json};

use super::{Importer, Node};
use crate::import::node::{Place, Tree};

/// Types whose value in a cell is a list.
const LISTS: [&str; 4] = ["contains-all", "contains-any", "icontains-all", "icontains-any"];
/// Types that have a threshold in a cell where none is written.
const SCORED: [&str; 13] = [
    "answer-relevance",
    "classifier",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "cost",
    "latency",
    "levenshtein",
    "perplexity-score",
    "perplexity",
    "rouge-n",
    "similar",
    "starts-with",
];
/// What that threshold is, and what it is for `similar`.
const THRESHOLD: f64 = 0.75;
const SIMILAR_THRESHOLD: f64 = 0.8;

impl Importer<'_> {
    /// The rows of a CSV file as tests in the form of a configuration.
    pub(super) fn csv_tests(&mut self, path: &str, text: &str, at: &Place) -> Vec<Node> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                self.report.lost(at, format!("cannot read {path}: {error}"), "");
                return Vec::new();
            }
        };
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.report.lost(at, format!("cannot read {path}: {error}"), "");
                    break;
                }
            };
            let line = record.position().map_or(0, csv::Position::line);
            let place = Place::line(path, usize::try_from(line).unwrap_or(usize::MAX));
            let cells = header.iter().zip(record.iter());
            rows.push(self.csv_row(cells, &place));
        }
        rows
    }

    fn csv_row<'c>(
        &mut self,
        cells: impl Iterator<Item = (&'c str, &'c str)>,
        place: &Place,
    ) -> Node {
        let mut row = Row::default();
        for (name, cell) in cells {
            row.cell(name.trim(), cell);
        }
        for (assertion, threshold) in row.thresholds.iter() {
            let index = assertion.parse::<usize>().unwrap_or(1).saturating_sub(1);
            match row.assertions.get_mut(index).and_then(Value::as_object_mut) {
                Some(assertion) => {
                    assertion.insert("threshold".to_owned(), json!(threshold));
                }
                None => self.report.lost(place, "`__config` is of no expectation", ""),
            }
        }
        for name in &row.foreign {
            self.report.lost(place, format!("the column `{name}` is not imported"), "");
        }
        Node::of(row.test(), place)
    }
}

/// What the cells of a row say.
#[derive(Default)]
struct Row<'a> {
    vars: Map<String, Value>,
    assertions: Vec<Value>,
    options: Map<String, Value>,
    metadata: Map<String, Value>,
    test: Map<String, Value>,
    metric: Option<&'a str>,
    thresholds: Vec<(&'a str, f64)>,
    foreign: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn cell(&mut self, name: &'a str, cell: &'a str) {
        let Some(special) = name.strip_prefix("__") else {
            self.vars.insert(name.to_owned(), json!(cell));
            return;
        };
        if special.starts_with("expected") {
            if !cell.trim().is_empty() {
                self.assertions.push(assertion(cell.trim()));
            }
            return;
        }
        if cell.trim().is_empty() {
            return;
        }
        match special.split_once(':') {
            Some(("metadata", key)) => {
                self.metadata.insert(key.trim_end_matches("[]").to_owned(), json!(cell));
            }
            Some(("config", key)) if key.ends_with(":threshold") => {
                let number = key.trim_end_matches(":threshold").trim_start_matches("__expected");
                match cell.trim().parse() {
                    Ok(threshold) => self.thresholds.push((number, threshold)),
                    Err(_) => self.foreign.push(name),
                }
            }
            Some(_) => self.foreign.push(name),
            None => match special {
                "prefix" | "suffix" => {
                    self.options.insert(special.to_owned(), json!(cell));
                }
                "description" => {
                    self.test.insert(special.to_owned(), json!(cell));
                }
                "threshold" => {
                    self.test.insert(special.to_owned(), json!(cell.trim().parse::<f64>().ok()));
                }
                "metric" => self.metric = Some(cell),
                _ => self.foreign.push(name),
            },
        }
    }

    fn test(mut self) -> Value {
        if let Some(metric) = self.metric {
            for assertion in self.assertions.iter_mut().filter_map(Value::as_object_mut) {
                assertion.insert("metric".to_owned(), json!(metric));
            }
        }
        let parts = [
            ("vars", Value::Object(self.vars)),
            ("assert", Value::Array(self.assertions)),
            ("options", Value::Object(self.options)),
            ("metadata", Value::Object(self.metadata)),
        ];
        self.test.extend(parts.map(|(key, value)| (key.to_owned(), value)));
        Value::Object(self.test)
    }
}

/// The assertion that a cell means: `type(threshold):value`, some short words, or a text that the
/// answer equals.
pub(super) fn assertion(cell: &str) -> Value {
    for word in ["javascript:", "fn:", "eval:"] {
        if let Some(code) = cell.strip_prefix(word) {
            return json!({ "type": "javascript", "value": code.trim() });
        }
    }
    for word in ["grade:", "llm-rubric:"] {
        if let Some(rubric) = cell.strip_prefix(word) {
            return json!({ "type": "llm-rubric", "value": rubric });
        }
    }
    if let Some(code) = cell.strip_prefix("python:") {
        return json!({ "type": "python", "value": code.trim() });
    }
    if let Some(path) = cell.strip_prefix("file://") {
        let kinds = [("python", ".py"), ("javascript", ".js"), ("javascript", ".ts")];
        let of_kind =
            |(_, end): &&(&str, &str)| path.ends_with(end) || path.contains(&format!("{end}:"));
        if let Some((kind, _)) = kinds.iter().find(of_kind) {
            return json!({ "type": kind, "value": cell });
        }
    }
    typed(cell).unwrap_or_else(|| json!({ "type": "equals", "value": cell }))
}

/// `type`, `type:value` or `type(threshold):value`, where the type is one of promptfoo's.
fn typed(cell: &str) -> Option<Value> {
    let end = cell.find(|letter: char| {
        !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
    });
    let longest = super::asserts::longest_type(cell);
    let end = longest.or(end).unwrap_or(cell.len());
    let (name, rest) = cell.split_at_checked(end)?;
    let base = name.strip_prefix("not-").unwrap_or(name);
    if !super::asserts::is_known(base) {
        return None;
    }
    let (threshold, rest) = match rest.strip_prefix('(') {
        Some(rest) => {
            let (number, rest) = rest.split_once(')')?;
            (Some(number.parse::<f64>().ok()?), rest)
        }
        None => (None, rest),
    };
    let value = match rest {
        "" => None,
        rest => Some(rest.strip_prefix(':')?),
    };
    let mut assertion = Map::new();
    assertion.insert("type".to_owned(), json!(name));
    if let Some(value) = value {
        let value = if LISTS.contains(&base) { json!(fields(value)) } else { json!(value.trim()) };
        assertion.insert("value".to_owned(), value);
    }
    if SCORED.contains(&base) {
        let usual = if base == "similar" { SIMILAR_THRESHOLD } else { THRESHOLD };
        assertion.insert("threshold".to_owned(), json!(threshold.unwrap_or(usual)));
    }
    Some(Value::Object(assertion))
}

/// The fields of a list with commas, empty ones left out. One in quotes may hold commas, and quotes
/// that are doubled or behind a backslash.
fn fields(list: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = between(list);
    while !rest.is_empty() {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, tail) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            fields.push(field.trim().to_owned());
            rest = between(tail);
            continue;
        };
        let (mut field, mut letters) = (String::new(), quoted.chars());
        while let Some(letter) = letters.next() {
            let next = letters.as_str().chars().next();
            match (letter, next) {
                ('\\', Some('"' | '\\')) | ('"', Some('"')) => field.extend(letters.next()),
                ('"', _) => break,
                _ => field.push(letter),
            }
        }
        fields.push(field);
        rest = between(letters.as_str());
    }
    fields
}

/// What comes after commas and white space.
fn between(list: &str) -> &str {
    list.trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace())
}

/// Whether a tree has anything in it.
pub(super) fn is_empty(node: &Node) -> bool {
    match &node.tree {
        Tree::List(items) => items.is_empty(),
        Tree::Map(entries) => entries.is_empty(),
        Tree::Scalar(value) => value.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_means_an_assertion() {
        for (cell, wanted) in [
            ("Paris", json!({ "type": "equals", "value": "Paris" })),
            (
                "fn: output.length > 3",
                json!({ "type": "javascript", "value": "output.length > 3" }),
            ),
            ("grade:is kind", json!({ "type": "llm-rubric", "value": "is kind" })),
            ("contains:a, b", json!({ "type": "contains", "value": "a, b" })),
            ("not-contains-any:a, b", json!({ "type": "not-contains-any", "value": ["a", "b"] })),
            (
                r#"contains-all:"a, b", c "d" ,, "e""f\"""#,
                json!({ "type": "contains-all", "value": ["a, b", "c \"d\"", "e\"f\""] }),
            ),
            ("equals: x ", json!({ "type": "equals", "value": "x" })),
            ("levenshtein(0):x", json!({ "type": "levenshtein", "value": "x", "threshold": 0.0 })),
            ("similar(0.9):x", json!({ "type": "similar", "value": "x", "threshold": 0.9 })),
            (
                "levenshtein(5):x:y",
                json!({ "type": "levenshtein", "value": "x:y", "threshold": 5.0 }),
            ),
            ("similar:x", json!({ "type": "similar", "value": "x", "threshold": 0.8 })),
            ("is-json", json!({ "type": "is-json" })),
            (
                "trajectory:tool-used:find",
                json!({ "type": "trajectory:tool-used", "value": "find" }),
            ),
            ("note: this", json!({ "type": "equals", "value": "note: this" })),
            ("file://a.js:good", json!({ "type": "javascript", "value": "file://a.js:good" })),
        ] {
            assert_eq!(assertion(cell), wanted, "{cell}");
        }
    }
}
