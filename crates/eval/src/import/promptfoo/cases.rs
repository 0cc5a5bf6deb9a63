//! Tests: the cases of a suite, each with the graders of its own assertions.

use serde_json::{Map, Value, json};

use super::{Importer, Node, Tests, asserts::Scope, csv::is_empty};
use crate::{
    CaseFile, Grader,
    import::{
        names::{Unique, id},
        node::{Place, written},
        template,
    },
};

/// How many cases the lists among a test's variables may make.
const COMBINATIONS_MAX: usize = 10_000;

/// Keys of a test that are read.
const READ: [&str; 6] = ["description", "vars", "assert", "threshold", "metadata", "options"];
/// Keys of a test's options that are read, here or where prompts and graders are.
const OPTIONS: [&str; 9] = [
    "transform",
    "postprocess",
    "provider",
    "rubricPrompt",
    "prefix",
    "suffix",
    "disableVarExpansion",
    "disableDefaultAsserts",
    "disableConversationVar",
];
/// Options that change what the assertions that all tests share mean for one of them.
const SCOPED: [&str; 5] =
    ["transform", "postprocess", "provider", "rubricPrompt", "disableDefaultAsserts"];

impl Importer<'_> {
    pub(super) fn tests(&mut self, root: &Node) -> Tests {
        let default = root.get("defaultTest").and_then(|node| self.followed(node));
        let nothing = Node::of(Value::Null, &root.place);
        let default = default.unwrap_or(nothing);
        self.foreign(&default, &["vars", "assert", "threshold", "metadata", "options"]);
        let tests = self.written_tests(root);
        let scoped = |test: &Node| SCOPED.iter().any(|key| test.path(["options", key]).is_some());
        let apart = tests.iter().any(scoped);
        let shared = if apart {
            Vec::new()
        } else {
            let scope = self.scope(&default, &default);
            self.graders(default.get("assert"), &scope)
        };
        let mut cases = Vec::new();
        for test in &tests {
            self.foreign(test, &READ);
            let graders = self.own_graders(test, &default, apart);
            self.cases_of(test, &default, &graders, &mut cases);
        }
        name_all(&mut cases);
        Tests { graders: shared, cases }
    }

    /// The tests of a configuration and of the files that it names.
    fn written_tests(&mut self, root: &Node) -> Vec<Node> {
        let Some(tests) = root.get("tests") else {
            // Without tests the prompt is asked once as it stands.
            return vec![Node::of(json!({}), &root.place)];
        };
        let mut found = Vec::new();
        for node in tests.one_or_many() {
            let path = node.text().or_else(|| node.get("path").and_then(Node::text));
            match path {
                Some(path) => found.extend(self.tests_of_file(path, &node.place)),
                None => found.push(node.clone()),
            }
        }
        found
    }

    fn tests_of_file(&mut self, path: &str, at: &Place) -> Vec<Node> {
        let path = path.strip_prefix("file://").unwrap_or(path);
        let extension = path.rsplit('.').next().unwrap_or_default();
        if path.contains("://") || !["csv", "jsonl", "json", "yaml", "yml"].contains(&extension) {
            let what = format!("tests made by `{path}` are not imported");
            self.report.lost(at, what, "save them as CSV or JSONL");
            return Vec::new();
        }
        let Some(text) = self.load(path, at) else { return Vec::new() };
        match extension {
            "csv" => self.csv_tests(path, &text, at),
            "jsonl" => {
                let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
                lines.filter_map(|(line, number)| self.line_test(path, line, number)).collect()
            }
            _ => match Node::read(path, &text) {
                Ok(node) => node.one_or_many().to_vec(),
                Err(error) => {
                    self.report.lost(at, error.to_string(), "");
                    Vec::new()
                }
            },
        }
    }

    fn line_test(&mut self, path: &str, line: &str, number: usize) -> Option<Node> {
        let place = Place::line(path, number);
        match serde_json::from_str(line) {
            Ok(value) => Some(Node::of(value, &place)),
            Err(error) => {
                self.report.lost(&place, format!("the line is not JSON: {error}"), "");
                None
            }
        }
    }

    /// Tells of keys that are not read, of a test and of its options.
    fn foreign(&mut self, test: &Node, read: &[&str]) {
        let options = test.get("options").map(Node::entries).unwrap_or_default();
        let keys = test.entries().iter().map(|entry| (entry, read));
        let options = options.iter().map(|entry| (entry, OPTIONS.as_slice()));
        for ((key, node), read) in keys.chain(options) {
            if !read.contains(&key.name.as_str()) && !is_empty(node) {
                self.report.lost(&key.place, format!("`{}` is not imported", key.name), "");
            }
        }
        for key in ["prefix", "suffix"] {
            // Those of the default test stand in the prompt itself.
            if read.contains(&"description")
                && let Some(node) = test.path(["options", key])
            {
                let what = format!("`{key}` of a single test is not imported");
                self.report.lost(&node.place, what, "make it a field and name it in the prompt");
            }
        }
    }

    /// What holds for the assertions of a test.
    fn scope(&mut self, test: &Node, default: &Node) -> Scope {
        let option = |key| test.path(["options", key]).or_else(|| default.path(["options", key]));
        let transform = option("transform").or_else(|| option("postprocess"));
        Scope {
            provider: option("provider").cloned(),
            rubric_prompt: option("rubricPrompt").cloned(),
            transform: transform.and_then(|node| self.transform(node)),
        }
    }

    fn own_graders(&mut self, test: &Node, default: &Node, apart: bool) -> Vec<Grader> {
        let scope = self.scope(test, default);
        let disabled = test.path(["options", "disableDefaultAsserts"]).and_then(Node::truth);
        let mut graders = Vec::new();
        if apart && disabled != Some(true) {
            graders = self.graders(default.get("assert"), &scope);
        }
        graders.extend(self.graders(test.get("assert"), &scope));
        graders
    }

    /// The cases of a test: one for each combination of the lists among its variables.
    fn cases_of(
        &mut self,
        test: &Node,
        default: &Node,
        graders: &[Grader],
        cases: &mut Vec<CaseFile>,
    ) {
        let mut vars = self.vars(default);
        vars.extend(self.vars(test));
        let whole = test.path(["options", "disableVarExpansion"]).and_then(Node::truth);
        let combinations = if whole == Some(true) { vec![vars] } else { combinations(vars) };
        if combinations.len() > COMBINATIONS_MAX {
            self.report.lost(&test.place, "the lists make too many combinations", "");
            return;
        }
        let threshold = test.get("threshold").or_else(|| default.get("threshold"));
        let threshold = threshold.and_then(Node::number);
        let description = test.get("description").and_then(Node::written);
        let slices = self.slices(test, default);
        for fields in combinations {
            cases.push(CaseFile {
                id: description.as_deref().map(id).filter(|id| !id.is_empty()),
                cluster: None,
                slices: slices.clone(),
                fields: self.filled(&fields, &test.place),
                graders: graders.to_vec(),
                threshold,
            });
        }
    }

    fn vars(&mut self, test: &Node) -> Map<String, Value> {
        let Some(vars) = test.get("vars") else { return Map::new() };
        let mut read = Map::new();
        for part in vars.one_or_many() {
            let Some(part) = self.followed(part) else { continue };
            for (key, node) in part.entries() {
                if let Some(value) = self.var(node) {
                    read.insert(key.name.clone(), value);
                }
            }
        }
        read
    }

    /// The value of a variable: what is written, or what is in the file that it names.
    fn var(&mut self, node: &Node) -> Option<Value> {
        let Some(path) = node.text().and_then(|text| text.strip_prefix("file://")) else {
            return Some(node.value());
        };
        match path.rsplit('.').next().unwrap_or_default() {
            "yaml" | "yml" => {
                // promptfoo gives templates the text of its JSON.
                Some(Value::String(self.load_tree(path, &node.place)?.value().to_string()))
            }
            "txt" | "md" | "json" | "csv" | "html" | "xml" => {
                Some(Value::String(self.load(path, &node.place)?))
            }
            _ => {
                let what = format!("the variable made by `{path}` is not imported");
                self.report.lost(&node.place, what, "write its value");
                None
            }
        }
    }

    /// Variables whose texts name other variables, with their values.
    fn filled(&mut self, fields: &Map<String, Value>, at: &Place) -> Map<String, Value> {
        let value = |name: &str| fields.get(name).map(written);
        let filled = |(name, field): (&String, &Value)| {
            let text = field.as_str().filter(|text| template::is_template(text));
            let text = match text.map(|text| template::fill(text, &value)) {
                None => return (name.clone(), field.clone()),
                Some(Some(text)) => text,
                Some(None) => {
                    let what = format!("`{name}` is a template of other variables");
                    self.report.lost(at, what, "write its value");
                    return (name.clone(), field.clone());
                }
            };
            (name.clone(), Value::String(text))
        };
        fields.iter().map(filled).collect()
    }

    /// Metadata of a test, by which its cases are also judged apart.
    fn slices(
        &mut self,
        test: &Node,
        default: &Node,
    ) -> std::collections::BTreeMap<String, String> {
        let metadata = |node: &Node| node.get("metadata").cloned();
        let both = [metadata(default), metadata(test)];
        let mut slices = std::collections::BTreeMap::new();
        for (key, node) in both.iter().flatten().flat_map(Node::entries) {
            match node.written() {
                Some(value) => {
                    slices.insert(key.name.clone(), value);
                }
                None => {
                    let what = format!("the metadata `{}` is left out", key.name);
                    self.report.note(&key.place, what, "slices are plain values");
                }
            }
        }
        slices
    }
}

/// Every combination of the lists among the values, the first varying slowest.
fn combinations(vars: Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut combinations = vec![Map::new()];
    for (name, value) in vars {
        let values = match value {
            Value::Array(values) if !values.is_empty() => values,
            value => vec![value],
        };
        let with = |combination: Map<String, Value>| {
            let with = |value: &Value| {
                let mut combination = combination.clone();
                combination.insert(name.clone(), value.clone());
                combination
            };
            values.iter().map(with).collect::<Vec<_>>()
        };
        combinations = combinations
            .into_iter()
            .flat_map(with)
            .take(COMBINATIONS_MAX.saturating_add(1))
            .collect();
    }
    combinations
}

/// Gives every case an id of its own where any has a description, and none where none has.
fn name_all(cases: &mut [CaseFile]) {
    if cases.iter().all(|case| case.id.is_none()) {
        return;
    }
    let mut names = Unique::default();
    for (case, number) in cases.iter_mut().zip(1_usize..) {
        let wanted = case.id.take().unwrap_or_else(|| number.to_string());
        case.id = Some(names.name(&wanted, " #"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_make_every_combination() {
        let vars = json!({ "a": [1, 2], "b": "x", "c": ["y", "z"] });
        let Value::Object(vars) = vars else { panic!("it is an object") };
        let made = combinations(vars);
        let made: Vec<String> =
            made.iter().map(|one| format!("{}{}{}", one["a"], one["b"], one["c"])).collect();
        assert_eq!(made, [r#"1"x""y""#, r#"1"x""z""#, r#"2"x""y""#, r#"2"x""z""#]);
    }

    #[test]
    fn cases_are_named_once() {
        let case = |id: Option<&str>| CaseFile { id: id.map(str::to_owned), ..CaseFile::default() };
        let mut cases = [case(Some("a")), case(None), case(Some("a"))];
        name_all(&mut cases);
        let ids: Vec<_> = cases.iter().map(|case| case.id.as_deref()).collect();
        assert_eq!(ids, [Some("a"), Some("2"), Some("a #2")]);
    }
}
