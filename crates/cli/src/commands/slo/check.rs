//! `tieline slo check`: whether error budgets hold.

use serde_json::json;

use super::{
    measured::{Measured, Wanted, last_minute, measured},
    report::table,
};
use crate::{failure::Failure, files::Database, print::FormatOption};

/// The exit code where nothing can be said.
const INCONCLUSIVE: u8 = 3;

/// Say whether error budgets hold, for scripts: may something risky begin now?
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 1: a budget is spent, a page fires, or the budget is spent faster than --max-burn. 3: none
of that, but nothing was counted for an objective.

Examples:
  tieline slo check
  tieline slo check --feature support-reply --max-burn 1
  tieline slo check && kubectl rollout restart deployment/web")]
pub(super) struct Check {
    /// Objectives of this feature
    #[arg(long)]
    feature: Option<String>,
    /// Fail also where the budget is spent faster: at 1 it lasts its window exactly
    #[arg(long, value_name = "RATE")]
    max_burn: Option<f64>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (config, path) = (self.database.config()?, self.database.path()?);
        let wanted = Wanted {
            feature: self.feature.as_deref(),
            window: None,
            recount: false,
            minute: last_minute(),
        };
        let slos = measured(&config, &path, wanted)?;
        let wrong: Vec<String> = slos.iter().filter_map(|one| wrong(one, self.max_burn)).collect();
        let unknown = slos.iter().any(Measured::is_unknown);
        let value = json!({ "ok": wrong.is_empty() && !unknown, "wrong": wrong, "slos": slos });
        self.format.print(&value, |_| table(&slos))?;
        match (wrong.is_empty(), unknown) {
            (false, _) => Err(Failure::Check(wrong.join("; "))),
            (true, true) => Err(Failure::Ruled(INCONCLUSIVE)),
            (true, false) => Ok(()),
        }
    }
}

/// What is wrong with an objective.
fn wrong(one: &Measured, max_burn: Option<f64>) -> Option<String> {
    let Measured { feature, name, .. } = one;
    let burn = max_burn.zip(one.burn_rate).filter(|(most, rate)| rate > most);
    let why = if one.budget_left.is_some_and(|left| left <= 0.0) {
        "its error budget is spent".to_owned()
    } else if one.alerts.contains(&"page") {
        "a page fires".to_owned()
    } else {
        burn.map(|(most, rate)| format!("it burns at {rate:.2}, above {most}"))?
    };
    Some(format!("`{name}` of `{feature}`: {why}"))
}
