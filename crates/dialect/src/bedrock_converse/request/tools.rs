//! Tools and the choice among them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use tieline_types::Fault;

use crate::{
    Losses, arguments,
    bedrock_converse::part::CachePoint,
    ir::{Ask, CacheMark, Tool, ToolChoice},
};

/// The longest name of a tool.
const NAME_CHARS_MAX: usize = 64;

/// `toolConfig`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    pub(super) tools: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
}

/// An entry of `toolConfig.tools`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Entry<'a> {
    ToolSpec {
        name: &'a str,
        description: &'a str,
        input_schema: Schema<'a>,
        /// Only when asked for: not every model takes the field.
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
    CachePoint(CachePoint),
}

/// A JSON Schema, its text untouched.
#[derive(Debug, Serialize)]
pub(super) struct Schema<'a> {
    json: Cow<'a, RawValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Choice<'a> {
    Auto {},
    Any {},
    Tool { name: &'a str },
}

/// What the request says of tools.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    /// `toolConfig`, if any.
    pub(super) config: Option<ToolConfig<'a>>,
    /// The model must be told in words to call none.
    pub(super) forbid: bool,
}

/// Writes tools and choice. Converse refuses a history with tool blocks without `toolConfig`, and
/// knows no choice of none. `mark` says which cache points stay.
///
/// # Errors
/// `unsupported_here` for names that Converse does not take.
pub(super) fn write<'a>(
    ask: &'a Ask,
    mut mark: impl FnMut(CacheMark) -> Option<CachePoint>,
    losses: &mut Losses,
) -> Result<Tools<'a>, Fault> {
    if ask.parallel_tools == Some(false) {
        losses.drop("parallel_tool_calls");
    }
    let called = ask.called_tools();
    let none = ask.tool_choice == Some(ToolChoice::None);
    if none && called.is_empty() {
        return Ok(Tools::default());
    }
    let mut tools = Vec::new();
    for (at, tool) in ask.tools.iter().enumerate() {
        check_name(&tool.name, &format!("tools[{at}].name"))?;
        tools.push(entry(tool));
        tools.extend(tool.cache.and_then(&mut mark).map(Entry::CachePoint));
    }
    if tools.is_empty() && !called.is_empty() {
        losses.emulate("tools");
        tools.extend(called.into_iter().map(stub));
    }
    if tools.is_empty() {
        if ask.tool_choice.is_some() {
            losses.drop("tool_choice");
        }
        return Ok(Tools::default());
    }
    if none {
        losses.emulate("tool_choice");
    }
    let tool_choice = ask.tool_choice.as_ref().and_then(|choice| match choice {
        ToolChoice::Auto => Some(Choice::Auto {}),
        ToolChoice::Required => Some(Choice::Any {}),
        ToolChoice::Tool(name) => Some(Choice::Tool { name }),
        ToolChoice::None => None,
    });
    Ok(Tools { config: Some(ToolConfig { tools, tool_choice }), forbid: none })
}

fn entry(tool: &Tool) -> Entry<'_> {
    let described = tool.description.as_deref().filter(|text| !text.trim().is_empty());
    Entry::ToolSpec {
        name: &tool.name,
        description: described.unwrap_or(&tool.name),
        input_schema: Schema {
            json: tool.parameters.as_deref().map_or_else(no_arguments, Cow::Borrowed),
        },
        strict: tool.strict.filter(|strict| *strict),
    }
}

fn stub(name: &str) -> Entry<'_> {
    let input_schema = Schema { json: no_arguments() };
    Entry::ToolSpec { name, description: name, input_schema, strict: None }
}

fn no_arguments<'a>() -> Cow<'a, RawValue> {
    Cow::Owned(arguments::no_parameters())
}

/// Replies are read without knowing the request, so a changed name could not be changed back:
/// names must be Converse's to begin with.
///
/// # Errors
/// `unsupported_here` at `path`.
pub(super) fn check_name(name: &str, path: &str) -> Result<(), Fault> {
    let valid = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if valid {
        return Ok(());
    }
    let message = format!(
        "Bedrock Converse takes tool names of 1 to {NAME_CHARS_MAX} letters, digits, `_` and `-`, \
         not {name:?}"
    );
    Err(Fault::unsupported(path, message))
}
