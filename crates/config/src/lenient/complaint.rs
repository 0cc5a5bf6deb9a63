//! Why one node could not be read, before its place is known.

use std::fmt;

use serde::de;

use crate::{
    problem::{Code, Problem},
    tree::{Node, Value},
};

/// What serde found wrong with a node.
#[derive(Debug)]
pub(super) enum Complaint {
    /// Another type was expected.
    WrongType { expected: &'static str },
    /// The value is not one of a few words.
    UnknownWord { known: &'static [&'static str] },
    /// The value is not of the form described.
    Invalid { expected: String },
}

impl Complaint {
    /// The problem that this complaint is at `node`.
    pub(super) fn about(self, node: &Node) -> Problem {
        let (found, described) = written(node);
        let problem = |code, message: String| Problem::new(code, node.span, message);
        match self {
            Self::WrongType { expected } => {
                problem(Code::WrongType, format!("expected {expected}, found {described}"))
            }
            Self::UnknownWord { known } => {
                let message = format!("{described} is not a value of this key");
                problem(Code::InvalidValue, message).suggesting(found, known)
            }
            Self::Invalid { expected } => {
                problem(Code::InvalidValue, format!("{described} is not {expected}"))
            }
        }
        .with_found(found)
    }
}

/// A node's own text, and what to call it.
fn written(node: &Node) -> (&str, String) {
    match &node.value {
        Value::Null => ("", "nothing".to_owned()),
        Value::Bool(true) => ("true", "`true`".to_owned()),
        Value::Bool(false) => ("false", "`false`".to_owned()),
        Value::Number(text) | Value::Text(text) => (text, format!("`{text}`")),
        Value::List(_) => ("", "a list".to_owned()),
        Value::Map(_) => ("", "a mapping".to_owned()),
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType { expected } => write!(f, "expected {expected}"),
            Self::UnknownWord { known } => write!(f, "expected one of {known:?}"),
            Self::Invalid { expected } => f.write_str(expected),
        }
    }
}

impl std::error::Error for Complaint {}

impl de::Error for Complaint {
    fn custom<T: fmt::Display>(expected: T) -> Self {
        Self::Invalid { expected: expected.to_string() }
    }

    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::Invalid { expected: "a number in the range of this key".to_owned() }
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::UnknownWord { known }
    }
}
