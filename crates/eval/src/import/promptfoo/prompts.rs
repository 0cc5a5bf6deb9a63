//! Prompts: texts, chats and files of either.

use serde_json::{Map, Value};

use super::{Importer, Node};
use crate::{
    Message, Prompt,
    import::{names::slug, node::Place},
};

/// The line that stands between the prompts of a text file.
const DELIMITER: &str = "---";
/// What promptfoo asks where no prompt is written.
const DEFAULT: &str = "{{prompt}}";

/// A prompt as a suite has it.
#[derive(Debug)]
pub(super) struct Asked {
    /// What tells it from the other prompts, where there are others.
    pub(super) label: Option<String>,
    pub(super) prompt: Prompt,
    /// What of it did not come over.
    pub(super) partial: Vec<String>,
}

/// A prompt as it is written.
struct Written {
    label: String,
    text: String,
    at: Place,
}

impl Importer<'_> {
    pub(super) fn prompts(&mut self, root: &Node) -> Vec<Asked> {
        let options = root.path(["defaultTest", "options"]);
        let around = |key| options.and_then(|options| options.get(key)).and_then(Node::written);
        let (prefix, suffix) = (around("prefix"), around("suffix"));
        let mut asked = Vec::new();
        for written in self.written_prompts(root) {
            let from = self.report.findings.len();
            let text = [prefix.as_deref(), Some(written.text.as_str()), suffix.as_deref()];
            let text: String = text.into_iter().flatten().collect();
            let messages = self.messages(&text, &written.at);
            let prompt = Prompt { messages, ..Prompt::default() };
            let partial = self.report.partial_since(from);
            asked.push(Asked { label: Some(written.label), prompt, partial });
        }
        if let [one] = asked.as_mut_slice() {
            one.label = None;
        }
        asked
    }

    fn written_prompts(&mut self, root: &Node) -> Vec<Written> {
        let Some(prompts) = root.get("prompts") else {
            let label = "default".to_owned();
            return vec![Written { label, text: DEFAULT.to_owned(), at: root.place.clone() }];
        };
        let mut found = Vec::new();
        if prompts.is_map() {
            for (key, label) in prompts.entries() {
                let path = Node::of(Value::String(key.name.clone()), &key.place);
                self.prompt(&path, label.written(), &mut found);
            }
            return found;
        }
        for node in prompts.one_or_many() {
            let own = node.is_map();
            let raw = node.get("raw").or_else(|| node.get("id")).filter(|_| own).unwrap_or(node);
            let label = node.get("label").and_then(Node::written);
            self.prompt(raw, label, &mut found);
        }
        found
    }

    /// Reads one entry, which may be a file of several prompts.
    fn prompt(&mut self, node: &Node, label: Option<String>, found: &mut Vec<Written>) {
        let at = node.place.clone();
        let Some(text) = node.text() else {
            // A chat that is written as YAML and not as a text of JSON.
            let number = format!("{}", found.len().saturating_add(1));
            let (label, text) = (label.unwrap_or(number), node.value().to_string());
            found.push(Written { label, text, at });
            return;
        };
        let Some(path) = path_of(text) else {
            let label = label.unwrap_or_else(|| slug(text).chars().take(40).collect());
            found.push(Written { label, text: text.to_owned(), at });
            return;
        };
        let stem = || path.rsplit('/').next().and_then(|name| name.split('.').next());
        let label = label.or_else(|| stem().map(str::to_owned)).unwrap_or_default();
        let extension = path.rsplit('.').next().unwrap_or_default();
        if !["txt", "md", "j2", "json", "jsonl", "yaml", "yml"].contains(&extension) {
            let what = format!("a prompt made by `{path}` is not imported");
            self.report.lost(&at, what, "write the prompt as a template");
            return;
        }
        let Some(text) = self.load(path, &at) else { return };
        let (place, texts) = (Place::line(path, 1), split(&text, extension, path));
        found.extend(texts.into_iter().map(|text| Written {
            label: label.clone(),
            text,
            at: place.clone(),
        }));
    }

    /// The messages of a prompt: those of a chat in JSON, or one of the user.
    pub(super) fn messages(&mut self, text: &str, at: &Place) -> Vec<Message> {
        if let Some(chat) = chat(text) {
            let mut messages = Vec::new();
            for message in chat {
                messages.extend(self.message(message, at));
            }
            return messages;
        }
        if text.trim_start().starts_with('[') && text.contains("\"role\"") {
            let what = "the chat is made by the template and is not JSON before it is rendered";
            self.report.lost(at, what, "write its messages under `prompt.messages`");
        }
        let content = Value::String(self.template(text, at));
        vec![Message { role: "user".to_owned(), content }]
    }

    fn message(&mut self, mut message: Map<String, Value>, at: &Place) -> Option<Message> {
        let role = message.remove("role").and_then(|role| role.as_str().map(str::to_owned));
        let content = message.remove("content").unwrap_or_default();
        let content = self.templates(content, at);
        for key in message.keys() {
            let what = format!("`{key}` of a message is not imported");
            self.report.lost(at, what, "");
        }
        Some(Message { role: role?, content })
    }
}

/// The file that a prompt names.
fn path_of(text: &str) -> Option<&str> {
    if let Some(path) = text.strip_prefix("file://") {
        return Some(path);
    }
    let known = [".txt", ".json", ".jsonl", ".yaml", ".yml", ".js", ".py", ".md", ".j2", ".csv"];
    let path = !text.contains(['\n', '{', ' ']) && known.iter().any(|end| text.ends_with(end));
    path.then_some(text)
}

/// The prompts of a file.
fn split(text: &str, extension: &str, path: &str) -> Vec<String> {
    match extension {
        "txt" => {
            let lines: Vec<&str> = text.lines().collect();
            let parts = lines.split(|line| line.trim() == DELIMITER);
            parts.map(|part| part.join("\n")).filter(|part| !part.trim().is_empty()).collect()
        }
        "jsonl" => text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
        "yaml" | "yml" => {
            // A chat; another text is a prompt as it stands.
            let chat = Node::read(path, text).ok().filter(Node::is_list);
            vec![chat.map_or_else(|| text.to_owned(), |chat| chat.value().to_string())]
        }
        _ => vec![text.trim_end_matches('\n').to_owned()],
    }
}

/// The messages of a chat in JSON. Expressions may stand in it where a text should.
fn chat(text: &str) -> Option<Vec<Map<String, Value>>> {
    let text = text.trim();
    if !text.starts_with('[') {
        return None;
    }
    let messages: Vec<Map<String, Value>> = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&quoted_expressions(text)))
        .ok()?;
    let all = !messages.is_empty() && messages.iter().all(|message| message.contains_key("role"));
    all.then_some(messages)
}

/// The text with `{{ x | dump }}`, which renders to a JSON text with its quotes, written as the
/// JSON text `"{{ x }}"`.
fn quoted_expressions(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once("{{") {
        let Some((body, after)) = tag.split_once("}}") else { break };
        written.push_str(before);
        let value = body.trim().strip_suffix("dump").and_then(|body| body.trim().strip_suffix('|'));
        match value {
            Some(value) => written.push_str(&format!("\"{{{{ {} }}}}\"", value.trim())),
            None => written.push_str(&format!("{{{{{body}}}}}")),
        }
        rest = after;
    }
    written.push_str(rest);
    written
}
