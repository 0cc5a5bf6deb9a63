//! What is wrong with suites as they are written.

use std::fmt::Display;

use serde_json::Value;

use crate::template::{Filling, Template, TemplateError};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// A JSON pointer from the root of the file.
    pub(crate) at: String,
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

/// All that was found so far; everything is read to its end.
#[derive(Debug, Default)]
pub(crate) struct Flaws {
    found: Vec<Flaw>,
    /// The pointer of what is being read.
    base: String,
}

impl Flaws {
    /// Adds a flaw at a pointer from what is being read.
    pub(crate) fn add(&mut self, at: &str, what: impl Into<String>) {
        self.push(at, what.into(), None);
    }

    /// Adds a flaw that something can be done about.
    pub(crate) fn add_with_hint(
        &mut self,
        at: &str,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(at, what.into(), Some(hint.into()));
    }

    /// Adds a name that leads nowhere, with the nearest that does.
    pub(crate) fn unknown<'a>(
        &mut self,
        at: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) {
        let hint = nearest(name, known);
        self.push(at, format!("there is no {what} `{name}`"), hint);
    }

    fn push(&mut self, at: &str, what: String, hint: Option<String>) {
        self.found.push(Flaw { at: format!("{}{at}", self.base), what, hint });
    }

    /// Reads something that lies at a pointer from what is being read.
    pub(crate) fn within<T>(&mut self, at: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.base.len();
        self.base.push_str(at);
        let made = read(self);
        self.base.truncate(length);
        made
    }

    /// The value, or none and a flaw.
    pub(crate) fn keep<T>(&mut self, at: &str, made: Result<T, impl Display>) -> Option<T> {
        made.map_err(|error| self.add(at, error.to_string())).ok()
    }

    /// Reads a template; one that cannot be read is taken to be empty.
    pub(crate) fn template(&mut self, at: &str, source: &str) -> Template {
        self.or_default(at, Template::new(source))
    }

    /// Reads a value whose texts are templates.
    pub(crate) fn filling(&mut self, at: &str, value: &Value) -> Filling {
        self.or_default(at, Filling::new(value))
    }

    fn or_default<T: Default>(&mut self, at: &str, made: Result<T, TemplateError>) -> T {
        made.unwrap_or_else(|error| {
            self.add(at, error.to_string());
            T::default()
        })
    }

    /// All flaws.
    pub(crate) fn into_found(self) -> Vec<Flaw> {
        self.found
    }
}

/// How alike names must be for one to be a slip of the other.
const ALIKE_MIN: f64 = 0.7;

/// What a slip may have meant, or what there is where nothing is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    let likeness = |other: &str| strsim::normalized_damerau_levenshtein(name, other);
    let best = known.iter().copied().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match best {
        Some(best) if likeness(best) >= ALIKE_MIN => Some(format!("did you mean `{best}`?")),
        Some(_) => Some(format!("known are {}", known.join(", "))),
        None => None,
    }
}
