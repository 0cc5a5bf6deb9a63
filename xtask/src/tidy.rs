//! `cargo xtask tidy`: the rules of the project that no compiler knows.

mod changelog;
mod decisions;
mod finding;
mod graph;
mod layers;
mod licence;
mod links;
mod source;

use std::{path::Path, process::ExitCode};

use finding::Finding;

use crate::{arguments::Arguments, error::TaskError, schema::SCHEMA_FILES, workspace::Workspace};

pub(crate) fn task(arguments: Arguments) -> Result<ExitCode, TaskError> {
    arguments.end()?;
    let clean = check(&Workspace::find()?)?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what is not as it should be; true if nothing was found.
pub(crate) fn check(workspace: &Workspace) -> Result<bool, TaskError> {
    let files = workspace.files()?;
    let mut findings = graph::check(workspace)?;
    findings.extend(changelog::check(workspace, &files)?);
    findings.extend(decisions::check(&files));
    findings.extend(links::check(workspace, &files)?);
    findings.extend(missing_schemas(&files));
    for file in files.iter().filter(|file| source::is_text(file)) {
        findings.extend(source::check(file, &workspace.text(file)?));
    }
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, nothing to do", files.len()),
        count => println!("tidy: {count} to do"),
    }
    Ok(findings.is_empty())
}

fn missing_schemas(files: &[std::path::PathBuf]) -> impl Iterator<Item = Finding> {
    let names = SCHEMA_FILES.iter().map(|(name, _)| *name);
    let missing = names.filter(|name| !files.iter().any(|file| file == Path::new(name)));
    missing.map(|name| Finding::at(name, 1, "the schema is missing; run `cargo xtask schema`"))
}

/// The number of the first line that holds `needle`, or 1: a place to point at.
fn line_of(text: &str, needle: &str) -> usize {
    text.lines().position(|line| line.contains(needle)).map_or(1, |index| index + 1)
}
