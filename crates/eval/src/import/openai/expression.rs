//! Templates of OpenAI's graders as JavaScript expressions.
//!
//! They name paths and nothing else, so that each has an expression over `output` and `context`.

use crate::import::script::literal;

/// A value as templates write it.
const TEXT: &str =
    r#"const text = (value) => typeof value === "string" ? value : JSON.stringify(value) ?? """#;

/// What a template grades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Graded {
    /// The text of the answer.
    Answer,
    /// What an expression of it gives.
    Expression(String),
}

/// Reads what a template grades.
///
/// # Errors
/// The path that has no expression.
pub(super) fn graded(template: &str) -> Result<Graded, String> {
    if hole(template.trim()) == Some("sample.output_text") {
        return Ok(Graded::Answer);
    }
    let expression = match hole(template.trim()) {
        Some(path) => tried(&format!("return {} ?? \"\"", path_expression(path)?)),
        None => expression(template)?,
    };
    Ok(Graded::Expression(expression))
}

/// A template as an expression that gives its text.
///
/// # Errors
/// The path that has no expression.
pub(super) fn expression(template: &str) -> Result<String, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((path, tail)) = after.split_once("}}") else { break };
        if !before.is_empty() {
            parts.push(literal(before));
        }
        parts.push(format!("text({})", path_expression(path.trim())?));
        rest = tail;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(literal(rest));
    }
    Ok(tried(&format!("{TEXT}; return {}", parts.join(" + "))))
}

/// An expression of statements. An answer that is not the JSON that is asked of it is an empty text
/// and no fault of the grader.
fn tried(statements: &str) -> String {
    format!("(() => {{ try {{ {statements}; }} catch {{ return \"\"; }} }})()")
}

/// The path of a template that is nothing else.
fn hole(template: &str) -> Option<&str> {
    let path = template.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    (!path.contains("{{")).then_some(path)
}

fn path_expression(path: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_alphanumeric() || "._[]\"'- ".contains(letter);
    let roots = [
        ("item", "context.vars"),
        ("sample.output_text", "output"),
        ("sample.output_json", "JSON.parse(output)"),
        ("sample.output_tools", "context.providerResponse.toolCalls"),
    ];
    let found = roots.iter().find_map(|(theirs, ours)| {
        let rest = path.strip_prefix(theirs)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some((ours, rest))
    });
    match found.filter(|_| path.chars().all(plain)) {
        Some((ours, rest)) => Ok(format!("{ours}{}", optional(rest))),
        None => Err(format!("`{{{{ {path} }}}}` is not imported")),
    }
}

/// Steps of a path, none of which fails where the one before leads nowhere.
fn optional(steps: &str) -> String {
    steps.replace('[', ".[").replace("..", ".").replace('.', "?.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_expressions() {
        assert_eq!(graded("{{ sample.output_text }}"), Ok(Graded::Answer));
        for (path, ours) in [
            ("item.a.b", "context.vars?.a?.b"),
            ("item.a[0].b", "context.vars?.a?.[0]?.b"),
            ("sample.output_json.city", "JSON.parse(output)?.city"),
        ] {
            assert_eq!(path_expression(path).as_deref(), Ok(ours), "{path}");
        }
        assert!(path_expression("sample.output_audio").is_err());
        assert!(path_expression("items").is_err());
        let both = expression("is {{item.a}}!").unwrap();
        let lone =
            "(() => { try { return JSON.parse(output)?.a ?? \"\"; } catch { return \"\"; } })()";
        assert_eq!(graded("{{sample.output_json.a}}"), Ok(Graded::Expression(lone.to_owned())));
        assert!(both.contains("return \"is \" + text(context.vars?.a) + \"!\";"), "{both}");
    }
}
