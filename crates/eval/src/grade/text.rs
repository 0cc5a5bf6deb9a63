//! Graders of the answer's wording: equality, parts, beginnings and regular expressions.

use std::borrow::Cow;

use fancy_regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{
    mark::{Broken, Mark, quoted},
    scorer::Scorer,
    seen::Seen,
};
use crate::{
    flaw::Flaws,
    suite::OneOrMany,
    template::{Filling, Scope, Template},
};

/// Steps back that one match may take before it is given up.
const BACKTRACKS_MAX: usize = 1_000_000;

/// The answer is a text, or a JSON value.
pub(super) struct Equals {
    value: Filling,
    ignore_case: bool,
}

impl Equals {
    pub(super) fn new(value: &Value, ignore_case: bool, flaws: &mut Flaws) -> Self {
        Self { value: flaws.filling("/value", value), ignore_case }
    }
}

impl Scorer for Equals {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let wanted = self.value.render(seen.scope())?;
        let text = seen.text();
        let pass = match &wanted {
            Value::String(wanted) => same(text, wanted, self.ignore_case),
            Value::Array(_) | Value::Object(_) => {
                serde_json::from_str::<Value>(text).is_ok_and(|found| alike(&found, &wanted))
            }
            scalar => same(text, &scalar.to_string(), self.ignore_case),
        };
        Ok(Mark::of(pass, format!("expected {}, got {}", quoted(&plain(wanted)), quoted(text))))
    }
}

fn same(text: &str, wanted: &str, ignore_case: bool) -> bool {
    folded(text, ignore_case) == folded(wanted, ignore_case)
}

fn folded(text: &str, ignore_case: bool) -> Cow<'_, str> {
    if ignore_case { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// Equality of JSON values by what they mean: `1` is `1.0`, and the order of keys does not matter.
pub(super) fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64().is_some_and(|one| Some(one) == other.as_f64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|it| alike(value, it)))
        }
        (one, other) => one == other,
    }
}

/// A text as it is, and everything else as JSON writes it.
pub(super) fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The answer has texts in it.
pub(super) struct Contains {
    values: Texts,
    any: bool,
    ignore_case: bool,
}

impl Contains {
    pub(super) fn new(value: &OneOrMany, any: bool, ignore_case: bool, flaws: &mut Flaws) -> Self {
        Self { values: Texts::new("/value", value, flaws), any, ignore_case }
    }
}

impl Scorer for Contains {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let values = self.values.render(seen.scope())?;
        let text = folded(seen.text(), self.ignore_case);
        let has = |value: &&String| text.contains(&*folded(value, self.ignore_case));
        if self.any {
            let found = values.iter().find(has);
            let reason = match found {
                Some(value) => format!("it has {}", quoted(value)),
                None => format!("it has none of {}", listed(&values)),
            };
            return Ok(Mark::of(found.is_some(), reason));
        }
        let missing = values.iter().find(|value| !has(value));
        let reason = match missing {
            None => format!("it has {}", listed(&values)),
            Some(value) => format!("it lacks {}", quoted(value)),
        };
        Ok(Mark::of(missing.is_none(), reason))
    }
}

fn listed(values: &[String]) -> String {
    values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ")
}

/// One text or several, each a template; one that has holes may also give a JSON list of texts.
pub(super) struct Texts(Vec<Template>);

impl Texts {
    pub(super) fn new(at: &str, value: &OneOrMany, flaws: &mut Flaws) -> Self {
        Self(match value {
            OneOrMany::One(text) => vec![flaws.template(at, text)],
            OneOrMany::Many(texts) => texts
                .iter()
                .enumerate()
                .map(|(index, text)| flaws.template(&format!("{at}/{index}"), text))
                .collect(),
        })
    }

    pub(super) fn render(&self, scope: &Scope) -> Result<Vec<String>, Broken> {
        let mut texts = Vec::with_capacity(self.0.len());
        for template in &self.0 {
            match template.value(scope)? {
                Value::Array(items) => texts.extend(items.into_iter().map(plain)),
                value => texts.push(plain(value)),
            }
        }
        Ok(texts)
    }
}

/// The answer begins with a text.
pub(super) struct StartsWith {
    value: Template,
    ignore_case: bool,
}

impl StartsWith {
    pub(super) fn new(value: &str, ignore_case: bool, flaws: &mut Flaws) -> Self {
        Self { value: flaws.template("/value", value), ignore_case }
    }
}

impl Scorer for StartsWith {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let wanted = self.value.render(seen.scope())?;
        let text = folded(seen.text(), self.ignore_case);
        let pass = text.starts_with(&*folded(&wanted, self.ignore_case));
        let reason = format!("expected {} at the beginning of {}", quoted(&wanted), quoted(&text));
        Ok(Mark::of(pass, reason))
    }
}

/// A regular expression matches somewhere in the answer.
pub(super) struct Matches {
    pattern: Template,
    /// The expression, where it is the same for every case.
    fixed: Option<Regex>,
}

impl Matches {
    pub(super) fn new(pattern: &str, flaws: &mut Flaws) -> Self {
        let pattern = flaws.template("/pattern", pattern);
        let fixed = pattern.fixed().map(expression);
        let fixed = fixed.and_then(|made| flaws.keep("/pattern", made));
        Self { pattern, fixed }
    }
}

impl Scorer for Matches {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let made;
        let regex = if let Some(fixed) = &self.fixed {
            fixed
        } else {
            made = expression(&self.pattern.render(seen.scope())?)?;
            &made
        };
        let found = regex.is_match(seen.text());
        let pass = found.map_err(|error| Broken(format!("`{}`: {error}", regex.as_str())))?;
        let verb = if pass { "matches" } else { "does not match" };
        Ok(Mark::of(pass, format!("{} {verb} `{}`", quoted(seen.text()), regex.as_str())))
    }
}

fn expression(pattern: &str) -> Result<Regex, Broken> {
    RegexBuilder::new(pattern)
        .backtrack_limit(BACKTRACKS_MAX)
        .build()
        .map_err(|error| Broken(format!("`{pattern}` is not a regular expression: {error}")))
}
