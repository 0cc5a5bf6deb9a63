//! Sentinels: whether a deployment still answers as it did when it was trusted.
//!
//! A frozen set of [`Prompt`]s of known form is asked again and again. What came back is looked at
//! one by one ([`Prompt::look`]) and added up to a [`Round`]; a [`Watch`] holds rounds against the
//! [`Baseline`] and says when a change is no longer chance. Nothing here asks anybody anything.

mod baseline;
mod look;
mod prompt;
mod refusal;
mod round;
mod watch;

pub use baseline::{Baseline, Drift};
pub use look::{Look, Said};
pub use prompt::{BadPrompt, Prompt, PromptSet, Tool, Want};
pub use refusal::refusal;
pub use round::{Constant, Kind, Round, Tally};
pub use watch::{Finding, Watch};
