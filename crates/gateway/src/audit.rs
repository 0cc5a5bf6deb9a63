//! Changes by hand and by file: on record before they count as done.

use std::{net::SocketAddr, path::Path, sync::Arc};

use rand::rngs::SmallRng;
use tieline_config::Config;
use tieline_ledger::Ledger;
use tieline_route::Live;
use tieline_types::{AuditRecord, Change, ChangeResult};

use crate::{decision::fingerprint, gateway::Gateway, plan::ActivePlan, status::DeploymentStatus};

/// The most characters of the name that a client of the admin listener claims.
const CLAIM_CHARS_MAX: usize = 64;
/// The most characters of the reason why a change was refused.
const REASON_CHARS_MAX: usize = 2_000;
/// The state of a deployment that nobody has taken out.
const IN_SERVICE: &str = "in service";

/// A way in which a deployment is taken out of service and put back.
pub(crate) struct Service {
    /// The state of what is out.
    word: &'static str,
    takes_out: Change,
    puts_back: Change,
    is_out: fn(&Live, usize) -> bool,
    set: fn(&Live, usize, bool),
}

/// Nothing goes there.
pub(crate) const DRAIN: Service = Service {
    word: "drained",
    takes_out: Change::Drain,
    puts_back: Change::Undrain,
    is_out: Live::is_drained,
    set: Live::drain,
};

/// Something goes there for want of anything better only.
pub(crate) const SUSPENSION: Service = Service {
    word: "suspended",
    takes_out: Change::Suspend,
    puts_back: Change::Resume,
    is_out: Live::is_suspended,
    set: Live::suspend,
};

/// Who asks for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    name: String,
    claimed: Option<String>,
}

impl Actor {
    /// A client of the admin listener, and who it says it is: of that, visible ASCII is kept.
    #[must_use]
    pub fn at(peer: SocketAddr, claimed: Option<&[u8]>) -> Self {
        Self { name: peer.to_string(), claimed: claimed.and_then(cleaned) }
    }

    /// A change of the configuration's file.
    pub(crate) fn file() -> Self {
        Self { name: "file".to_owned(), claimed: None }
    }

    /// A release, of its own.
    pub(crate) fn release() -> Self {
        Self { name: "release".to_owned(), claimed: None }
    }

    /// Sentinels that found something.
    pub(crate) fn sentinels() -> Self {
        Self { name: "sentinels".to_owned(), claimed: None }
    }

    /// A drill, of its own.
    pub(crate) fn drill() -> Self {
        Self { name: "drill".to_owned(), claimed: None }
    }

    /// A signal to the process.
    pub(crate) fn signal() -> Self {
        Self { name: "signal".to_owned(), claimed: None }
    }
}

/// Of the name that somebody claims, its visible ASCII; none where that is empty.
pub(crate) fn cleaned(claimed: &[u8]) -> Option<String> {
    let visible = |byte: &u8| matches!(byte, b' '..=b'~').then_some(char::from(*byte));
    let text: String = claimed.iter().filter_map(visible).take(CLAIM_CHARS_MAX).collect();
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Why a change by hand was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NoSuchDeployment,
    /// The ledger takes no record of it: its queue is full, or it is closed.
    #[error("the ledger takes no record of the change, so it was not made")]
    Unrecorded,
}

impl Gateway {
    /// Takes a deployment out of service or puts it back. On record first, so that no such change
    /// goes without.
    ///
    /// # Errors
    /// When it was not made.
    pub fn drain_deployment(
        &self,
        id: &str,
        drained: bool,
        actor: &Actor,
    ) -> Result<DeploymentStatus, ChangeError> {
        self.change_service(&DRAIN, id, drained, actor, None)
    }

    /// Keeps a deployment for want of anything better, or trusts it again, as it answers now; on
    /// record first.
    ///
    /// # Errors
    /// When it was not made.
    pub fn suspend_deployment(
        &self,
        id: &str,
        suspended: bool,
        actor: &Actor,
    ) -> Result<DeploymentStatus, ChangeError> {
        let shown = self.change_service(&SUSPENSION, id, suspended, actor, None)?;
        if !suspended {
            self.sentinels.accept(id);
        }
        Ok(shown)
    }

    /// Takes a deployment out of service in one of the ways there are, or puts it back. On record
    /// first, so that no such change goes without.
    ///
    /// # Errors
    /// When it was not made.
    pub(crate) fn change_service(
        &self,
        kind: &Service,
        id: &str,
        out: bool,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<DeploymentStatus, ChangeError> {
        let plan = self.plan();
        let at = plan.plan.deployments.iter().position(|one| one.id.as_ref() == id);
        let at = at.ok_or(ChangeError::NoSuchDeployment)?;
        let state = |out: bool| if out { kind.word } else { IN_SERVICE }.to_owned();
        let recorded = self.on_record(AuditRecord {
            before: Some(state((kind.is_out)(&plan.live, at))),
            after: Some(state(out)),
            reason: reason.map(str::to_owned),
            ..self.change(if out { kind.takes_out } else { kind.puts_back }, id, actor)
        });
        if !recorded {
            return Err(ChangeError::Unrecorded);
        }
        (kind.set)(&plan.live, at, out);
        tracing::warn!(
            deployment = id,
            state = state(out),
            actor = actor.name,
            claimed = actor.claimed,
            reason,
            "a deployment was taken out of service or put back"
        );
        let shown = self.status().deployments.into_iter().find(|one| one.id == id);
        shown.ok_or(ChangeError::NoSuchDeployment)
    }

    /// Puts a reload on record: the configuration before, and the one that was taken or why none.
    pub(crate) fn reloaded(
        &self,
        path: &Path,
        actor: &Actor,
        before: &Config,
        taken: Result<&Config, &str>,
    ) {
        let change = AuditRecord {
            before: Some(fingerprint(before)),
            after: taken.ok().map(fingerprint),
            result: if taken.is_ok() { ChangeResult::Applied } else { ChangeResult::Refused },
            reason: taken.err().map(|report| report.chars().take(REASON_CHARS_MAX).collect()),
            ..self.change(Change::Reload, &path.display().to_string(), actor)
        };
        if !self.on_record(change) {
            tracing::error!("the ledger takes no record of the reload");
        }
    }

    pub(crate) fn change(&self, action: Change, subject: &str, actor: &Actor) -> AuditRecord {
        let mut rng: SmallRng = self.rng();
        AuditRecord {
            id: self.id("chg", &mut rng),
            at_ms: self.unix_ms(),
            actor: actor.name.clone(),
            claimed: actor.claimed.clone(),
            action,
            subject: subject.to_owned(),
            before: None,
            after: None,
            result: ChangeResult::Applied,
            reason: None,
        }
    }

    pub(crate) fn on_record(&self, change: AuditRecord) -> bool {
        self.ledger.as_ref().is_none_or(|ledger| ledger.record_change(change))
    }
}

/// Takes out of service what the ledger's last word says is drained or suspended, where that is new
/// to the gateway: of what it knows, it knows better.
pub(crate) fn restore_service(plan: &ActivePlan, old: Option<&ActivePlan>, ledger: &Ledger) {
    let known =
        |id: &Arc<str>| old.is_some_and(|old| old.plan.deployments.iter().any(|one| one.id == *id));
    let deployments = plan.plan.deployments.iter().enumerate();
    let new: Vec<_> = deployments.filter(|(_, one)| !known(&one.id)).collect();
    if new.is_empty() {
        return;
    }
    for Service { word, takes_out, puts_back, set, .. } in [DRAIN, SUSPENSION] {
        let last = ledger.last_changes(&[takes_out, puts_back]).unwrap_or_else(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "cannot read which deployments were {word}; none is");
            Vec::new()
        });
        for change in last.iter().filter(|change| change.action == takes_out) {
            for (at, _) in new.iter().filter(|(_, one)| *one.id == *change.subject) {
                set(&plan.live, *at, true);
                tracing::warn!(deployment = change.subject, "{word} as it was before");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_name_is_kept_as_visible_text_and_cut() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let claimed = |bytes: &[u8]| Actor::at(peer, Some(bytes)).claimed;
        assert_eq!(claimed(b"robin"), Some("robin".to_owned()));
        assert_eq!(claimed(b" ro\x1b[1mb\xffin\n"), Some("ro[1mbin".to_owned()));
        assert_eq!(claimed(&[b'x'; 99]), Some("x".repeat(64)));
        assert_eq!(claimed(b" \t "), None);
        assert_eq!(Actor::at(peer, None), Actor { name: "127.0.0.1:9".into(), claimed: None });
    }
}
