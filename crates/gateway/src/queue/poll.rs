//! `GET` and `DELETE /v1/tieline/jobs/ID`: how far a queued request has come, and forgetting it.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use tieline_ledger::Removal;
use tieline_types::{Class, DialectId, Fault};

use super::{StoreError, view};
use crate::{
    admit::{self, Caller},
    body::Outgoing,
    door::JOBS,
    gateway::Gateway,
    respond,
};

/// How long a client waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers its caller; to everybody else there is no such job.
pub(crate) async fn serve<B>(
    gateway: &Arc<Gateway>,
    dialect: DialectId,
    request: &Request<B>,
) -> Response<Outgoing> {
    let id = request.uri().path().split_once(JOBS).map_or("", |(_, id)| id).to_owned();
    let answered = match admit::caller(gateway, request.headers()) {
        Ok(caller) if *request.method() == Method::DELETE => remove(gateway, id, caller).await,
        Ok(caller) => show(gateway, id, caller).await,
        Err(fault) => Err(fault),
    };
    match answered {
        Ok(body) => respond::plain(StatusCode::OK, body),
        Err(fault) => {
            let id = gateway.request_id(&mut gateway.rng());
            respond::plain_refusal(dialect, &fault, &id)
        }
    }
}

async fn show(gateway: &Gateway, id: String, caller: Caller) -> Result<Vec<u8>, Fault> {
    let wanted = id.clone();
    let found = gateway.queue.stored(move |jobs| jobs.get(&wanted, &caller.id));
    let job = in_time(found).await?.flatten().ok_or_else(|| unknown(&id))?;
    Ok(view::shown(&job))
}

async fn remove(gateway: &Gateway, id: String, caller: Caller) -> Result<Vec<u8>, Fault> {
    let wanted = id.clone();
    let removed = gateway.queue.stored(move |jobs| jobs.remove(&wanted, &caller.id));
    match in_time(removed).await?.unwrap_or(Removal::Unknown) {
        Removal::Removed => {
            let told = json!({ "id": id, "object": "tieline.job", "deleted": true });
            Ok(told.to_string().into_bytes())
        }
        Removal::Running => {
            let message = format!("the job `{id}` is being answered and cannot be cancelled");
            Err(Fault::new(Class::ClientInvalid, message).with_status(409))
        }
        Removal::Unknown => Err(unknown(&id)),
    }
}

async fn in_time<T>(
    stored: impl Future<Output = Result<Option<T>, StoreError>>,
) -> Result<Option<T>, Fault> {
    let failed = || Fault::new(Class::Exhausted, "the store of jobs does not answer; try again");
    match tokio::time::timeout(PATIENCE, stored).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            tracing::warn!(%error, "cannot use the jobs");
            Err(failed())
        }
        Err(_) => Err(failed()),
    }
}

fn unknown(id: &str) -> Fault {
    let shown: String = id.chars().take(100).collect();
    Fault::new(Class::NotFound, format!("there is no job `{shown}`"))
}
