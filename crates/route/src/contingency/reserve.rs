//! The most severe single contingency against what is in reserve.

use serde::Serialize;

use super::{Contingency, Limit, Quota, Topology, allocate::Allocation};

/// The most that any ordinary contingency takes away, and what firm pools have to spare without it
/// (the rule that reserve is never less is that of NERC BAL-002-3).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reserve {
    /// The contingency that is worst in this: the least reserve beyond what it takes away.
    pub contingency: String,
    /// What is counted.
    pub limit: Limit,
    /// What it carries with everything well.
    pub lost: f64,
    /// What firm pools that survive have to spare.
    pub spare: f64,
}

impl Reserve {
    /// Whether the reserve is enough, if everything could go anywhere.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.spare >= self.lost
    }
}

/// Looks in tokens where pools have such limits, else in requests.
pub(super) fn reserve(
    topology: &Topology,
    base: &Allocation,
    contingencies: &[Contingency],
) -> Option<Reserve> {
    let is_limited = |limit: Limit| {
        topology.pools.iter().any(|pool| pool.firm && most(&pool.quota, limit).is_some())
    };
    let limit = [Limit::Tokens, Limit::InputTokens, Limit::Requests];
    let limit = limit.into_iter().find(|limit| is_limited(*limit))?;
    let ordinary = contingencies.iter().filter(|one| one.is_ordinary());
    let all = ordinary.map(|one| Reserve {
        contingency: one.to_string(),
        limit,
        lost: lost(topology, base, one, limit),
        spare: spare(topology, base, one, limit),
    });
    all.min_by(|one, other| (one.spare - one.lost).total_cmp(&(other.spare - other.lost)))
}

/// Where prompts and answers have limits of their own, their sum is one of both.
const fn most(quota: &Quota, limit: Limit) -> Option<u64> {
    match (limit, quota.input_tokens_per_minute, quota.output_tokens_per_minute) {
        (Limit::Tokens, Some(input), Some(output)) if quota.tokens_per_minute.is_none() => {
            Some(input.saturating_add(output))
        }
        _ => quota.limit(limit),
    }
}

/// A sum of nothing is zero, which that of floating point numbers is not quite.
fn add(sum: f64, one: f64) -> f64 {
    sum + one
}

fn lost(topology: &Topology, base: &Allocation, of: &Contingency, limit: Limit) -> f64 {
    let gone = base
        .flows
        .iter()
        .filter(|flow| topology.node(flow).is_some_and(|node| of.nodes.contains(&node)));
    gone.map(|flow| flow.share * topology.need(flow.load).amount(limit)).fold(0.0, add)
}

fn spare(topology: &Topology, base: &Allocation, of: &Contingency, limit: Limit) -> f64 {
    let survives = |pool: usize| {
        let nodes = topology.nodes.iter().enumerate();
        let mut left = nodes.filter(|(at, node)| node.up && !of.nodes.contains(at));
        left.any(|(_, node)| node.pool == pool)
    };
    let pools = topology.pools.iter().enumerate();
    let firm = pools.filter(|(at, pool)| pool.firm && survives(*at));
    let spare = firm.filter_map(|(at, pool)| {
        let room = super::topology::amount(most(&pool.quota, limit)?);
        let kept = base.flows.iter().filter(|flow| {
            let node = topology.node(flow).filter(|node| !of.nodes.contains(node));
            node.and_then(|node| topology.pool_of(node)) == Some(at)
        });
        let kept: f64 =
            kept.map(|flow| flow.share * topology.need(flow.load).amount(limit)).fold(0.0, add);
        Some((room - kept).max(0.0))
    });
    spare.fold(0.0, add)
}
