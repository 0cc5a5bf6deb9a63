//! `tieline check`: whether `serve` would start, without starting anything.

use std::{fmt, fs, path::Path, sync::Arc, time::SystemTime};

use serde::Serialize;
use serde_json::json;
use tieline_config::{Config, RealWorld, World as _, locate};
use tieline_gateway::{Gateway, GatewayError, Parts, Tls, matrix, unpriced};
use tieline_ledger::{KeyRing, Keys};
use tieline_policy::{Finding, Severity, Spot, findings};
use tieline_types::{LOCAL_CALLER, chain};
use tieline_upstream::Network;

use super::{contingency, prices};
use crate::{
    failure::Failure,
    files::ConfigFile,
    harness::{Suites, evidence},
    print::{self, Format, FormatOption, counted},
    when,
};

/// Say what is wrong with the configuration, or that it is good
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What this accepts, `tieline serve` starts. Exit code 2 means that something is wrong; 1 that all is
well written, but that policy leaves a feature without a deployment or contradicts itself.

Examples:
  tieline check
  tieline check --config staging.yaml --format json")]
pub(crate) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    format: FormatOption,
}

impl Check {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let now = when::wall_now();
        let checked = self.config.load().and_then(|config| {
            startable(&config, now)?;
            let matrix = matrix(&config, when::unix_ms(now)).map_err(GatewayError::from)?;
            let mut found = findings(&matrix, when::unix_ms(now));
            found.extend(unpriced(&config, when::unix_ms(now))?);
            let declared = contingency::declared(&config, evidence(&config)?, when::unix_ms(now))?;
            Ok((config, found, declared))
        });
        match checked {
            Ok((config, found, declared)) => self.good(&config, &found, declared.as_ref()),
            Err(failure) => self.bad(failure),
        }
    }

    /// What the configuration holds, what policy has to say of it, and, where it declares demand,
    /// which critical features do not survive every ordinary contingency.
    fn good(
        &self,
        config: &Config,
        found: &[Finding],
        declared: Option<&Survival>,
    ) -> Result<(), Failure> {
        let text = fs::read_to_string(&self.config.path).unwrap_or_default();
        let placed: Vec<Placed<'_>> =
            found.iter().map(|one| Placed::new(one, &self.config.path, &text)).collect();
        let errors = found.iter().filter(|one| one.severity == Severity::Error).count();
        let deployments = config.deployments().count();
        let implicit = config.features.iter().filter(|feature| feature.implicit).count();
        let features = config.features.len() - implicit;
        let mut good = json!({
            "ok": errors == 0,
            "findings": placed,
            "providers": config.providers.len(),
            "models": config.models.len(),
            "deployments": deployments,
            "features": features,
        });
        if let (Some((insecure, _)), Some(good)) = (declared, good.as_object_mut()) {
            good.insert("not_n1_secure".to_owned(), json!(insecure));
        }
        self.format.print(&good, |_| {
            let said = placed.iter().map(ToString::to_string).chain(declared.map(survival));
            let counts = format!(
                "{}: {}, {}, {}, {}",
                if errors == 0 { "ok" } else { "it starts" },
                counted(config.providers.len(), "provider"),
                counted(config.models.len(), "model"),
                counted(deployments, "deployment"),
                counted(features, "feature"),
            );
            said.chain([counts]).collect::<Vec<_>>().join("\n")
        })?;
        match errors {
            0 => Ok(()),
            _ => Err(Failure::Check(format!("policy has {}", counted(errors, "error")))),
        }
    }

    /// In JSON the mistakes are the result; for people they go where failures go.
    fn bad(&self, failure: Failure) -> Result<(), Failure> {
        if self.format.format == Format::Table {
            return Err(failure);
        }
        match &failure {
            Failure::Config(problems) => {
                let mut report = problems.to_json();
                if let Some(report) = report.as_object_mut() {
                    report.insert("ok".to_owned(), json!(false));
                }
                print::json(&report)?;
                Err(Failure::Reported)
            }
            Failure::Gateway(GatewayError::Policy(error)) => {
                print::json(&json!({ "ok": false, "problems": error.problems }))?;
                Err(Failure::Reported)
            }
            Failure::Gateway(GatewayError::Slos(problems)) => {
                print::json(&json!({ "ok": false, "problems": problems }))?;
                Err(Failure::Reported)
            }
            Failure::Gateway(_) | Failure::Prices(_) => {
                print::json(&json!({ "ok": false, "error": chain(&failure) }))?;
                Err(Failure::Reported)
            }
            _ => Err(failure),
        }
    }
}

/// The critical features that do not survive every ordinary contingency, and how many are critical.
type Survival = (Vec<String>, usize);

fn survival((insecure, critical): &Survival) -> String {
    match insecure.len() {
        0 => format!("N-1 secure by what is declared: {critical} of {critical} critical features"),
        some => format!(
            "not N-1 secure by what is declared: {some} of {critical} critical features: see \
             `tieline contingency`"
        ),
    }
}

/// A finding with its place in a file.
#[derive(Serialize)]
struct Placed<'f> {
    file: String,
    line: usize,
    column: usize,
    severity: Severity,
    message: &'f str,
    help: &'f str,
}

impl<'f> Placed<'f> {
    fn new(finding: &'f Finding, config: &Path, text: &str) -> Self {
        let (file, line, column) = match &finding.spot {
            Spot::Config(path) => {
                let at = locate(text, path);
                (config.display().to_string(), at.line, at.column)
            }
            Spot::Policy { file, line } => (file.clone(), *line, 1),
        };
        let Finding { severity, message, help, .. } = finding;
        Self { file, line, column, severity: *severity, message, help }
    }
}

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, help, .. } = self;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = help.replace('\n', "\n        ");
        write!(f, "{severity}: {file}:{line}:{column}: {message}\n  help: {help}")
    }
}

/// Whether `serve` would refuse this configuration for another reason than its text.
fn startable(config: &Config, wall: SystemTime) -> Result<(), Failure> {
    let parts = Parts {
        ledger: None,
        keys: KeyRing::default(),
        local: LOCAL_CALLER,
        network: Network::Tcp,
        wall,
        seed: 0,
        env: Box::new(|name| RealWorld.env(name)),
        harness: Some(Arc::new(Suites::default())),
        observer: None,
    };
    prices::with_own(&config.prices)?;
    Gateway::new(config, parts)?;
    if let Some(tls) = &config.server.tls {
        Tls::read(&tls.cert, &tls.key)?;
    }
    let address = config.server.listen;
    if !address.ip().is_loopback() && !has_keys(config)? {
        return Err(GatewayError::Open { address }.into());
    }
    Ok(())
}

fn has_keys(config: &Config) -> Result<bool, Failure> {
    let path = &config.ledger.path;
    // Opening would create it.
    Ok(path.exists() && !Keys::open(path)?.snapshot()?.is_empty())
}
