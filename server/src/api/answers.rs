//! What people and programs tell to tasks that wait for them, and runs made from others.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{Answer, RetryRun};
use flow::view::{RetryView, RunSummary};
use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::json;
use super::runs::check_reason;
use super::start::{Started, accepted};
use crate::extract::{NoParams, OptionalJson, Path, Query, flag, run_id};
use crate::problem::ApiResult;
use crate::state::ServerState;

/// Give a task the signal it waits for
///
/// The body, any JSON, becomes the task's output. A signal that comes before the task waits is kept; the first one counts.
#[utoipa::path(
    post, path = "/runs/{run}/tasks/{task}/signal", tag = "tasks",
    params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path, percent-encoded.")),
    request_body = Option<Value>,
    responses(
        (status = 202, description = "It is kept.", body = RunSummary),
        (status = 409, description = "It came before, the task waits for none any more, or the run has ended.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn signal(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(payload): OptionalJson<Value>,
) -> ApiResult<(StatusCode, Response)> {
    let run = run_id(&run)?;
    state.engine.signal_task(run, &task, payload, "local").await?;
    info!(run.id = %run, "{task} of run {run} has its signal");
    Ok((StatusCode::ACCEPTED, json(&state.engine.run_summary(run).await?)))
}

/// A yes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveBody {
    /// What the task's form asks for.
    #[serde(default)]
    values: Map<String, Value>,
    /// What there is to say, for those who ask later.
    comment: Option<String>,
}

/// Approve
///
/// The answer is the task's output: `{approved, by, at, comment, values}`. The first answer counts.
#[utoipa::path(
    post, path = "/runs/{run}/tasks/{task}/approve", tag = "tasks",
    params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path, percent-encoded.")),
    request_body = Option<ApproveBody>,
    responses(
        (status = 202, description = "It is approved.", body = RunSummary),
        (status = 409, description = "The task does not wait for an answer, or the run has ended.", body = crate::problem::ProblemDetails),
        (status = 422, description = "The values do not fit the form.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn approve(
    State(state): State<ServerState>,
    Path(place): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(body): OptionalJson<ApproveBody>,
) -> ApiResult<(StatusCode, Response)> {
    let answer = Answer {
        approved: true,
        values: Value::Object(body.values),
        comment: body.comment,
    };
    give(&state, place, answer).await
}

/// A no.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectBody {
    /// Why, for those who ask later.
    comment: Option<String>,
}

/// Reject
///
/// The task fails with the kind `rejected`; edges may name `rejected`. The first answer counts.
#[utoipa::path(
    post, path = "/runs/{run}/tasks/{task}/reject", tag = "tasks",
    params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path, percent-encoded.")),
    request_body = Option<RejectBody>,
    responses(
        (status = 202, description = "It is rejected.", body = RunSummary),
        (status = 409, description = "The task does not wait for an answer, or the run has ended.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn reject(
    State(state): State<ServerState>,
    Path(place): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(body): OptionalJson<RejectBody>,
) -> ApiResult<(StatusCode, Response)> {
    let answer = Answer {
        approved: false,
        values: Value::Object(Map::new()),
        comment: body.comment,
    };
    give(&state, place, answer).await
}

async fn give(
    state: &ServerState,
    (run, task): (String, String),
    answer: Answer,
) -> ApiResult<(StatusCode, Response)> {
    let run = run_id(&run)?;
    check_reason(answer.comment.as_deref())?;
    let said = if answer.approved { "approved" } else { "rejected" };
    state.engine.answer_task(run, &task, answer, "local").await?;
    info!(run.id = %run, "{task} of run {run} was {said}");
    Ok((StatusCode::ACCEPTED, json(&state.engine.run_summary(run).await?)))
}

/// What to take from the run.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryBody {
    /// The path of the task from which on all runs again, `task` or `task[17]`, or `task/inner` for a task of the run that a `subflow`
    /// task had waited for; without it, what had not succeeded does.
    from: Option<String>,
    /// What the new run is given, all of it; the same unless given.
    #[schema(value_type = Option<Object>)]
    inputs: Option<Value>,
    /// Its version of the flow; the same unless given.
    version: Option<u32>,
    /// Task runs that do not run again but count as succeeded, by path, each with the output it is said to give. An approval is
    /// given `{"approved": true}`, a switch the name of a case.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Object>)]
    mark_succeeded: BTreeMap<String, Value>,
}

/// How to retry.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryParams {
    /// Only says what would run again and what would be reused.
    #[serde(default, deserialize_with = "flag")]
    dry_run: bool,
}

/// Retry a run
///
/// Makes a new run that takes over results of the old one: of tasks that succeeded, whose definition and inputs are the same and whose
/// upstreams are taken over too. A `subflow` task that had not succeeded takes up its old run likewise, if that is still there.
#[utoipa::path(
    post, path = "/runs/{run}/retry", tag = "runs",
    params(("run" = String, Path, description = "`run_…`"), RetryParams),
    request_body = Option<RetryBody>,
    responses(
        (status = 202, description = "The new run is accepted.", body = Started, headers(("location" = String, description = "Its address."))),
        (status = 200, description = "With `dry_run`: what would happen.", body = RetryView),
        (status = 400, description = "There is nothing inside that task to start from.", body = crate::problem::ProblemDetails),
        (status = 409, description = "The run has not ended.", body = crate::problem::ProblemDetails),
        (status = 422, description = "All that is wrong with the inputs or with what is marked as succeeded.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn retry(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(params): Query<RetryParams>,
    OptionalJson(body): OptionalJson<RetryBody>,
) -> ApiResult<Response> {
    let retry = RetryRun {
        idempotency_key: None,
        run: run_id(&run)?,
        from: body.from,
        inputs: body.inputs,
        version: body.version,
        mark_succeeded: body.mark_succeeded,
        actor: "local".to_owned(),
    };
    if params.dry_run {
        return Ok(json(&state.engine.plan_retry(&retry).await?).into_response());
    }
    let other = state.engine.retry_run(retry).await?;
    info!(run.id = %other, "Run {other} takes up run {run}");
    Ok(accepted(other))
}
