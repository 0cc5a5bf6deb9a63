//! Assertions about the calls of tools.

use serde_json::{Value, json};

use super::{
    Importer, Node,
    asserts::{Check, Checked},
};
use crate::{Compare, Kind};

pub(super) fn valid(_: &mut Importer<'_>, _: &Check<'_>) -> Option<Checked> {
    Some(Kind::ToolCalls { compare: Compare::Valid, expected: Value::Null }.into())
}

pub(super) fn f1(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let expected = names(importer, check)?;
    Some(Checked {
        kind: Kind::ToolCalls { compare: Compare::F1, expected },
        threshold: Some(check.number("threshold").unwrap_or(1.0)),
    })
}

pub(super) fn used(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let expected = names(importer, check)?;
    Some(Kind::ToolCalls { compare: Compare::Names, expected }.into())
}

pub(super) fn sequence(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    if mode(check) == Some("exact") {
        let what = "an exact sequence of tools is not imported";
        importer.report.lost(&check.node.place, what, "further calls may stand between ours");
        return None;
    }
    let expected = names(importer, check)?;
    Some(Kind::ToolCalls { compare: Compare::Sequence, expected }.into())
}

pub(super) fn arguments(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let value = importer.asserted(check)?;
    if mode(check) == Some("exact") {
        let what = "exact arguments of tools are not imported";
        importer.report.lost(&value.place, what, "further arguments may be given to ours");
        return None;
    }
    let arguments = value.get("args").or_else(|| value.get("arguments")).map(Node::value);
    let call = name_of(&value).zip(arguments);
    let Some((name, arguments)) = call else {
        importer.report.lost(&value.place, "`name` and `args` of the tool are needed", "");
        return None;
    };
    let arguments = importer.templates(arguments, &value.place);
    let expected = json!([{ "name": name, "arguments": arguments }]);
    Some(Kind::ToolCalls { compare: Compare::Arguments, expected }.into())
}

fn mode<'n>(check: &Check<'n>) -> Option<&'n str> {
    check.node.path(["value", "mode"]).and_then(Node::text)
}

/// The names of tools: a text with commas, a list, or `{name}` and `{steps}`.
fn names(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Value> {
    let value = importer.asserted(check)?;
    for key in ["min", "max", "pattern"] {
        if let Some(node) = value.get(key) {
            let what = format!("`{key}` of `{}` is not imported", check.base);
            importer.report.lost(&node.place, what, "write a `script` grader");
        }
    }
    let names: Vec<String> = match value.text() {
        Some(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        None => {
            let list = value.get("steps").or_else(|| value.get("tools")).unwrap_or(&value);
            list.one_or_many().iter().filter_map(name_of).collect()
        }
    };
    if names.is_empty() {
        importer.report.lost(&value.place, "no tool is named", "");
        return None;
    }
    let names = names.iter().map(|name| importer.template(name, &value.place));
    Some(names.collect::<Vec<_>>().into())
}

fn name_of(node: &Node) -> Option<String> {
    node.written().or_else(|| {
        let key = ["name", "tool"].into_iter().find_map(|key| node.get(key));
        key.and_then(Node::written)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::node::Place;

    #[test]
    fn a_tool_is_named_by_itself_or_by_a_key() {
        let at = Place::line("a.yaml", 1);
        for value in [json!("find"), json!({ "name": "find" }), json!({ "tool": "find" })] {
            assert_eq!(name_of(&Node::of(value, &at)).as_deref(), Some("find"));
        }
        assert_eq!(name_of(&Node::of(json!({}), &at)), None);
    }
}
