//! Regular expressions of JavaScript, which mean ASCII where ours mean Unicode.

/// Classes of ASCII letters, outside and inside of brackets.
const CLASSES: [(char, &str, &str); 4] = [
    ('d', "[0-9]", "0-9"),
    ('D', "[^0-9]", "[^0-9]"),
    ('w', "[A-Za-z0-9_]", "A-Za-z0-9_"),
    ('W', "[^A-Za-z0-9_]", "[^A-Za-z0-9_]"),
];

/// What JavaScript takes for itself behind a backslash, and Rust for something else. Source:
/// ECMA-262, B.1.2, `IdentityEscape`. Classes of Unicode, such as `\p{L}`, are let through.
const THEMSELVES: &str = "/<>ACEFGHIJKLMNOQRTUVXYZaeghijlmoqyz";

/// The expression with the meaning that it has in JavaScript. Holes of templates stay as they are.
pub(super) fn portable(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut brackets = false;
    let mut letters = pattern.char_indices();
    while let Some((at, letter)) = letters.next() {
        let rest = pattern.get(at..).unwrap_or_default();
        match letter {
            '{' if rest.starts_with("{{") => {
                let hole = rest.find("}}").map_or(rest.len(), |end| end.saturating_add(2));
                let hole = rest.get(..hole).unwrap_or(rest);
                written.push_str(hole);
                for _ in hole.chars().skip(1) {
                    letters.next();
                }
            }
            '\\' => {
                let escaped = letters.next().map(|(_, escaped)| escaped);
                written.push_str(&class(escaped, brackets));
            }
            '[' if rest.starts_with("[^]") && !brackets => {
                written.push_str("(?s:.)");
                letters.next();
                letters.next();
            }
            // Inside of brackets it is a letter like others to JavaScript.
            '[' if brackets => written.push_str("\\["),
            '&' | '~' if brackets => {
                written.push('\\');
                written.push(letter);
            }
            _ => {
                brackets = match letter {
                    '[' => true,
                    ']' => false,
                    _ => brackets,
                };
                written.push(letter);
            }
        }
    }
    written
}

fn class(escaped: Option<char>, brackets: bool) -> String {
    let Some(escaped) = escaped else { return "\\".to_owned() };
    match CLASSES.iter().find(|(name, _, _)| *name == escaped) {
        Some((_, _, inside)) if brackets => (*inside).to_owned(),
        Some((_, outside, _)) => (*outside).to_owned(),
        None if THEMSELVES.contains(escaped) => escaped.to_string(),
        None => format!("\\{escaped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_mean_ascii() {
        for (theirs, ours) in [
            (r"^\d{3}-\w+$", r"^[0-9]{3}-[A-Za-z0-9_]+$"),
            (r"[\w.-]+@", r"[A-Za-z0-9_.-]+@"),
            (r"a\/b\.c", r"a/b\.c"),
            (r"\<b\> [\>] \Aa\b", r"<b> [>] Aa\b"),
            (r"x[^]*y", r"x(?s:.)*y"),
            (r"[[a]", r"[\[a]"),
            (r"\\d", r"\\d"),
            (r"{{ a\d }}\d", r"{{ a\d }}[0-9]"),
        ] {
            assert_eq!(portable(theirs), ours, "{theirs}");
        }
    }
}
