//! What outcomes changed of releases: written down, put on record, and put in force.

use std::{sync::Arc, time::Duration};

use tieline_gate::release::Stage;
use tieline_types::chain;

use super::Release;
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

/// Writes down what changed; false where that has to be tried again. What moved is in force first:
/// a candidate that was shown to be worse must not wait for a database.
async fn tend(gateway: &Arc<Gateway>) -> bool {
    let (moved, unwritten) = take(gateway);
    let tended = Arc::clone(gateway);
    let done = tokio::task::spawn_blocking(move || {
        if !moved.is_empty()
            && let Err(error) = tended.renew_standings()
        {
            tracing::error!("a release that moved is not in force: {}", chain(&error));
        }
        let mut failed = Vec::new();
        for release in unwritten {
            let before = moved.iter().find(|(id, _)| *id == release.id).map(|(_, stage)| *stage);
            let written = match before {
                Some(before) => {
                    tended.write_down(&release, Some(before), &Actor::release()).is_ok()
                }
                None => tended
                    .ledger
                    .as_ref()
                    .is_none_or(|ledger| ledger.keep_release(&release.row()).is_ok()),
            };
            if !written {
                failed.push((release.id, before));
            }
        }
        failed
    });
    let Ok(failed) = done.await else {
        return true;
    };
    let well = failed.is_empty();
    let mut kept = gateway.releases.lock();
    for (id, before) in failed {
        kept.moved.extend(before.map(|stage| (id.clone(), stage)));
        kept.unwritten.insert(id);
    }
    well
}

/// Takes out what changed, with the time of what moved.
fn take(gateway: &Gateway) -> (Vec<(String, Stage)>, Vec<Release>) {
    let now_ms = gateway.unix_ms();
    let mut kept = gateway.releases.lock();
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
