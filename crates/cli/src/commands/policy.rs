//! `tieline policy`: what changes between two configurations.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use tieline_gateway::{GatewayError, matrix};
use tieline_policy::{Change, Matrix, diff};

use crate::{
    failure::Failure,
    files::load_for_reading,
    print::{self, FormatOption, or_dash},
    when,
};

/// Compare what two configurations allow
#[derive(Debug, clap::Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Diff(Diff),
}

impl Policy {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Diff(diff) => diff.run(),
        }
    }
}

/// Show which deployments open and close for which features, from one configuration to another
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A pair is `in`, `out`, `absent` where no tier lists the deployment, or `depends` where policies look
at requests: who calls, their tags, or what they carry.

Examples:
  tieline policy diff tieline.yaml next.yaml
  git show HEAD:tieline.yaml > before.yaml && tieline policy diff before.yaml tieline.yaml")]
struct Diff {
    /// The configuration as it is
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The configuration as it would be
    #[arg(value_name = "B")]
    after: PathBuf,
    #[command(flatten)]
    format: FormatOption,
}

impl Diff {
    fn run(self) -> Result<(), Failure> {
        let now_ms = when::unix_ms(when::wall_now());
        let compiled = |path: &Path| -> Result<Matrix, Failure> {
            let config = load_for_reading(path)?;
            Ok(matrix(&config, now_ms).map_err(GatewayError::from)?)
        };
        let changes = diff(&compiled(&self.before)?, &compiled(&self.after)?, now_ms);
        self.format.print(&json!({ "changes": changes }), |_| table(&changes))
    }
}

fn table(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing opens or closes".to_owned();
    }
    let rows = changes.iter().map(|change| {
        let rules: Vec<&str> = change.rules.iter().map(AsRef::as_ref).collect();
        vec![
            change.feature.to_string(),
            change.deployment.to_string(),
            change.before.to_owned(),
            change.after.to_owned(),
            or_dash((!rules.is_empty()).then(|| rules.join(", "))),
        ]
    });
    print::table(&["FEATURE", "DEPLOYMENT", "BEFORE", "AFTER", "BY"], rows)
}
