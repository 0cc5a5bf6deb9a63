//! What deployments cost: by what the configuration says of them, else by the price lists, with the
//! user's own files over those that are built in.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use tieline_catalog::{Catalog, Deployed, Moment, Problems, Text, place};
use tieline_config::{Config, Deployment};
use tieline_types::Rates;

use crate::{
    GatewayError,
    eligibility::{self, Seller},
};

/// Prices change with the day, in UTC.
const DAY_MS: u64 = 86_400_000;

/// Read when it is first asked: where every deployment says its price, never.
static BUILT_IN: LazyLock<Result<Catalog, Problems>> = LazyLock::new(Catalog::built_in);

/// The prices of one day.
pub(crate) struct Prices {
    /// By deployment, in the configuration's order; none where nobody knows.
    rates: Vec<Option<Arc<Rates>>>,
    stamp: Stamp,
}

/// What tells the prices of one time from another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    day: u64,
    /// The user's own files, with their texts.
    files: Vec<(PathBuf, String)>,
}

impl Stamp {
    /// That of the time `now_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn at(config: &Config, now_ms: u64) -> Result<Self, GatewayError> {
        let read = |path: &PathBuf| match fs::read_to_string(path) {
            Ok(text) => Ok((path.clone(), text)),
            Err(source) => Err(GatewayError::PriceFile { path: path.clone(), source }),
        };
        let files = config.prices.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { day: now_ms / DAY_MS, files })
    }

    /// Whether the day is another than at `now_ms`.
    pub(crate) const fn is_of_another_day(&self, now_ms: u64) -> bool {
        self.day != now_ms / DAY_MS
    }
}

impl Prices {
    /// Those of the time `now_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When a file of the user's own cannot be read or has mistakes.
    pub(crate) fn at(config: &Config, now_ms: u64) -> Result<Self, GatewayError> {
        let stamp = Stamp::at(config, now_ms)?;
        let texts = stamp.files.iter().map(|(path, text)| (path.display().to_string(), text));
        let texts: Vec<_> = texts.collect();
        let own: Vec<_> = texts.iter().map(|(name, text)| Text { name, text }).collect();
        let catalog = match own.as_slice() {
            [] => None,
            own => Some(built_in()?.clone().with_overlay(own)?),
        };
        let mut rates = Vec::new();
        for one in config.deployments() {
            let known = match (one.price, listed(config, one)) {
                (Some(price), _) => Some(price),
                (None, None) => None,
                (None, Some(deployed)) => {
                    let catalog = match &catalog {
                        Some(own) => own,
                        None => built_in()?,
                    };
                    let (channel, name) = place(&deployed);
                    catalog.rates(name, &channel, Moment::from_unix_ms(now_ms)).ok()
                }
            };
            rates.push(known.map(Arc::new));
        }
        Ok(Self { rates, stamp })
    }

    /// What the tokens of a deployment cost, by its place in the configuration.
    pub(crate) fn of(&self, deployment: usize) -> Option<Arc<Rates>> {
        self.rates.get(deployment)?.clone()
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }
}

fn built_in() -> Result<&'static Catalog, GatewayError> {
    BUILT_IN.as_ref().map_err(|problems| GatewayError::Prices(problems.clone()))
}

/// What the price lists are asked for; none where a provider is reached elsewhere than at its
/// vendor, whose prices then say nothing.
fn listed<'c>(config: &'c Config, one: &'c Deployment) -> Option<Deployed<'c>> {
    let provider = config.provider(&one.provider)?;
    let Seller { kind, host, region } = eligibility::seller(provider)?;
    Some(Deployed {
        kind,
        host,
        region,
        name: &one.name,
        model: &one.model,
        scope: one.scope.as_deref(),
        service_tier: None,
    })
}
