//! What people write: a suite of cases, with its prompt, graders and gate.

mod file;
mod grader;
mod write;

pub use file::{CaseFile, Dataset, Judge, Message, Prompt, RunSettings, SuiteFile};
pub use grader::{Compare, Grader, Kind, Measure, OneOrMany, Role};
pub use write::WriteError;
