//! Files beside the configuration that it names by a path, which may have one `*`.

use std::path::{Path, PathBuf};

use super::Check;

/// How many files a path may mean.
const FILES_MAX: usize = 256;

impl Check<'_> {
    /// The files that a path means, by name. One `*` may stand in its last part.
    ///
    /// # Errors
    /// What is wrong with the path, as the end of a sentence that begins with it.
    pub(super) fn files(&self, path: &Path) -> Result<Vec<PathBuf>, String> {
        let files = self.files_if_any(path)?;
        if files.is_empty() { Err("means no file".to_owned()) } else { Ok(files) }
    }

    /// The same, where it is no mistake that there are none.
    ///
    /// # Errors
    /// As [`Self::files`].
    pub(super) fn files_if_any(&self, path: &Path) -> Result<Vec<PathBuf>, String> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = path.parent().unwrap_or(Path::new(""));
        if folder.to_string_lossy().contains('*') || name.matches('*').count() > 1 {
            return Err("has a `*` where none may be: one in the last part".to_owned());
        }
        let Some((start, end)) = name.split_once('*') else {
            let read = self.world.read(path);
            let cannot = |error| format!("cannot be read: {error}");
            return read.map(|_| vec![path.to_owned()]).map_err(cannot);
        };
        let fits = |file: &PathBuf| {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        };
        let listed = self.world.list(folder).map_err(|error| format!("means nothing: {error}"))?;
        let mut files: Vec<PathBuf> = listed.into_iter().filter(fits).collect();
        files.sort();
        match files.len() {
            0..=FILES_MAX => Ok(files),
            _ => Err(format!("means more than {FILES_MAX} files")),
        }
    }
}
