//! What outcomes changed of releases: written down, put on record, and put in force.

use std::{sync::Arc, time::Duration};

use tieline_gate::release::Stage;
use tieline_types::chain;

use super::{Release, Releases};
use crate::{audit::Actor, gateway::Gateway};

/// How long counts of pairs gather before they are written down. A death loses the last of them,
/// which costs evidence and proves nothing wrong.
const GATHER: Duration = Duration::from_secs(1);
/// How long to wait before the database is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Tends the releases of a gateway for ever.
pub async fn tend_releases(gateway: Arc<Gateway>) {
    let releases = &gateway.releases;
    loop {
        let gathered = async {
            releases.counted.notified().await;
            tokio::time::sleep(GATHER).await;
        };
        tokio::select! {
            () = releases.moved.notified() => {}
            () = gathered => {}
        }
        while !tend(&gateway).await {
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Writes down what changed; false where that has to be tried again.
async fn tend(gateway: &Arc<Gateway>) -> bool {
    let gateway = Arc::clone(gateway);
    let written = tokio::task::spawn_blocking(move || gateway.write_releases());
    written.await.unwrap_or(true)
}

impl Gateway {
    /// What moved is in force first: a candidate that was shown to be worse must not wait for a
    /// database. It is written down as it stands while nobody decides, so that no older stage is
    /// written over a decision.
    fn write_releases(&self) -> bool {
        let has_moved = !self.releases.lock().moved.is_empty();
        if has_moved && let Err(error) = self.renew_standings() {
            tracing::error!("a release that moved is not in force: {}", chain(&error));
        }
        let _turn = self.releases.decide();
        let (moved, unwritten) = self.releases.take(self.unix_ms());
        let mut well = true;
        for release in unwritten {
            let before = moved.iter().find(|(id, _)| *id == release.id).map(|(_, stage)| *stage);
            let written = match before {
                Some(before) => self.write_down(&release, Some(before), &Actor::release()).is_ok(),
                None => self
                    .ledger
                    .as_ref()
                    .is_none_or(|ledger| ledger.keep_release(&release.row()).is_ok()),
            };
            if !written {
                well = false;
                let mut kept = self.releases.lock();
                kept.moved.extend(before.map(|stage| (release.id.clone(), stage)));
                kept.unwritten.insert(release.id);
            }
        }
        well
    }
}

impl Releases {
    /// Takes out what changed, with the time of what moved.
    fn take(&self, now_ms: u64) -> (Vec<(String, Stage)>, Vec<Release>) {
        let mut kept = self.lock();
        let moved = std::mem::take(&mut kept.moved);
        let ids = std::mem::take(&mut kept.unwritten);
        let mut unwritten = Vec::new();
        for one in kept.all.iter_mut().filter(|one| ids.contains(&one.id)) {
            if moved.iter().any(|(id, _)| *id == one.id) {
                one.changed_ms = now_ms;
            }
            unwritten.push(one.clone());
        }
        (moved, unwritten)
    }
}
