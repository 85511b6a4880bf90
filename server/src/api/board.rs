//! What the first page shows: what needs people, saved views, what is due, how the tasks of a flow went lately.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use flow::HumanDuration;
use flow::view::board::{AgendaView, AttentionView, GridView, RunCount, SavedView};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::{ACTOR, json, limit_to};
use crate::extract::{Json, NoParams, Path, Query};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// How far the agenda looks unless told otherwise.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// How far it looks at most.
const AHEAD_MAX: Duration = Duration::from_secs(31 * 24 * 3600);

/// Tasks of a piece of a grid, unless told otherwise and at most.
const GRID_TASKS: usize = 100;
const GRID_TASKS_MAX: usize = 500;

/// Say what needs people
///
/// Runs that failed in the last 24 hours and were not retried, are stuck, wait for an approval or are late, each with the reason. Each
/// count is that of `GET /runs` with its query.
#[utoipa::path(get, path = "/attention", tag = "board", responses((status = 200, description = "What needs people.", body = AttentionView)))]
pub(super) async fn attention(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    Ok(json(&state.engine.attention().await?))
}

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CountParams {
    /// A query, as for `GET /runs`.
    #[serde(default)]
    q: String,
}

/// Count runs
///
/// Up to 10,000; a query that no index answers is given up earlier. `is_whole` says whether these are all.
#[utoipa::path(get, path = "/runs/count", tag = "runs", params(CountParams), responses((status = 200, description = "How many runs the query finds.", body = RunCount)))]
pub(super) async fn count(
    State(state): State<ServerState>,
    Query(params): Query<CountParams>,
) -> ApiResult<Response> {
    let filter = state.engine.sought(&params.q).await?;
    Ok(json(&state.engine.count_runs(&filter).await?))
}

/// Saved views.
#[derive(Serialize, ToSchema)]
pub(super) struct Views {
    /// Those that come with Pointwork first.
    items: Vec<SavedView>,
}

/// List the saved views
///
/// Each with how many runs it shows, counted up to 1,000.
#[utoipa::path(get, path = "/views", tag = "board", responses((status = 200, description = "All views.", body = Views)))]
pub(super) async fn views(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let items = state.engine.views().await?;
    Ok(json(&Views { items }))
}

/// What a view shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewBody {
    /// A query, as for `GET /runs`.
    query: String,
}

/// Save a view
///
/// A new one, or another query of one that is there. Everybody who uses this server sees it.
#[utoipa::path(put, path = "/views/{name}", tag = "board", params(("name" = String, Path, description = "The view's name, at most 60 characters.")), request_body = ViewBody, responses((status = 204, description = "It is saved."), (status = 422, description = "The name or the query cannot be.", body = crate::problem::ProblemDetails)))]
pub(super) async fn put_view(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<ViewBody>,
) -> ApiResult<StatusCode> {
    state.engine.put_view(&name, &body.query, ACTOR).await?;
    info!("View {name} is saved");
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a view
#[utoipa::path(delete, path = "/views/{name}", tag = "board", params(("name" = String, Path, description = "The view's name.")), responses((status = 204, description = "It is gone."), (status = 404, description = "There is none of this name.", body = crate::problem::ProblemDetails)))]
pub(super) async fn remove_view(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    state.engine.remove_view(&name).await?;
    info!("View {name} is removed");
    Ok(StatusCode::NO_CONTENT)
}

/// How far.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AgendaParams {
    /// For so long from now on, at most `31d`; `24h` unless given.
    #[param(value_type = Option<String>)]
    ahead: Option<HumanDuration>,
}

/// Say what is due
///
/// The moments of all schedules that are not held, at most 100 of each and 1,000 in all; those that started nothing are marked.
#[utoipa::path(get, path = "/agenda", tag = "schedules", params(AgendaParams), responses((status = 200, description = "What is due, by time.", body = AgendaView)))]
pub(super) async fn agenda(
    State(state): State<ServerState>,
    Query(params): Query<AgendaParams>,
) -> ApiResult<Response> {
    let ahead = params.ahead.map_or(AHEAD, HumanDuration::as_duration);
    if ahead > AHEAD_MAX {
        return Err(ApiError::bad_request("bad_query", "`ahead` must be at most 31d"));
    }
    Ok(json(&state.engine.agenda(ahead).await?))
}

/// Which tasks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct GridParams {
    /// From this place on, from 0.
    #[serde(default)]
    from: usize,
    /// So many, at most 500; 100 unless given.
    limit: Option<usize>,
}

/// Show how the tasks of a flow went
///
/// The tasks of its newest version, in document order, by its last 30 runs.
#[utoipa::path(get, path = "/flows/{flow}/grid", tag = "flows", params(("flow" = String, Path, description = "The flow's id."), GridParams), responses((status = 200, description = "A letter for each task and run.", body = GridView)))]
pub(super) async fn grid(
    State(state): State<ServerState>,
    Path(flow): Path<String>,
    Query(params): Query<GridParams>,
) -> ApiResult<Response> {
    let n = limit_to(params.limit, GRID_TASKS, GRID_TASKS_MAX)?;
    Ok(json(&state.engine.grid(&flow, params.from, n).await?))
}
