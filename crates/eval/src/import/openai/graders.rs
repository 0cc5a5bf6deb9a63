//! OpenAI's graders.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Importer, deployment,
    expression::{Graded, expression, graded},
    formula::scaled,
};
use crate::{
    Grader, Judge, Kind, Measure, OneOrMany, Role,
    import::{names::slug, node::Node, node::written},
};

/// The model of embeddings that is asked for `cosine`, which OpenAI does not name.
const EMBEDDINGS: &str = "text-embedding-3-large@openai";
/// The range of a score where none is said.
pub(super) const RANGE: (f64, f64) = (0.0, 1.0);

/// Measures of likeness by OpenAI's names.
const MEASURES: [(&str, Measure); 12] = [
    ("cosine", Measure::Cosine),
    ("fuzzy_match", Measure::FuzzyMatch),
    ("bleu", Measure::Bleu),
    ("gleu", Measure::Gleu),
    ("meteor", Measure::Meteor),
    ("rouge_1", Measure::Rouge1),
    ("rouge_2", Measure::Rouge2),
    ("rouge_3", Measure::Rouge3),
    ("rouge_4", Measure::Rouge4),
    ("rouge_5", Measure::Rouge5),
    ("rouge_l", Measure::RougeL),
    ("levenshtein", Measure::Levenshtein),
];

/// What a grader became.
struct Made {
    kind: Kind,
    negate: bool,
    threshold: Option<f64>,
    /// What is graded in place of the answer.
    transform: Option<String>,
}

impl Made {
    const fn of(kind: Kind, threshold: Option<f64>) -> Self {
        Self { kind, negate: false, threshold, transform: None }
    }
}

impl Importer<'_> {
    pub(super) fn grader(&mut self, node: &Node) -> Option<Grader> {
        let kind = node.get("type").and_then(Node::text).unwrap_or_default();
        let made = match kind {
            "string_check" => self.string_check(node)?,
            "text_similarity" => self.text_similarity(node)?,
            "score_model" => self.score_model(node)?,
            "label_model" => self.label_model(node)?,
            "multi" => self.multi(node)?,
            _ => {
                let hint = match kind {
                    "python" => "write its `grade` as a `script` or `command` grader",
                    _ => "",
                };
                let what = format!("graders of type `{kind}` are not imported");
                self.report.lost(&node.place, what, hint);
                return None;
            }
        };
        if made.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            self.report.lost(&node.place, "`pass_threshold` is beyond what scores can be", "");
            return None;
        }
        Some(Grader {
            id: node.get("name").and_then(Node::written),
            metric: None,
            role: Role::default(),
            weight: 1.0,
            negate: made.negate,
            threshold: made.threshold,
            transform: made.transform,
            kind: made.kind,
        })
    }

    fn text_of(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = node.get(key).and_then(Node::written);
        if text.is_none() {
            self.report.lost(&node.place, format!("the grader needs `{key}`"), "");
        }
        text
    }

    /// What a grader's input grades, as a transform of the answer.
    fn transform(&mut self, node: &Node) -> Option<Option<String>> {
        let input = self.text_of(node, "input")?;
        match graded(&input) {
            Ok(Graded::Answer) => Some(None),
            Ok(Graded::Expression(expression)) => Some(Some(expression)),
            Err(what) => {
                self.report.lost(&node.place, what, "");
                None
            }
        }
    }

    fn string_check(&mut self, node: &Node) -> Option<Made> {
        let reference = self.text_of(node, "reference")?;
        let operation = self.text_of(node, "operation")?;
        if reference.contains("sample.") {
            return self.check_by_script(node, &reference, &operation);
        }
        let transform = self.transform(node)?;
        let equals =
            |reference| Kind::Equals { value: Value::String(reference), ignore_case: false };
        let contains = |reference, ignore_case| Kind::Contains {
            value: OneOrMany::One(reference),
            any: false,
            ignore_case,
        };
        let kind = match operation.as_str() {
            "eq" | "ne" => equals(reference),
            "like" => contains(reference, false),
            "ilike" => contains(reference, true),
            _ => {
                self.report.lost(&node.place, format!("`{operation}` is not imported"), "");
                return None;
            }
        };
        Some(Made { kind, negate: operation == "ne", threshold: None, transform })
    }

    /// A check whose reference is of the answer too, which graders compare with the answer only.
    fn check_by_script(&mut self, node: &Node, reference: &str, operation: &str) -> Option<Made> {
        let input = self.text_of(node, "input")?;
        let both = expression(&input).and_then(|input| Ok((input, expression(reference)?)));
        let (input, reference) = match both {
            Ok(both) => both,
            Err(what) => {
                self.report.lost(&node.place, what, "");
                return None;
            }
        };
        let verdict = match operation {
            "eq" => "input === reference",
            "ne" => "input !== reference",
            "like" => "input.includes(reference)",
            "ilike" => "input.toLowerCase().includes(reference.toLowerCase())",
            _ => {
                self.report.lost(&node.place, format!("`{operation}` is not imported"), "");
                return None;
            }
        };
        let source =
            format!("const input = {input};\nconst reference = {reference};\nreturn {verdict};\n");
        Some(Made::of(Kind::Script { source }, None))
    }

    fn text_similarity(&mut self, node: &Node) -> Option<Made> {
        let name = self.text_of(node, "evaluation_metric")?;
        let Some((_, measure)) = MEASURES.iter().find(|(theirs, _)| *theirs == name) else {
            self.report.lost(&node.place, format!("`{name}` is not imported"), "");
            return None;
        };
        let embeddings = (*measure == Measure::Cosine).then(|| {
            let what = "OpenAI does not say which embeddings `cosine` compares";
            self.report.note(&node.place, what, format!("{EMBEDDINGS} is taken"));
            EMBEDDINGS.to_owned()
        });
        let reference = OneOrMany::One(self.text_of(node, "reference")?);
        let kind = Kind::Similarity { measure: *measure, reference, embeddings };
        let threshold = node.get("pass_threshold").and_then(Node::number);
        Some(Made { transform: self.transform(node)?, ..Made::of(kind, threshold) })
    }

    fn score_model(&mut self, node: &Node) -> Option<Made> {
        let judge = self.judge(node)?;
        let messages = self.messages(node);
        let ends: Vec<f64> = node
            .get("range")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::number)
            .collect();
        let range = match ends.as_slice() {
            [low, high] if low < high => (*low, *high),
            _ => RANGE,
        };
        let share = |score: f64| (score - range.0) / (range.1 - range.0);
        let threshold = node.get("pass_threshold").and_then(Node::number).map(share);
        let kind = Kind::Rubric { judge, rubric: String::new(), messages, range: Some(range) };
        Some(Made::of(kind, threshold))
    }

    fn label_model(&mut self, node: &Node) -> Option<Made> {
        let judge = self.judge(node)?;
        let messages = self.messages(node);
        let texts = |key: &str| -> Vec<String> {
            let items = node.get(key).map(Node::items).unwrap_or_default();
            items.iter().filter_map(Node::written).collect()
        };
        let (labels, passing) = (texts("labels"), texts("passing_labels"));
        let kind = Kind::Label { judge, messages, labels, passing, scores: BTreeMap::new() };
        Some(Made::of(kind, None))
    }

    fn multi(&mut self, node: &Node) -> Option<Made> {
        let formula = self.text_of(node, "calculate_output")?;
        let graders = node.get("graders")?;
        let mut made = Vec::new();
        for (key, grader) in graders.entries() {
            made.push(Grader { id: Some(key.name.clone()), ..self.grader(grader)? });
        }
        for grader in graders.items() {
            made.push(self.grader(grader)?);
        }
        let (formula, most) = scaled(&formula, &made);
        let threshold = node.get("pass_threshold").and_then(Node::number);
        let kind = Kind::Set { graders: made, formula: Some(formula) };
        Some(Made::of(kind, threshold.map(|threshold| threshold / most)))
    }

    fn messages(&mut self, node: &Node) -> Vec<crate::Message> {
        let input = node.get("input").map(Node::one_or_many).unwrap_or_default();
        let mut messages = Vec::new();
        for message in input {
            messages.extend(self.message(message));
        }
        messages
    }

    fn judge(&mut self, node: &Node) -> Option<String> {
        let model = self.text_of(node, "model")?;
        let mut parameters = Map::new();
        let sampling = node.get("sampling_params").map(Node::entries).unwrap_or_default();
        for (key, value) in sampling {
            self.parameter(&key.name, value, &mut parameters);
        }
        let judge = Judge {
            deployment: self.options.judge.clone().unwrap_or_else(|| deployment(&model)),
            prompt: None,
            parameters,
            calibration: None,
        };
        if let Some((name, _)) = self.judges.iter().find(|(_, known)| **known == judge) {
            return Some(name.clone());
        }
        let wanted = slug(&model);
        let number = self.judges.len().saturating_add(1);
        let name = match self.judges.contains_key(&wanted) {
            true => format!("{wanted}-{number}"),
            false => wanted,
        };
        self.judges.insert(name.clone(), judge);
        Some(name)
    }
}

/// The id of an item of a run, by what names it best.
pub(super) fn item_id(item: &Node) -> Option<String> {
    let own = item.path(["datasource_item", "id"]);
    own.or_else(|| item.get("datasource_item_id")).map(|id| written(&id.value()))
}
