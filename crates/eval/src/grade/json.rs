//! The grader of JSON.

use jsonschema::Validator;
use serde_json::{Deserializer, Value};

use super::{
    mark::{Broken, Mark, cut, quoted},
    scorer::Scorer,
    seen::Seen,
};
use crate::{flaw::Flaws, template::Filling};

/// Beginnings that are tried where JSON may stand anywhere.
const BEGINNINGS_MAX: usize = 1_000;

/// The answer is JSON, or has JSON in it, that fits a schema.
pub(super) struct Json {
    schema: Option<Schema>,
    anywhere: bool,
}

impl Json {
    pub(super) fn new(schema: Option<&Value>, anywhere: bool, flaws: &mut Flaws) -> Self {
        Self { schema: schema.map(|schema| Schema::new(schema, flaws)), anywhere }
    }
}

impl Scorer for Json {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let found = if self.anywhere { within(seen.text()) } else { whole(seen.text()) };
        if found.is_empty() {
            let what = if self.anywhere { "has no JSON" } else { "is not JSON" };
            return Ok(Mark::of(false, format!("{} {what}", quoted(seen.text()))));
        }
        let Some(schema) = &self.schema else { return Ok(Mark::of(true, "it is JSON")) };
        let mut misfit = String::new();
        for value in &found {
            match schema.misfit(value, seen)? {
                None => return Ok(Mark::of(true, "it fits the schema")),
                Some(what) => misfit = what,
            }
        }
        Ok(Mark::of(false, misfit))
    }
}

fn whole(text: &str) -> Vec<Value> {
    serde_json::from_str(text).into_iter().collect()
}

/// Every object and list of a text that does not lie within another.
pub(super) fn within(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    for _ in 0..BEGINNINGS_MAX {
        let Some(start) = rest.find(['{', '[']) else { break };
        let Some(from) = rest.get(start..) else { break };
        let mut values = Deserializer::from_str(from).into_iter::<Value>();
        let read = values.next().and_then(Result::ok);
        let taken = if read.is_some() { values.byte_offset() } else { 1 };
        found.extend(read);
        rest = from.get(taken..).unwrap_or_default();
    }
    found
}

/// A JSON Schema, which may have holes that a case fills.
pub(super) struct Schema {
    written: Filling,
    fixed: Option<Validator>,
}

impl Schema {
    pub(super) fn new(schema: &Value, flaws: &mut Flaws) -> Self {
        let written = flaws.filling("/schema", schema);
        let fixed =
            if written.is_fixed() { flaws.keep("/schema", validator(schema)) } else { None };
        Self { written, fixed }
    }

    /// How a value does not fit, if it does not.
    fn misfit(&self, value: &Value, seen: &Seen<'_>) -> Result<Option<String>, Broken> {
        if let Some(fixed) = &self.fixed {
            return Ok(misfit(fixed, value));
        }
        let validator = validator(&self.written.render(seen.scope())?)?;
        Ok(misfit(&validator, value))
    }
}

/// A validator that fetches nothing: references must lead to the schema itself.
pub(super) fn validator(schema: &Value) -> Result<Validator, Broken> {
    // A schema that is written as a text is JSON in it.
    let parsed = schema.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    jsonschema::options()
        .offline()
        .build(parsed.as_ref().unwrap_or(schema))
        .map_err(|error| Broken(format!("this is not a JSON Schema: {error}")))
}

/// The first way in which a value does not fit.
pub(super) fn misfit(validator: &Validator, value: &Value) -> Option<String> {
    let error = validator.iter_errors(value).next()?;
    let at = error.instance_path().to_string();
    let at = if at.is_empty() { String::new() } else { format!(" at {at}") };
    Some(cut(&error.to_string()) + &at)
}
