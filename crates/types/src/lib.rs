//! What every layer of Tieline speaks of: faults, usage, the record of a call, wall time.
//!
//! This crate does no I/O and reads no clock; it must not know any provider, dialect or database.

mod audit;
mod chain;
mod clock;
mod cost;
mod decision;
mod eligible;
mod facts;
mod fault;
mod id;
mod modality;
mod money;
mod record;
mod rules;
mod secret;
mod service_tier;
mod usage;

pub use audit::{AuditRecord, Change, ChangeResult};
pub use chain::chain;
pub use clock::Clock;
pub use cost::{Cost, CostState, Rates, TokenPrices};
pub use decision::{DECISION_ID, DecisionRecord, PlannedStep, WeighedCandidate};
pub use eligible::{Eligible, Pass};
pub use facts::{Fact, FactName, FactValue, Facts};
pub use fault::{Class, Fault, Origin, Phase, Replay, Scope};
pub use id::DialectId;
pub use modality::{Modalities, Modality};
pub use money::{NotMoney, UsdPico};
pub use record::{
    AttemptRecord, CallRecord, EVAL_CALLER, LOCAL_CALLER, OWN_CALLER, Outcome, PROBE_FEATURE,
    PassedOver, Reason, SENTINEL_FEATURE, SHADOW_CALLER,
};
pub use rules::{DataClass, Exception, Names, PolicyFile, Require, Rules};
pub use secret::Secret;
pub use service_tier::ServiceTier;
pub use usage::Usage;
