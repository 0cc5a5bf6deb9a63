//! `cargo xtask schema`: the JSON Schema of the configuration, as `tieline schema` prints it.

use std::process::ExitCode;

use crate::{
    arguments::Arguments,
    error::TaskError,
    run::{cargo, output},
    workspace::{Workspace, write},
};

/// Where the schema is kept, relative to the root.
pub(crate) const SCHEMA_FILE: &str = "docs/reference/tieline.schema.json";

pub(crate) fn task(arguments: Arguments) -> Result<ExitCode, TaskError> {
    arguments.end()?;
    let workspace = Workspace::find()?;
    let mut command = cargo();
    command.current_dir(&workspace.root).args(["run", "-q", "-p", "tieline-cli", "--", "schema"]);
    let schema = output(&mut command)?;
    write(&workspace.root.join(SCHEMA_FILE), schema)?;
    println!("wrote {SCHEMA_FILE}");
    Ok(ExitCode::SUCCESS)
}
