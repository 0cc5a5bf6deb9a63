//! Entries in the registry of OpenAI's open-source evals: a class, its arguments, and JSONL of
//! samples. Format: github.com/openai/evals, docs/build-eval.md.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value, json};

use super::{
    ImportError, Imported, Options, Source, blank,
    names::slug,
    node::{Node, Place, written},
    report::Report,
};
use crate::{Dataset, Files, Grader, Judge, Kind, Message, OneOrMany, Prompt, Role, SuiteFile};

/// The judge where none is named: the registry names none either.
const JUDGE: &str = "gpt-5.5@openai";
/// Where samples are, from the folder of entries.
const SAMPLES: [&str; 2] = ["../data/", ""];
/// Where the specifications of judged evals are.
const SPECIFICATIONS: [&str; 2] = ["../modelgraded/", ""];

/// Whether a text is near one of the ideals, by words without articles and punctuation.
const FUZZY: &str = "\
const plain = (text) => String(text).toLowerCase().replace(/[^\\w\\s]|_/g, \"\")
  .replace(/\\b(a|an|the)\\b/g, \" \").split(/\\s+/).filter(Boolean).join(\" \");
const said = plain(output);
return [].concat(context.vars.ideal).map(plain).some((ideal) =>
  said === \"\" || ideal === \"\" ? said === ideal : said.includes(ideal) || ideal.includes(said));
";
/// Whether a text begins with one of the ideals.
const BEGINS: &str =
    "[].concat(context.vars.ideal).some((ideal) => output.startsWith(String(ideal)))";
/// Whether a text is the same JSON as one of the ideals, whatever the order of keys.
const SAME_JSON: &str = "\
const sorted = (value) => Array.isArray(value) ? value.map(sorted)
  : value === null || typeof value !== \"object\" ? value
  : Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
const plain = (text) => JSON.stringify(sorted(JSON.parse(text)));
try {
  const said = plain(output);
  return [].concat(context.vars.ideal).some((ideal) => plain(ideal) === said);
} catch {
  return false;
}
";

/// An import under way.
struct Importer<'a> {
    files: &'a dyn Files,
    options: &'a Options,
    report: Report,
}

pub(super) fn import(
    source: &Source<'_>,
    files: &dyn Files,
    options: &Options,
) -> Result<Imported, ImportError> {
    let root = Node::read(source.name, source.text()?)?;
    let mut importer = Importer { files, options, report: Report::default() };
    let mut imported = Imported::default();
    let entries = root.entries().iter().filter(|(_, entry)| entry.get("class").is_some());
    let several = entries.clone().count() > 1;
    for (key, entry) in entries {
        let name = match several {
            true => format!("{}-{}", options.feature, slug(&key.name)),
            false => options.feature.clone(),
        };
        if let Some((suite, file)) = importer.suite(&key.name, &name, entry) {
            imported.suites.push((name, suite));
            imported.files.push(file);
        }
    }
    imported.findings = importer.report.findings;
    Ok(imported)
}

impl Importer<'_> {
    fn suite(
        &mut self,
        id: &str,
        name: &str,
        entry: &Node,
    ) -> Option<(SuiteFile, (String, String))> {
        let from = self.report.findings.len();
        let class = entry.get("class").and_then(Node::text).unwrap_or_default();
        let class = class.rsplit(':').next().unwrap_or_default();
        let mut judges = BTreeMap::new();
        let grader = match class {
            "Match" => kind("match", Kind::Script { source: BEGINS.to_owned() }),
            "Includes" => {
                let ignore_case = entry.path(["args", "ignore_case"]).and_then(Node::truth);
                let value = OneOrMany::One("{{ ideal | tojson }}".to_owned());
                let ignore_case = ignore_case.unwrap_or_default();
                kind("includes", Kind::Contains { value, any: true, ignore_case })
            }
            "FuzzyMatch" => kind("fuzzy_match", Kind::Script { source: FUZZY.to_owned() }),
            "JsonMatch" => kind("json_match", Kind::Script { source: SAME_JSON.to_owned() }),
            "ModelBasedClassify" => self.judged(entry, &mut judges)?,
            _ => {
                let what = format!("{id}: evals of class `{class}` are not imported");
                self.report.lost(&entry.place, what, "write its check as a `script` grader");
                return None;
            }
        };
        self.arguments(entry);
        let samples = entry.path(["args", "samples_jsonl"]);
        let Some((path, samples)) = samples.and_then(|node| Some((node.text()?, node))) else {
            self.report.lost(&entry.place, format!("{id} has no `samples_jsonl`"), "");
            return None;
        };
        let file = (format!("{name}.cases.jsonl"), self.samples(path, &samples.place)?);
        let dataset = Dataset {
            file: file.0.clone(),
            id: None,
            cluster: None,
            slices: Vec::new(),
            holdout: 0.0,
        };
        let prompt = Prompt { messages_from: Some("input".to_owned()), ..Prompt::default() };
        let suite = SuiteFile {
            description: Some(id.to_owned()),
            dataset: Some(dataset),
            prompt,
            judges,
            graders: vec![grader],
            partial: self.report.partial_since(from),
            ..blank(&self.options.feature)
        };
        Some((suite, file))
    }

    fn arguments(&mut self, entry: &Node) {
        let read = ["samples_jsonl", "ignore_case", "modelgraded_spec", "eval_type"];
        let arguments = entry.get("args").map(Node::entries).unwrap_or_default();
        for (key, _) in arguments.iter().filter(|(key, _)| !read.contains(&key.name.as_str())) {
            self.report.lost(&key.place, format!("`{}` is not imported", key.name), "");
        }
    }

    /// The samples with their `input` as a list of messages and their `ideal` as a list.
    fn samples(&mut self, path: &str, at: &Place) -> Option<String> {
        let text = self.load(&SAMPLES, path, at)?;
        let mut written = String::new();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            match sample(line) {
                Ok(sample) => written.push_str(&format!("{sample}\n")),
                Err(what) => self.report.lost(&Place::line(path, number), what, ""),
            }
        }
        Some(written)
    }

    fn load(&mut self, folders: &[&str], path: &str, at: &Place) -> Option<String> {
        if path.contains("://") {
            self.report.lost(at, format!("{path} is on the net"), "download it");
            return None;
        }
        let read = |folder: &&str| self.files.read(Path::new(&format!("{folder}{path}")));
        match folders.iter().map(read).find_map(Result::ok).map(String::from_utf8) {
            Some(Ok(text)) if !text.starts_with("version https://git-lfs") => Some(text),
            Some(_) => {
                self.report.lost(at, format!("{path} is not a text"), "get it with git-lfs");
                None
            }
            None => {
                self.report.lost(at, format!("cannot read {path}"), "");
                None
            }
        }
    }

    fn judged(&mut self, entry: &Node, judges: &mut BTreeMap<String, Judge>) -> Option<Grader> {
        let named = entry.path(["args", "modelgraded_spec"]);
        let Some((name, at)) = named.and_then(|node| Some((node.text()?, &node.place))) else {
            self.report.lost(&entry.place, "the eval names no `modelgraded_spec`", "");
            return None;
        };
        let file = format!("{name}.yaml");
        let text = self.load(&SPECIFICATIONS, &file, at)?;
        let root = match Node::read(&file, &text) {
            Ok(root) => root,
            Err(error) => {
                self.report.lost(at, error.to_string(), "");
                return None;
            }
        };
        let specification = root.get(name).unwrap_or(&root);
        let deployment = self.options.judge.clone().unwrap_or_else(|| {
            let hint = format!("{JUDGE} is taken; name another with --judge");
            self.report.note(at, "the registry names no judge", hint);
            JUDGE.to_owned()
        });
        let judge = Judge { deployment, prompt: None, parameters: Map::new(), calibration: None };
        judges.insert("judge".to_owned(), judge);
        let label = self.label(specification)?;
        Some(kind(name, label))
    }

    fn label(&mut self, specification: &Node) -> Option<Kind> {
        let place = &specification.place;
        let Some(prompt) = specification.get("prompt").and_then(Node::text) else {
            self.report.lost(place, "the specification has no prompt", "");
            return None;
        };
        let labels: Vec<String> = match specification.get("choice_strings") {
            Some(node) if node.is_list() => node.items().iter().filter_map(Node::written).collect(),
            Some(node) => node.text().unwrap_or_default().chars().map(String::from).collect(),
            None => Vec::new(),
        };
        let scores: BTreeMap<String, f64> = specification
            .get("choice_scores")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .filter_map(|(label, score)| Some((label.name.clone(), score.number()?)))
            .collect();
        if labels.is_empty() || scores.is_empty() {
            let what = "the specification scores no choices";
            self.report.lost(place, what, "write a `label` grader");
            return None;
        }
        let best = scores.values().copied().fold(f64::MIN, f64::max);
        let passing = scores.iter().filter(|(_, score)| **score >= best);
        let passing = passing.map(|(label, _)| label.clone()).collect();
        let content = json!(braced(prompt));
        let messages = vec![Message { role: "user".to_owned(), content }];
        Some(Kind::Label { judge: "judge".to_owned(), messages, labels, passing, scores })
    }
}

fn kind(id: &str, kind: Kind) -> Grader {
    Grader {
        id: Some(id.to_owned()),
        metric: None,
        role: Role::default(),
        weight: 1.0,
        negate: false,
        threshold: None,
        transform: None,
        kind,
    }
}

/// A template of Python's format as ours: `{completion}` is the answer.
fn braced(prompt: &str) -> String {
    let mut written = String::with_capacity(prompt.len());
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once('{') {
        written.push_str(before);
        let named = after.split_once('}').filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        });
        rest = match named {
            _ if after.starts_with('{') => {
                written.push('{');
                after.get(1..).unwrap_or_default()
            }
            Some((name, tail)) => {
                written.push_str(&hole(name));
                tail
            }
            None => {
                written.push('{');
                after
            }
        };
    }
    written.push_str(&rest.replace("}}", "}"));
    written
}

fn hole(name: &str) -> String {
    match name {
        "completion" => "{{ output }}".to_owned(),
        // The conversation as a judge reads it, and the ideals one a line.
        "input" => "{% for message in input %}{{ message.content }}\n{% endfor %}".to_owned(),
        "ideal" => "{{ ideal | join('\\n') }}".to_owned(),
        name => format!("{{{{ {name} }}}}"),
    }
}

fn sample(line: &str) -> Result<Value, String> {
    let sample: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| format!("the line is not JSON: {error}"))?;
    let mut sample = sample;
    let messages = match sample.remove("input") {
        Some(Value::String(text)) => json!([{ "role": "user", "content": text }]),
        Some(Value::Array(messages)) => Value::Array(messages.into_iter().map(named).collect()),
        _ => return Err("a sample has no `input`".to_owned()),
    };
    sample.insert("input".to_owned(), messages);
    if let Some(ideal) = sample.remove("ideal") {
        let many = match ideal {
            Value::Array(ideals) => ideals,
            one => vec![one],
        };
        let texts: Vec<String> = many.iter().map(written).collect();
        sample.insert("ideal".to_owned(), json!(texts));
    }
    Ok(Value::Object(sample))
}

/// A message of a role that Chat Completions has: examples are written under names of `system`.
fn named(message: Value) -> Value {
    match message {
        Value::Object(mut message) => {
            let name = message.get("name").and_then(Value::as_str).map(str::to_owned);
            match name.as_deref() {
                Some("example_user") => message.insert("role".to_owned(), json!("user")),
                Some("example_assistant") => message.insert("role".to_owned(), json!("assistant")),
                _ => None,
            };
            message.remove("name");
            Value::Object(message)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_python_becomes_ours() {
        assert_eq!(
            braced("Q {question}\nA {completion} {{x}}"),
            "Q {{ question }}\nA {{ output }} {x}"
        );
        assert_eq!(braced("a { b"), "a { b");
    }

    #[test]
    fn samples_are_chats_with_ideals() {
        let made = sample(r#"{"input": "2+2=", "ideal": 4}"#).unwrap();
        assert_eq!(
            made,
            json!({ "input": [{ "role": "user", "content": "2+2=" }], "ideal": ["4"] })
        );
        assert!(sample(r#"{"ideal": "x"}"#).is_err());
    }
}
