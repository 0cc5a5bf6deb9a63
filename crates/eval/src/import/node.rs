//! YAML and JSON as a tree of nodes that know where they are written.

use std::sync::Arc;

use serde_json::{Map, Value};
use serde_saphyr::{Spanned, UserMessageFormatter};

use super::ImportError;
use crate::yaml::Raw;

/// How deep collections may nest.
const MAX_DEPTH: usize = 64;
/// How many nodes a file may have after its aliases are expanded.
const MAX_NODES: usize = 2_000_000;

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    /// From 1.
    pub(super) line: usize,
    /// From 1.
    pub(super) column: usize,
}

impl Place {
    /// The beginning of a line.
    pub(super) fn line(file: &str, line: usize) -> Self {
        Self { file: file.into(), line, column: 1 }
    }
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) tree: Tree,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) name: String,
}

impl Node {
    /// Reads one document of YAML, of which JSON is a part. An empty file is null.
    ///
    /// # Errors
    /// The text is neither, or goes beyond bounds.
    pub(super) fn read(file: &str, text: &str) -> Result<Self, ImportError> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: MAX_DEPTH, max_nodes: MAX_NODES, max_events: MAX_NODES,
                max_total_scalar_bytes: super::MAX_BYTES
            },
            strict_booleans: true,
            with_snippet: false,
        };
        let file: Arc<str> = file.into();
        serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options)
            .map(|raw| placed(raw.value, place(&file, raw.defined), &file))
            .or_else(|error| Self::read_escapes(&file, text).ok_or(error))
            .map_err(|error| unreadable(&file, &error))
    }

    /// JSON may write a character as two escapes, which YAML may not; places are lost for it.
    fn read_escapes(file: &Arc<str>, text: &str) -> Option<Self> {
        let value = text.contains("\\u").then(|| serde_json::from_str(text).ok())??;
        Some(Self::of(value, &Place { file: Arc::clone(file), line: 1, column: 1 }))
    }

    /// A tree of one place.
    pub(super) fn of(value: Value, place: &Place) -> Self {
        let tree = match value {
            Value::Array(items) => {
                Tree::List(items.into_iter().map(|item| Self::of(item, place)).collect())
            }
            Value::Object(entries) => Tree::Map(
                entries
                    .into_iter()
                    .map(|(name, value)| {
                        (Key { place: place.clone(), name }, Self::of(value, place))
                    })
                    .collect(),
            ),
            scalar => Tree::Scalar(scalar),
        };
        Self { place: place.clone(), tree }
    }

    /// What a key leads to; nothing where it leads to null.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let (_, node) = self.entries().iter().find(|(name, _)| name.name == key)?;
        (!node.is_null()).then_some(node)
    }

    /// What a path of keys leads to.
    pub(super) fn path<const N: usize>(&self, keys: [&str; N]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub(super) fn entries(&self) -> &[(Key, Self)] {
        match &self.tree {
            Tree::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.tree {
            Tree::List(items) => items,
            _ => &[],
        }
    }

    /// The items of a list, or what stands in its place.
    pub(super) fn one_or_many(&self) -> &[Self] {
        match &self.tree {
            Tree::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    pub(super) const fn is_map(&self) -> bool {
        matches!(self.tree, Tree::Map(_))
    }

    pub(super) const fn is_list(&self) -> bool {
        matches!(self.tree, Tree::List(_))
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self.tree, Tree::Scalar(Value::Null))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A text, or a number or truth value as a text.
    pub(super) fn written(&self) -> Option<String> {
        match &self.tree {
            Tree::Scalar(Value::Null) => None,
            Tree::Scalar(value) => Some(written(value)),
            _ => None,
        }
    }

    /// A number, also one that is written as a text.
    pub(super) fn number(&self) -> Option<f64> {
        match &self.tree {
            Tree::Scalar(Value::Number(number)) => number.as_f64(),
            Tree::Scalar(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        }
        .filter(|number: &f64| number.is_finite())
    }

    pub(super) fn whole(&self) -> Option<u64> {
        match &self.tree {
            // Digits alone, also of a number that is written as 5.0.
            Tree::Scalar(Value::Number(number)) => {
                number.as_u64().or_else(|| number.as_f64()?.to_string().parse().ok())
            }
            Tree::Scalar(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) const fn truth(&self) -> Option<bool> {
        match &self.tree {
            Tree::Scalar(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The value without its places.
    pub(super) fn value(&self) -> Value {
        match &self.tree {
            Tree::Scalar(value) => value.clone(),
            Tree::List(items) => items.iter().map(Self::value).collect(),
            Tree::Map(_) => Value::Object(self.map()),
        }
    }

    /// The entries without their places.
    pub(super) fn map(&self) -> Map<String, Value> {
        self.entries().iter().map(|(key, node)| (key.name.clone(), node.value())).collect()
    }
}

/// A value as a text has it.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn place(file: &Arc<str>, at: serde_saphyr::Location) -> Place {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    Place { file: Arc::clone(file), line: number(at.line()), column: number(at.column()) }
}

fn unreadable(file: &Arc<str>, error: &serde_saphyr::Error) -> ImportError {
    let at = error.location().map(|at| place(file, at));
    let message = error.render_with_formatter(&UserMessageFormatter);
    // The parser ends its messages with their place, which is told apart.
    let what = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let (line, column) = at.map_or((1, 1), |at| (at.line, at.column));
    ImportError::Syntax { file: file.to_string(), line, column, what }
}

/// A value with its place.
fn placed(raw: Raw, at: Place, file: &Arc<str>) -> Node {
    let item = |item: Spanned<Raw>| placed(item.value, place(file, item.defined), file);
    let tree = match raw {
        Raw::Scalar(value) => Tree::Scalar(value),
        Raw::List(items) => Tree::List(items.into_iter().map(item).collect()),
        Raw::Map(entries) => Tree::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = Key { place: place(file, key.defined), name: key.value };
                    (key, item(value))
                })
                .collect(),
        ),
    };
    Node { place: at, tree }
}
