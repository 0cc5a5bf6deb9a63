//! Configurations of promptfoo. Format: promptfoo.dev/docs/configuration/reference, as promptfoo
//! 0.121 reads it.

mod asserts;
mod cases;
mod csv;
mod judged;
mod measures;
mod prompts;
mod providers;
mod regex;
mod scripts;
mod texts;
mod tools;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::{Map, Value};

use super::{
    ImportError, Imported, Options, Source, blank,
    names::{Unique, slug},
    node::{Node, Place},
    report::Report,
    template,
};
use crate::{CaseFile, Dataset, Files, Grader, Judge, Prompt, RunSettings, SuiteFile};

/// How many cases stand in the suite itself; more go to a file, if no case has graders of its own.
const INLINE_MAX: usize = 20;

/// Keys of a configuration that are read.
const READ: [&str; 11] = [
    "description",
    "prompts",
    "providers",
    "targets",
    "tests",
    "defaultTest",
    "evaluateOptions",
    "assertionTemplates",
    "tags",
    "env",
    "$schema",
];

/// Keys that say how promptfoo shows or stores results, and change none.
const SHOWN: [&str; 6] =
    ["outputPath", "sharing", "writeLatestResults", "commandLineOptions", "metadata", "tracing"];

/// What the tests of a configuration became.
struct Tests {
    /// Graders of every case.
    graders: Vec<Grader>,
    cases: Vec<CaseFile>,
}

/// An import under way.
struct Importer<'a> {
    files: &'a dyn Files,
    options: &'a Options,
    report: Report,
    judges: BTreeMap<String, Judge>,
    /// Assertions that others refer to.
    templates: Option<Node>,
}

pub(super) fn import(
    source: &Source<'_>,
    files: &dyn Files,
    options: &Options,
) -> Result<Imported, ImportError> {
    let root = Node::read(source.name, source.text()?)?;
    if !root.is_map() {
        return Err(ImportError::at(&root.place, "a configuration is a mapping"));
    }
    let templates = root.get("assertionTemplates").cloned();
    let report = Report::default();
    let mut importer = Importer { files, options, report, judges: BTreeMap::new(), templates };
    Ok(importer.suites(&root))
}

impl Importer<'_> {
    fn suites(&mut self, root: &Node) -> Imported {
        self.foreign_keys(root);
        let providers = self.providers(root);
        let mut tests = self.tests(root);
        let run = self.run(root);
        let mut imported = Imported { candidates: providers.candidates, ..Imported::default() };
        let mut names = Unique::default();
        let shared = self.report.partial_since(0);
        let prompts = self.prompts(root);
        complete(&mut tests.cases, &prompts);
        for prompt in prompts {
            let name = match prompt.label.as_deref().map(slug).filter(|slug| !slug.is_empty()) {
                Some(label) => format!("{}-{label}", self.options.feature),
                None => self.options.feature.clone(),
            };
            let name = names.name(&name, "-");
            let mut partial = shared.clone();
            partial.extend(prompt.partial);
            let mut suite = SuiteFile {
                description: root.get("description").and_then(Node::written),
                cases: tests.cases.clone(),
                prompt: Prompt { parameters: providers.parameters.clone(), ..prompt.prompt },
                run: run.clone(),
                judges: self.judges.clone(),
                graders: tests.graders.clone(),
                partial,
                ..blank(&self.options.feature)
            };
            imported.files.extend(dataset(&name, &mut suite));
            imported.suites.push((name, suite));
        }
        imported.findings = std::mem::take(&mut self.report.findings);
        imported
    }

    /// Tells of keys that no importer reads.
    fn foreign_keys(&mut self, root: &Node) {
        for (key, _) in root.entries() {
            let name = key.name.as_str();
            if SHOWN.contains(&name) {
                self.report.note(&key.place, format!("`{name}` says nothing to Tieline"), "");
            } else if name == "env" {
                self.report.note(&key.place, "`env` is left out: it may hold secrets", "");
            } else if !READ.contains(&name) {
                self.report.lost(&key.place, format!("`{name}` is not imported"), "");
            }
        }
    }

    fn run(&mut self, root: &Node) -> RunSettings {
        let mut run = RunSettings::default();
        let Some(settings) = root.get("evaluateOptions") else { return run };
        let count = |node: &Node, most: u64| node.whole().map(|count| count.clamp(1, most));
        for (key, node) in settings.entries() {
            match key.name.as_str() {
                "maxConcurrency" => {
                    let wanted = count(node, 256).and_then(|count| u32::try_from(count).ok());
                    run.concurrency = wanted.unwrap_or(run.concurrency);
                }
                "repeat" => {
                    let wanted = count(node, 100).and_then(|count| u32::try_from(count).ok());
                    run.repeats = wanted.unwrap_or(run.repeats);
                }
                "cache" => run.cache = node.truth().unwrap_or_default(),
                "timeoutMs" | "maxEvalTimeMs" => self.report.note(
                    &key.place,
                    format!("`{}` is left out", key.name),
                    "the feature's deadline holds for its suites",
                ),
                _ => self.report.note(&key.place, format!("`{}` is left out", key.name), ""),
            }
        }
        run
    }

    /// A template, as ours.
    fn template(&mut self, text: &str, at: &Place) -> String {
        template::convert(text, at, &mut self.report)
    }

    /// A value whose texts are templates, as ours.
    fn templates(&mut self, value: Value, at: &Place) -> Value {
        match value {
            Value::String(text) => Value::String(self.template(&text, at)),
            Value::Array(items) => items.into_iter().map(|item| self.templates(item, at)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, value)| (key, self.templates(value, at)))
                .collect::<Map<_, _>>()
                .into(),
            other => other,
        }
    }

    /// The text of a file that something refers to.
    fn load(&mut self, path: &str, at: &Place) -> Option<String> {
        let path = path.strip_prefix("file://").unwrap_or(path);
        if path.contains('*') {
            let what = format!("`{path}` is a pattern of files");
            self.report.lost(at, what, "name each file");
            return None;
        }
        let read = self.files.read(Path::new(path)).map_err(|error| error.to_string());
        let read = read.and_then(|bytes| {
            let fits = bytes.len() <= super::MAX_BYTES;
            fits.then_some(bytes).ok_or_else(|| "it is too large".to_owned())
        });
        let read = read
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not a text".to_owned()));
        match read {
            Ok(text) => Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
            Err(why) => {
                self.report.lost(at, format!("cannot read {path}: {why}"), "");
                None
            }
        }
    }

    /// A YAML or JSON file that something refers to.
    fn load_tree(&mut self, path: &str, at: &Place) -> Option<Node> {
        let text = self.load(path, at)?;
        let name = path.strip_prefix("file://").unwrap_or(path);
        match Node::read(name, &text) {
            Ok(node) => Some(node),
            Err(error) => {
                self.report.lost(at, error.to_string(), "");
                None
            }
        }
    }

    /// A node, or the YAML or JSON file that it names.
    fn followed(&mut self, node: &Node) -> Option<Node> {
        match node.text().filter(|text| text.starts_with("file://")) {
            Some(path) => self.load_tree(path, &node.place),
            None => Some(node.clone()),
        }
    }
}

/// Gives cases the fields that they lack as empty texts, which is how nunjucks reads them: those of
/// other cases, and those that prompts ask for.
fn complete(cases: &mut [CaseFile], prompts: &[prompts::Asked]) {
    let mut names: BTreeSet<String> =
        cases.iter().flat_map(|case| case.fields.keys().cloned()).collect();
    for message in prompts.iter().flat_map(|prompt| &prompt.prompt.messages) {
        names.extend(template::asked_for(&message.content));
    }
    for case in cases {
        for name in &names {
            case.fields.entry(name.clone()).or_insert_with(|| Value::String(String::new()));
        }
    }
}

/// Takes plain cases out of a suite that has many, into a file of their own.
fn dataset(name: &str, suite: &mut SuiteFile) -> Option<(String, String)> {
    let plain = |case: &CaseFile| {
        case.graders.is_empty() && case.slices.is_empty() && case.threshold.is_none()
    };
    if suite.cases.len() <= INLINE_MAX || !suite.cases.iter().all(plain) {
        return None;
    }
    let named = suite.cases.iter().all(|case| case.id.is_some());
    let line = |case: &CaseFile| {
        let mut fields = case.fields.clone();
        if let Some(id) = case.id.clone().filter(|_| named) {
            fields.insert("id".to_owned(), Value::String(id));
        }
        format!("{}\n", Value::Object(fields))
    };
    let clashes = suite.cases.iter().any(|case| case.fields.contains_key("id"));
    if named && clashes {
        return None;
    }
    let text = std::mem::take(&mut suite.cases).iter().map(line).collect();
    let file = format!("{name}.cases.jsonl");
    suite.dataset = Some(Dataset {
        file: file.clone(),
        id: named.then(|| "id".to_owned()),
        cluster: None,
        slices: Vec::new(),
        holdout: 0.0,
    });
    Some((file, text))
}
