//! Assertions and transforms that are code.

use super::{
    Importer, Node,
    asserts::{Check, Checked},
};
use crate::{
    Kind,
    import::{node::Place, script, template},
};

/// Runs the function of a Python file on what `command` graders read, and prints what it returns.
const PYTHON_FILE: &str = "\
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location('assertion', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
told = json.load(sys.stdin)
result = getattr(module, sys.argv[2])(told['output'], told['context'])
print(json.dumps(result))
";

/// The function of a file that promptfoo calls where none is named.
const PYTHON_FUNCTION: &str = "get_assert";

pub(super) fn javascript(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let Some(value) = check.node.get("value") else {
        importer.report.lost(&check.node.place, "`javascript` needs a value", "");
        return None;
    };
    let Some(source) = value.text() else {
        importer.report.lost(&value.place, "the value of `javascript` is not a text", "");
        return None;
    };
    let source = match source.strip_prefix("file://") {
        Some(path) => importer.module(path, &value.place)?,
        None => {
            importer.kept_inside(source, &value.place)?;
            importer.filled_script(source.trim_end(), &value.place)?
        }
    };
    Some(Checked { kind: Kind::Script { source }, threshold: check.number("threshold") })
}

pub(super) fn python(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let value = check.node.get("value");
    let Some((text, value)) = value.and_then(|value| Some((value.text()?, value))) else {
        importer.report.lost(&check.node.place, "`python` needs a value", "");
        return None;
    };
    let python = |parts: &[&str]| {
        ["python3"].iter().chain(parts).map(|part| (*part).to_owned()).collect::<Vec<_>>()
    };
    let argv = match text.strip_prefix("file://") {
        Some(path) => {
            let (path, function) = path.split_once(".py:").map_or_else(
                || (path.to_owned(), PYTHON_FUNCTION),
                |(stem, function)| (format!("{stem}.py"), function),
            );
            python(&["-c", PYTHON_FILE, &path, function])
        }
        None => python(&["-c", &inline_python(text)]),
    };
    let what = "`python` becomes a command";
    importer.report.note(
        &value.place,
        what,
        "it runs only where commands are allowed, from the folder that `tieline` is started in",
    );
    Some(Checked { kind: Kind::Command { argv }, threshold: check.number("threshold") })
}

/// A program of an expression, or of the body of a function, over `output` and `context`.
fn inline_python(code: &str) -> String {
    let code = code.trim_end();
    let body = if code.contains('\n') {
        code.lines().map(|line| format!("    {line}\n")).collect()
    } else {
        format!("    return {}\n", code.trim_start())
    };
    format!(
        "import json, sys\n\
         def check(output, context):\n{body}\
         told = json.load(sys.stdin)\n\
         print(json.dumps(check(told['output'], told['context'])))\n"
    )
}

impl Importer<'_> {
    /// What gives the graded text in place of the answer, as an expression.
    pub(super) fn transform(&mut self, node: &Node) -> Option<String> {
        let text = node.text()?;
        let source = match text.strip_prefix("file://") {
            Some(path) => self.module(path, &node.place)?,
            None => {
                self.kept_inside(text, &node.place)?;
                text.to_owned()
            }
        };
        Some(script::as_expression(source.trim_end()))
    }

    /// Code as it is, or what puts it together where it is a template.
    fn filled_script(&mut self, source: &str, at: &Place) -> Option<String> {
        if !template::is_template(source) {
            return Some(source.to_owned());
        }
        let made = script::of_template(source);
        if made.is_none() {
            let what = "the script is a template of more than the values of fields";
            self.report.lost(at, what, "use `context.vars` in it");
        }
        made
    }

    /// The body of a function that calls what a file exports.
    fn module(&mut self, path: &str, at: &Place) -> Option<String> {
        let (path, function) = path.split_once(".js:").map_or_else(
            || (path.to_owned(), None),
            |(stem, function)| (format!("{stem}.js"), Some(function)),
        );
        if ![".js", ".cjs", ".mjs"].iter().any(|end| path.ends_with(end)) {
            let what = format!("`{path}` is not JavaScript");
            self.report.lost(at, what, "write it as a `script` or `command` grader");
            return None;
        }
        let source = self.load(&path, at)?;
        self.kept_inside(&source, at)?;
        Some(script::of_module(&source, function))
    }

    /// Tells of code that needs more than the engine has.
    fn kept_inside(&mut self, source: &str, at: &Place) -> Option<()> {
        let Some(word) = script::outside(source) else { return Some(()) };
        let what = format!("the script uses `{word}`, which scripts of Tieline do not have");
        self.report.lost(at, what, "write it as a `command` grader");
        None
    }
}
