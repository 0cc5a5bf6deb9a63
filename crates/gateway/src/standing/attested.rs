//! Which attestations hold for a deployment in a tier.

use tieline_config::{Attestations, Config, Deployment, Evals};
use tieline_gate::attest::{Attestation, PublicKey, Refusal, SKEW_MS, read};

use super::{AttestationStanding, Evidence};
use crate::{GatewayError, identity::identity};

/// The attestations of a configuration, checked but for their time.
#[derive(Debug, Default)]
pub(crate) struct Attested(Vec<(String, Result<Attestation, Refusal>)>);

impl Attested {
    /// Checks the attestations. One that is refused is kept with the reason.
    ///
    /// # Errors
    /// Where a key is none.
    pub(crate) fn read(written: &Attestations) -> Result<Self, GatewayError> {
        let key = |document: &tieline_config::Document| {
            PublicKey::from_pem(&document.text)
                .map_err(|source| GatewayError::EvalKey { name: document.name.clone(), source })
        };
        let keys = written.keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let files = written.files.iter();
        let files = files.map(|file| (file.name.clone(), read(file.text.as_bytes(), &keys)));
        Ok(Self(files.collect()))
    }

    /// The files that are worth nothing, with the reason.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&str, &Refusal)> {
        self.0.iter().filter_map(|(name, read)| Some((name.as_str(), read.as_ref().err()?)))
    }

    /// The next time at which one begins or ceases to hold.
    pub(crate) fn changes_ms(&self, now_ms: u64) -> Option<u64> {
        let all = self.0.iter().filter_map(|(_, read)| read.as_ref().ok());
        let times = all.flat_map(|one| {
            [one.evidence.issued_ms.saturating_sub(SKEW_MS), one.evidence.expires_ms]
        });
        times.filter(|at| *at > now_ms).min()
    }

    /// What the attestations of a deployment come to, for a tier of a feature. The one that holds
    /// longest counts; where none holds, the newest tells why.
    pub(crate) fn of(
        &self,
        (feature, tier): (&str, &str),
        (config, deployment): (&Config, &Deployment),
        (evals, evidence): (&Evals, &Evidence),
        now_ms: u64,
    ) -> AttestationStanding {
        let about = |one: &&(&String, &Attestation)| {
            let evidence = &one.1.evidence;
            evidence.feature == feature
                && evidence.tier.as_deref().is_none_or(|only| only == tier)
                && evidence.deployment == deployment.id
        };
        let mut ours: Vec<(&String, &Attestation)> =
            self.0.iter().filter_map(|(name, read)| Some((name, read.as_ref().ok()?))).collect();
        ours.retain(|one| about(&one));
        ours.sort_by_key(|(_, one)| (one.evidence.issued_ms, one.evidence.expires_ms));
        let doubt = |one: &Attestation| doubt(one, (config, deployment), (evals, evidence), now_ms);
        let valid = ours.iter().filter(|(_, one)| doubt(one).is_none());
        if let Some((name, one)) = valid.max_by_key(|(_, one)| one.evidence.expires_ms) {
            let (file, expires_ms) = ((*name).clone(), one.evidence.expires_ms);
            return AttestationStanding::Valid { file, expires_ms };
        }
        match ours.last() {
            Some((name, one)) => AttestationStanding::Stale {
                file: (*name).clone(),
                expires_ms: one.evidence.expires_ms,
                why: doubt(one).unwrap_or_default(),
            },
            None => AttestationStanding::Missing,
        }
    }
}

/// Why an attestation says nothing of a deployment as it is now; none where it does.
fn doubt(
    one: &Attestation,
    (config, deployment): (&Config, &Deployment),
    (evals, evidence): (&Evals, &Evidence),
    now_ms: u64,
) -> Option<String> {
    if let Err(refusal) = one.in_time(now_ms) {
        return Some(refusal.to_string());
    }
    match evidence.suite(&evals.suite) {
        Ok(digest) if digest == one.evidence.suite => {}
        Ok(_) => return Some("the suite has changed since".to_owned()),
        Err(why) => return Some(format!("its suite cannot be read: {why}")),
    }
    let was = &one.evidence.identity;
    let is = identity(config, deployment, was.resolved_model.clone(), was.parameters);
    let same = [
        ("provider", is.provider == was.provider),
        ("model", is.model == was.model),
        ("name at the provider", is.name == was.name),
        ("protocol or adapter", is.adapter == was.adapter),
        ("region", is.region == was.region),
    ];
    let changed = same.into_iter().find(|(_, same)| !same);
    changed.map(|(what, _)| format!("the deployment's {what} has changed since"))
}
