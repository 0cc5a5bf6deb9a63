//! What a run asks, and of which items.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Asked, Importer, Objects, deployment};
use crate::{
    CaseFile, Message,
    import::node::{Node, Place},
};

/// How a run names a field of an item.
const ITEM: &str = "item.";
/// Sampling parameters, and what Chat Completions calls them.
const PARAMETERS: [(&str, &str); 7] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("seed", "seed"),
    ("max_completion_tokens", "max_completion_tokens"),
    ("max_completions_tokens", "max_completion_tokens"),
    ("response_format", "response_format"),
    ("reasoning_effort", "reasoning_effort"),
];

impl Importer<'_> {
    /// What the eval's run asks; a suite without a run has nothing to ask.
    pub(super) fn asked(&mut self, eval: &Node, objects: &Objects) -> Asked {
        self.data_source(eval);
        let id = eval.get("id").and_then(Node::text);
        let own = |run: &&Node| match (run.get("eval_id").and_then(Node::text), id) {
            (Some(of), Some(id)) => of == id,
            _ => true,
        };
        let mut asked = Asked::default();
        let runs: Vec<&Node> = objects.runs.iter().filter(own).collect();
        let mut items: Vec<Node> = objects.items.clone();
        if let Some(source) = runs.first().and_then(|run| run.get("data_source")) {
            self.prompt(source, &mut asked);
            if items.is_empty() {
                items = self.items(source);
            }
        } else {
            let what = "there is no run, which says what is asked";
            self.report.lost(&eval.place, what, "add the run's JSON, or write `prompt` by hand");
        }
        let models = runs.iter().filter_map(|run| run.path(["data_source", "model"]));
        asked.candidates.extend(models.filter_map(Node::text).map(deployment));
        let from_outputs = objects.outputs.iter().filter_map(|one| one.get("datasource_item"));
        asked.cases = if items.is_empty() {
            from_outputs.filter_map(|item| self.case(item)).collect()
        } else {
            items.iter().filter_map(|node| self.case(node.get("item")?)).collect()
        };
        if asked.cases.is_empty() {
            let what = "there are no items";
            self.report.lost(&eval.place, what, "add the JSONL of the run's items");
        }
        asked
    }

    fn data_source(&mut self, eval: &Node) {
        let Some(config) = eval.get("data_source_config") else { return };
        let kind = config.get("type").and_then(Node::text).unwrap_or_default();
        if kind != "custom" {
            let what = format!("the items come from `{kind}`, which is at OpenAI");
            self.report.note(&config.place, what, "add them as JSONL of `{\"item\": …}`");
        }
    }

    fn prompt(&mut self, source: &Node, asked: &mut Asked) {
        let Some(messages) = source.get("input_messages") else {
            if source.get("type").and_then(Node::text) == Some("jsonl") {
                let what = "the run grades answers that are in its data and asks nothing";
                let hint = "write `prompt` by hand, or import the run's output items";
                self.report.lost(&source.place, what, hint);
            }
            return;
        };
        if let Some(reference) = messages.get("item_reference").and_then(Node::text) {
            let field = reference.strip_prefix(ITEM).unwrap_or(reference);
            asked.prompt.messages_from = Some(field.to_owned());
        }
        for message in messages.get("template").map(Node::items).unwrap_or_default() {
            asked.prompt.messages.extend(self.message(message));
        }
        let parameters = source.get("sampling_params").map(Node::entries).unwrap_or_default();
        for (key, node) in parameters {
            self.parameter(&key.name, node, &mut asked.prompt.parameters);
        }
    }

    /// A parameter of a request, by the name that Chat Completions has for it.
    pub(super) fn parameter(&mut self, name: &str, node: &Node, into: &mut Map<String, Value>) {
        if node.is_null() {
            return;
        }
        if let Some((_, ours)) = PARAMETERS.iter().find(|(theirs, _)| *theirs == name) {
            into.insert((*ours).to_owned(), node.value());
        } else if name == "tools" {
            let tools: Vec<Value> = node.items().iter().map(tool).collect();
            into.insert(name.to_owned(), tools.into());
        } else if let Some(format) = node.get("format").filter(|_| name == "text") {
            into.insert("response_format".to_owned(), response_format(format));
        } else {
            let what = format!("`{name}` is not imported");
            self.report.lost(&node.place, what, "set it under `prompt.parameters`");
        }
    }

    pub(super) fn message(&mut self, node: &Node) -> Option<Message> {
        let Some(role) = node.get("role").and_then(Node::written) else {
            self.report.lost(&node.place, "a message without a role is left out", "");
            return None;
        };
        let content = match node.get("content") {
            None => Value::String(String::new()),
            Some(content) => match content.written() {
                Some(text) => Value::String(text),
                None => self.parts(content)?,
            },
        };
        Some(Message { role, content })
    }

    /// The parts of a message, in the form of Chat Completions; a lone text as it is.
    fn parts(&mut self, content: &Node) -> Option<Value> {
        let mut parts = Vec::new();
        for part in content.one_or_many() {
            let kind = part.get("type").and_then(Node::text).unwrap_or("input_text");
            parts.push(match kind {
                _ if part.text().is_some() => json!({ "type": "text", "text": part.value() }),
                "input_text" | "output_text" | "text" => {
                    json!({ "type": "text", "text": part.get("text").map(Node::value) })
                }
                "input_image" => {
                    let mut image = Map::new();
                    let given = |key| part.get(key).map(Node::value);
                    image.extend(given("image_url").map(|url| ("url".to_owned(), url)));
                    image.extend(given("detail").map(|detail| ("detail".to_owned(), detail)));
                    json!({ "type": "image_url", "image_url": image })
                }
                "input_audio" => part.value(),
                _ => {
                    self.report.lost(&part.place, format!("a part `{kind}` is not imported"), "");
                    return None;
                }
            });
        }
        let lone = match parts.as_slice() {
            [part] => part.get("text").cloned(),
            _ => None,
        };
        Some(lone.unwrap_or(Value::Array(parts)))
    }

    /// The items of a run: those in it, or those of a file that is at hand under the file's id.
    fn items(&mut self, source: &Node) -> Vec<Node> {
        let Some(from) = source.get("source") else { return Vec::new() };
        if let Some(content) = from.get("content") {
            return content.items().to_vec();
        }
        let Some(id) = from.get("id").and_then(Node::text) else {
            let kind = from.get("type").and_then(Node::text).unwrap_or_default().to_owned();
            let what = format!("items of `{kind}` are at OpenAI");
            self.report.lost(&from.place, what, "add them as JSONL of `{\"item\": …}`");
            return Vec::new();
        };
        let name = format!("{id}.jsonl");
        let Ok(bytes) = self.files.read(Path::new(&name)) else {
            let what = format!("the file {id} is at OpenAI");
            let hint = format!("download it as {name} beside the eval, or name it as well");
            self.report.lost(&from.place, what, hint);
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut items = Vec::new();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            let place = Place::line(&name, number);
            match serde_json::from_str(line) {
                Ok(value) => items.push(Node::of(value, &place)),
                Err(error) => {
                    self.report.lost(&place, format!("the line is not JSON: {error}"), "");
                }
            }
        }
        items
    }

    fn case(&mut self, item: &Node) -> Option<CaseFile> {
        if !item.is_map() {
            self.report.lost(&item.place, "an item is not an object", "");
            return None;
        }
        let id = item.get("id").and_then(Node::written);
        Some(CaseFile { id, fields: item.map(), ..CaseFile::default() })
    }
}

/// A tool in the form of Chat Completions, which nests what that of Responses has flat.
fn tool(node: &Node) -> Value {
    if node.get("function").is_some() || node.get("name").is_none() {
        return node.value();
    }
    let mut function = node.map();
    let kind = function.remove("type").unwrap_or_else(|| json!("function"));
    json!({ "type": kind, "function": function })
}

/// The format of a text of Responses in the form of Chat Completions.
fn response_format(node: &Node) -> Value {
    let mut format = node.map();
    let kind = format.remove("type").unwrap_or_default();
    if kind == "json_schema" {
        json!({ "type": kind, "json_schema": format })
    } else {
        node.value()
    }
}
