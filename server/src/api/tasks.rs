//! Task runs of a run, with input, output and logs.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flow::view::{Page, TaskRunView, TaskStatus};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{json, limit};
use crate::accept::wants_events;
use crate::extract::{NoParams, Path, Query, flag, run_id};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;
use crate::stream::{self, logs, logs::TaskLogs};

/// Which task runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// In this state.
    state: Option<String>,
    /// Whose path begins with this.
    under: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries, at most 500; 50 unless given.
    limit: Option<usize>,
}

/// List the task runs of a run
#[utoipa::path(get, path = "/runs/{run}/tasks", tag = "tasks", params(("run" = String, Path, description = "`run_…`"), ListParams), responses((status = 200, description = "A page of task runs, in document order.", body = Page<TaskRunView>)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(params): Query<ListParams>,
) -> ApiResult<Response> {
    let bad = |detail: String| ApiError::bad_request("bad_query", detail);
    let status = params.state.as_deref().map(|word| {
        let known = TaskStatus::ALL.map(TaskStatus::key).join(", ");
        TaskStatus::from_key(word)
            .ok_or_else(|| bad(format!("`{word}` is no state of a task run; there are {known}")))
    });
    let status = status.transpose()?;
    let tasks = state
        .engine
        .tasks(
            run_id(&run)?,
            status,
            params.under.as_deref(),
            params.cursor.as_deref(),
            limit(params.limit)?,
        )
        .await?;
    Ok(json(&tasks))
}

/// Read a task run
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}", tag = "tasks", params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path, percent-encoded.")), responses((status = 200, description = "The task run.", body = TaskRunView)))]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let task = state.engine.task(run_id(&run)?, &task).await?;
    Ok(json(&task))
}

/// Read a task run's output
///
/// The value itself, whole.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/output", tag = "tasks", params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path.")), responses((status = 200, description = "The output.", body = serde_json::Value), (status = 404, description = "It has none (yet).", body = crate::problem::ProblemDetails)))]
pub(super) async fn output(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let value = state.engine.task_output(run_id(&run)?, &task).await?;
    value
        .map(|value| json(&*value))
        .ok_or_else(|| ApiError::not_found("no_output", format!("{task} has no output yet")))
}

/// Read a task run's arguments
///
/// As they were evaluated for its first attempt, whole.
#[utoipa::path(get, path = "/runs/{run}/tasks/{task}/input", tag = "tasks", params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path.")), responses((status = 200, description = "The arguments.", body = serde_json::Value), (status = 404, description = "It has none (yet); light tasks keep none.", body = crate::problem::ProblemDetails)))]
pub(super) async fn input(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let value = state.engine.task_input(run_id(&run)?, &task).await?;
    value
        .map(|value| json(&*value))
        .ok_or_else(|| ApiError::not_found("no_input", format!("{task} has no input yet")))
}

/// Which part of a log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LogParams {
    /// What follows this position, the `id` of a frame.
    after: Option<String>,
    /// Only the lines of this attempt.
    attempt: Option<u32>,
    /// As server-sent events, until the task has settled; as with `Accept: text/event-stream`.
    #[serde(default, deserialize_with = "flag")]
    follow: bool,
}

/// Read or follow the log of a task run
///
/// As text, or as server-sent events: `log` with lines, `end` when the task has settled and its log is flushed.
#[utoipa::path(
    get, path = "/runs/{run}/tasks/{task}/logs", tag = "tasks",
    params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path."), LogParams, ("Last-Event-ID" = Option<String>, Header, description = "As `after`, for streams.")),
    responses((status = 200, description = "Lines.", content((String = "text/plain"), (String = "text/event-stream"))))
)]
pub(super) async fn logs(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(params): Query<LogParams>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let run = run_id(&run)?;
    let after = logs::position(params.after.as_deref())?;
    if params.follow || wants_events(&headers) {
        let last = logs::position(stream::last_event_id(&headers)?.as_deref())?;
        let lines = TaskLogs::open(&state.engine, run, task, after.max(last), params.attempt).await?;
        return stream::sse(&state, Box::new(lines));
    }
    // Asked first, so that an unknown task is an error and not an empty log.
    state.engine.task(run, &task).await?;
    let body = Body::from_stream(logs::text(state.engine.clone(), run, task, after, params.attempt));
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    )];
    Ok((kind, [(header::CACHE_CONTROL, "no-store")], body).into_response())
}
