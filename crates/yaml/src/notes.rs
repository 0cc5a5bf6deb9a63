//! Mappings read key by key, and what is wrong with them.

use std::sync::Arc;

use crate::{At, Node, Problem, Problems, Value};

/// How unlike a word may be to the one that was meant, from 0 to 1.
const LIKENESS_MIN: f64 = 0.7;

/// What has been found wrong so far.
#[derive(Debug, Default)]
pub struct Notes {
    file: Arc<str>,
    problems: Vec<Problem>,
}

/// A mapping.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'n> {
    /// Where it begins.
    pub at: At,
    entries: &'n [(String, At, Node)],
}

impl<'n> Fields<'n> {
    /// What a key leads to.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, ..)| name == key).map(|(_, _, node)| node)
    }

    /// Keys with their places, and what they lead to.
    pub fn entries(&self) -> impl Iterator<Item = (&'n str, At, &'n Node)> {
        self.entries.iter().map(|(name, at, node)| (name.as_str(), *at, node))
    }
}

/// The nearest of some words.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let likeness = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase());
    let scored = known.map(|other| (likeness(other), other));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score >= LIKENESS_MIN).map(|(_, word)| word)
}

impl Notes {
    /// What is told from here on is of this file.
    pub fn turn_to(&mut self, file: &str) {
        if *self.file != *file {
            self.file = file.into();
        }
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// What was read, if nothing is wrong with it.
    ///
    /// # Errors
    /// Everything that is wrong, by file and place.
    pub fn or<T>(self, read: T) -> Result<T, Problems> {
        let mut problems = self.problems;
        problems.sort_by(|one, other| {
            (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column))
        });
        if problems.is_empty() { Ok(read) } else { Err(Problems(problems)) }
    }

    /// Something is wrong here.
    pub fn tell(&mut self, at: At, message: impl Into<String>, help: impl Into<String>) {
        let ((line, column), file) = (at, Arc::clone(&self.file));
        let (message, help) = (message.into(), help.into());
        self.problems.push(Problem { file, line, column, message, help });
    }

    /// A mapping of known keys; others are told.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let fields = self.any_fields(node, what)?;
        for (name, at, _) in fields.entries() {
            if known.contains(&name) {
                continue;
            }
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "take it out".to_owned(),
                None => format!("it takes {}", listed(known)),
            };
            self.tell(at, format!("{what} has no `{name}`"), help);
        }
        Some(fields)
    }

    /// A mapping of any keys.
    pub fn any_fields<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        if let Value::Map(entries) = &node.value {
            return Some(Fields { at: node.at, entries });
        }
        self.unlike(node, what, "a mapping");
        None
    }

    /// What a key leads to that must be there.
    pub fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        what: &str,
        key: &str,
        example: &str,
    ) -> Option<&'n Node> {
        let found = fields.get(key);
        if found.is_none() {
            self.tell(fields.at, format!("{what} lacks `{key}`"), format!("add `{example}`"));
        }
        found
    }

    /// A text that is not empty.
    pub fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => {
                self.unlike(node, what, "a text");
                None
            }
        }
    }

    /// A number within bounds that `what` tells.
    pub fn number(&mut self, node: &Node, what: &str, fits: impl Fn(f64) -> bool) -> Option<f64> {
        match node.value {
            Value::Number(number) if fits(number) => Some(number),
            Value::Number(number) => {
                self.tell(node.at, format!("{number} is not {what}"), format!("write {what}"));
                None
            }
            _ => {
                self.unlike(node, "this", what);
                None
            }
        }
    }

    /// A whole number from 0 on.
    pub fn whole(&mut self, node: &Node, what: &str) -> Option<u64> {
        /// Above it not every whole number has a binary fraction of its own.
        const MOST: f64 = 9_007_199_254_740_992.0;
        let fits = |number: f64| number.fract() == 0.0 && (0.0..=MOST).contains(&number);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, not negative, and fits"
        )]
        self.number(node, what, fits).map(|number| number as u64)
    }

    /// True or false.
    pub fn bool(&mut self, node: &Node, what: &str) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.unlike(node, what, "true or false");
                None
            }
        }
    }

    /// A list, empty or not.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            _ => {
                self.unlike(node, what, "a list");
                None
            }
        }
    }

    /// One of some words; gives its position.
    pub fn one_of(&mut self, node: &Node, what: &str, known: &[&str]) -> Option<usize> {
        let text = self.text(node, what)?;
        let found = known.iter().position(|word| *word == text);
        if found.is_none() {
            let help = match nearest(text, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it is one of {}", listed(known)),
            };
            self.tell(node.at, format!("{what} is not `{text}`"), help);
        }
        found
    }

    /// A value is not of the kind that is wanted.
    pub fn unlike(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("{what} is {}", node.value.kind());
        self.tell(node.at, message, format!("write {wanted}"));
    }
}

/// Words in a sentence.
#[must_use]
pub fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
