//! Whether the server lives, whether it can work, and what it is.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use flow::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::json;
use crate::extract::{NoParams, Query};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// This build's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The server lives.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `healthy`.
    status: &'static str,
    /// `pointwork`.
    service: &'static str,
    /// The server's version.
    version: &'static str,
    /// Its clock.
    timestamp: Timestamp,
    /// How long it has been up.
    uptime_secs: u64,
}

/// Ask whether the server lives
#[utoipa::path(get, path = "/health", tag = "system", responses((status = 200, description = "It lives.", body = Health)))]
pub(super) async fn health(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> Response {
    let timestamp = state.now();
    let uptime_secs = timestamp.since(state.shared.started_at).as_secs();
    json(&Health {
        status: "healthy",
        service: "pointwork",
        version: VERSION,
        timestamp,
        uptime_secs,
    })
}

/// The server can work.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// `ready`.
    status: &'static str,
}

/// Ask whether the server can work
///
/// It cannot while it goes down, or while its database does not answer.
#[utoipa::path(get, path = "/ready", tag = "system", responses((status = 200, description = "It can.", body = Ready), (status = 503, description = "It cannot.", body = crate::problem::ProblemDetails)))]
pub(super) async fn ready(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    if state.shared.stopping.is_set() {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the server is going down",
        ));
    }
    state.engine.stats(None).await?;
    Ok(json(&Ready { status: "ready" }))
}

/// What the server is.
#[derive(Serialize, ToSchema)]
pub(super) struct Info {
    /// Its name.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// What it does, in a sentence.
    description: &'static str,
    /// Where all calls are described.
    documentation: &'static str,
    /// The main calls and what they do.
    endpoints: BTreeMap<&'static str, &'static str>,
}

/// The calls a newcomer looks for.
const ENDPOINTS: [(&str, &str); 14] = [
    ("GET /", "this list; the web app for browsers"),
    ("GET /health", "whether the server lives"),
    ("GET /ready", "whether it can work"),
    ("GET /metrics", "counters for Prometheus"),
    ("GET /docs", "all calls, to be tried out"),
    ("GET /redoc", "all calls, to be read"),
    ("/api/v1", "the whole API"),
    ("POST /flow/create", "store a flow document"),
    ("POST /flow/execute", "store a flow document and start it"),
    (
        "POST /flow/execute-sync",
        "store a flow document, run it and answer with its results",
    ),
    (
        "GET /flow/{id}/status",
        "status of an execution, or of a flow's newest one",
    ),
    ("GET /flow/{id}/tasks/{name}/result", "result of one task"),
    ("GET /flows", "stored flows"),
    ("GET /flows/summary", "counts and durations"),
];

/// Ask what this is
///
/// Browsers, which prefer HTML, get the web app instead.
#[utoipa::path(get, path = "/", tag = "system", responses((status = 200, description = "Name, version and the main calls.", body = Info)))]
pub(super) async fn info(Query(NoParams {}): Query<NoParams>) -> Response {
    json(&Info {
        name: "Pointwork",
        version: VERSION,
        description: "A self-hosted workflow engine.",
        documentation: "/docs",
        endpoints: ENDPOINTS.into(),
    })
}
