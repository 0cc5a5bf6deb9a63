//! The text of a configuration file and places in it.

use std::{ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

/// A stretch of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First byte, from 0.
    pub start: usize,
    /// Length in bytes.
    pub len: usize,
    /// Line, from 1; 0 when the problem is the file itself.
    pub line: usize,
    /// Column in characters, from 1; 0 when the problem is the file itself.
    pub column: usize,
}

/// A named text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Arc<str>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The text under `span`; empty when there is none.
    pub(crate) fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.start.saturating_add(span.len)).unwrap_or_default()
    }

    /// The byte at a line and column, both from 1.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines.clone().take(line.saturating_sub(1)).map(str::len).sum();
        let text = lines.nth(line.saturating_sub(1)).unwrap_or_default();
        let within: usize = text.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        before.saturating_add(within)
    }

    /// The same source with what looks like a secret, and everything under `spans`, shown as `*`.
    pub(crate) fn masked(&self, spans: &[Span]) -> Self {
        let mut bytes = self.text.as_bytes().to_vec();
        let named = spans.iter().map(|span| span.start..span.start.saturating_add(span.len));
        for hidden in named.chain(literals(&self.text)) {
            let stretch = bytes.get_mut(hidden).into_iter().flatten();
            stretch.filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { name: Arc::clone(&self.name), text: text.into() }
    }
}

/// Ends of key names whose values are secrets; `key` alone is the path of a TLS key.
const SECRET_KEYS: &[&str] = &["_key", "apikey", "secret", "token", "password", "value"];

/// What follows the keys of secrets, and credentials in URLs. It looks at the text and not at the
/// tree, because a file with a syntax error has no tree.
fn literals(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (colon, _) in text.match_indices(':') {
        let before = text.get(..colon).unwrap_or_default().trim_end_matches(['"', '\'']);
        let after = text.get(colon + 1..).unwrap_or_default();
        if let (Some(rest), Some(word)) =
            (after.strip_prefix("//"), after.split_whitespace().next())
        {
            let start = text.len() - rest.len();
            found.extend(word.rfind('@').map(|at| start..colon + 1 + at));
        } else if SECRET_KEYS.iter().any(|end| before.ends_with(end)) {
            let indent = before.lines().last().map_or(0, indent);
            found.extend(values(after, indent).map(|at| colon + 1 + at.start..colon + 1 + at.end));
        }
    }
    found
}

/// The value that begins in `after`, a key's colon: on its line, or as text on the lines below that
/// are indented deeper than the key. A mapping is left readable.
fn values(after: &str, key_indent: usize) -> impl Iterator<Item = Range<usize>> {
    let mut lines = after.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line))
    });
    let first = lines.next().map(|(_, line)| line.split([',', '}', '#']).next().unwrap_or(line));
    let first = first.unwrap_or_default();
    let value = first.trim();
    let below = value.is_empty() || value.starts_with(['|', '>']);
    let here = (!below && !value.starts_with('{')).then(|| indent(first)..first.trim_end().len());
    let deeper = lines.take_while(move |(_, line)| {
        line.trim().is_empty() || (indent(line) > key_indent && !line.contains(": "))
    });
    let deeper = deeper.map(|(start, line)| start + indent(line)..start + line.len());
    here.into_iter().chain(deeper.filter(move |_| below))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
