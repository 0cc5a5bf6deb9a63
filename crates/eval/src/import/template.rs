//! Templates of nunjucks written as minijinja takes them.
//!
//! Both are dialects of Jinja2. What differs in words alone is rewritten; the rest is told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{node::Place, report::Report};

/// Filters that both know by other names.
const RENAMED: [(&str, &str); 2] = [("dump", "tojson"), ("nl2br", "replace('\\n', '<br />\\n')")];

/// Filters that minijinja does not have.
const MISSING: [&str; 8] =
    ["center", "forceescape", "random", "striptags", "truncate", "urlize", "wordcount", "sum_attr"];

/// Words at the beginning of a statement that minijinja writes otherwise.
const STATEMENTS: [(&str, &str); 7] = [
    ("elseif", "elif"),
    ("verbatim", "raw"),
    ("endverbatim", "endraw"),
    ("asyncEach", "for"),
    ("asyncAll", "for"),
    ("endeach", "endfor"),
    ("endall", "endfor"),
];

/// Statements that need other files or code.
const FOREIGN: [&str; 4] = ["include", "import", "extends", "from"];

/// Names that only promptfoo gives a meaning.
const PROMPTFOO: [&str; 2] = ["env", "_conversation"];

/// Names that every template has, and no case needs.
const OWN: [&str; 4] = ["item", "vars", "case", "range"];

/// A nunjucks template as minijinja takes it.
pub(super) fn convert(text: &str, at: &Place, report: &mut Report) -> String {
    let mut converted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = next_tag(rest) {
        converted.push_str(before);
        let line = text.get(..text.len().saturating_sub(rest.len()).saturating_add(before.len()));
        let line = line.unwrap_or_default().matches('\n').count();
        let at = Place { line: at.line.saturating_add(line), ..at.clone() };
        converted.push_str(tag.open);
        converted.push_str(&inside(tag.body, tag.open, &at, report));
        converted.push_str(tag.close);
        rest = tag.rest;
    }
    converted.push_str(rest);
    converted
}

/// Whether a text has anything to render.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The name that a text is nothing but the value of: `{{ name }}`.
pub(super) fn lone_name(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// A text with the values of other variables put in for their names, as far as it names only them.
pub(super) fn fill(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    parts(text)?
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => Some(text.to_owned()),
            Part::Name(name) => value(name),
        })
        .collect()
}

/// A text as a sum of its own texts and of names, as far as it names nothing but names.
pub(super) fn joined(
    text: &str,
    own: &dyn Fn(&str) -> String,
    named: &dyn Fn(&str) -> String,
) -> Option<String> {
    let part = |part| match part {
        Part::Text(text) => own(text),
        Part::Name(name) => named(name),
    };
    Some(parts(text)?.into_iter().map(part).collect::<Vec<_>>().join(" + "))
}

/// A piece of a text that has names in it.
enum Part<'t> {
    Text(&'t str),
    Name(&'t str),
}

/// The pieces of a text; none where it asks for more than names.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, tag)) = next_tag(rest) {
        parts.push(Part::Text(before));
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
        let name = tag.body.trim();
        if tag.open != "{{" || name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        parts.push(Part::Name(name));
        rest = tag.rest;
    }
    parts.push(Part::Text(rest));
    Some(parts)
}

/// The names that templates in a value ask a case for.
pub(super) fn asked_for(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => {
            let environment = minijinja::Environment::new();
            let template = environment.template_from_str(text);
            let names = template.map(|template| template.undeclared_variables(false));
            let own = |name: &String| !OWN.contains(&name.as_str());
            names.unwrap_or_default().into_iter().filter(own).collect()
        }
        Value::Array(items) => items.iter().flat_map(asked_for).collect(),
        Value::Object(entries) => entries.values().flat_map(asked_for).collect(),
        _ => BTreeSet::new(),
    }
}

/// One expression or statement of a template.
struct Tag<'a> {
    open: &'a str,
    body: &'a str,
    close: &'a str,
    rest: &'a str,
}

/// The text before the next expression or statement, and that; comments are text.
fn next_tag(text: &str) -> Option<(&str, Tag<'_>)> {
    let start = [text.find("{{"), text.find("{%")].into_iter().flatten().min()?;
    let (before, from) = text.split_at(start);
    let (open, inner) = from.split_at_checked(2)?;
    let end = inner.find(if open == "{{" { "}}" } else { "%}" })?;
    let (body, tail) = inner.split_at(end);
    let (close, rest) = tail.split_at_checked(2)?;
    Some((before, Tag { open, body, close, rest }))
}

/// Rewrites what is inside of a tag, but for its string literals.
fn inside(body: &str, open: &str, at: &Place, report: &mut Report) -> String {
    let mut written = String::with_capacity(body.len());
    for (literal, piece) in pieces(body) {
        if literal {
            written.push_str(piece);
            continue;
        }
        let first = written.trim().is_empty() && open == "{%";
        written.push_str(&words(piece, first, at, report));
    }
    written
}

/// The string literals of an expression, and what is between them.
fn pieces(body: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let mut rest = body;
    while let Some(start) = rest.find(['"', '\'']) {
        let (before, from) = rest.split_at(start);
        let quote = from.chars().next().unwrap_or('"');
        let mut escaped = false;
        let end = from.char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == quote && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        let end = end.map_or(from.len(), |(end, _)| end.saturating_add(1));
        let (literal, after) = from.split_at(end);
        pieces.extend([(false, before), (true, literal)]);
        rest = after;
    }
    pieces.push((false, rest));
    pieces
}

fn words(piece: &str, begins_statement: bool, at: &Place, report: &mut Report) -> String {
    let piece = piece.replace("!==", "!=").replace("===", "==");
    let mut written = String::with_capacity(piece.len());
    let mut first = begins_statement;
    for word in split_words(&piece) {
        if !word.starts_with(is_letter) {
            written.push_str(word);
            continue;
        }
        let before = written.trim_end();
        let (filter, member) = (before.ends_with('|'), before.ends_with('.'));
        if member && word == "length" {
            written.truncate(before.len().saturating_sub(1));
            written.push_str(" | length");
            continue;
        }
        let word = match () {
            () if first => statement(word, at, report),
            () if filter => filter_name(word, at, report),
            () => word,
        };
        if !filter && !member && PROMPTFOO.contains(&word) {
            report.lost(at, format!("the template uses `{word}`"), "make it a field of cases");
        }
        written.push_str(word);
        first = false;
    }
    written
}

fn is_letter(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_'
}

/// Names, and what is between them.
fn split_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let in_name = |letter: char| is_letter(letter) || letter.is_numeric();
        let ends = |letter: char| match is_letter(first) {
            true => !in_name(letter),
            false => is_letter(letter),
        };
        let end = rest.find(ends).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn statement<'w>(word: &'w str, at: &Place, report: &mut Report) -> &'w str {
    if FOREIGN.contains(&word) {
        report.lost(at, format!("`{{% {word} %}}` needs other templates"), "write it out");
    }
    let renamed = STATEMENTS.iter().find(|(theirs, _)| *theirs == word);
    renamed.map_or(word, |(_, ours)| ours)
}

fn filter_name<'w>(word: &'w str, at: &Place, report: &mut Report) -> &'w str {
    if MISSING.contains(&word) {
        report.lost(at, format!("there is no filter `{word}`"), "write the template without it");
    }
    let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == word);
    renamed.map_or(word, |(_, ours)| ours)
}

#[cfg(test)]
mod tests {
    use super::{super::report::Severity, *};

    fn converted(text: &str) -> (String, Vec<(usize, String)>) {
        let mut report = Report::default();
        let text = convert(text, &Place::line("a.yaml", 4), &mut report);
        let lost = report.findings.into_iter().filter(|one| one.severity == Severity::Lost);
        (text, lost.map(|one| (one.line, one.what)).collect())
    }

    #[test]
    fn what_differs_in_words_is_rewritten() {
        for (theirs, ours) in [
            ("Hello {{ name }}, {{name|upper}}!", "Hello {{ name }}, {{name|upper}}!"),
            ("{{ x | dump }}", "{{ x | tojson }}"),
            ("{{ x | dump(2) }}", "{{ x | tojson(2) }}"),
            (
                "{% if a === 'b===c' %}x{% elseif a !== 1 %}y{% endif %}",
                "{% if a == 'b===c' %}x{% elif a != 1 %}y{% endif %}",
            ),
            ("{{ items.length }}", "{{ items | length }}"),
            ("{% asyncEach i in l %}{{ i }}{% endeach %}", "{% for i in l %}{{ i }}{% endfor %}"),
            ("a { b } {{ open", "a { b } {{ open"),
            ("{{ \"{{\" }} dump | dump", "{{ \"{{\" }} dump | dump"),
            ("{{ ünder }} é", "{{ ünder }} é"),
        ] {
            assert_eq!(converted(theirs), (ours.to_owned(), vec![]), "{theirs}");
        }
    }

    #[test]
    fn what_has_no_counterpart_is_told_with_its_line() {
        for (text, line, what) in [
            ("a\n{{ env.KEY }}", 5, "the template uses `env`"),
            ("{{ x | truncate(3) }}", 4, "there is no filter `truncate`"),
            ("\n\n{% include 'a.njk' %}", 6, "`{% include %}` needs other templates"),
        ] {
            assert_eq!(converted(text).1, [(line, what.to_owned())], "{text}");
        }
        assert_eq!(converted("{{ a.env }}").1, []);
    }

    #[test]
    fn names_are_filled_in_where_nothing_else_is_asked() {
        let value = |name: &str| (name == "a").then(|| "1".to_owned());
        assert_eq!(fill("x {{ a }}{{a}}", &value).as_deref(), Some("x 11"));
        assert_eq!(fill("{{ b }}", &value), None);
        assert_eq!(fill("{{ a | upper }}", &value), None);
        assert_eq!(fill("plain", &value).as_deref(), Some("plain"));
    }
}
