//! The grader of tool calls.

use serde_json::{Map, Value};

use super::{
    json::{misfit, validator},
    mark::{Broken, Mark},
    scorer::Scorer,
    seen::Seen,
    text::alike,
};
use crate::{
    flaw::Flaws,
    suite::Compare,
    template::{Filling, Template},
};

/// What the calls are expected to be like where no threshold says otherwise.
const F1_THRESHOLD: f64 = 1.0;

/// A call, or what is expected of one.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    name: String,
    /// None where any will do, or where they are not JSON.
    arguments: Option<Value>,
}

/// Which tools an answer calls, and how.
pub(super) struct ToolCalls {
    compare: Compare,
    expected: Expected,
    threshold: f64,
}

enum Expected {
    /// A template of a list.
    Template(Template),
    List(Filling),
}

impl ToolCalls {
    pub(super) fn new(
        compare: Compare,
        expected: &Value,
        threshold: Option<f64>,
        flaws: &mut Flaws,
    ) -> Self {
        let read = match expected {
            Value::String(text) => Expected::Template(flaws.template("/expected", text)),
            other => Expected::List(flaws.filling("/expected", other)),
        };
        let needed = compare != Compare::Valid;
        if needed && expected.is_null() {
            flaws.add("", "expected `expected`: the tools that should be called");
        }
        if needed && expected.is_array() && calls_expected(expected).is_err() {
            flaws.add("/expected", "expected a list of names or of `{name, arguments}`");
        }
        Self { compare, expected: read, threshold: threshold.unwrap_or(F1_THRESHOLD) }
    }

    fn expected(&self, seen: &Seen<'_>) -> Result<Vec<Call>, Broken> {
        let value = match &self.expected {
            Expected::Template(template) => template.value(seen.scope())?,
            Expected::List(filling) => filling.render(seen.scope())?,
        };
        calls_expected(&value)
    }
}

impl Scorer for ToolCalls {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let made: Vec<Call> = seen.answer.tool_calls.iter().map(call_made).collect();
        if self.compare == Compare::Valid {
            return Ok(valid(&made, seen.request));
        }
        let expected = self.expected(seen)?;
        let told = format!("expected {}, got {}", named(&expected), named(&made));
        Ok(match self.compare {
            Compare::Sequence => Mark::of(in_order(&expected, &made), told),
            Compare::Names => Mark::of(paired(&expected, &made, same_name) == expected.len(), told),
            Compare::Arguments => Mark::of(paired(&expected, &made, fits) == expected.len(), told),
            Compare::F1 | Compare::Valid => {
                Mark::scored(f1(&expected, &made), self.threshold, told)
            }
        })
    }
}

/// A text is one name, or several with commas between them.
fn calls_expected(value: &Value) -> Result<Vec<Call>, Broken> {
    match value {
        Value::Array(items) => items.iter().map(call_expected).collect(),
        Value::String(names) => Ok(names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(|name| Call { name: name.to_owned(), arguments: None })
            .collect()),
        other => call_expected(other).map(|call| vec![call]),
    }
}

fn call_expected(value: &Value) -> Result<Call, Broken> {
    let (name, arguments) = match value {
        Value::String(name) => (Some(name.as_str()), None),
        // OpenAI's form of a call is taken too.
        Value::Object(call) => {
            let call = call.get("function").and_then(Value::as_object).unwrap_or(call);
            (call.get("name").and_then(Value::as_str), call.get("arguments").map(parsed))
        }
        _ => (None, None),
    };
    let name = name.ok_or_else(|| Broken(format!("{value} names no tool that could be called")))?;
    Ok(Call { name: name.to_owned(), arguments })
}

fn parsed(arguments: &Value) -> Value {
    let read = arguments.as_str().and_then(|text| serde_json::from_str(text).ok());
    read.unwrap_or_else(|| arguments.clone())
}

fn call_made(call: &Value) -> Call {
    let function = call.get("function").unwrap_or(call);
    let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
    let arguments = function.get("arguments").map(|arguments| match arguments.as_str() {
        // A tool without parameters is often called with nothing at all.
        Some("") => Some(Value::Object(Map::new())),
        Some(text) => serde_json::from_str(text).ok(),
        None => Some(arguments.clone()),
    });
    Call { name: name.to_owned(), arguments: arguments.unwrap_or(Some(Value::Object(Map::new()))) }
}

fn named(calls: &[Call]) -> String {
    if calls.is_empty() {
        return "no call".to_owned();
    }
    let one = |call: &Call| match &call.arguments {
        Some(arguments) => format!("{}({arguments})", call.name),
        None => call.name.clone(),
    };
    calls.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn same_name(expected: &Call, made: &Call) -> bool {
    expected.name == made.name
}

/// The same tool, with at least the expected arguments.
fn fits(expected: &Call, made: &Call) -> bool {
    let arguments = match (&expected.arguments, &made.arguments) {
        (None, _) => true,
        (Some(expected), Some(made)) => covers(expected, made),
        (Some(_), None) => false,
    };
    same_name(expected, made) && arguments
}

/// The same tool, with the expected arguments and no others.
fn equals(expected: &Call, made: &Call) -> bool {
    let arguments = match (&expected.arguments, &made.arguments) {
        (None, _) => true,
        (Some(expected), Some(made)) => alike(expected, made),
        (Some(_), None) => false,
    };
    same_name(expected, made) && arguments
}

fn covers(expected: &Value, made: &Value) -> bool {
    match (expected, made) {
        (Value::Object(expected), Value::Object(made)) => expected
            .iter()
            .all(|(key, value)| made.get(key).is_some_and(|other| covers(value, other))),
        (expected, made) => alike(expected, made),
    }
}

/// How many of the expected calls were made, each call counted once.
///
/// Calls of which less is asked come last, so that they do not take what another needs.
fn paired(expected: &[Call], made: &[Call], matches: fn(&Call, &Call) -> bool) -> usize {
    let mut expected: Vec<&Call> = expected.iter().collect();
    expected.sort_by_key(|call| std::cmp::Reverse(demands(call)));
    let mut left: Vec<&Call> = made.iter().collect();
    let mut pairs = 0;
    for wanted in expected {
        if let Some(at) = left.iter().position(|call| matches(wanted, call)) {
            left.remove(at);
            pairs += 1;
        }
    }
    pairs
}

fn demands(call: &Call) -> usize {
    call.arguments.as_ref().map_or(0, |arguments| 1 + arguments.as_object().map_or(0, Map::len))
}

fn in_order(expected: &[Call], made: &[Call]) -> bool {
    let mut made = made.iter();
    expected.iter().all(|wanted| made.any(|call| same_name(wanted, call)))
}

/// The harmonic mean of precision and recall (van Rijsbergen 1979), over calls and not over names,
/// so that a tool which is called once too often costs precision.
fn f1(expected: &[Call], made: &[Call]) -> f64 {
    if expected.is_empty() && made.is_empty() {
        return 1.0;
    }
    let pairs = paired(expected, made, equals) as f64;
    2.0 * pairs / (expected.len() + made.len()) as f64
}

/// Every call is of a tool that the request declares, with arguments that fit its parameters.
fn valid(made: &[Call], request: &Value) -> Mark {
    if made.is_empty() {
        return Mark::of(false, "it calls no tool");
    }
    let wrong = made.iter().find_map(|call| wrong_with(call, request));
    Mark::of(wrong.is_none(), wrong.unwrap_or_else(|| "every call fits its tool".to_owned()))
}

fn wrong_with(call: &Call, request: &Value) -> Option<String> {
    let name = &call.name;
    let declared = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let mut functions = declared.filter_map(|tool| tool.get("function"));
    let tool = functions.find(|function| function.get("name").is_some_and(|it| it == name));
    let Some(tool) = tool else { return Some(format!("the prompt declares no tool `{name}`")) };
    let Some(arguments) = &call.arguments else {
        return Some(format!("the arguments of `{name}` are not JSON"));
    };
    let parameters = tool.get("parameters")?;
    match validator(parameters) {
        Ok(validator) => misfit(&validator, arguments).map(|what| format!("`{name}`: {what}")),
        Err(error) => Some(format!("the parameters of `{name}`: {error}")),
    }
}
