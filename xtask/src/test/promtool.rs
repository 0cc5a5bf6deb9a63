//! Exported rules in the hands of Prometheus: they are well-formed, fire in the minutes that they
//! should and give the numbers of rules that were written by hand.

mod cases;

use std::{path::Path, process::Command};

use serde_json::Value;

use super::{Context, Outcome, counts::Counts, e2e};
use crate::{
    error::TaskError,
    evals,
    run::{output, works},
    workspace::write,
};

/// The objectives and the rules by hand, relative to the root.
const FIXTURES: &str = "e2e/promtool";
/// The rules by hand.
const REFERENCE: &str = "reference.rules.yaml";
/// The files of objectives, each with the dialects it is exported in and what that makes.
const EXPORTS: [(&str, &str, &str); 4] = [
    ("served.yaml", "native", cases::NATIVE),
    ("served.yaml", "sloth", cases::SLOTH),
    ("others.yaml", "native", cases::OTHERS),
    ("others.yaml", "sloth", "others.sloth.yaml"),
];

pub(super) fn test(context: &Context) -> Result<Outcome, TaskError> {
    if !works(Command::new("promtool").arg("--version")) {
        let install = "apt-get install -y --no-install-recommends prometheus";
        return Ok(Outcome::Missing { tool: "promtool", install });
    }
    let built = e2e::binary(context)?;
    if !matches!(built, Outcome::Ran { good: true, .. }) {
        return Ok(built);
    }
    let folder = context.workspace.target.join("promtool-tests");
    evals::renewed(&folder)?;
    let fixtures = context.workspace.root.join(FIXTURES);
    let mut check = promtool("check", &folder);
    for (objectives, dialect, rules) in EXPORTS {
        let mut export = Command::new(&context.binary);
        export.args(["slo", "export"]).arg(fixtures.join(objectives));
        write(&folder.join(rules), output(export.args(["--dialect", dialect]))?)?;
        check.arg(rules);
    }
    let reference = context.workspace.text(&Path::new(FIXTURES).join(REFERENCE))?;
    write(&folder.join(REFERENCE), reference)?;
    check.arg(REFERENCE);
    let checked = super::watch(check, |_| ())?;
    let mut counts = Counts::one(if checked { "passed" } else { "failed" });
    let mut tests = promtool("test", &folder);
    for (name, text) in [
        ("native", cases::native()),
        ("sloth", cases::sloth(REFERENCE)),
        ("sampled", cases::sampled()),
    ] {
        let file = format!("{name}.test.yaml");
        // JSON is YAML.
        write(&folder.join(&file), text.to_string())?;
        tests.arg(file);
        (0..cases_of(&text)).for_each(|_| counts.add(Counts::one("passed")));
    }
    let good = super::watch(tests, |_| ())?;
    Ok(Outcome::Ran { good: good && checked, counts })
}

fn promtool(task: &str, folder: &Path) -> Command {
    let mut command = Command::new("promtool");
    command.args([task, "rules"]).current_dir(folder);
    command
}

fn cases_of(file: &Value) -> usize {
    file.get("tests").and_then(Value::as_array).map_or(0, Vec::len)
}
