//! JavaScript of other tools as the body of a script grader.

use super::template;

/// What a script would need that the engine does not have: no modules, no network, no files.
const OUTSIDE: [&str; 7] =
    ["require(", "import ", "import(", "process.", "fetch(", "XMLHttpRequest", "__dirname"];

/// What of the outside a script uses.
pub(super) fn outside(source: &str) -> Option<&'static str> {
    OUTSIDE.into_iter().find(|word| source.contains(word)).map(str::trim_end)
}

/// The body of a function that calls what a module exports, or one of its functions.
pub(super) fn of_module(source: &str, name: Option<&str>) -> String {
    let source = source.replace("export default ", "module.exports = ");
    let source = match name {
        Some(name) => source.replace(
            &format!("export function {name}"),
            &format!("module.exports.{name} = function {name}"),
        ),
        None => source,
    };
    let called = name.map_or_else(
        || "(module.exports.default ?? module.exports)".to_owned(),
        |name| format!("module.exports.{name}"),
    );
    let source = source.trim_end();
    format!(
        "const module = {{ exports: {{}} }};\nconst exports = module.exports;\n{source}\n\
         return {called}(output, context);\n"
    )
}

/// Code as an expression, whether it is one or the body of a function.
pub(super) fn as_expression(source: &str) -> String {
    let source = source.trim();
    if source.contains('\n') { format!("(() => {{\n{source}\n}})()") } else { source.to_owned() }
}

/// Code that is a template: it is put together of its text and the fields of the case, as promptfoo
/// does, and then run. None where it asks for more than the values of fields.
pub(super) fn of_template(source: &str) -> Option<String> {
    let text = template::joined(source, &literal, &|name| format!("String(context.vars.{name})"))?;
    let call = "new Function(\"output\", \"context\", body)(output, context)";
    let body = if source.contains('\n') { text } else { format!("\"return \" + {text}") };
    Some(format!("const body = {body};\nreturn {call};\n"))
}

/// The expression of `output` that does one after the other.
pub(super) fn chain(first: &str, then: &str) -> String {
    format!("((output) => ({then}))({first})")
}

/// A text as a JavaScript literal.
pub(super) fn literal(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_put_together_of_the_fields_of_a_case() {
        let body = of_template("output === \"{{ city }}\"").unwrap();
        let text = r#""output === \"" + String(context.vars.city) + "\"""#;
        assert!(body.starts_with(&format!("const body = \"return \" + {text};")), "{body}");
        assert_eq!(of_template("output === \"{{ city | upper }}\""), None);
    }

    #[test]
    fn a_module_becomes_the_body_of_a_function() {
        let body = of_module("module.exports = (output) => output.length;\n", None);
        assert!(
            body.ends_with("return (module.exports.default ?? module.exports)(output, context);\n")
        );
        let body = of_module("export function long(output) { return true; }", Some("long"));
        assert!(body.contains("module.exports.long = function long(output)"), "{body}");
        assert!(body.ends_with("return module.exports.long(output, context);\n"));
    }

    #[test]
    fn the_outside_is_seen() {
        assert_eq!(outside("const fs = require('fs');"), Some("require("));
        assert_eq!(outside("output.includes('required')"), None);
    }
}
