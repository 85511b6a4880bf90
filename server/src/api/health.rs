//! Whether the server lives, whether it can work, and what it is.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use flow::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::json;
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
pub(super) async fn health(State(state): State<ServerState>) -> Response {
    let timestamp = state.now();
    let uptime_secs = timestamp.since(state.shared.started_at).as_secs();
    json(&Health { status: "healthy", service: "pointwork", version: VERSION, timestamp, uptime_secs })
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
pub(super) async fn ready(State(state): State<ServerState>) -> ApiResult<Response> {
    if state.shared.stopping.is_set() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is going down"));
    }
    state.engine.stats(None).await?;
    Ok(json(&Ready { status: "ready" }))
}
