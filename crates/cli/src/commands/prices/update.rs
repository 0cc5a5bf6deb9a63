//! `tieline prices update`: a newer price list among one's own files.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;
use tieline_catalog::{Change, Moment, Text, diff};

use super::{text, view, with_own};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// Put a newer price file among your own, after showing what it changes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file replaces one of the same name. It is refused, with exit code 1, where a price would become
more than ten times as much or less than a tenth: more often a mistake than a price.

Examples:
  tieline prices update downloads/openai.yaml --dry-run
  tieline prices update downloads/openai.yaml --into /etc/tieline/prices")]
pub(super) struct Update {
    /// The newer file
    file: PathBuf,
    /// The folder of your price files, which the configuration names as `prices: FOLDER/*.yaml`
    #[arg(long, value_name = "FOLDER", default_value = "prices")]
    into: PathBuf,
    /// Take changes of more than ten times too
    #[arg(long)]
    accept_large: bool,
    /// Show the changes and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatOption,
}

impl Update {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let newer = text(&self.file)?;
        let name = self.file.file_name().ok_or_else(|| Failure::Usage {
            message: format!("{} is no file", self.file.display()),
            hint: "name the newer price file".to_owned(),
        })?;
        let target = self.into.join(name);
        let own = price_files(&self.into)?;
        let before = with_own(&own)?;
        let others: Vec<PathBuf> = own.into_iter().filter(|path| *path != target).collect();
        let file = self.file.display().to_string();
        let after = with_own(&others)?.with_overlay(&[Text { name: &file, text: &newer }])?;
        let changes = diff(&before.table(now), &after.table(now));
        let large = changes.iter().filter(|change| change.review).count();
        let refused = large > 0 && !self.accept_large;
        let write = !refused && !self.dry_run;
        if write {
            replace(&target, &newer)?;
        }
        self.print(&changes, write.then_some(target.as_path()))?;
        if refused {
            return Err(Failure::Check(format!(
                "{} of more than ten times; look at them, then say --accept-large",
                print::counted(large, "change")
            )));
        }
        Ok(())
    }

    fn print(&self, changes: &[Change], written: Option<&Path>) -> Result<(), Failure> {
        let result = json!({ "written": written, "changes": changes });
        self.format.print(&result, |_| {
            let table = view::changes(changes);
            let end = written.map_or_else(
                || "nothing written".to_owned(),
                |path| format!("wrote {}", path.display()),
            );
            format!("{table}\n\n{end}")
        })
    }
}

/// The price files of a folder, by name; none where there is no folder.
fn price_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let action = || format!("read {}", folder.display());
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(Failure::os(action()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(Failure::os(action()))?;
    paths.retain(|path| path.extension() == Some(OsStr::new("yaml")));
    paths.sort();
    Ok(paths)
}

/// Writes a file whole or not at all: the gateway may read it at any moment.
fn replace(target: &Path, text: &str) -> Result<(), Failure> {
    let action = || format!("write {}", target.display());
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Failure::os(action()))?;
    // Like any other file that people write: the gateway may run as somebody else.
    let everybody = Permissions::from_mode(0o644);
    let mut builder = tempfile::Builder::new();
    let file = builder.permissions(everybody).tempfile_in(folder);
    let mut file = file.map_err(Failure::os(action()))?;
    file.write_all(text.as_bytes()).map_err(Failure::os(action()))?;
    file.persist(target).map_err(|error| Failure::os(action())(error.error))?;
    Ok(())
}
