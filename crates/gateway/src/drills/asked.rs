//! A drill as it is asked for, and what is wrong with that.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tieline_config::{Config, Drills as Allowed};

use super::{InjectedFault, NAMES, fault, is_name};

/// The most steps of a ramp, and names or conditions of a list.
const LIST_MAX: usize = 64;

/// A drill to begin: which faults, into what share of which requests, for how long.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDrill {
    /// Its name, which metrics and records carry.
    pub name: String,
    /// What is injected.
    pub faults: Vec<InjectedFault>,
    /// Into which requests.
    #[serde(default)]
    pub scope: DrillScope,
    /// How the share of them grows; without it, it is that of the scope from the start.
    #[serde(default)]
    pub ramp: Option<DrillRamp>,
    /// How long it lasts, seconds; without it as long as the configuration allows.
    #[serde(default)]
    pub ttl_s: Option<u64>,
    /// Whether breakers learn of what is injected.
    #[serde(default)]
    pub breaker_state: BreakerState,
    /// What ends it before its time.
    #[serde(default)]
    pub abort: AbortConditions,
}

/// Which requests a drill takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrillScope {
    /// The share of the conversations, percent. With a ramp, its last step says.
    pub percent: Option<f64>,
    /// Ids or names of callers; none for all.
    pub callers: Vec<String>,
    /// Features; none for all.
    pub features: Vec<String>,
}

/// How the share of a drill grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRamp {
    /// The shares one after the other, percent. The last one stays.
    pub percents: Vec<f64>,
    /// How long each lasts, seconds.
    pub step_s: u64,
}

/// Whether breakers, storms, retry budgets and tiers learn of what a drill injects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Only those that the drill has of its own: no other request is led otherwise.
    #[default]
    Isolated,
    /// Those of all requests, as in a real outage.
    Shared,
}

/// What ends a drill before its time, each as soon as it is so. What is so already keeps it from
/// beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AbortConditions {
    /// Objectives that burn, by the requests that are part of no drill.
    pub burn: Vec<BurnAbove>,
    /// So many requests were part of it.
    pub max_affected_requests: Option<u64>,
    /// Less than this share of an error budget is left, 0 to 1, of any objective of a feature in
    /// its scope.
    pub budget_remaining: Option<f64>,
}

/// A burn rate above which a drill ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BurnAbove {
    /// The objective's name.
    pub slo: String,
    /// Its feature; without it every feature's objective of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The burn rate.
    pub above: f64,
    /// Over how long it is measured, seconds.
    pub window_s: u64,
}

impl NewDrill {
    /// How long it lasts.
    pub(super) fn ttl(&self, allowed: &Allowed) -> Duration {
        self.ttl_s.map_or(allowed.max_ttl, Duration::from_secs)
    }

    /// The shares that follow each other, percent, and how long each lasts.
    pub(super) fn steps(&self) -> (Vec<f64>, Duration) {
        match &self.ramp {
            Some(ramp) => (ramp.percents.clone(), Duration::from_secs(ramp.step_s)),
            None => (vec![self.scope.percent.unwrap_or_default()], Duration::MAX),
        }
    }

    /// What is wrong with it; none where nothing is. Objectives are looked at elsewhere.
    pub(super) fn wrong(&self, config: &Config, allowed: &Allowed) -> Option<String> {
        if !is_name(&self.name) {
            return Some(NAMES.to_owned());
        }
        fault::wrong(&self.faults, config)
            .or_else(|| self.wrong_scope(config))
            .or_else(|| self.wrong_share(allowed))
            .or_else(|| self.wrong_ttl(allowed))
            .or_else(|| self.abort.wrong())
    }

    fn wrong_scope(&self, config: &Config) -> Option<String> {
        let DrillScope { callers, features, .. } = &self.scope;
        if callers.len() > LIST_MAX || features.len() > LIST_MAX {
            return Some(format!("`scope` lists more than {LIST_MAX} names"));
        }
        let unknown = features.iter().find(|name| config.feature(name).is_none())?;
        Some(format!("`scope` names the feature `{unknown}`, which is not in the configuration"))
    }

    fn wrong_share(&self, allowed: &Allowed) -> Option<String> {
        match (&self.ramp, self.scope.percent) {
            (None, None) => {
                return Some("write the share of requests: `scope.percent` or `ramp`".to_owned());
            }
            (Some(_), Some(_)) => {
                return Some("write `scope.percent` or `ramp`, not both".to_owned());
            }
            _ => {}
        }
        let (percents, step) = self.steps();
        if percents.is_empty() || percents.len() > LIST_MAX || step.is_zero() {
            return Some(format!("`ramp` needs 1 to {LIST_MAX} `percents` and a `step_s` above 0"));
        }
        if !percents.is_sorted() {
            return Some("the `percents` of `ramp` must not fall".to_owned());
        }
        let max = allowed.max_percent;
        let wrong = percents.iter().find(|one| !(**one > 0.0 && **one <= max))?;
        Some(format!("{wrong} percent is not above 0 and at most the `max_percent` of {max}"))
    }

    fn wrong_ttl(&self, allowed: &Allowed) -> Option<String> {
        let (ttl, max) = (self.ttl(allowed), allowed.max_ttl);
        let fits = !ttl.is_zero() && ttl <= max;
        (!fits).then(|| {
            let (ttl, max) = (ttl.as_secs(), max.as_secs());
            format!("`ttl_s` {ttl} is not above 0 and at most the `max_ttl` of {max} s")
        })
    }
}

impl DrillScope {
    /// Whether a feature is in it.
    pub(super) fn has_feature(&self, feature: &str) -> bool {
        self.features.is_empty() || self.features.iter().any(|one| one == feature)
    }

    /// Whether a caller is in it, by id or name.
    pub(super) fn has_caller(&self, id: &str, name: &str) -> bool {
        self.callers.is_empty() || self.callers.iter().any(|one| one == id || one == name)
    }
}

impl AbortConditions {
    fn wrong(&self) -> Option<String> {
        if self.burn.len() > LIST_MAX {
            return Some(format!("`abort.burn` has more than {LIST_MAX} conditions"));
        }
        if let Some(one) = self.burn.iter().find(|one| !(one.above > 0.0 && one.window_s >= 60)) {
            let slo = &one.slo;
            let needs = "`above` must be above 0, and `window_s` at least 60";
            return Some(format!("`abort.burn` of the objective `{slo}`: {needs}"));
        }
        if self.max_affected_requests == Some(0) {
            return Some("`abort.max_affected_requests` must be above 0".to_owned());
        }
        let share = self.budget_remaining.filter(|share| !(0.0..=1.0).contains(share))?;
        Some(format!("`abort.budget_remaining` {share} is not from 0 to 1"))
    }
}
