//! `tieline prices check`: whether price files of one's own can be used.

use std::path::PathBuf;

use serde_json::json;
use tieline_catalog::{Catalog, Change, Moment, diff};

use super::{over, view};
use crate::{
    failure::Failure,
    print::{self, Format, FormatOption, counted},
};

/// Say what is wrong with price files of your own, or how they differ from the built-in lists
#[derive(Debug, clap::Args)]
#[command(after_help = "\
All files are read together, as the gateway reads them. Exit code 2 means that something is wrong.

Examples:
  tieline prices check prices/contract.yaml
  tieline prices check prices/openai.yaml prices/azure.yaml --format json")]
pub(super) struct Check {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatOption,
}

impl Check {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let built_in = Catalog::built_in()?;
        let before = built_in.table(now);
        match over(built_in, &self.files) {
            Ok(catalog) => self.good(&diff(&before, &catalog.table(now))),
            Err(Failure::Prices(problems)) if self.format.format == Format::Json => {
                print::json(&json!({ "ok": false, "problems": problems }))?;
                Err(Failure::Reported)
            }
            Err(failure) => Err(failure),
        }
    }

    fn good(&self, changes: &[Change]) -> Result<(), Failure> {
        self.format.print(&json!({ "ok": true, "changes": changes }), |_| {
            let new = changes.iter().filter(|change| change.before.is_none()).count();
            let other = changes.len() - new;
            let summary = format!(
                "ok: {}, {} other than built in",
                counted(new, "new price"),
                counted(other, "price")
            );
            if changes.is_empty() {
                summary
            } else {
                format!("{summary}\n\n{}", view::changes(changes))
            }
        })
    }
}
