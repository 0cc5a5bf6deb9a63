//! Providers: a hint of the deployments to evaluate, and the parameters of requests.

use serde_json::{Map, Value};

use super::{Importer, Node};
use crate::import::node::Place;

/// Parameters of requests that promptfoo's configuration of providers has by OpenAI's names.
const PARAMETERS: [&str; 15] = [
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "seed",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "logit_bias",
    "verbosity",
];

/// Where and as whom requests are sent, which the gateway's configuration says.
const CONNECTION: [&str; 10] = [
    "apiKey",
    "apiKeyEnvar",
    "apiHost",
    "apiBaseUrl",
    "apiVersion",
    "organization",
    "region",
    "headers",
    "cost",
    "timeout",
];

/// Words in a provider's id that name an interface and no model.
const SURFACES: [&str; 8] = [
    "chat",
    "messages",
    "responses",
    "completion",
    "converse",
    "embedding",
    "embeddings",
    "completions",
];

/// Providers that are programs or pages and no models.
const PROGRAMS: [&str; 12] = [
    "file",
    "http",
    "https",
    "exec",
    "python",
    "webhook",
    "browser",
    "websocket",
    "ws",
    "package",
    "promptfoo",
    "sequence",
];

/// What the providers of a configuration say.
#[derive(Debug, Default)]
pub(super) struct Providers {
    pub(super) candidates: Vec<String>,
    pub(super) parameters: Map<String, Value>,
}

impl Importer<'_> {
    pub(super) fn providers(&mut self, root: &Node) -> Providers {
        let Some(written) = root.get("providers").or_else(|| root.get("targets")) else {
            return Providers::default();
        };
        let mut found = Providers::default();
        let mut all = Vec::new();
        for node in written.one_or_many() {
            let (id, config) = id_and_config(node);
            let Some(id) = id else {
                self.report.note(&node.place, "a provider without an id is left out", "");
                continue;
            };
            match deployment(&id) {
                Some(deployment) => found.candidates.push(deployment),
                None => self.report.note(
                    &node.place,
                    format!("`{id}` is no model behind a gateway"),
                    "name a deployment when the suite is run",
                ),
            }
            all.push((node.place.clone(), self.parameters(config.as_ref())));
        }
        found.candidates.dedup();
        if let Some((_, first)) = all.first() {
            found.parameters.clone_from(first);
        }
        for (place, parameters) in all.iter().skip(1) {
            if *parameters != found.parameters {
                let what = "providers have unlike parameters; those of the first are taken";
                self.report.lost(place, what, "write a suite for each");
            }
        }
        found
    }

    /// The parameters of requests in a provider's configuration.
    pub(super) fn parameters(&mut self, config: Option<&Node>) -> Map<String, Value> {
        let mut parameters = Map::new();
        for (key, node) in config.map(Node::entries).unwrap_or_default() {
            let name = key.name.as_str();
            if PARAMETERS.contains(&name) {
                if let Some(node) = self.followed(node) {
                    parameters.insert(name.to_owned(), node.value());
                }
            } else if CONNECTION.contains(&name) {
                let what = format!("`{name}` is left out");
                self.report.note(&key.place, what, "the gateway's configuration says it");
            } else {
                let what = format!("the provider's `{name}` is not imported");
                self.report.lost(&key.place, what, "set it under `prompt.parameters`");
            }
        }
        parameters
    }

    /// The deployment that a judge's provider means; a note where it means none.
    pub(super) fn judging(&mut self, id: &str, at: &Place) -> String {
        deployment(id).unwrap_or_else(|| {
            let what = format!("`{id}` is no model behind a gateway");
            self.report.lost(at, what, "name the judge's deployment in the suite");
            id.to_owned()
        })
    }
}

/// The id and configuration of a provider, in each of the ways that they are written.
pub(super) fn id_and_config(node: &Node) -> (Option<String>, Option<Node>) {
    if let Some(id) = node.text() {
        return (Some(id.to_owned()), None);
    }
    if let Some(id) = node.get("id") {
        return (id.written(), node.get("config").cloned());
    }
    match node.entries() {
        [(key, options)] => (Some(key.name.clone()), options.get("config").cloned()),
        _ => (None, None),
    }
}

/// `MODEL@PROVIDER` of an id such as `openai:chat:gpt-5.5`.
fn deployment(id: &str) -> Option<String> {
    let (provider, rest) = id.split_once(':')?;
    if PROGRAMS.contains(&provider) {
        return None;
    }
    let provider = if provider == "azureopenai" { "azure" } else { provider };
    let model: Vec<&str> = rest.split(':').filter(|part| !SURFACES.contains(part)).collect();
    let model = model.join(":");
    (!model.is_empty()).then(|| format!("{model}@{provider}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_a_deployment() {
        for (id, wanted) in [
            ("openai:gpt-5.5", Some("gpt-5.5@openai")),
            ("openai:chat:gpt-5.5", Some("gpt-5.5@openai")),
            ("anthropic:messages:claude-sonnet-5", Some("claude-sonnet-5@anthropic")),
            ("azureopenai:chat:mine", Some("mine@azure")),
            (
                "bedrock:eu.anthropic.claude-sonnet-5:0",
                Some("eu.anthropic.claude-sonnet-5:0@bedrock"),
            ),
            ("file://provider.js", None),
            ("echo", None),
        ] {
            assert_eq!(deployment(id).as_deref(), wanted, "{id}");
        }
    }
}
