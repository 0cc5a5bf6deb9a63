//! Assertions about the text of an answer.

use serde_json::Value;

use super::{
    Importer, Node,
    asserts::{Check, Checked},
    regex::portable,
};
use crate::{Kind, OneOrMany, import::template};

pub(super) fn equals(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let value = importer.asserted(check)?;
    let (value, at) = match value.written() {
        // What is not a list or a mapping is compared as a text.
        Some(text) => (Value::String(text), &value.place),
        None => (value.value(), &value.place),
    };
    let value = importer.templates(value, at);
    Some(Kind::Equals { value, ignore_case: false }.into())
}

pub(super) fn contains(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let ignore_case = check.base.starts_with('i');
    let several = check.base.ends_with("-any") || check.base.ends_with("-all");
    let any = check.base.ends_with("-any");
    if !several {
        let value = OneOrMany::One(importer.asserted_text(check)?);
        return Some(Kind::Contains { value, any, ignore_case }.into());
    }
    let value = importer.asserted(check)?;
    let texts: Vec<String> = match value.text() {
        Some(text) if template::lone_name(text).is_some() => {
            let name = template::lone_name(text).unwrap_or_default();
            let split = format!("{{{{ {name} | split(',') | map('trim') | list | tojson }}}}");
            return Some(Kind::Contains { value: OneOrMany::One(split), any, ignore_case }.into());
        }
        Some(text) => listed(text),
        None => value.one_or_many().iter().filter_map(Node::written).collect(),
    };
    let texts = texts.iter().map(|text| importer.template(text, &value.place)).collect();
    Some(Kind::Contains { value: OneOrMany::Many(texts), any, ignore_case }.into())
}

/// The texts of a list with commas, each perhaps in quotes.
fn listed(text: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        match (letter, texts.last_mut()) {
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => texts.push(String::new()),
            (letter, Some(last)) => last.push(letter),
            (_, None) => {}
        }
    }
    texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

pub(super) fn starts_with(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let value = importer.asserted_text(check)?;
    Some(Kind::StartsWith { value, ignore_case: false }.into())
}

pub(super) fn regex(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let pattern = portable(&importer.asserted_text(check)?);
    Some(Kind::Regex { pattern }.into())
}

pub(super) fn json(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let anywhere = check.base == "contains-json";
    if check.node.get("value").is_none() {
        return Some(Kind::Json { schema: None, anywhere }.into());
    }
    let value = importer.asserted(check)?;
    let schema = match value.text() {
        None => value.value(),
        Some("") => return Some(Kind::Json { schema: None, anywhere }.into()),
        Some(text) => match Node::read(&value.place.file, text) {
            Ok(schema) if schema.is_map() && !template::is_template(text) => schema.value(),
            _ => {
                let what = "the schema is not written as YAML or JSON";
                importer.report.lost(&value.place, what, "write it under `schema`");
                return None;
            }
        },
    };
    Some(Kind::Json { schema: Some(schema), anywhere }.into())
}

pub(super) fn word_count(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let value = importer.asserted(check)?;
    let (min, max) = match value.whole() {
        Some(count) => (Some(count), Some(count)),
        None => {
            let bound = |key| value.get(key).and_then(Node::whole);
            (bound("min"), bound("max"))
        }
    };
    if min.is_none() && max.is_none() {
        importer.report.lost(&value.place, "the number of words is not a number", "");
        return None;
    }
    Some(Kind::WordCount { min, max }.into())
}

pub(super) fn finish_reason(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    Some(Kind::FinishReason { value: importer.asserted_text(check)? }.into())
}

pub(super) fn refusal(_: &mut Importer<'_>, _: &Check<'_>) -> Option<Checked> {
    Some(Kind::Refusal.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_commas_outside_of_quotes() {
        assert_eq!(listed(r#"a, "b, c" ,,d"#), ["a", "b, c", "d"]);
    }
}
