//! What people write: a suite of cases, with its prompt, graders and gate.

pub(crate) mod calibration;
mod cases;
mod check;
mod dataset;
mod digest;
mod file;
mod gate;
mod grader;
mod problem;
mod prompt;
mod read;
mod schema;
mod shape;
mod write;
mod yaml;

pub use calibration::{Calibrated, Label, Labelled};
pub(crate) use dataset::CASES_MAX;
pub use file::{CaseFile, Dataset, Judge, Message, Prompt, RunSettings, SuiteFile};
pub(crate) use gate::PASS_MARGIN;
pub use gate::{GateFile, Guards, MetricGate, PASS, SliceGate};
pub use grader::{Compare, Grader, Kind, Measure, OneOrMany, Role};
pub use problem::{Problem, Problems};
pub use read::{Disk, Files, Suite};
pub use schema::json_schema;
pub use write::WriteError;
