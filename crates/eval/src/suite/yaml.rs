//! YAML text to a JSON value, and where each part of it is written.
//!
//! A value and not the typed form at once, because a typed reader stops at its first mistake.

use std::collections::HashMap;

use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned, UserMessageFormatter};

use crate::yaml::Raw;

/// How deep collections may nest; sets within sets and schemas need some.
const MAX_DEPTH: usize = 64;
/// How many nodes a file may have after its aliases are expanded.
const MAX_NODES: usize = 2_000_000;

/// A line and a column, both from 1; 0 where there is none.
pub(super) type Place = (usize, usize);

/// A value, and its places by JSON pointer.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) value: Value,
    values: HashMap<String, Place>,
    keys: HashMap<String, Place>,
}

impl Written {
    /// Where the value at a pointer is written, or what it would lie in.
    pub(super) fn place(&self, pointer: &str) -> Place {
        let mut at = pointer;
        loop {
            if let Some(place) = self.values.get(at) {
                return *place;
            }
            let Some((outer, _)) = at.rsplit_once('/') else { return (0, 0) };
            at = outer;
        }
    }

    /// Where the key of the entry at a pointer is written.
    pub(super) fn key(&self, pointer: &str) -> Place {
        self.keys.get(pointer).copied().unwrap_or_else(|| self.place(pointer))
    }
}

/// Reads one YAML document.
///
/// # Errors
/// Where and why the text is not YAML, writes a key twice, or expands beyond bounds.
pub(super) fn read(text: &str) -> Result<Written, (Place, String)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES },
        strict_booleans: true,
        with_snippet: false,
    };
    let raw = serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options);
    let raw = raw.map_err(|error| {
        let at = error.location().map_or((0, 0), place);
        let message = error.render_with_formatter(&UserMessageFormatter);
        // The parser ends its messages with their place.
        (at, message.split(" at line ").next().unwrap_or(&message).to_owned())
    })?;
    let mut written = Written::default();
    written.value = keep(raw, &mut String::new(), &mut written);
    Ok(written)
}

fn place(at: Location) -> Place {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    (number(at.line()), number(at.column()))
}

/// One step of a JSON pointer.
pub(super) fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn keep(raw: Spanned<Raw>, at: &mut String, written: &mut Written) -> Value {
    written.values.insert(at.clone(), place(raw.defined));
    let length = at.len();
    match raw.value {
        Raw::Scalar(value) => value,
        Raw::List(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                at.push_str(&format!("/{index}"));
                list.push(keep(item, at, written));
                at.truncate(length);
            }
            Value::Array(list)
        }
        Raw::Map(entries) => {
            let mut map = Map::new();
            for (key, item) in entries {
                at.push_str(&step(&key.value));
                written.keys.insert(at.clone(), place(key.defined));
                map.insert(key.value, keep(item, at, written));
                at.truncate(length);
            }
            Value::Object(map)
        }
    }
}
