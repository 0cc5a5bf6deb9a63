//! Price files of the user's own.

use std::path::PathBuf;

use super::Check;
use crate::{
    lenient::Field,
    problem::{Code, Problem},
};

impl Check<'_> {
    /// The files that `prices` means, by name. What is in them is for the catalogue to check.
    pub(super) fn prices(&mut self, field: &Field<String>) -> Vec<PathBuf> {
        let Some(path) = self.path(field) else { return Vec::new() };
        let written = field.value.clone().unwrap_or_default();
        let fault = match self.files(&path) {
            Ok(files) => return files,
            Err(fault) => fault,
        };
        let at = field.at.unwrap_or_default();
        let problem = Problem::new(Code::InvalidValue, at, format!("`{written}` {fault}"));
        self.add(problem.with_found(written).with_help("write a path such as `prices/*.yaml`"));
        Vec::new()
    }
}
