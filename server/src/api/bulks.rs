//! One command to many runs: prepared, looked at, begun.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{BulkCommand, NewBulk};
use flow::RunId;
use flow::view::board::{BulkRunView, BulkView};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::{ACTOR, check_reason, json, limit};
use crate::extract::{Json, NoParams, OptionalJson, Path, Query};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// What to tell which runs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkBody {
    /// `cancel`, `pause`, `resume` or `retry`.
    command: String,
    /// The runs that this finds now, as in `GET /runs`.
    query: Option<String>,
    /// Or these.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    runs: Vec<RunId>,
    /// Why, for `cancel` and `pause`.
    reason: Option<String>,
}

/// Prepare a command to many runs
///
/// Chooses the runs, at most the newest 10,000, and keeps them for 15 minutes. Nothing is done yet: look at the number and the sample,
/// then begin it. It then goes to exactly these runs, whatever has begun or ended meanwhile.
#[utoipa::path(post, path = "/bulks", tag = "runs", request_body = BulkBody, responses((status = 201, description = "It is prepared.", body = BulkView), (status = 422, description = "The query is none, or finds nothing.", body = crate::problem::ProblemDetails)))]
pub(super) async fn prepare(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<BulkBody>,
) -> ApiResult<Response> {
    check_reason(body.reason.as_deref())?;
    let Some(command) = BulkCommand::from_key(&body.command) else {
        let known = BulkCommand::ALL.map(BulkCommand::key).join(", ");
        let detail = format!("`{}` is no command; there are {known}", body.command);
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_command",
            detail,
        ));
    };
    let new = NewBulk {
        command,
        query: body.query,
        runs: body.runs,
        reason: body.reason,
        actor: ACTOR.to_owned(),
    };
    let bulk = state.engine.prepare_bulk(new).await?;
    let location = format!("/api/v1/bulks/{}", bulk.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], json(&bulk)).into_response())
}

/// Read a command to many runs
///
/// How far it has come. It is kept for a week.
#[utoipa::path(get, path = "/bulks/{bulk}", tag = "runs", params(("bulk" = String, Path, description = "`bulk_…`")), responses((status = 200, description = "The command.", body = BulkView)))]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path(bulk): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    Ok(json(&state.engine.bulk(&bulk).await?))
}

/// How it is confirmed.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BeginBody {
    /// For more than 20 runs: what the command's `confirm` says, as `cancel 40`.
    confirm: Option<String>,
}

/// Begin a command to many runs
///
/// It goes to the runs that were chosen, in the background; read it to follow it.
#[utoipa::path(post, path = "/bulks/{bulk}/begin", tag = "runs", params(("bulk" = String, Path, description = "`bulk_…`")), request_body = Option<BeginBody>, responses((status = 202, description = "It has begun.", body = BulkView), (status = 409, description = "It has begun before, or was prepared too long ago.", body = crate::problem::ProblemDetails), (status = 422, description = "It is not confirmed.", body = crate::problem::ProblemDetails)))]
pub(super) async fn begin(
    State(state): State<ServerState>,
    Path(bulk): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(body): OptionalJson<BeginBody>,
) -> ApiResult<(StatusCode, Response)> {
    let begun = state.engine.begin_bulk(&bulk, body.confirm.as_deref()).await?;
    info!("Began {bulk}: {} {} runs", begun.command, begun.n_runs);
    Ok((StatusCode::ACCEPTED, json(&begun)))
}

/// Which of its runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RunsParams {
    /// From this place on, from 0.
    #[serde(default)]
    from: u32,
    /// Entries, at most 500; 50 unless given.
    limit: Option<usize>,
}

/// Runs of a command.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkRuns {
    /// The newest first.
    items: Vec<BulkRunView>,
}

/// List the runs of a command, and what came of it for each
#[utoipa::path(get, path = "/bulks/{bulk}/runs", tag = "runs", params(("bulk" = String, Path, description = "`bulk_…`"), RunsParams), responses((status = 200, description = "Its runs.", body = BulkRuns)))]
pub(super) async fn runs(
    State(state): State<ServerState>,
    Path(bulk): Path<String>,
    Query(params): Query<RunsParams>,
) -> ApiResult<Response> {
    let items = state
        .engine
        .bulk_runs(&bulk, params.from, limit(params.limit)?)
        .await?;
    Ok(json(&BulkRuns { items }))
}
