//! YAML text to a tree of nodes that know their place.
//!
//! A tree and not the typed model at once, because a typed reader stops at its first mistake.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned, UserMessageFormatter};

use crate::{
    problem::{Code, Problem},
    source::{Source, Span},
};

/// How deep collections may nest; the format needs seven levels.
const MAX_DEPTH: usize = 32;
/// How many nodes a file may have after its aliases are expanded.
const MAX_NODES: usize = 100_000;

/// Where an empty file lacks what it should have.
const BEGINNING: Span = Span { start: 0, len: 0, line: 1, column: 1 };

/// A value and where it is written.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// A number, with the text it is written in.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// Keys are text nodes, in the order of the file.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What a key, or the number of a list's item from 0, leads to, and where that is written.
    pub(crate) fn child(&self, key: &str) -> Option<(Span, &Self)> {
        match &self.value {
            Value::Map(entries) => {
                let named = |(name, _): &&(Self, Self)| match &name.value {
                    Value::Text(name) | Value::Number(name) => name == key,
                    _ => false,
                };
                entries.iter().find(named).map(|(name, child)| (name.span, child))
            }
            Value::List(items) => {
                let child = items.get(key.parse::<usize>().ok()?)?;
                Some((child.span, child))
            }
            _ => None,
        }
    }
}

/// Reads one YAML document. An empty file is an empty mapping.
///
/// # Errors
/// The text is not YAML, writes a key twice, holds several documents, or expands beyond bounds.
pub(crate) fn read(source: &Source) -> Result<Node, Box<Problem>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(&source.text, options)
        .map(|raw| match raw.value {
            Raw::Null => Node { span: BEGINNING, value: Value::Map(Vec::new()) },
            value => value.at(raw.defined, source),
        })
        .map_err(|error| Box::new(explain(&error, source)))
}

fn explain(error: &serde_saphyr::Error, source: &Source) -> Problem {
    let span = error.location().map_or_else(Span::default, |at| place(at, source));
    if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error.without_snippet() {
        let key = key.as_deref().unwrap_or_default();
        return Problem::new(Code::DuplicateKey, span, format!("`{key}` is written twice"))
            .with_found(key)
            .with_help("keep one of the two");
    }
    let message = error.render_with_formatter(&UserMessageFormatter);
    Problem::new(Code::Syntax, span, without_place(&message)).with_found(source.slice(span))
}

/// The parser ends its messages with their place, which a problem already carries.
fn without_place(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

fn place(at: Location, source: &Source) -> Span {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let (line, column) = (number(at.line()), number(at.column()));
    let start = at.span().byte_offset().map_or_else(|| source.offset(line, column), number);
    let len = at.span().byte_len().map_or(0, number);
    let end = start.saturating_add(len).min(source.text.len());
    let written = source.text.get(start..end).unwrap_or_default().trim_end();
    Span { start, len: written.len(), line, column }
}

/// What the parser says of a value, before it is given its place and written form.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl Raw {
    fn at(self, location: Location, source: &Source) -> Node {
        let span = place(location, source);
        let value = match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number => Value::Number(source.slice(span).to_owned()),
            Self::Text(text) => Value::Text(text),
            Self::List(items) => Value::List(
                items.into_iter().map(|item| item.value.at(item.defined, source)).collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, item)| {
                        let at = place(key.defined, source);
                        let key = Node { span: at, value: Value::Text(key.value) };
                        (key, item.value.at(item.defined, source))
                    })
                    .collect(),
            ),
        };
        Node { span, value }
    }
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
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
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
