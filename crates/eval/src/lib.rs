//! The eval harness: suites of cases, graders that score replies, runs that ask deployments, and
//! what comes of them.
//!
//! `suite` is what people write, `grade` scores one reply to one case, `run` asks every case of
//! every arm and keeps the rows, `import` turns other tools' files into suites or rows, `report`
//! shows. The verdict over rows is `tieline-gate`'s. The crate opens no socket: whoever runs a
//! suite lends a [`Door`] to the deployments.

mod case;
mod door;
mod grade;
pub mod import;
mod suite;

pub use case::Case;
pub use door::{Answer, Door, Trouble};
pub use grade::Grade;
pub use suite::{
    CaseFile, Compare, Dataset, Grader, Judge, Kind, Measure, Message, OneOrMany, Prompt, Role,
    RunSettings, SuiteFile, WriteError,
};
