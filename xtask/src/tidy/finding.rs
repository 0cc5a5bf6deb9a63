//! What tidy has to say.

use std::{fmt, path::Path};

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl Finding {
    /// `what` says what is wrong and what to do about it; lines count from 1.
    pub(super) fn at(file: impl AsRef<Path>, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.as_ref().display().to_string(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// How tests read findings: one a line.
#[cfg(test)]
pub(super) fn told(findings: impl IntoIterator<Item = Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.to_string()).collect()
}
