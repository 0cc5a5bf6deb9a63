//! What a drill is: its traffic, its faults, what is expected of it.

mod bound;
mod expect;
mod faults;
mod moment;
mod read;
mod select;
mod traffic;

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
pub use tieline_yaml::{Problem, Problems};

pub use self::{
    bound::Bound,
    expect::{Expectation, Expected, Invariant, Window},
    faults::{Allowance, Injected, Trouble},
    read::read,
    select::Select,
    traffic::{Arrivals, Clients, Pace, Shape, Tokens, Workload},
};
pub(crate) use self::{faults::EVENT_TOKENS, select::label};

/// How a drill is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In simulated time, with simulated providers and network.
    #[default]
    Simulate,
    /// In true time, over sockets of this machine, with simulated providers.
    Wire,
    /// On a running gateway.
    Inject,
}

impl Mode {
    /// As scenarios write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simulate => "simulate",
            Self::Wire => "wire",
            Self::Inject => "inject",
        }
    }
}

/// A part of a drill that expectations name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its name, unique in the drill.
    pub name: String,
    /// When it begins, after the drill's start.
    pub begin: Duration,
    /// When it ends.
    pub end: Duration,
}

/// A drill.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it mirrors and whatever else is said of it, in the order of the file.
    pub labels: Vec<(String, String)>,
    /// What it is to show, in a sentence.
    pub hypothesis: String,
    /// How it is run.
    pub mode: Mode,
    /// The seed of everything random.
    pub seed: u64,
    /// The wall time at its start.
    pub starts: Timestamp,
    /// The configuration under test, relative to the scenario's file; whoever runs it says which
    /// where there is none.
    pub topology: Option<PathBuf>,
    /// How quick simulated providers are, by provider; `*` is all others.
    pub paces: Vec<(String, Pace)>,
    /// Who asks for what.
    pub workload: Vec<Workload>,
    /// Its parts, one after another.
    pub phases: Vec<Phase>,
    /// What fails.
    pub faults: Vec<Injected>,
    /// What is expected.
    pub expect: Vec<Expected>,
}

impl Scenario {
    /// How long it takes in all.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.phases.last().map_or(Duration::ZERO, |phase| phase.end)
    }

    /// The time from the first fault's begin to the last one's end; none where nothing fails.
    /// Quotas that are there from the start are how things are, and no fault.
    #[must_use]
    pub fn faulty(&self) -> Option<(Duration, Duration)> {
        let usual =
            |one: &&Injected| matches!(one.trouble, Trouble::Quota(_)) && one.begin.is_zero();
        let faults = || self.faults.iter().filter(|one| !usual(one));
        let begin = faults().map(|one| one.begin).min()?;
        let end = faults().map(|one| one.end).max()?;
        Some((begin, end))
    }
}
