//! What deployments cost: by what the configuration says of them, else by the price lists, with the
//! user's own files over those that are built in.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use tieline_catalog::{Catalog, Deployed, Moment, Problems, Text, place};
use tieline_config::{Config, Deployment};
use tieline_types::{Cost, Rates, ServiceTier, Usage};

use crate::{
    GatewayError,
    eligibility::{self, Seller},
    listen::Worker,
};

/// Prices change with the day, in UTC.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// Read when it is first asked: where every deployment says its price, never.
static BUILT_IN: LazyLock<Result<Catalog, Problems>> = LazyLock::new(Catalog::built_in);

/// The prices of one day.
pub(crate) struct Prices {
    /// By deployment, in the configuration's order; none where nobody knows.
    tariffs: Vec<Option<Arc<Tariff>>>,
    stamp: Stamp,
}

/// What the tokens of a deployment cost, by service tier.
#[derive(Debug, Default)]
pub(crate) struct Tariff {
    standard: Option<Arc<Rates>>,
    /// Those that the price lists know beside it; few.
    others: Vec<(ServiceTier, Rates)>,
}

impl Tariff {
    /// In the standard tier.
    pub(crate) fn standard(&self) -> Option<&Arc<Rates>> {
        self.standard.as_ref()
    }

    /// In a tier; none is the standard one.
    pub(crate) fn rates(&self, tier: Option<&ServiceTier>) -> Option<&Rates> {
        match tier {
            None => self.standard.as_deref(),
            Some(tier) => self.others.iter().find(|(one, _)| one == tier).map(|(_, rates)| rates),
        }
    }

    /// What a call cost that was served in a tier. What has no price in its own tier has none.
    pub(crate) fn cost(&self, tier: Option<&ServiceTier>, usage: &Usage) -> Cost {
        self.rates(tier).map_or(Cost::UNPRICED, |rates| rates.cost(usage))
    }
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
        Ok(Self { day: now_ms / DAY_MS, files: read_files(config)? })
    }

    /// Whether the day is another than at `now_ms`.
    pub(crate) const fn is_of_another_day(&self, now_ms: u64) -> bool {
        self.day != now_ms / DAY_MS
    }
}

/// Every price that is known, of all times.
pub(crate) struct PriceLists {
    /// The user's own files over what is built in; none where the user has none.
    own: Option<Catalog>,
    files: Vec<(PathBuf, String)>,
}

impl PriceLists {
    /// Reads the user's own files.
    ///
    /// # Errors
    /// When one of them cannot be read or has mistakes.
    pub(crate) fn read(config: &Config) -> Result<Self, GatewayError> {
        let files = read_files(config)?;
        let texts = files.iter().map(|(path, text)| (path.display().to_string(), text));
        let texts: Vec<_> = texts.collect();
        let own: Vec<_> = texts.iter().map(|(name, text)| Text { name, text }).collect();
        let own = match own.as_slice() {
            [] => None,
            own => Some(built_in()?.clone().with_overlay(own)?),
        };
        Ok(Self { own, files })
    }

    /// The prices of a day, counted since the Unix epoch: those of its first moment.
    ///
    /// # Errors
    /// Never for a release, whose built-in lists load.
    pub(crate) fn of_day(&self, config: &Config, day: u64) -> Result<Prices, GatewayError> {
        let at = Moment::from_unix_ms(day.saturating_mul(DAY_MS));
        let mut tariffs = Vec::new();
        for one in config.deployments() {
            let tariff = match (one.price, listed(config, one)) {
                (Some(price), _) => Some(Tariff::stated(price)),
                (None, None) => None,
                (None, Some(deployed)) => Tariff::listed(self.catalog()?, &deployed, at),
            };
            tariffs.push(tariff.map(Arc::new));
        }
        Ok(Prices { tariffs, stamp: Stamp { day, files: self.files.clone() } })
    }

    fn catalog(&self) -> Result<&Catalog, GatewayError> {
        match &self.own {
            Some(own) => Ok(own),
            None => built_in(),
        }
    }
}

impl Tariff {
    /// What the configuration states is the price of the standard tier; of others it says nothing.
    fn stated(price: Rates) -> Self {
        Self { standard: Some(Arc::new(price)), others: Vec::new() }
    }

    fn listed(catalog: &Catalog, deployed: &Deployed<'_>, at: Moment) -> Option<Self> {
        let (channel, name) = place(deployed);
        let in_tier = |tier: &str| catalog.rates(name, &channel.clone().served(tier), at).ok();
        let others = catalog.tiers(name, &channel, at).into_iter().filter_map(|tier| {
            let tier = ServiceTier::served(&tier)?;
            let rates = in_tier(tier.as_str())?;
            Some((tier, rates))
        });
        let tariff = Self {
            standard: catalog.rates(name, &channel, at).ok().map(Arc::new),
            others: others.collect(),
        };
        (tariff.standard.is_some() || !tariff.others.is_empty()).then_some(tariff)
    }
}

impl Worker {
    /// What a call of a deployment costs that was served in a service tier, none being the
    /// standard one; none where nobody knows.
    #[must_use]
    pub fn cost(
        &self,
        deployment: &str,
        tier: Option<&ServiceTier>,
        usage: &Usage,
    ) -> Option<Cost> {
        let plan = self.gateway.plan();
        let at = plan.plan.deployments.iter().position(|known| *known.id == *deployment)?;
        plan.tariff(at).map(|tariff| tariff.cost(tier, usage))
    }
}

impl Prices {
    /// Those of the time `now_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When a file of the user's own cannot be read or has mistakes.
    pub(crate) fn at(config: &Config, now_ms: u64) -> Result<Self, GatewayError> {
        PriceLists::read(config)?.of_day(config, now_ms / DAY_MS)
    }

    /// What the tokens of a deployment cost, by its place in the configuration.
    pub(crate) fn of(&self, deployment: usize) -> Option<Arc<Tariff>> {
        self.tariffs.get(deployment)?.clone()
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }
}

fn read_files(config: &Config) -> Result<Vec<(PathBuf, String)>, GatewayError> {
    let read = |path: &PathBuf| match fs::read_to_string(path) {
        Ok(text) => Ok((path.clone(), text)),
        Err(source) => Err(GatewayError::PriceFile { path: path.clone(), source }),
    };
    config.prices.iter().map(read).collect()
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
