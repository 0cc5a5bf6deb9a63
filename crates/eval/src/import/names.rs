//! Names of suites, cases and files.

use std::collections::BTreeSet;

/// The longest id that is made of a description, in characters.
const ID_MAX: usize = 80;

/// A text as a file may be called: lower case, with dashes.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars().take(ID_MAX) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The first line of a description, as the id of a case.
pub(super) fn id(description: &str) -> String {
    let line = description.trim().lines().next().unwrap_or_default();
    line.chars().take(ID_MAX).collect()
}

/// Names that are given once.
#[derive(Debug, Default)]
pub(super) struct Unique(BTreeSet<String>);

impl Unique {
    /// The name, with a number where it was given before.
    pub(super) fn name(&mut self, wanted: &str, separator: &str) -> String {
        let numbered = |number: u32| match number {
            1 => wanted.to_owned(),
            number => format!("{wanted}{separator}{number}"),
        };
        let free = (1..).map(numbered).find(|name| !self.0.contains(name));
        let name = free.unwrap_or_else(|| wanted.to_owned());
        self.0.insert(name.clone());
        name
    }
}
