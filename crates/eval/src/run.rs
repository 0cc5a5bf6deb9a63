//! Asking every case of every arm, and keeping what comes of it.
//!
//! `plan` says what is asked in which order, `runner` asks it, `patient` sends again what a
//! provider's trouble stopped, `pace` bounds how much is under way, `purse` what is spent, `cache`
//! keeps answers, `store` keeps rows. A run that was killed goes on from its rows.

mod cache;
mod others;
mod pace;
pub(crate) mod patient;
mod plan;
pub(crate) mod purse;
mod runner;
mod store;
mod vectors;

pub use cache::{Cache, digest};
pub use plan::{Ask, again, plan};
pub use purse::Purse;
pub use runner::{Beside, End, Exam, Finished, Job, Progress, RunError, run};
pub use store::{RunFile, Store, StoreError, list, read};
