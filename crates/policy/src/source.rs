//! Places in a file of policies.

/// The line and the column in characters, both from 1, of a byte of a text.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The lines on which the policies of a file begin with `permit` or `forbid`, in their order.
pub(crate) fn lines_of_policies(text: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut word = String::new();
    let mut inside = Inside::Code;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let next = match (inside, character) {
            (Inside::Code, '"') => Inside::Text,
            (Inside::Code, '/') if before == '/' => Inside::Comment,
            (Inside::Text, '"') if before != '\\' => Inside::Code,
            (Inside::Comment, '\n') => Inside::Code,
            _ => inside,
        };
        if inside == Inside::Code && (character.is_alphanumeric() || character == '_') {
            word.push(character);
        } else {
            if ["permit", "forbid"].contains(&word.as_str()) {
                lines.push(place(text, at.saturating_sub(word.len())).0);
            }
            word.clear();
        }
        // An escaped backslash escapes nothing.
        before = if (before, character) == ('\\', '\\') { ' ' } else { character };
        inside = next;
    }
    lines
}

/// What a character stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Text,
    Comment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_found_where_they_begin() {
        let text = "// permit (all)\n@id(\"forbid \\\" permit\") permit (principal, action, \
                    resource);\n\n  forbid(principal, action, resource)\nwhen { true };\n";
        assert_eq!(lines_of_policies(text), [2, 4]);
    }

    #[test]
    fn places_count_characters() {
        assert_eq!(place("é\nab", 0), (1, 1));
        assert_eq!(place("é\nab", 4), (2, 2));
    }
}
