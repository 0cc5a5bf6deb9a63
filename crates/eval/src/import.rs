//! Other tools' files turned into suites and results.
//!
//! An importer reads texts and returns what it made of them, with a [`Finding`] for everything that
//! did not come over as it stands. It opens no file: what a source refers to is lent as [`Files`].

mod detect;
mod inspect;
mod names;
mod node;
mod openai;
mod promptfoo;
mod registry;
mod report;
mod requests;
mod results;
mod rows;
mod script;
mod template;

use std::collections::BTreeMap;

use crate::{Files, GateFile, Prompt, RunSettings, SuiteFile};

pub use detect::Format;
pub use report::{Finding, Severity};
pub use requests::{Requests, Told, requests};
pub use results::ImportedResult;
pub use rows::{Log, Logs, Unfit, declare, rows};

/// The largest file that is read.
const MAX_BYTES: usize = 256 << 20;

/// A file to import.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What it is called in findings.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// What the source does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// The feature of the suites, and what they are called.
    pub feature: String,
    /// The deployment that judges where the source names none.
    pub judge: Option<String>,
}

/// What came of an import.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Suites, each with the name of its file.
    pub suites: Vec<(String, SuiteFile)>,
    /// Datasets of the suites, each with the name of its file.
    pub files: Vec<(String, String)>,
    /// Results that other harnesses recorded.
    pub results: Vec<ImportedResult>,
    /// What did not come over as it stands.
    pub findings: Vec<Finding>,
    /// Deployments that the source evaluates, as `MODEL@PROVIDER`.
    pub candidates: Vec<String>,
    /// What was done with production requests, where the source has such.
    pub requests: Option<Told>,
}

impl Imported {
    /// Whether something that decides verdicts is missing.
    #[must_use]
    pub fn partial(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Lost)
    }
}

/// Why nothing can be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not of a form that is known.
    #[error("{file} is nothing that can be imported")]
    Unknown {
        /// The file.
        file: String,
    },
    /// The file is not what it should be.
    #[error("{file}:{line}:{column}: {what}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The archive cannot be read.
    #[error("cannot read {file} as an archive")]
    Archive {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: zip::result::ZipError,
    },
    /// The file goes beyond bounds.
    #[error("{file} has more than {MAX_BYTES} bytes")]
    TooLarge {
        /// The file.
        file: String,
    },
}

impl ImportError {
    fn at(place: &node::Place, what: impl Into<String>) -> Self {
        let (line, column) = (place.line, place.column);
        Self::Syntax { file: place.file.to_string(), line, column, what: what.into() }
    }
}

impl<'a> Source<'a> {
    fn text(&self) -> Result<&'a str, ImportError> {
        std::str::from_utf8(self.bytes)
            .map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
            .map_err(|_| ImportError::Unknown { file: self.name.to_owned() })
    }
}

/// A suite of a feature, to be filled.
fn blank(feature: &str) -> SuiteFile {
    SuiteFile {
        version: 1,
        feature: feature.to_owned(),
        description: None,
        dataset: None,
        cases: Vec::new(),
        prompt: Prompt::default(),
        run: RunSettings::default(),
        judges: BTreeMap::new(),
        graders: Vec::new(),
        gate: GateFile::default(),
        partial: Vec::new(),
    }
}

/// Imports a source. `files` reads what it refers to, relative to its folder; `more` are files that
/// belong to it: the run of an OpenAI eval and its items.
///
/// # Errors
/// The source is not readable, or of no known format.
pub fn import(
    source: &Source<'_>,
    more: &[Source<'_>],
    format: Option<Format>,
    files: &dyn Files,
    options: &Options,
) -> Result<Imported, ImportError> {
    if let Some(large) =
        std::iter::once(source).chain(more).find(|source| source.bytes.len() > MAX_BYTES)
    {
        return Err(ImportError::TooLarge { file: large.name.to_owned() });
    }
    let unknown = || ImportError::Unknown { file: source.name.to_owned() };
    match format.or_else(|| detect::format(source)).ok_or_else(unknown)? {
        Format::Promptfoo => promptfoo::import(source, files, options),
        Format::Openai => openai::import(source, more, files, options),
        Format::Registry => registry::import(source, files, options),
        Format::Inspect => inspect::import(source),
        Format::Results => {
            results::read(source).map(|results| Imported { results, ..Imported::default() })
        }
    }
}
