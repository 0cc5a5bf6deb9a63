//! Assertions: what all types share, and the table of types.

use super::{Importer, Node, judged, measures, scripts, texts, tools};
use crate::{
    Grader, Kind, Role,
    import::{
        node::{Key, Tree},
        script,
    },
};

/// What holds for the assertions of a test beside what each says.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The model that judges.
    pub(super) provider: Option<Node>,
    /// What a judge is asked.
    pub(super) rubric_prompt: Option<Node>,
    /// An expression of `output` that gives what is graded.
    pub(super) transform: Option<String>,
}

/// An assertion to convert.
pub(super) struct Check<'a> {
    /// Its type without `not-`.
    pub(super) base: &'a str,
    pub(super) node: &'a Node,
    pub(super) scope: &'a Scope,
}

/// What an assertion checks, as ours.
pub(super) struct Checked {
    pub(super) kind: Kind,
    pub(super) threshold: Option<f64>,
}

impl From<Kind> for Checked {
    fn from(kind: Kind) -> Self {
        Self { kind, threshold: None }
    }
}

type Convert = fn(&mut Importer<'_>, &Check<'_>) -> Option<Checked>;

/// Types that come over.
const TYPES: [(&str, Convert); 38] = [
    ("equals", texts::equals),
    ("contains", texts::contains),
    ("contains-all", texts::contains),
    ("contains-any", texts::contains),
    ("icontains", texts::contains),
    ("icontains-all", texts::contains),
    ("icontains-any", texts::contains),
    ("starts-with", texts::starts_with),
    ("regex", texts::regex),
    ("is-json", texts::json),
    ("contains-json", texts::json),
    ("word-count", texts::word_count),
    ("finish-reason", texts::finish_reason),
    ("is-refusal", texts::refusal),
    ("latency", measures::latency),
    ("cost", measures::cost),
    ("levenshtein", measures::levenshtein),
    ("similar", measures::similar),
    ("similar:cosine", measures::similar),
    ("bleu", measures::likeness),
    ("gleu", measures::likeness),
    ("meteor", measures::likeness),
    ("rouge-n", measures::likeness),
    ("javascript", scripts::javascript),
    ("python", scripts::python),
    ("llm-rubric", judged::rubric),
    ("g-eval", judged::rubric),
    ("model-graded-closedqa", judged::closed_question),
    ("factuality", judged::factuality),
    ("model-graded-factuality", judged::factuality),
    ("is-valid-function-call", tools::valid),
    ("is-valid-openai-function-call", tools::valid),
    ("is-valid-openai-tools-call", tools::valid),
    ("tool-call-f1", tools::f1),
    ("trajectory:tool-used", tools::used),
    ("trajectory:tool-args-match", tools::arguments),
    ("trajectory:tool-sequence", tools::sequence),
    ("assert-set", set),
];

/// Types that do not come over, and what to do instead.
const MISSING: [(&str, &str); 33] = [
    ("agent-rubric", "write a `command` grader that runs the agent"),
    ("answer-relevance", "write a `rubric` grader"),
    ("classifier", "write a `label` grader"),
    ("contains-html", "write a `script` grader"),
    ("contains-sql", "write a `command` grader"),
    ("contains-xml", "write a `script` grader"),
    ("context-faithfulness", "write a `rubric` grader over the field of the context"),
    ("context-recall", "write a `rubric` grader over the field of the context"),
    ("context-relevance", "write a `rubric` grader over the field of the context"),
    ("conversation-relevance", "write a `rubric` grader"),
    ("guardrails", "write a `refusal` grader"),
    ("human", "label answers by hand and calibrate a judge with them"),
    ("is-html", "write a `script` grader"),
    ("is-sql", "write a `command` grader"),
    ("is-xml", "write a `script` grader"),
    ("max-score", "Tieline compares deployments by their scores in the gate"),
    ("moderation", "write a `label` grader"),
    ("perplexity", "log probabilities are not graded"),
    ("perplexity-score", "log probabilities are not graded"),
    ("pi", "write a `rubric` grader"),
    ("ruby", "write a `command` grader"),
    ("search-rubric", "write a `rubric` grader whose judge searches"),
    ("select-best", "write a `pairwise` grader"),
    ("similar:dot", "use `similarity` with `cosine`"),
    ("similar:euclidean", "use `similarity` with `cosine`"),
    ("skill-used", "write a `tool_calls` grader"),
    ("trace-error-spans", "traces are not graded"),
    ("trace-span-count", "traces are not graded"),
    ("trace-span-duration", "traces are not graded"),
    ("trajectory:goal-success", "write a `rubric` grader"),
    ("trajectory:step-count", "write a `script` grader"),
    ("webhook", "write a `command` grader"),
    ("promptfoo:redteam", "red teaming is not imported"),
];

/// Keys of an assertion that are read.
const READ: [&str; 10] = [
    "type",
    "value",
    "threshold",
    "weight",
    "metric",
    "provider",
    "rubricPrompt",
    "transform",
    "assert",
    "config",
];

/// All types of promptfoo's.
fn names() -> impl Iterator<Item = &'static str> {
    let missing = MISSING.iter().map(|(name, _)| *name);
    TYPES.iter().map(|(name, _)| *name).chain(missing)
}

/// Whether a word is a type of promptfoo's.
pub(super) fn is_known(base: &str) -> bool {
    names().any(|name| name == base)
}

/// Where the type that a text begins with ends; for types with a colon in their name.
pub(super) fn longest_type(text: &str) -> Option<usize> {
    let base = text.strip_prefix("not-").unwrap_or(text);
    let prefix = text.len().saturating_sub(base.len());
    let with_colon = names().filter(|name| name.contains(':') && base.starts_with(name));
    with_colon.map(str::len).max().map(|end| end.saturating_add(prefix))
}

fn unknown(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let is = |name: &str| check.base == name || check.base.starts_with(&format!("{name}:"));
    let hint = MISSING.iter().find(|(name, _)| is(name));
    let what = format!("assertions of type `{}` are not imported", check.base);
    importer.report.lost(&check.node.place, what, hint.map_or("", |(_, hint)| hint));
    None
}

fn set(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let graders = importer.graders(check.node.get("assert"), check.scope);
    if graders.is_empty() {
        importer.report.lost(&check.node.place, "a set without assertions is left out", "");
        return None;
    }
    Some(Checked {
        kind: Kind::Set { graders, formula: None },
        threshold: check.number("threshold"),
    })
}

impl Check<'_> {
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.node.get(key).and_then(Node::number)
    }
}

impl Importer<'_> {
    pub(super) fn graders(&mut self, asserts: Option<&Node>, scope: &Scope) -> Vec<Grader> {
        let asserts = asserts.and_then(|node| self.followed(node));
        let asserts = asserts.as_ref().map(Node::one_or_many).unwrap_or_default();
        asserts.iter().filter_map(|node| self.grader(node, scope)).collect()
    }

    fn grader(&mut self, node: &Node, scope: &Scope) -> Option<Grader> {
        let node = self.dereferenced(node)?;
        let Some(written) = node.get("type").and_then(Node::text) else {
            self.report.lost(&node.place, "an assertion without a type is left out", "");
            return None;
        };
        for (key, _) in node.entries().iter().filter(|(key, _)| !READ.contains(&key.name.as_str()))
        {
            self.report.lost(&key.place, format!("`{}` is not imported", key.name), "");
        }
        let (negate, base) = match written.strip_prefix("not-") {
            Some(base) => (true, base),
            None => (false, written),
        };
        let convert = TYPES.iter().find(|(name, _)| *name == base);
        let convert = convert.map_or(unknown as Convert, |(_, convert)| *convert);
        let checked = convert(self, &Check { base, node: &node, scope })?;
        let threshold = self.score(checked.threshold, &node);
        let weight = node.get("weight").and_then(Node::number).unwrap_or(1.0);
        Some(Grader {
            id: None,
            metric: self.metric(&node),
            role: Role::default(),
            weight,
            negate,
            threshold,
            transform: self.graded(&node, scope, &checked.kind),
            kind: checked.kind,
        })
    }

    /// The assertion, or the template that it refers to with its own keys laid over.
    fn dereferenced(&mut self, node: &Node) -> Option<Node> {
        let Some(path) = node.get("$ref").and_then(Node::text) else { return Some(node.clone()) };
        let name = path.rsplit('/').next().unwrap_or_default();
        let template = self.templates.as_ref().and_then(|templates| templates.get(name)).cloned();
        let Some(template) = template else {
            self.report.lost(&node.place, format!("there is no `{path}`"), "");
            return None;
        };
        let own = |key: &Key| node.get(&key.name).is_some();
        let kept = template.entries().iter().filter(|(key, _)| !own(key));
        let laid = node.entries().iter().filter(|(key, _)| key.name != "$ref");
        Some(Node {
            place: node.place.clone(),
            tree: Tree::Map(kept.chain(laid).cloned().collect()),
        })
    }

    /// A threshold that a score, which is from 0 to 1, can be held against.
    fn score(&mut self, threshold: Option<f64>, node: &Node) -> Option<f64> {
        let fits = threshold.filter(|threshold| (0.0..=1.0).contains(threshold));
        if fits.is_none() && threshold.is_some() {
            let what = "the threshold is not from 0 to 1, as scores are";
            self.report.lost(&node.place, what, "scale the score and its threshold");
        }
        fits
    }

    fn metric(&mut self, node: &Node) -> Option<String> {
        let metric = node.get("metric")?;
        let name = metric.written()?;
        if crate::import::template::is_template(&name) {
            let what = "the metric is named by a template";
            self.report.lost(&metric.place, what, "name it plainly");
            return None;
        }
        Some(name)
    }

    /// What gives the graded text in place of the answer. The parts of a set say it themselves.
    fn graded(&mut self, node: &Node, scope: &Scope, kind: &Kind) -> Option<String> {
        if matches!(kind, Kind::Set { .. }) {
            return None;
        }
        let own = node.get("transform").and_then(|node| self.transform(node));
        match (scope.transform.clone(), own) {
            (Some(first), Some(then)) => Some(script::chain(&first, &then)),
            (first, then) => first.or(then),
        }
    }

    /// The value of an assertion, or the file that holds it.
    pub(super) fn asserted(&mut self, check: &Check<'_>) -> Option<Node> {
        let Some(value) = check.node.get("value") else {
            let what = format!("`{}` needs a value", check.base);
            self.report.lost(&check.node.place, what, "");
            return None;
        };
        let Some(path) = value.text().and_then(|text| text.strip_prefix("file://")) else {
            return Some(value.clone());
        };
        match path.rsplit('.').next().unwrap_or_default() {
            "json" | "yaml" | "yml" => self.load_tree(path, &value.place),
            "txt" | "md" => {
                let text = self.load(path, &value.place)?;
                Some(Node::of(text.trim().into(), &value.place))
            }
            _ => {
                let what = format!("a value made by `{path}` is not imported");
                self.report.lost(&value.place, what, "write a `script` grader");
                None
            }
        }
    }

    /// The value as a text that is a template.
    pub(super) fn asserted_text(&mut self, check: &Check<'_>) -> Option<String> {
        let value = self.asserted(check)?;
        let Some(text) = value.written() else {
            let what = format!("the value of `{}` is not a text", check.base);
            self.report.lost(&value.place, what, "");
            return None;
        };
        Some(self.template(&text, &value.place))
    }
}
