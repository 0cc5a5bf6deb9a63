//! A suite that is ready to be asked.

use std::path::{Path, PathBuf};

use tieline_eval::{Disk, Examiner, GateFile, Problems, Suite as Read};

use super::plan::Scope;
use crate::failure::Failure;

/// A suite with the cases of one run.
pub(super) struct Suite {
    pub(super) path: PathBuf,
    pub(super) read: Read,
}

impl Suite {
    /// Reads a suite. Cases that are kept from tuning are left out unless the scope wants them.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn load(path: &Path, scope: Scope) -> Result<Self, Failure> {
        let mut read = Read::read(path, &Disk).map_err(|problems| wrong(&problems))?;
        if let Some(repeats) = scope.repeats {
            read.file.run.repeats = repeats;
        }
        read.cases.retain(|case| scope.holdout || !case.holdout);
        Ok(Self { path: path.to_owned(), read })
    }

    /// The suite as the runner knows it.
    pub(super) const fn examiner(&self, commands: bool) -> Examiner<'_> {
        Examiner { suite: &self.read, commands }
    }
}

/// The gate of a suite.
///
/// # Errors
/// All that is wrong with the suite.
pub(super) fn gate_of(path: &Path) -> Result<GateFile, Failure> {
    let read = Read::read(path, &Disk).map_err(|problems| wrong(&problems))?;
    Ok(read.file.gate)
}

pub(super) fn wrong(problems: &Problems) -> Failure {
    Failure::Usage {
        message: format!("the suite has mistakes\n{problems}"),
        hint: "docs/reference/eval-suite.schema.json has every key".to_owned(),
    }
}
