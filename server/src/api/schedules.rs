//! Schedules: what is due next, holding them, filling a past range.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use flow::Timestamp;
use flow::doc::ScheduleDoc;
use flow::view::{FireView, FollowerView, ScheduleView};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::start::{Started, accepted};
use super::{check_reason, json};
use crate::extract::{Json, NoParams, OptionalJson, Path, Query};
use crate::problem::ApiResult;
use crate::state::ServerState;

/// Fires that a preview shows unless told otherwise.
const PREVIEW_DEFAULT: usize = 20;

/// All schedules.
#[derive(Serialize, ToSchema)]
pub(super) struct Schedules {
    /// By flow and name.
    items: Vec<ScheduleView>,
}

/// Moments at which a schedule is due.
#[derive(Serialize, ToSchema)]
pub(super) struct Fires {
    /// The earliest first.
    items: Vec<FireView>,
}

/// Of what.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// Of this flow only.
    flow: Option<String>,
}

/// List the schedules
#[utoipa::path(get, path = "/schedules", tag = "schedules", params(ListParams), responses((status = 200, description = "Schedules of all flows that are not archived.", body = Schedules)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(params): Query<ListParams>,
) -> ApiResult<Response> {
    if let Some(flow) = &params.flow {
        state.engine.flow_versions(flow).await?;
    }
    let items = state.engine.schedules(params.flow.as_deref()).await?;
    Ok(json(&Schedules { items }))
}

/// Flows that start when others end.
#[derive(Serialize, ToSchema)]
pub(super) struct Followers {
    /// By the other flow, flow and name.
    items: Vec<FollowerView>,
}

/// List the flows that start when runs of others end
///
/// With what came of the last end: the run it started, or why it started none.
#[utoipa::path(get, path = "/followers", tag = "schedules", params(ListParams), responses((status = 200, description = "What `after` of all flows that are not archived says.", body = Followers)))]
pub(super) async fn followers(
    State(state): State<ServerState>,
    Query(params): Query<ListParams>,
) -> ApiResult<Response> {
    if let Some(flow) = &params.flow {
        state.engine.flow_versions(flow).await?;
    }
    let items = state.engine.followers(params.flow.as_deref()).await?;
    Ok(json(&Followers { items }))
}

/// How many.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewParams {
    /// So many moments, at most 100; 20 unless given.
    limit: Option<usize>,
}

/// Say when a schedule is due next
///
/// As if it were not held; odd moments, when the clocks of its zone jump, are marked.
#[utoipa::path(get, path = "/flows/{flow}/schedules/{name}", tag = "schedules", params(("flow" = String, Path, description = "The flow's id."), ("name" = String, Path, description = "The schedule's name."), PreviewParams), responses((status = 200, description = "The next moments.", body = Fires)))]
pub(super) async fn upcoming(
    State(state): State<ServerState>,
    Path((flow, name)): Path<(String, String)>,
    Query(params): Query<PreviewParams>,
) -> ApiResult<Response> {
    let n = params.limit.unwrap_or(PREVIEW_DEFAULT);
    let items = state.engine.upcoming(&flow, &name, n).await?;
    Ok(json(&Fires { items }))
}

/// Say when a schedule would be due
///
/// The body is a schedule as a flow document has it; nothing is stored.
#[utoipa::path(post, path = "/schedules/preview", tag = "schedules", params(PreviewParams), request_body = Object, responses((status = 200, description = "The next moments.", body = Fires), (status = 422, description = "What is wrong with it.", body = crate::problem::ProblemDetails)))]
pub(super) async fn preview(
    State(state): State<ServerState>,
    Query(params): Query<PreviewParams>,
    Json(schedule): Json<ScheduleDoc>,
) -> ApiResult<Response> {
    let n = params.limit.unwrap_or(PREVIEW_DEFAULT);
    let items = state.engine.preview_schedule(&schedule, n)?;
    Ok(json(&Fires { items }))
}

/// Why a schedule is held.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldBody {
    /// Why, for those who ask later.
    reason: Option<String>,
}

/// Hold a schedule
#[utoipa::path(post, path = "/flows/{flow}/schedules/{name}/pause", tag = "schedules", params(("flow" = String, Path, description = "The flow's id."), ("name" = String, Path, description = "The schedule's name.")), request_body = Option<HoldBody>, responses((status = 204, description = "It starts nothing until it is resumed.")))]
pub(super) async fn pause(
    State(state): State<ServerState>,
    Path((flow, name)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(body): OptionalJson<HoldBody>,
) -> ApiResult<StatusCode> {
    check_reason(body.reason.as_deref())?;
    let reason = body.reason.as_deref();
    state.engine.pause_schedule(&flow, &name, true, reason).await?;
    info!("Schedule {name} of {flow} is held");
    Ok(StatusCode::NO_CONTENT)
}

/// Let a schedule go on
///
/// From now: what was due meanwhile is not made up for.
#[utoipa::path(post, path = "/flows/{flow}/schedules/{name}/resume", tag = "schedules", params(("flow" = String, Path, description = "The flow's id."), ("name" = String, Path, description = "The schedule's name.")), responses((status = 204, description = "It goes on.")))]
pub(super) async fn resume(
    State(state): State<ServerState>,
    Path((flow, name)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    state.engine.pause_schedule(&flow, &name, false, None).await?;
    info!("Schedule {name} of {flow} goes on");
    Ok(StatusCode::NO_CONTENT)
}

/// Start a run as a schedule would
///
/// With the inputs that the schedule gives if it is due now, whether it is held or not. When it is due next stays the same.
#[utoipa::path(
    post, path = "/flows/{flow}/schedules/{name}/run", tag = "schedules",
    params(("flow" = String, Path, description = "The flow's id."), ("name" = String, Path, description = "The schedule's name.")),
    responses((status = 202, description = "It is accepted.", body = Started, headers(("location" = String, description = "The run's address."))))
)]
pub(super) async fn run(
    State(state): State<ServerState>,
    Path((flow, name)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let run = state.engine.run_schedule(&flow, &name, "api").await?;
    Ok(accepted(run))
}

/// Which range.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackfillBody {
    /// From this moment on, itself included.
    #[schema(value_type = String)]
    from: Timestamp,
    /// Before this moment.
    #[schema(value_type = String)]
    until: Timestamp,
    /// Only say what would be started.
    #[serde(default)]
    dry_run: bool,
}

/// Fill a past range
///
/// Starts the runs that the schedule would have started; those it did start are found again, not repeated.
#[utoipa::path(post, path = "/flows/{flow}/schedules/{name}/backfill", tag = "schedules", params(("flow" = String, Path, description = "The flow's id."), ("name" = String, Path, description = "The schedule's name.")), request_body = BackfillBody, responses((status = 200, description = "All moments in the range, each with its run.", body = Fires), (status = 400, description = "More than 1,000 moments.", body = crate::problem::ProblemDetails)))]
pub(super) async fn backfill(
    State(state): State<ServerState>,
    Path((flow, name)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<BackfillBody>,
) -> ApiResult<Response> {
    let range = body.from..body.until;
    let items = state.engine.backfill(&flow, &name, range, body.dry_run).await?;
    Ok(json(&Fires { items }))
}
