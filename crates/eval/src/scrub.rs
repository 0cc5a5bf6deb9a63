//! Taking out of texts what tells who somebody is, and what opens doors.
//!
//! It finds what has a form: addresses, numbers with checksums, keys. Names, and who is told by
//! what is said of them, have none.

mod ip;
mod numbers;
mod patterns;

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use patterns::Pattern;

/// The most expressions of one's own.
const CUSTOM_MAX: usize = 64;
/// How deep JSON within texts of JSON is looked into.
const DEPTH_MAX: usize = 8;

/// What was found. Where two overlap, the one that stands first here names both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// The bytes of an image, of speech or of a file, in a `data:` address.
    Media,
    /// A private key.
    PrivateKey,
    /// A JSON Web Token, or what stands behind `Bearer`.
    Token,
    /// The key of an API.
    ApiKey,
    /// A user and password in an address, or what is called a password, secret or token.
    Credentials,
    /// An e-mail address.
    Email,
    /// A bank account whose checksum is right.
    Iban,
    /// A payment card whose checksum is right.
    Card,
    /// A telephone number.
    Phone,
    /// An address of the Internet Protocol.
    Ip,
    /// What an expression of one's own matches.
    Custom,
}

impl Secret {
    /// The word in placeholders: `<email-1>`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Media => "media",
            Self::PrivateKey => "private-key",
            Self::Token => "token",
            Self::ApiKey => "api-key",
            Self::Credentials => "credentials",
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::Phone => "phone",
            Self::Ip => "ip",
            Self::Custom => "custom",
        }
    }

    /// What two ways to write the same have in common.
    fn same(self, text: &str) -> String {
        match self {
            Self::Email => text.to_lowercase(),
            Self::Iban | Self::Card | Self::Phone => {
                text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
            }
            _ => text.to_owned(),
        }
    }
}

/// Why nothing can be scrubbed.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// An expression cannot be read.
    #[error("cannot read the expression `{expression}`")]
    Expression {
        /// The expression.
        expression: String,
        /// Why.
        #[source]
        source: Box<regex::Error>,
    },
    /// There are too many expressions.
    #[error("more than {CUSTOM_MAX} expressions")]
    TooMany,
}

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Scrubber(Vec<Pattern>);

impl Scrubber {
    /// Looks for everything that is known, and for expressions of one's own.
    ///
    /// # Errors
    /// An expression cannot be read, or there are too many.
    pub fn new(custom: &[String]) -> Result<Self, ScrubError> {
        if custom.len() > CUSTOM_MAX {
            return Err(ScrubError::TooMany);
        }
        let mut all = patterns::known().map_err(|(expression, source)| {
            let expression = expression.to_owned();
            ScrubError::Expression { expression, source: Box::new(source) }
        })?;
        for expression in custom {
            let regex = Regex::new(expression).map_err(|source| ScrubError::Expression {
                expression: expression.clone(),
                source: Box::new(source),
            })?;
            all.push(Pattern::custom(regex));
        }
        Ok(Self(all))
    }

    /// Begins with a case: within it, the same has the same placeholder.
    #[must_use]
    pub const fn scope(&self) -> Scope<'_> {
        Scope { scrubber: self, numbers: BTreeMap::new(), found: BTreeMap::new() }
    }

    /// What is in a text, in its order; what overlaps is one. Its first bytes are a name, which
    /// only tells what the rest is.
    fn find(&self, text: &str, name: usize) -> Vec<(Range<usize>, Secret)> {
        let text = &*unescaped(text);
        // Digits that are known to be something else are no part of a card, and then of a
        // telephone number.
        let mut all = merged(self.of_form(text, name));
        for (secret, search) in WEAKER {
            let found = search(self, &masked(text, &all));
            all.extend(merged(found.into_iter().map(|range| (range, secret)).collect()));
            all.sort_by_key(|(range, _)| range.start);
        }
        all
    }

    /// What has a form that little else has.
    fn of_form(&self, text: &str, name: usize) -> Vec<(Range<usize>, Secret)> {
        let patterns = self.0.iter().filter(|pattern| pattern.secret != Secret::Phone);
        let found = patterns.flat_map(|pattern| {
            // An expression of one's own is about the text alone.
            let from = if pattern.secret == Secret::Custom { name } else { 0 };
            let found = pattern.find(text.get(from..).unwrap_or_default()).into_iter();
            found.map(move |range| (range.start + from..range.end + from, pattern.secret))
        });
        let accounts = numbers::ibans(text).into_iter().map(|range| (range, Secret::Iban));
        let addresses = ip::find(text).into_iter().map(|range| (range, Secret::Ip));
        found.chain(accounts).chain(addresses).collect()
    }

    fn phones(&self, text: &str) -> Vec<Range<usize>> {
        let patterns = self.0.iter().filter(|pattern| pattern.secret == Secret::Phone);
        patterns.flat_map(|pattern| pattern.find(text)).collect()
    }
}

type Search = fn(&Scrubber, &str) -> Vec<Range<usize>>;

/// What is made of digits alone, the surest first.
const WEAKER: [(Secret, Search); 2] =
    [(Secret::Card, |_, text| numbers::cards(text)), (Secret::Phone, Scrubber::phones)];

/// What was found in its order, in which what overlaps is one.
fn merged(mut all: Vec<(Range<usize>, Secret)>) -> Vec<(Range<usize>, Secret)> {
    all.retain(|(range, _)| !range.is_empty());
    all.sort_by_key(|(range, secret)| (range.start, range.end, *secret));
    let mut merged: Vec<(Range<usize>, Secret)> = Vec::new();
    for (range, secret) in all {
        match merged.last_mut() {
            Some((last, kind)) if range.start < last.end => {
                last.end = last.end.max(range.end);
                *kind = secret.min(*kind);
            }
            _ => merged.push((range, secret)),
        }
    }
    merged
}

/// A text of the same length without what was found.
fn masked<'t>(text: &'t str, found: &[(Range<usize>, Secret)]) -> Cow<'t, str> {
    if found.is_empty() {
        return text.into();
    }
    let mut masked = String::with_capacity(text.len());
    let mut end = 0;
    for (range, _) in found {
        masked.push_str(text.get(end..range.start).unwrap_or_default());
        masked.extend(range.clone().map(|_| '|'));
        end = range.end;
    }
    masked.push_str(text.get(end..).unwrap_or_default());
    masked.into()
}

/// A text of the same length in which a written-out end of a line is no letter of the next word.
fn unescaped(text: &str) -> Cow<'_, str> {
    let ends = ["\\n", "\\r", "\\t"];
    match ends.iter().any(|end| text.contains(end)) {
        true => ends.iter().fold(text.to_owned(), |text, end| text.replace(end, "  ")).into(),
        false => text.into(),
    }
}

/// The texts of one case.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    scrubber: &'a Scrubber,
    numbers: BTreeMap<(Secret, String), usize>,
    found: BTreeMap<Secret, usize>,
}

impl Scope<'_> {
    /// A text without what is looked for. One that has nothing of it stays as it is.
    pub fn text<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        self.within("", text, 0)
    }

    /// Takes what is looked for out of all texts, numbers and names of a value.
    pub fn value(&mut self, value: &mut Value) {
        self.entry("", value, 0);
    }

    /// How often what was found.
    #[must_use]
    pub const fn found(&self) -> &BTreeMap<Secret, usize> {
        &self.found
    }

    fn entry(&mut self, key: &str, value: &mut Value, depth: usize) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(scrubbed) = self.within(key, text, depth) {
                    *text = scrubbed;
                }
            }
            Value::Number(number) => {
                let text = number.to_string();
                if let Cow::Owned(scrubbed) = self.flat(key, &text) {
                    *value = Value::String(scrubbed);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.entry(key, item, depth)),
            Value::Object(entries) => {
                let names = std::mem::take(entries);
                for (name, mut value) in names {
                    self.entry(&name, &mut value, depth);
                    entries.insert(self.flat("", &name).into_owned(), value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// A text under a name. Where it is JSON itself it stays JSON.
    fn within<'t>(&mut self, key: &str, text: &'t str, depth: usize) -> Cow<'t, str> {
        let begins = text.trim_start().starts_with(['{', '[']);
        if begins
            && depth < DEPTH_MAX
            && let Ok(mut value) = serde_json::from_str::<Value>(text)
        {
            let before = value.clone();
            self.entry(key, &mut value, depth + 1);
            return if value == before { Cow::Borrowed(text) } else { value.to_string().into() };
        }
        self.flat(key, text)
    }

    /// A text under a name, which may tell what the text is: `phone`, `password`.
    fn flat<'t>(&mut self, key: &str, text: &'t str) -> Cow<'t, str> {
        let told = if key.is_empty() { String::new() } else { format!("{key}: ") };
        let whole: Cow<'_, str> =
            if key.is_empty() { text.into() } else { format!("{told}{text}").into() };
        let found = self.scrubber.find(&whole, told.len());
        let mut scrubbed = String::new();
        let mut end = 0;
        for (range, secret) in found {
            let start = range.start.saturating_sub(told.len());
            let Some(stop) = range.end.checked_sub(told.len()).filter(|stop| *stop > 0) else {
                continue;
            };
            let (Some(before), Some(taken)) = (text.get(end..start), text.get(start..stop)) else {
                continue;
            };
            scrubbed.push_str(before);
            scrubbed.push_str(&self.placeholder(secret, taken));
            end = stop;
        }
        match text.get(end..) {
            Some(rest) if end > 0 => (scrubbed + rest).into(),
            _ => text.into(),
        }
    }

    fn placeholder(&mut self, secret: Secret, text: &str) -> String {
        *self.found.entry(secret).or_default() += 1;
        let next = self.numbers.keys().filter(|(kind, _)| *kind == secret).count() + 1;
        let number = *self.numbers.entry((secret, secret.same(text))).or_insert(next);
        format!("<{}-{number}>", secret.word())
    }
}
