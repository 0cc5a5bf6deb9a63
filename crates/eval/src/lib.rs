//! The eval harness: suites of cases, graders that score replies, runs that ask deployments, and
//! what comes of them.
//!
//! `suite` is what people write, `grade` scores one reply to one case, `run` asks every case of
//! every arm and keeps the rows, `import` turns other tools' files into suites or rows, `scrub`
//! takes out of texts what tells who somebody is, `report` shows. The verdict over rows is
//! `tieline-gate`'s. The crate opens no socket: whoever runs a suite lends a [`Door`] to the
//! deployments.

mod case;
mod door;
mod exam;
mod flaw;
pub mod gating;
mod grade;
pub mod import;
mod judges;
pub mod judging;
pub mod planning;
pub mod report;
mod row;
pub mod run;
mod script;
pub mod scrub;
mod suite;
mod template;
mod unaided;
mod yaml;

pub use case::Case;
pub use door::{Answer, Door, Embedded, Trouble};
pub use exam::{Examiner, marks};
pub use grade::{Check, Checks, Grade, Outcome, Seen, Tools, family};
pub use judges::{JudgeFile, JudgeSummary};
pub use row::{Arm, Marks, Row};
pub use suite::{
    Calibrated, CaseFile, Compare, Dataset, Disk, Files, GateFile, Grader, Guards, Judge, Kind,
    Label, Labelled, Measure, Message, MetricGate, OneOrMany, PASS, Problem, Problems, Prompt,
    Role, RunSettings, SliceGate, Suite, SuiteFile, WriteError, json_schema,
};
pub use template::TemplateError;
pub use unaided::Unaided;
