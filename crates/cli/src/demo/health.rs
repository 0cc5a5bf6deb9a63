//! The gateway's own view of its deployments.

use std::collections::BTreeMap;

use tieline_gateway::{DeploymentStatus, Gateway};

/// Every deployment's breaker and counters at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Health(BTreeMap<String, DeploymentStatus>);

impl Health {
    /// What the gateway says now.
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let deployments = gateway.status().deployments;
        Self(deployments.into_iter().map(|one| (one.id.clone(), one)).collect())
    }

    /// A deployment's breaker and counters.
    pub(crate) fn deployment(&self, id: &str) -> Option<&DeploymentStatus> {
        self.0.get(id)
    }

    /// What happened to breakers since `earlier`, in words.
    pub(crate) fn changes(&self, earlier: &Self) -> Vec<String> {
        let changed = self.0.values().filter(|now| {
            earlier.deployment(&now.id).is_some_and(|before| before.state != now.state)
        });
        let words = changed.filter_map(|now| match now.state {
            "open" => Some(format!("the breaker of {} opens: others take over", now.id)),
            "closed" => Some(format!("the breaker of {} closes: it is back", now.id)),
            // A probe under way; its result is the event.
            _ => None,
        });
        words.collect()
    }
}
