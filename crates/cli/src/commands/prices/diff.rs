//! `tieline prices diff`: what changes from one date or file to another.

use std::path::{Path, PathBuf};

use serde_json::json;
use tieline_catalog::{Catalog, Moment, Table, diff};

use super::{Lists, over, view};
use crate::{failure::Failure, print::FormatOption};

/// Show which prices change from one date to another, or from one file to another
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A price that becomes more than ten times as much, or less than a tenth, is marked for review.

Examples:
  tieline prices diff --to 2027-01-01             From now on
  tieline prices diff --from 2026-06-15 --to 2026-06-16
  tieline prices diff prices/old.yaml prices/new.yaml")]
pub(super) struct Diff {
    /// A price file
    #[arg(requires = "after", conflicts_with_all = ["from", "to"])]
    before: Option<PathBuf>,
    /// The price file to compare it with
    after: Option<PathBuf>,
    /// Prices of this date or time. Default: now
    #[arg(long, value_name = "DATE")]
    from: Option<Moment>,
    /// Prices of this date or time. Default: now
    #[arg(long, value_name = "DATE")]
    to: Option<Moment>,
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    format: FormatOption,
}

impl Diff {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let (before, after) = match (&self.before, &self.after) {
            (Some(before), Some(after)) => (of_file(before, now)?, of_file(after, now)?),
            _ => {
                let catalog = self.lists.load()?;
                let at = |moment: Option<Moment>| catalog.table(moment.unwrap_or(now));
                (at(self.from), at(self.to))
            }
        };
        let changes = diff(&before, &after);
        self.format.print(&json!({ "changes": changes }), |_| view::changes(&changes))
    }
}

/// The prices of a file alone.
fn of_file(path: &Path, now: Moment) -> Result<Table, Failure> {
    Ok(over(Catalog::empty(), &[path.to_owned()])?.table(now))
}
