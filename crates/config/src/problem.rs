//! What is wrong with a configuration, in a form for people and for machines.

use std::fmt;

use serde::Serialize;

use crate::source::{Source, Span};

mod code;

pub use code::Code;

/// One mistake: where it is, what is wrong, what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which kind of mistake.
    pub code: Code,
    /// Where in the file.
    #[serde(flatten)]
    pub span: Span,
    /// The text at fault as it is written; empty where nothing is written, `***` for a secret.
    pub found: String,
    /// What is wrong.
    pub message: String,
    /// What was expected or what to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, span, found: String::new(), message: message.into(), help: None }
    }

    pub(crate) fn with_found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what `name` may have meant among `known`, or lists what is known.
    pub(crate) fn suggesting(self, name: &str, known: &[&str]) -> Self {
        match nearest(name, known) {
            Some(near) => self.with_help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.with_help(format!("expected {}", one_of(known))),
        }
    }
}

/// One or more mistakes in one file, in the order of the file.
#[derive(Clone, Debug)]
pub struct Problems {
    pub(crate) source: Source,
    list: Vec<Problem>,
}

impl Problems {
    /// Sorts the problems and hides what must not be printed.
    pub(crate) fn new(source: &Source, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| (problem.span.start, problem.code));
        list.dedup();
        let secrets = list.iter().filter(|problem| problem.code == Code::LiteralSecret);
        let spans: Vec<Span> = secrets.map(|problem| problem.span).collect();
        Self { source: source.masked(&spans), list }
    }

    /// The mistakes, in the order of the file; never empty.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// The mistakes as JSON: `{"file": ..., "problems": [...]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "file": &*self.source.name, "problems": self.list })
    }

    /// The mistakes as text for a terminal: each with its lines of the file, underlined.
    #[must_use]
    pub fn report(&self) -> String {
        crate::diagnose::report(self)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}", self.source.name)?;
            if problem.span.line > 0 {
                write!(f, ":{}:{}", problem.span.line, problem.span.column)?;
            }
            write!(f, ": {}: {}", problem.code, problem.message)?;
            if let Some(help) = &problem.help {
                write!(f, " (help: {help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The known name that `name` is a slip of: at most a third of its letters differ.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    let near = known.iter().copied().min_by_key(|candidate| distance(candidate))?;
    let longest = name.chars().count().max(near.chars().count());
    (distance(near) <= (longest / 3).max(1)).then_some(near)
}

/// `` `a`, `b` or `c` ``
pub(crate) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
