//! The multiplexed stream, as server-sent events and over WebSocket.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::Query;
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;
use crate::stream::{self, many::Many};

/// What to follow.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicParams {
    /// `run:ID`, `flow:ID`, `runs`, `stats`, separated by commas.
    topics: String,
    /// The `id` of the last frame that was seen.
    after: Option<String>,
}

/// Follow several things
///
/// Server-sent events: `hello` at once; `event` with `{run, event}` and `end` with `{run, state}` for each `run:ID`; `run` with a
/// run's summary for `runs` and `flow:ID`; `stats`; `reset` with a snapshot of a topic of which something was missed.
#[utoipa::path(
    get, path = "/events", tag = "streams",
    params(TopicParams, ("Last-Event-ID" = Option<String>, Header, description = "As `after`.")),
    responses((status = 200, description = "Frames.", body = String, content_type = "text/event-stream"))
)]
pub(super) async fn events(
    State(state): State<ServerState>,
    Query(params): Query<TopicParams>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let after = stream::last_event_id(&headers)?.or(params.after);
    let many = Many::open(&state, &params.topics, after.as_deref()).await?;
    stream::sse(&state, Box::new(many))
}

/// Follow several things over WebSocket
///
/// The frames of `/events` as JSON: `{event, id?, data}`. What is sent to the server is ignored.
#[utoipa::path(get, path = "/ws", tag = "streams", params(TopicParams), responses((status = 101, description = "Frames follow.")))]
pub(super) async fn socket(
    State(state): State<ServerState>,
    Query(params): Query<TopicParams>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let upgrade = upgrade
        .map_err(|error| ApiError::new(StatusCode::UPGRADE_REQUIRED, "not_a_websocket", error.body_text()))?;
    let many = Many::open(&state, &params.topics, params.after.as_deref()).await?;
    stream::websocket(&state, upgrade, Box::new(many))
}
