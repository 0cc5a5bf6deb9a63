//! What an import has to say beside what it brought over.

use serde::Serialize;

use super::node::Place;

/// Something in the source that did not come over as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file that it is written in.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its column, from 1.
    pub column: usize,
    /// What became of it.
    pub severity: Severity,
    /// What it is.
    pub what: String,
    /// What to do about it; empty where nothing needs to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// What became of something that did not come over as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is missing, and the suite is partial.
    Lost,
    /// It came over in another form, or changes no verdict.
    Note,
}

impl Finding {
    /// The finding as a line of a partial suite.
    pub(super) fn line(&self) -> String {
        format!("{}:{}:{}: {}", self.file, self.line, self.column, self.what)
    }
}

/// The findings of an import.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
}

impl Report {
    pub(super) fn lost(&mut self, at: &Place, what: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Lost, at, what.into(), hint.into());
    }

    pub(super) fn note(&mut self, at: &Place, what: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Note, at, what.into(), hint.into());
    }

    fn add(&mut self, severity: Severity, at: &Place, what: String, hint: String) {
        let file = at.file.to_string();
        let finding = Finding { file, line: at.line, column: at.column, severity, what, hint };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// What is missing of all that was found since there were `from` findings.
    pub(super) fn partial_since(&self, from: usize) -> Vec<String> {
        let lost = |finding: &&Finding| finding.severity == Severity::Lost;
        self.findings.iter().skip(from).filter(lost).map(Finding::line).collect()
    }
}
