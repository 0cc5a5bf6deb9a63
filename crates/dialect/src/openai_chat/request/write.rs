//! Writing a request body: everything but the messages.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use tieline_types::Fault;

use super::turns::Turns;
use crate::{
    Losses, Target, arguments,
    ir::{Ask, Format, Tool, ToolChoice},
    json::bytes,
    openai::{labels, mentions_json, reasoning},
    stand_in::JSON_ONLY,
};

/// The most stop strings OpenAI takes.
const STOPS_MAX: usize = 4;

/// The body, in the order of OpenAI's documentation; what is not asked for is not there.
#[derive(Default, Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(flatten)]
    options: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<WireFormat<'a>>,
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: WireSchema<'a> },
}

#[derive(Serialize)]
struct WireSchema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Writes the body for `target`.
pub(in crate::openai_chat) fn write(
    ask: &Ask,
    target: &Target,
    losses: &mut Losses,
) -> Result<Vec<u8>, Fault> {
    losses.leave_out(&ask.foreign)?;
    let mut options = Options { target, losses, map: Map::new() };
    options.write_stream(ask);
    options.write_tool_choice(ask);
    options.write_limits(ask)?;
    options.write_reasoning(ask);
    options.write_labels(ask);
    options.write_openai_only(ask);
    let options = options.map;
    let mut messages = Turns::new(&ask.messages, target, losses).write()?;
    if matches!(ask.format, Some(Format::JsonObject)) && !mentions_json(&ask.messages) {
        // OpenAI refuses JSON mode unless the word occurs; at the end it spares the prompt cache.
        losses.emulate("response_format");
        messages.push(json!({ "role": "system", "content": JSON_ONLY }));
    }
    Ok(bytes(&Body {
        model: &target.model,
        messages,
        tools: ask.tools.iter().map(|tool| wire_tool(tool, losses)).collect(),
        options,
        response_format: ask.format.as_ref().map(wire_format),
    }))
}

fn wire_tool<'a>(tool: &'a Tool, losses: &mut Losses) -> WireTool<'a> {
    if tool.cache.is_some() {
        losses.drop("cache_control");
    }
    let parameters = match &tool.parameters {
        Some(schema) => Cow::Borrowed(&**schema),
        None => Cow::Owned(arguments::no_parameters()),
    };
    WireTool {
        r#type: "function",
        function: WireFunction {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters,
            strict: tool.strict,
        },
    }
}

fn wire_format(format: &Format) -> WireFormat<'_> {
    match format {
        Format::JsonObject => WireFormat::JsonObject,
        Format::JsonSchema { name, description, schema, strict } => WireFormat::JsonSchema {
            json_schema: WireSchema {
                name,
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        },
    }
}

/// The scalar fields, as they come together.
struct Options<'a> {
    target: &'a Target,
    losses: &'a mut Losses,
    map: Map<String, Value>,
}

impl Options<'_> {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.map.insert(key.to_owned(), value.into());
    }

    fn put_some<T: Into<Value>>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Usage is always asked for: the ledger needs it whether the client does or not.
    fn write_stream(&mut self, ask: &Ask) {
        if ask.stream {
            self.put("stream", true);
            self.put("stream_options", json!({ "include_usage": true }));
        }
    }

    /// Without tools the rules about them mean nothing, and OpenAI refuses them.
    fn write_tool_choice(&mut self, ask: &Ask) {
        if ask.tools.is_empty() {
            return;
        }
        self.put_some(
            "tool_choice",
            ask.tool_choice.as_ref().map(|choice| match choice {
                ToolChoice::Auto => json!("auto"),
                ToolChoice::None => json!("none"),
                ToolChoice::Required => json!("required"),
                ToolChoice::Tool(name) => {
                    json!({ "type": "function", "function": { "name": name } })
                }
            }),
        );
        self.put_some("parallel_tool_calls", ask.parallel_tools);
    }

    fn write_limits(&mut self, ask: &Ask) -> Result<(), Fault> {
        let native = self.target.accepts.openai_native;
        let limit = if native { "max_completion_tokens" } else { "max_tokens" };
        self.put_some(limit, ask.max_output_tokens);
        // Models that refuse a temperature refuse penalties for the same reason.
        for (key, value) in [
            ("temperature", ask.temperature),
            ("top_p", ask.top_p),
            ("frequency_penalty", ask.frequency_penalty),
            ("presence_penalty", ask.presence_penalty),
        ] {
            if self.target.accepts.sampling {
                self.put_some(key, value);
            } else if value.is_some() {
                self.losses.drop(key);
            }
        }
        if ask.top_k.is_some() {
            self.losses.drop("top_k");
        }
        self.put_some("seed", ask.seed);
        if native && ask.stop.len() > STOPS_MAX {
            return Err(Fault::unsupported(
                "stop",
                format!("at most {STOPS_MAX} stop strings can be sent to this deployment"),
            ));
        }
        if !ask.stop.is_empty() {
            self.put("stop", ask.stop.clone());
        }
        Ok(())
    }

    fn write_reasoning(&mut self, ask: &Ask) {
        let model = &self.target.model;
        let Some(wish) = reasoning::wish_for(ask.reasoning.as_ref(), model, self.losses) else {
            return;
        };
        if wish.summary == Some(true) {
            self.losses.drop("reasoning.summary");
        }
        // Only OpenAI knows the word for "off"; a server without thinking would refuse it.
        if wish.off && !self.target.accepts.openai_native {
            self.losses.drop("reasoning.effort");
            return;
        }
        let effort = reasoning::effort(wish, self.losses);
        self.put_some("reasoning_effort", effort);
    }

    fn write_labels(&mut self, ask: &Ask) {
        let native = self.target.accepts.openai_native;
        let user = labels::user(ask, self.losses);
        self.put_some(if native { "safety_identifier" } else { "user" }, user);
    }

    /// What compatible servers do not know and the strict ones among them refuse.
    fn write_openai_only(&mut self, ask: &Ask) {
        let tier = labels::service_tier(ask, self.losses);
        let metadata = labels::metadata(ask, self.losses);
        for (key, value) in [
            ("service_tier", tier.map(Value::from)),
            ("verbosity", ask.verbosity.clone().map(Value::from)),
            ("prompt_cache_key", ask.cache_key.clone().map(Value::from)),
            ("store", ask.store.map(Value::from)),
            ("metadata", (!metadata.is_empty()).then(|| Value::from(metadata))),
        ] {
            if self.target.accepts.openai_native {
                self.put_some(key, value);
            } else if value.is_some() {
                self.losses.drop(key);
            }
        }
    }
}
