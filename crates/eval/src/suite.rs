//! What people write: a suite of cases, with its prompt, graders and gate.

mod file;
mod gate;
mod grader;

pub use file::{CaseFile, Dataset, Judge, Message, Prompt, RunSettings, SuiteFile};
pub use gate::{GateFile, Guards, MetricGate, PASS, SliceGate};
pub use grader::{Compare, Grader, Kind, Measure, OneOrMany, Role};
