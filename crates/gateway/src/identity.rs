//! What exactly a deployment is: what attestations are bound to.

use tieline_config::{Config, Deployment};
use tieline_dialect::ADAPTERS;
use tieline_gate::attest::{DeploymentIdentity, Digest};
use tieline_types::FactName;

use crate::eligibility;

/// The identity of a deployment as the configuration has it, with the model that its answers said
/// they came from and the digest of what requests say besides.
#[must_use]
pub fn identity(
    config: &Config,
    deployment: &Deployment,
    resolved_model: Option<String>,
    parameters: Digest,
) -> DeploymentIdentity {
    let kind = config.provider(&deployment.provider).map(|provider| &provider.kind);
    let surface = kind.map(|kind| deployment.surface_for(kind).as_str()).unwrap_or_default();
    let facts = eligibility::deployment(config, deployment).facts;
    let regions = facts.texts(FactName::Regions);
    let regions = regions.map(|regions| regions.iter().cloned().collect::<Vec<_>>().join(", "));
    DeploymentIdentity {
        provider: deployment.provider.clone(),
        model: deployment.model.clone(),
        name: deployment.name.clone(),
        resolved_model,
        parameters,
        adapter: format!("{surface}/{ADAPTERS}"),
        region: regions,
    }
}
