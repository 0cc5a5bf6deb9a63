//! The gateway: from a client's socket to a provider and back, in eight stops.
//!
//! `listen` accepts, `serve` is the walk, `admit` finds caller and feature, `attempt` tries
//! candidates up to the commit point, `relay` streams to the client, `record` closes the books.
//! The control plane (`plan`, `reload`, `admin`) builds immutable plans and never shares that path.

mod admin;
mod admit;
mod attempt;
mod audit;
mod bill;
mod body;
mod budgets;
mod cache;
pub mod contingency;
mod conversation;
mod count;
mod decider;
mod decision;
mod door;
mod drills;
mod eligibility;
mod embed;
mod exceptions;
mod explain;
mod gates;
mod gateway;
mod headers;
mod hedge;
mod held;
mod identity;
mod limits;
mod listen;
mod mend;
mod metrics;
mod models;
mod own;
mod plan;
mod prepare;
mod prices;
mod probe;
mod queue;
mod recall;
mod record;
mod relay;
mod release;
mod reload;
pub mod replay;
mod reprice;
mod respond;
mod said;
mod seam;
mod sentinel;
mod serve;
mod shutdown;
mod slos;
mod source;
mod standing;
mod status;
mod tags;
mod trace;
mod unpriced;
mod walk;
mod webhook;
mod workers;

pub use audit::{Actor, ChangeError};
pub use budgets::BudgetStatus;
pub use decider::{Decider, Question};
pub use drills::{
    AbortConditions, BreakerState, BurnAbove, DrillBreaker, DrillEnd, DrillEnded, DrillError,
    DrillRamp, DrillScope, DrillStatus, DrillTally, DrillToken, DrillsStatus, FaultKind,
    FeatureTally, InjectedFault, NewDrill, Select, TokenStatus, drills,
};
pub use eligibility::matrix;
pub use embed::Embedded;
pub use exceptions::ExceptionStatus;
pub use explain::{Explained, Explanation, Price, explain};
pub use gates::{DueGate, stated_gates};
pub use gateway::{Env, Gateway, GatewayError, Observer, Parts};
pub use identity::identity;
pub use listen::{Tls, Worker};
pub use probe::recover;
pub use record::CallKind;
pub use release::{
    Evidenced, Move, NewRelease, Release, ReleaseError, ReleaseStatus, tend_releases,
};
pub use reload::{Load, Watcher, watch};
pub use reprice::{Repricer, reprice_on_record};
pub use sentinel::{RoundStatus, SentinelStatus, sentinels};
pub use shutdown::{ListingStatus, Shutdown, shutdown_dates};
pub use slos::{AlertStatus, BurnStatus, SloStatus, slos, stated_slos};
pub use standing::{
    Answered, AttestationStanding, CandidateStanding, Evidence, Harness, RefusedAttestation,
};
pub use status::{DeploymentStatus, FeatureStatus, Status, TierStatus};
pub use unpriced::unpriced;
pub use workers::{Running, start};
