//! `cargo xtask schema`: the JSON Schemas of people's files, as `tieline schema` prints them.

use std::process::ExitCode;

use crate::{
    arguments::Arguments,
    error::TaskError,
    run::{cargo, output},
    workspace::{Workspace, write},
};

/// Where the schemas are kept, relative to the root, with what `tieline schema` calls them.
pub(crate) const SCHEMA_FILES: [(&str, &str); 2] = [
    ("docs/reference/tieline.schema.json", "configuration"),
    ("docs/reference/eval-suite.schema.json", "suite"),
];

pub(crate) fn task(arguments: Arguments) -> Result<ExitCode, TaskError> {
    arguments.end()?;
    let workspace = Workspace::find()?;
    for (file, of) in SCHEMA_FILES {
        let mut command = cargo();
        command.current_dir(&workspace.root);
        command.args(["run", "-q", "-p", "tieline-cli", "--", "schema", of]);
        let schema = output(&mut command)?;
        write(&workspace.root.join(file), schema)?;
        println!("wrote {file}");
    }
    Ok(ExitCode::SUCCESS)
}
