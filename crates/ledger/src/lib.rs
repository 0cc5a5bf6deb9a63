//! The ledger: the durable record of requests and attempts, of changes to the gateway, the callers'
//! keys, the requests that are to be answered later, what was spent under budgets, and what
//! counted for objectives, in SQLite.
//!
//! [`Ledger::record`] only puts a record into a bounded queue. A writer thread moves the queue into
//! the database in batches; a second thread appends to spill files whatever the database has not
//! taken in time, so that a stuck database loses nothing. Spilled records are imported, each once,
//! as soon as the database works again. This is the only crate that knows SQL; it must not know
//! what a record means or who asks for one.

mod audit;
mod costs;
mod database;
mod entry;
mod error;
mod import;
mod jobs;
mod keys;
mod ledger;
mod pages;
mod peaks;
mod query;
mod queue;
mod releases;
mod reprice;
mod ring;
mod rows;
mod slos;
mod spend;
mod spill;
mod spiller;
mod sums;
mod writer;

pub use audit::{AuditFilter, audit};
pub use costs::{CostBy, CostSum, costs};
pub use error::LedgerError;
pub use jobs::{Depth, Job, JobEnd, JobInfo, JobLimits, JobState, Jobs, NewJob, Notice, Removal};
pub use keys::{Keys, NewKey};
pub use ledger::{Ledger, Settings};
pub use pages::Pages;
pub use peaks::{FeaturePeak, first_contents, peaks};
pub use query::{Filter, decision, query};
pub use queue::Status;
pub use releases::{ReleaseRow, releases};
pub use reprice::{CallId, Calls, PricedCall, Repricing};
pub use ring::{KeyInfo, KeyRefusal, KeyRing};
pub use slos::{SloKey, SloMinute, recount_slo, slo_minutes};
pub use spend::SpendWindow;
