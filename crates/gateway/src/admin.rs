//! The admin listener: health, readiness, metrics and status, apart from the data port.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use tieline_ledger::AuditFilter;
use tieline_types::chain;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{Actor, ChangeError},
    drills::{DrillError, DrillStatus, NewDrill},
    gateway::Gateway,
    headers,
    release::{Move, NewRelease, Release, ReleaseError, ReleaseStatus},
};

/// Serves until `stop`.
pub(crate) async fn serve(gateway: Arc<Gateway>, listener: TcpListener, stop: CancellationToken) {
    let router = Router::new()
        .route("/health", get(async || Json(serde_json::json!({ "status": "ok" }))))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(async |State(gateway): State<Arc<Gateway>>| Json(gateway.status())))
        .route("/audit", get(audit))
        .route("/gates", get(gates))
        .route("/deployments/{*id}", put(change))
        .route("/releases", get(releases).post(begin_release))
        .route("/releases/{id}", put(move_release))
        .route("/admin/drills", get(drills).post(begin_drill).delete(halt_drill))
        .with_state(gateway)
        .into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .into_future();
    if let Err(error) = served.await {
        tracing::error!(%error, "the admin listener failed");
    }
}

async fn ready(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    if gateway.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, Json(serde_json::json!({ "status": "draining" })))
    } else {
        (StatusCode::OK, Json(serde_json::json!({ "status": "ready" })))
    }
}

/// What can be changed of a deployment.
///
/// A page in an operator's browser cannot send this: it takes a method and a content type for which
/// browsers ask leave first, and no leave is given. Nor can one whose name was made to resolve to
/// this listener: the request must name an address.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Drained(bool),
    Suspended(bool),
}

async fn change(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Response {
    if !names_an_address(&headers) {
        return refuse(StatusCode::FORBIDDEN, "call the listener by its IP address");
    }
    let actor = Actor::at(peer, headers.get(headers::ACTOR).map(HeaderValue::as_bytes));
    let changed = match change {
        Change::Drained(drained) => gateway.drain_deployment(&id, drained, &actor),
        Change::Suspended(suspended) => gateway.suspend_deployment(&id, suspended, &actor),
    };
    match changed {
        Ok(shown) => Json(shown).into_response(),
        Err(ChangeError::NoSuchDeployment) => {
            refuse(StatusCode::NOT_FOUND, &format!("there is no deployment `{id}`"))
        }
        Err(error @ ChangeError::Unrecorded) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    }
}

async fn releases(State(gateway): State<Arc<Gateway>>) -> Json<Vec<ReleaseStatus>> {
    Json(gateway.releases().iter().map(Release::status).collect())
}

async fn begin_release(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(asked): Json<NewRelease>,
) -> Response {
    released(&headers, peer, move |actor| gateway.begin_release(asked, actor)).await
}

async fn move_release(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(to): Json<Move>,
) -> Response {
    released(&headers, peer, move |actor| gateway.move_release(&id, &to, actor)).await
}

/// Makes a change to a release; the ledger is written to before that counts.
async fn released(
    headers: &HeaderMap,
    peer: SocketAddr,
    change: impl FnOnce(&Actor) -> Result<Release, ReleaseError> + Send + 'static,
) -> Response {
    if !names_an_address(headers) {
        return refuse(StatusCode::FORBIDDEN, "call the listener by its IP address");
    }
    let actor = Actor::at(peer, headers.get(headers::ACTOR).map(HeaderValue::as_bytes));
    match tokio::task::spawn_blocking(move || change(&actor)).await {
        Ok(Ok(release)) => Json(release.status()).into_response(),
        Ok(Err(error)) => {
            let status = match &error {
                ReleaseError::NoFeature(_)
                | ReleaseError::NoCandidate { .. }
                | ReleaseError::NoRelease(_) => StatusCode::NOT_FOUND,
                ReleaseError::SeveralTiers { .. } | ReleaseError::Settings(_) => {
                    StatusCode::BAD_REQUEST
                }
                ReleaseError::Denied { .. }
                | ReleaseError::Unattested { .. }
                | ReleaseError::UnderWay { .. }
                | ReleaseError::NoMove { .. } => StatusCode::CONFLICT,
                ReleaseError::Unrecorded(_) | ReleaseError::NotInForce(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            };
            refuse(status, &error.to_string())
        }
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn drills(State(gateway): State<Arc<Gateway>>) -> Response {
    told(gateway.drills())
}

async fn begin_drill(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(asked): Json<NewDrill>,
) -> Response {
    by(&headers, peer, |actor| gateway.begin_drill(asked, actor))
}

async fn halt_drill(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    by(&headers, peer, |actor| gateway.halt_drill(actor))
}

/// Makes a change to drills.
fn by(
    headers: &HeaderMap,
    peer: SocketAddr,
    change: impl FnOnce(&Actor) -> Result<DrillStatus, DrillError>,
) -> Response {
    if !names_an_address(headers) {
        return refuse(StatusCode::FORBIDDEN, "call the listener by its IP address");
    }
    let actor = Actor::at(peer, headers.get(headers::ACTOR).map(HeaderValue::as_bytes));
    told(change(&actor))
}

/// What came of a look at drills, or a change to them.
fn told(shown: Result<impl serde::Serialize, DrillError>) -> Response {
    match shown {
        Ok(shown) => Json(shown).into_response(),
        Err(error) => {
            let status = match &error {
                DrillError::Wrong(_) => StatusCode::BAD_REQUEST,
                DrillError::NoneRunning => StatusCode::NOT_FOUND,
                DrillError::NotConfigured | DrillError::Running(_) | DrillError::Unsafe(_) => {
                    StatusCode::CONFLICT
                }
                DrillError::Unrecorded => StatusCode::SERVICE_UNAVAILABLE,
            };
            refuse(status, &error.to_string())
        }
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(serde_json::json!({ "error": error }))).into_response()
}

async fn gates(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    Json(serde_json::json!({ "gates": gateway.gates() }))
}

/// Which changes to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    #[serde(default = "audit_rows")]
    limit: u32,
}

const fn audit_rows() -> u32 {
    AUDIT_ROWS
}

async fn audit(
    State(gateway): State<Arc<Gateway>>,
    Query(AuditQuery { limit }): Query<AuditQuery>,
) -> Response {
    let Some(ledger) = gateway.ledger.clone() else {
        return Json(serde_json::json!({ "changes": [] })).into_response();
    };
    let filter = AuditFilter { limit: limit.min(AUDIT_ROWS_MAX), ..AuditFilter::default() };
    match tokio::task::spawn_blocking(move || ledger.audit(&filter)).await {
        Ok(Ok(changes)) => Json(serde_json::json!({ "changes": changes })).into_response(),
        Ok(Err(error)) => refuse(StatusCode::SERVICE_UNAVAILABLE, &chain(&error)),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The header in which a client says who it is, such as the name of the user at a shell.
/// How many changes are shown unless the query says otherwise, and at most.
const AUDIT_ROWS: u32 = 50;
const AUDIT_ROWS_MAX: u32 = 1_000;

/// Whether `Host` is an IP address or `localhost`.
fn names_an_address(headers: &HeaderMap) -> bool {
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| {
        let name = host.strip_prefix("localhost").is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        });
        name || host.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok()
    })
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    if let Some(ledger) = &gateway.ledger {
        let status = ledger.status();
        let set = |gauge: &prometheus_client::metrics::gauge::Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&gateway.metrics.records_queued, status.queued as u64);
        set(&gateway.metrics.records_spilled, status.spilled);
        set(&gateway.metrics.records_dropped, status.dropped);
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(http::header::CONTENT_TYPE, content_type)], gateway.metrics_text())
}

/// How often callers' keys are looked up for changes.
pub(crate) const KEYS_POLL: Duration = Duration::from_secs(1);
