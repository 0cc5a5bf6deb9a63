//! Service level objectives of features: what counts as a good request, and how many must be.
//!
//! The unit is one request of a client, whatever was called for it upstream. Everything here is
//! pure: counts and times are arguments.

mod alerts;
mod budget;
mod digest;
mod export;
mod indicator;
mod minutes;
mod objective;
mod read;
mod wilson;
mod windows;

pub use alerts::{Alerts, Firing};
pub use budget::{Budget, BudgetPoint};
pub use export::{COUNTER, Dialect, dashboard, prometheus};
pub use indicator::{Event, Indicator, JobEnd, Moment, Selection};
pub use minutes::Minutes;
pub use objective::{Counts, Slo};
pub use read::{Text, indicator_of, read, read_all};
pub use tieline_yaml::{Problem, Problems};
pub use wilson::wilson;
pub use windows::{Alerting, BurnRule, CATALOGUES, Catalogue, Severity};
