//! What models cost, by channel and date: price lines, and usage to money.
//!
//! Pure: no I/O, no clock. The lines that are built in come from the files of `catalog/prices`;
//! users' own files lie over them. `file` reads one file into lines, `catalog` holds them all and
//! finds the one that prices a call, `names` knows which model a provider's name means, `place`
//! which channel a deployment buys from.

mod builtin;
mod catalog;
mod channel;
mod diff;
mod file;
mod import;
mod line;
mod names;
mod period;
mod place;
mod problem;
mod unit;
mod unpriced;

pub use catalog::{Catalog, Quote};
pub use channel::{BATCH, Channel, STANDARD};
pub use diff::{Change, Price, Table, buckets, diff};
pub use file::{Text, rows};
pub use import::{Comparison, Disagreement, Format, ImportError, compare};
pub use line::{Layer, Line, Origin, Source, Status};
pub use period::{Moment, NotMoment, Period};
pub use place::{Deployed, Place, place};
pub use problem::{Problem, Problems};
pub use unit::{NotQuantity, Quantity, Unit, UnitPrice};
pub use unpriced::Unpriced;
