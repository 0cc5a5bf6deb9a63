//! Objects of OpenAI's Evals API: an eval with its graders, its runs, and their output items.
//! Format: platform.openai.com/docs/api-reference/evals and graders.

mod expression;
mod formula;
mod graders;
mod output;
mod run;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    ImportError, Imported, Options, Source, blank,
    names::{Unique, slug},
    node::{Node, Place},
    report::Report,
};
use crate::{CaseFile, Files, Judge, Prompt, SuiteFile};

/// What the files of an import hold.
#[derive(Default)]
struct Objects {
    evals: Vec<Node>,
    runs: Vec<Node>,
    outputs: Vec<Node>,
    /// `{item}` of data files.
    items: Vec<Node>,
}

/// An import under way.
struct Importer<'a> {
    files: &'a dyn Files,
    options: &'a Options,
    report: Report,
    judges: BTreeMap<String, Judge>,
}

pub(super) fn import(
    source: &Source<'_>,
    more: &[Source<'_>],
    files: &dyn Files,
    options: &Options,
) -> Result<Imported, ImportError> {
    let mut objects = Objects::default();
    for source in std::iter::once(source).chain(more) {
        for node in read(source)? {
            objects.sort_in(node);
        }
    }
    let judges = BTreeMap::new();
    let mut importer = Importer { files, options, report: Report::default(), judges };
    let mut imported = Imported::default();
    let mut names = Unique::default();
    for eval in &objects.evals {
        let (suite, candidates) = importer.suite(eval, &objects);
        let label = eval.get("name").and_then(Node::text).map(slug);
        let label = label.filter(|_| objects.evals.len() > 1).filter(|label| !label.is_empty());
        let name = label.map_or_else(
            || options.feature.clone(),
            |label| format!("{}-{label}", options.feature),
        );
        imported.candidates.extend(candidates);
        imported.suites.push((names.name(&name, "-"), suite));
    }
    if objects.evals.is_empty() && objects.outputs.is_empty() {
        let at = Place::line(source.name, 1);
        return Err(ImportError::at(&at, "there is neither an eval nor an output item"));
    }
    imported.results = importer.results(&objects.outputs);
    imported.candidates.dedup();
    imported.findings = importer.report.findings;
    Ok(imported)
}

/// The objects of a file: one, a list, a page of a list, or one a line.
fn read(source: &Source<'_>) -> Result<Vec<Node>, ImportError> {
    let text = source.text()?;
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let first = lines.clone().next().map(|(line, _)| line).unwrap_or_default();
    let is_object = |line: &str| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    if first.trim_start().starts_with('{') && is_object(first) {
        return lines.try_fold(Vec::new(), |mut nodes, (line, number)| {
            let place = Place::line(source.name, number);
            let value: Value = serde_json::from_str(line)
                .map_err(|error| ImportError::at(&place, error.to_string()))?;
            nodes.push(Node::of(value, &place));
            Ok(nodes)
        });
    }
    Ok(vec![Node::read(source.name, text)?])
}

impl Objects {
    /// Puts an object where it belongs by what it has.
    fn sort_in(&mut self, node: Node) {
        if node.is_list() {
            for item in node.items() {
                self.sort_in(item.clone());
            }
        } else if node.get("testing_criteria").is_some() {
            self.evals.push(node);
        } else if node.get("datasource_item").is_some() {
            self.outputs.push(node);
        } else if node.get("data_source").is_some() {
            self.runs.push(node);
        } else if node.get("item").is_some() {
            self.items.push(node);
        } else {
            // A page of a list, or an export that names its parts.
            for key in ["eval", "evals", "run", "runs", "output_items", "data"] {
                if let Some(part) = node.get(key) {
                    self.sort_in(part.clone());
                }
            }
        }
    }
}

impl Importer<'_> {
    fn suite(&mut self, eval: &Node, objects: &Objects) -> (SuiteFile, Vec<String>) {
        let from = self.report.findings.len();
        self.judges.clear();
        let graders = eval.get("testing_criteria").map(Node::items).unwrap_or_default();
        let graders = graders.iter().filter_map(|grader| self.grader(grader)).collect();
        let asked = self.asked(eval, objects);
        let suite = SuiteFile {
            description: eval.get("name").and_then(Node::written),
            cases: asked.cases,
            prompt: asked.prompt,
            judges: std::mem::take(&mut self.judges),
            graders,
            partial: self.report.partial_since(from),
            ..blank(&self.options.feature)
        };
        (suite, asked.candidates)
    }
}

/// What a run asks, and of which cases.
#[derive(Default)]
struct Asked {
    prompt: Prompt,
    cases: Vec<CaseFile>,
    candidates: Vec<String>,
}

/// The deployment that a model of OpenAI's is.
fn deployment(model: &str) -> String {
    format!("{model}@openai")
}
