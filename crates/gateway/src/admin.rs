//! The admin listener: health, readiness, metrics and status, apart from the data port.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// Serves until `stop`.
pub(crate) async fn serve(gateway: Arc<Gateway>, listener: TcpListener, stop: CancellationToken) {
    let router = Router::new()
        .route("/health", get(async || Json(serde_json::json!({ "status": "ok" }))))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(async |State(gateway): State<Arc<Gateway>>| Json(gateway.status())))
        .route("/deployments/{*id}", put(change))
        .with_state(gateway);
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
#[serde(deny_unknown_fields)]
struct Change {
    drained: bool,
}

async fn change(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Response {
    if !names_an_address(&headers) {
        let told = serde_json::json!({ "error": "call the listener by its IP address" });
        return (StatusCode::FORBIDDEN, Json(told)).into_response();
    }
    if let Some(shown) = gateway.drain_deployment(&id, change.drained) {
        return Json(shown).into_response();
    }
    let told = serde_json::json!({ "error": format!("there is no deployment `{id}`") });
    (StatusCode::NOT_FOUND, Json(told)).into_response()
}

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
