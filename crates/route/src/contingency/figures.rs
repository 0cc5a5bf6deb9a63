//! What a contingency changes for a feature beside who answers: cost, time and quality.

use tieline_types::UsdPico;

use super::{
    Choice,
    allocate::{Allocation, Flow},
    analyse::Situation,
};

/// Minutes of an hour.
const MINUTES: f64 = 60.0;
/// Picodollars in a dollar.
const DOLLAR: f64 = 1e12;

/// What changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Change {
    pub(super) usd_per_hour: Option<UsdPico>,
    pub(super) first_p95_ms: Option<f64>,
    pub(super) quality: Option<f64>,
}

impl Change {
    /// From `base` to a situation; what a base itself comes to is no change.
    pub(super) fn of(now: &Situation<'_>, base: Option<&Situation<'_>>, load: usize) -> Self {
        let Some(base) = base else {
            return Self::default();
        };
        let difference = |value: &dyn Fn(&Choice) -> Option<f64>| {
            Some(mean(now, load, value)? - mean(base, load, value)?)
        };
        let first = |choice: &Choice| Some(choice.first_p95?.as_secs_f64() * 1_000.0);
        Self {
            usd_per_hour: usd_per_hour(now, base, load),
            first_p95_ms: difference(&first),
            quality: difference(&|choice| choice.quality),
        }
    }
}

/// The mean over the requests that deployments answer; none where one of them is not known, or
/// none answers.
fn mean(of: &Situation<'_>, load: usize, value: &dyn Fn(&Choice) -> Option<f64>) -> Option<f64> {
    let (mut sum, mut all) = (0.0, 0.0);
    for flow in of.allocation.of(load) {
        let Some(choice) = of.topology.choice(flow) else { continue };
        sum += flow.share * value(choice)?;
        all += flow.share;
    }
    (all > 0.0).then(|| sum / all)
}

/// What stays where it was costs what it did; what moves there finds a cold cache.
fn usd_per_hour(now: &Situation<'_>, base: &Situation<'_>, load: usize) -> Option<UsdPico> {
    let requests = now.topology.loads.get(load)?.need?.requests_per_minute * MINUTES;
    let mut usd = 0.0;
    for flow in now.allocation.of(load) {
        let Some(choice) = now.topology.choice(flow) else { continue };
        let stays = at_node(base, &base.allocation, load, choice.node).min(flow.share);
        usd += stays * choice.usd?.approximately();
        usd += (flow.share - stays) * choice.usd_cold.or(choice.usd)?.approximately();
    }
    for flow in base.allocation.of(load) {
        let Some(choice) = base.topology.choice(flow) else { continue };
        usd -= flow.share * choice.usd?.approximately();
    }
    rounded(usd * requests)
}

/// The share of a feature's requests that a deployment answers.
fn at_node(of: &Situation<'_>, allocation: &Allocation, load: usize, node: usize) -> f64 {
    let own = |flow: &&Flow| of.topology.node(flow) == Some(node);
    allocation.of(load).filter(own).map(|flow| flow.share).sum()
}

/// Dollars to a hundredth of a cent: a forecast is no more exact.
fn rounded(usd: f64) -> Option<UsdPico> {
    const GRAIN: f64 = 1e-4;
    let grains = (usd / GRAIN).round();
    let pico = format!("{:.0}", grains * GRAIN * DOLLAR).parse().ok()?;
    Some(UsdPico::new(pico))
}
