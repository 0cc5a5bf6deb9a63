//! `tieline drill report`

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use tieline_drill::junit;

use super::{page, table};
use crate::{failure::Failure, print};

/// Show drills again that were kept with `tieline drill run --out`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline drill report results
  tieline drill report results/claude-2026-04-28.json --format html > drill.html")]
pub(crate) struct Report {
    /// Reports, or folders with reports
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How to print them
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs; stable.
    Json,
    /// For build servers.
    Junit,
    /// A page with pictures, for a browser; it needs no network.
    Html,
}

impl Report {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut reports = Vec::new();
        for path in self.paths.iter().map(|path| files(path)) {
            for file in path? {
                reports.push(read(&file)?);
            }
        }
        match self.format {
            Form::Table => reports.iter().try_for_each(|one| print::line(&table::report(one))),
            Form::Json => print::json(&reports),
            Form::Junit => print::line(junit(&reports).trim_end()),
            Form::Html => print::line(page::page(&reports).trim_end()),
        }
    }
}

/// A file, or the reports of a folder by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = || Failure::os(format!("read {}", path.display()));
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable())? {
        let file = entry.map_err(unreadable())?.path();
        if file.extension().is_some_and(|end| end == "json") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<tieline_drill::Report, Failure> {
    let text = fs::read_to_string(path);
    let text = text.map_err(Failure::os(format!("read {}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| Failure::Usage {
        message: format!("{} is no report of a drill: {error}", path.display()),
        hint: "`tieline drill run --out FOLDER` writes them".to_owned(),
    })
}
