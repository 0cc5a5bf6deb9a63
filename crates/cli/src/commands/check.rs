//! `tieline check`: whether `serve` would start, without starting anything.

use serde_json::json;
use tieline_config::{Config, RealWorld, World as _};
use tieline_gateway::{Gateway, GatewayError, Parts, Tls};
use tieline_ledger::{KeyRing, Keys};
use tieline_types::chain;
use tieline_upstream::Network;

use super::prices;
use crate::{
    failure::Failure,
    files::ConfigFile,
    print::{self, Format, FormatOption, counted},
    when,
};

/// Say what is wrong with the configuration, or that it is good
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What this accepts, `tieline serve` starts. Exit code 2 means that something is wrong.

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
        match self.config.load().and_then(|config| startable(&config).map(|()| config)) {
            Ok(config) => self.good(&config),
            Err(failure) => self.bad(failure),
        }
    }

    fn good(&self, config: &Config) -> Result<(), Failure> {
        let deployments = config.deployments().count();
        let implicit = config.features.iter().filter(|feature| feature.implicit).count();
        let features = config.features.len() - implicit;
        let good = json!({
            "ok": true,
            "providers": config.providers.len(),
            "models": config.models.len(),
            "deployments": deployments,
            "features": features,
        });
        self.format.print(&good, |_| {
            format!(
                "ok: {}, {}, {}, {}",
                counted(config.providers.len(), "provider"),
                counted(config.models.len(), "model"),
                counted(deployments, "deployment"),
                counted(features, "feature"),
            )
        })
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
            Failure::Gateway(_) | Failure::Prices(_) => {
                print::json(&json!({ "ok": false, "error": chain(&failure) }))?;
                Err(Failure::Reported)
            }
            _ => Err(failure),
        }
    }
}

/// Whether `serve` would refuse this configuration for another reason than its text.
fn startable(config: &Config) -> Result<(), Failure> {
    let parts = Parts {
        ledger: None,
        keys: KeyRing::default(),
        network: Network::Tcp,
        wall: when::wall_now(),
        seed: 0,
        env: Box::new(|name| RealWorld.env(name)),
    };
    Gateway::new(config, parts)?;
    prices::with_own(&config.prices)?;
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
