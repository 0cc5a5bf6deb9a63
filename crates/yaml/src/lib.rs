//! Documents that people write in YAML: nodes that know their place, mappings read key by key, and
//! everything that is wrong with them, told at once.

mod node;
mod notes;
mod problem;
pub mod time;

pub use node::{At, Node, Value, read};
pub use notes::{Fields, Notes, listed, nearest};
pub use problem::{Problem, Problems};
