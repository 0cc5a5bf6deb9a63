//! YAML text to trees of nodes that know their place.
//!
//! Trees and not the typed form at once, because a typed reader stops at its first mistake.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned, UserMessageFormatter};

/// How deep collections may nest; a definition of an objective needs nine levels.
const MAX_DEPTH: usize = 32;
/// How many nodes a file may have after its aliases are expanded.
const MAX_NODES: usize = 100_000;

/// A line and a column, both from 1.
pub type At = (usize, usize);

/// A value and where it is written.
#[derive(Debug)]
pub struct Node {
    /// Where it begins.
    pub at: At,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// A text, quoted or not.
    Text(String),
    /// Items in their order.
    List(Vec<Node>),
    /// Keys with their places, in the order of the file.
    Map(Vec<(String, At, Node)>),
}

impl Value {
    /// What it is, in a sentence.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads all documents of a file. Empty ones are left out.
///
/// # Errors
/// Where and why the text is not YAML, writes a key twice, or expands beyond bounds.
pub fn read(text: &str) -> Result<Vec<Node>, (At, String)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES },
        strict_booleans: true,
        with_snippet: false,
    };
    let raw = serde_saphyr::from_multiple_with_options::<Spanned<Raw>>(text, options);
    let raw = raw.map_err(|error| {
        let at = error.location().map_or((0, 0), place);
        let message = error.render_with_formatter(&UserMessageFormatter);
        // The parser ends its messages with their place.
        (at, message.split(" at line ").next().unwrap_or(&message).to_owned())
    })?;
    Ok(raw.into_iter().map(node).collect())
}

fn place(at: Location) -> At {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    (number(at.line()), number(at.column()))
}

fn node(raw: Spanned<Raw>) -> Node {
    let value = match raw.value {
        Raw::Scalar(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(node).collect()),
        Raw::Map(entries) => {
            let entry = |(key, item): (Spanned<String>, _)| {
                let at = place(key.defined);
                (key.value, at, node(item))
            };
            Value::Map(entries.into_iter().map(entry).collect())
        }
    };
    Node { at: place(raw.defined), value }
}

/// What the parser says of a value.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Number(value as f64)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Number(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Number(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
