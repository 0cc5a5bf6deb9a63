//! Requests and answers of OpenAI's Responses, in the form of Chat Completions.
//! Format: platform.openai.com/docs/api-reference/responses.

use serde_json::{Map, Value, json};

use super::chat::{self, Chat, Left};

/// Parameters, and what Chat Completions calls them.
const PARAMETERS: [(&str, &str); 5] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("max_output_tokens", "max_completion_tokens"),
    ("parallel_tool_calls", "parallel_tool_calls"),
    ("tool_choice", "tool_choice"),
];
/// What providers keep, and a request only names.
const KEPT: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// What a request asks.
pub(super) fn chat(body: &Map<String, Value>) -> Result<Chat, Left> {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    if KEPT.iter().any(|key| given(key).is_some()) {
        return Err(Left::Kept);
    }
    let mut messages = Vec::new();
    if let Some(Value::String(text)) = given("instructions") {
        messages.push(json!({ "role": "system", "content": text }));
    }
    match given("input") {
        Some(Value::String(text)) => messages.push(json!({ "role": "user", "content": text })),
        Some(Value::Array(items)) => {
            for item in items {
                messages.extend(message(item)?);
            }
        }
        _ => return Err(Left::NoChat),
    }
    Ok(Chat { messages: together(messages), parameters: parameters(body)? })
}

/// The message that an item is; reasoning is not sent again.
fn message(item: &Value) -> Result<Option<Value>, Left> {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message");
    match kind {
        "message" => chat::message(item).map(lone).map(Some),
        "reasoning" => Ok(None),
        "function_call" => Ok(Some(json!({
            "role": "assistant",
            "content": null,
            "tool_calls": [call(item)],
        }))),
        "function_call_output" => {
            let output = match item.get("output") {
                Some(Value::Array(parts)) => {
                    Value::Array(parts.iter().map(chat::part).collect::<Result<_, _>>()?)
                }
                Some(output) => output.clone(),
                None => return Err(Left::Unknown),
            };
            let id = item.get("call_id");
            Ok(Some(lone(json!({ "role": "tool", "tool_call_id": id, "content": output }))))
        }
        _ => Err(Left::Unknown),
    }
}

/// A message whose one part is a text, with that text alone.
fn lone(mut message: Value) -> Value {
    let text = match message.get("content").and_then(Value::as_array).map(Vec::as_slice) {
        Some([part]) => part.get("text").cloned(),
        _ => None,
    };
    if let (Some(text), Some(content)) = (text, message.get_mut("content")) {
        *content = text;
    }
    message
}

fn call(item: &Value) -> Value {
    let function = json!({ "name": item.get("name"), "arguments": item.get("arguments") });
    json!({ "id": item.get("call_id"), "type": "function", "function": function })
}

/// Messages in which calls that were made at once are in one.
fn together(messages: Vec<Value>) -> Vec<Value> {
    let mut together: Vec<Value> = Vec::new();
    for mut message in messages {
        let calls = |message: &Value| message.get("tool_calls").is_some_and(Value::is_array);
        if let Some(last) = together.last_mut().filter(|last| calls(last) && calls(&message))
            && let (Some(Value::Array(before)), Some(Value::Array(more))) =
                (last.get_mut("tool_calls"), message.get_mut("tool_calls"))
        {
            before.append(more);
            continue;
        }
        together.push(message);
    }
    together
}

fn parameters(body: &Map<String, Value>) -> Result<Map<String, Value>, Left> {
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    let mut parameters = Map::new();
    for (theirs, ours) in PARAMETERS {
        parameters.extend(given(theirs).map(|value| (ours.to_owned(), value.clone())));
    }
    if let Some(Value::Object(choice)) = parameters.get_mut("tool_choice")
        && let Some(name) = choice.remove("name")
    {
        choice.insert("function".to_owned(), json!({ "name": name }));
    }
    let format = given("text").and_then(|text| text.get("format")).and_then(Value::as_object);
    parameters.extend(format.map(|format| ("response_format".to_owned(), response_format(format))));
    let effort = given("reasoning").and_then(|reasoning| reasoning.get("effort"));
    let effort = effort.filter(|effort| !effort.is_null());
    parameters.extend(effort.map(|effort| ("reasoning_effort".to_owned(), effort.clone())));
    if let Some(Value::Array(tools)) = given("tools").filter(|tools| **tools != json!([])) {
        let tools = tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?;
        parameters.insert("tools".to_owned(), tools.into());
    }
    Ok(parameters)
}

/// A function; tools that the provider runs itself cannot be asked elsewhere.
fn tool(tool: &Value) -> Result<Value, Left> {
    let function = tool.as_object().filter(|tool| tool.get("type") == Some(&json!("function")));
    let mut function = function.cloned().ok_or(Left::Unknown)?;
    function.remove("type");
    Ok(json!({ "type": "function", "function": function }))
}

fn response_format(format: &Map<String, Value>) -> Value {
    let mut format = format.clone();
    match format.remove("type") {
        Some(kind) if kind == "json_schema" => json!({ "type": kind, "json_schema": format }),
        kind => json!({ "type": kind }),
    }
}

/// The message that the output of an answer is.
pub(super) fn answer(answer: &Value) -> Option<Value> {
    let items = match answer.get("output")? {
        Value::String(text) => return Some(json!({ "content": text })),
        Value::Array(items) => items,
        _ => return None,
    };
    let kind = |item: &Value| item.get("type").and_then(Value::as_str).map(str::to_owned);
    let texts = items.iter().filter(|item| kind(item).as_deref() == Some("message"));
    let parts = texts.filter_map(|item| item.get("content")?.as_array()).flatten();
    let text: String = parts.filter_map(|part| part.get("text")?.as_str()).collect();
    let calls = items.iter().filter(|item| kind(item).as_deref() == Some("function_call"));
    let calls: Vec<Value> = calls.map(call).collect();
    let mut message = Map::from_iter([("content".to_owned(), json!(text))]);
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    Some(Value::Object(message))
}
