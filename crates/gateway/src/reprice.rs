//! What calls of the past cost by the prices that are known now.

use std::collections::HashMap;

use rand::{RngCore as _, SeedableRng as _, rngs::SmallRng};
use tieline_config::Config;
use tieline_types::{AuditRecord, Change, ChangeResult, Cost, ServiceTier, Usage};

use crate::{
    GatewayError,
    audit::cleaned,
    prices::{DAY_MS, PriceLists, Prices},
};

/// Who changes a ledger without a gateway.
const ACTOR: &str = "command";

/// Prices calls of any time as the gateway prices those of today: each by the prices of its own
/// day, as the configuration and the lists have them now.
pub struct Repricer<'c> {
    config: &'c Config,
    lists: PriceLists,
    /// Deployments by their ids.
    positions: HashMap<&'c str, usize>,
    /// The prices of the day that was asked for last: calls come in their order.
    day: Option<(u64, Prices)>,
}

impl<'c> Repricer<'c> {
    /// With all prices that a configuration knows.
    ///
    /// # Errors
    /// When a price file of the user's own cannot be read or has mistakes.
    pub fn new(config: &'c Config) -> Result<Self, GatewayError> {
        let lists = PriceLists::read(config)?;
        let positions =
            config.deployments().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
        Ok(Self { config, lists, positions, day: None })
    }

    /// What a call of a deployment cost whose request arrived at `started_ms`, milliseconds since
    /// the Unix epoch; none where the configuration has no such deployment.
    ///
    /// # Errors
    /// When the built-in prices do not load.
    pub fn cost(
        &mut self,
        deployment: &str,
        started_ms: u64,
        tier: Option<&ServiceTier>,
        usage: &Usage,
    ) -> Result<Option<Cost>, GatewayError> {
        let Some(at) = self.positions.get(deployment).copied() else {
            return Ok(None);
        };
        let day = started_ms / DAY_MS;
        let prices = match self.day.take() {
            Some((known, prices)) if known == day => prices,
            _ => self.lists.of_day(self.config, day)?,
        };
        let (_, prices) = self.day.insert((day, prices));
        let tariff = prices.of(at);
        Ok(Some(tariff.map_or(Cost::UNPRICED, |tariff| tariff.cost(tier, usage))))
    }
}

/// The change that goes on record where recorded costs are written anew at `now_ms`, milliseconds
/// since the Unix epoch: who says to do that, which calls, and what they cost together `before` and
/// `after`.
#[must_use]
pub fn reprice_on_record(
    now_ms: u64,
    claimed: Option<&str>,
    subject: String,
    (before, after): (String, String),
) -> AuditRecord {
    let mut random = [0; 10];
    SmallRng::from_os_rng().fill_bytes(&mut random);
    let id = uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid();
    AuditRecord {
        id: format!("chg_{}", id.simple()),
        at_ms: now_ms,
        actor: ACTOR.to_owned(),
        claimed: claimed.and_then(|name| cleaned(name.as_bytes())),
        action: Change::Reprice,
        subject,
        before: Some(before),
        after: Some(after),
        result: ChangeResult::Applied,
        reason: None,
    }
}
