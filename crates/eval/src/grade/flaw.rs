//! What is wrong with graders as they are written.

use serde_json::Value;

use super::mark::Broken;
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
    pub(crate) fn keep<T>(&mut self, at: &str, made: Result<T, Broken>) -> Option<T> {
        made.map_err(|error| self.add(at, error.0)).ok()
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
