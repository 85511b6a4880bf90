//! Runs: list, read, cancel, events.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use engine::Engine;
use engine::store::RunFilter;
use flow::Timestamp;
use flow::run::Event;
use flow::view::{Page, QueuedView, RunDetail, RunStatus, RunSummary, WhyView};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::{json, limit};
use crate::accept::wants_events;
use crate::extract::{NoParams, OptionalJson, Path, Query, flag, run_id};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;
use crate::stream::{self, run::RunEvents};

/// What a list of runs may be asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParams {
    /// Of this flow.
    flow: Option<String>,
    /// In one of these states: several times, or separated by commas.
    #[serde(default)]
    state: Vec<String>,
    /// With this label, as `name=value`; several times for several.
    #[serde(default)]
    label: Vec<String>,
    /// Created at this time or after it.
    since: Option<Timestamp>,
    /// Created before this time.
    until: Option<Timestamp>,
    /// With this text in id, flow, label or error.
    text: Option<String>,
    /// Found by this query, as `state:failed,cancelled flow:etl-* dur:>5m since:24h label:env=prod -is:retried words`; the other
    /// parameters are added to it. Keys: `state` (also `open`, `ended`), `is` (`asking`, `late`, `stuck`, `retried`), `flow`, `label`,
    /// `dur`, `wait`, `since`, `until`, `ended-since`, `ended-until`, `trigger`, `error`. `-` turns a term around.
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Entries, at most 500; 50 unless given.
    limit: Option<usize>,
}

impl ListParams {
    /// What both the query and the single parameters say.
    async fn sought(&self, engine: &Engine) -> ApiResult<RunFilter> {
        let own = self.filter()?;
        let Some(query) = &self.q else { return Ok(own) };
        let asked = engine.sought(query).await?;
        let is_own = !own.states.is_empty();
        let states: Vec<RunStatus> = match (own.states.is_empty(), asked.states.is_empty()) {
            (true, _) => asked.states,
            (false, true) => own.states,
            (false, false) => {
                let both = own.states.iter().filter(|state| asked.states.contains(state));
                both.copied().collect()
            }
        };
        Ok(RunFilter {
            is_empty: asked.is_empty || (is_own && states.is_empty()),
            states,
            // What the query says of flow, labels and times is judged again with each run.
            flow: own.flow.or(asked.flow),
            labels: own.labels.into_iter().chain(asked.labels).collect(),
            since: own.since.max(asked.since),
            until: own.until.into_iter().chain(asked.until).min(),
            text: own.text,
            sought: asked.sought,
        })
    }

    fn filter(&self) -> ApiResult<RunFilter> {
        let states = self
            .state
            .iter()
            .flat_map(|states| states.split(','))
            .map(|state| {
                let known = RunStatus::ALL.map(RunStatus::key).join(", ");
                RunStatus::from_key(state).ok_or_else(|| {
                    ApiError::bad_request(
                        "bad_query",
                        format!("`{state}` is no state of a run; there are {known}"),
                    )
                })
            });
        let labels = self.label.iter().map(|label| {
            let parts = label
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            parts.ok_or_else(|| {
                ApiError::bad_request(
                    "bad_query",
                    format!("`{label}` is no label; write it as name=value"),
                )
            })
        });
        Ok(RunFilter {
            flow: self.flow.clone(),
            states: states.collect::<ApiResult<_>>()?,
            labels: labels.collect::<ApiResult<_>>()?,
            since: self.since,
            until: self.until,
            text: self.text.clone(),
            ..RunFilter::default()
        })
    }
}

/// List runs
#[utoipa::path(get, path = "/runs", tag = "runs", params(ListParams), responses((status = 200, description = "A page of runs, newest first.", body = Page<RunSummary>)))]
pub(super) async fn list(
    State(state): State<ServerState>,
    Query(params): Query<ListParams>,
) -> ApiResult<Response> {
    let filter = params.sought(&state.engine).await?;
    let runs = state
        .engine
        .runs(&filter, params.cursor.as_deref(), limit(params.limit)?)
        .await?;
    Ok(json(&runs))
}

/// Read a run
///
/// With at most 1,000 task runs; page through `/runs/{run}/tasks` for more.
#[utoipa::path(get, path = "/runs/{run}", tag = "runs", params(("run" = String, Path, description = "`run_…`")), responses((status = 200, description = "The run.", body = RunDetail)))]
pub(super) async fn read(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let run = state.engine.run(run_id(&run)?).await?;
    Ok(json(&run))
}

/// Why tasks are not running.
#[derive(Serialize, ToSchema)]
pub(super) struct Reasons {
    /// Why the run has not begun, if it waits for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<QueuedView>,
    /// In document order; a task with items or iterations is followed by those at work, up to ten.
    items: Vec<WhyView>,
}

/// Explain why tasks are not running
///
/// For every unfinished task run of an unfinished run the reason, from stored facts.
#[utoipa::path(get, path = "/runs/{run}/explain", tag = "runs", params(("run" = String, Path, description = "`run_…`")), responses((status = 200, description = "The reasons; none if the run has ended.", body = Reasons)))]
pub(super) async fn explain(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let run = run_id(&run)?;
    let queued = state.engine.queued(run).await?;
    let items = state.engine.explain(run).await?;
    Ok(json(&Reasons { queued, items }))
}

/// How to cancel.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBody {
    /// End processes at once, and leave out undo, `finally` and `on_failure`.
    #[serde(default)]
    force: bool,
    /// Why, for those who ask later.
    reason: Option<String>,
}

/// Bytes of a reason: it stands in the event.
const REASON_BYTES_MAX: usize = 1_000;

/// Cancel a run
#[utoipa::path(
    post, path = "/runs/{run}/cancel", tag = "runs", params(("run" = String, Path, description = "`run_…`")), request_body = Option<CancelBody>,
    responses(
        (status = 202, description = "It is being cancelled.", body = RunSummary),
        (status = 409, description = "It has ended already.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn cancel(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(body): OptionalJson<CancelBody>,
) -> ApiResult<(StatusCode, Response)> {
    let run = run_id(&run)?;
    check_reason(body.reason.as_deref())?;
    state
        .engine
        .cancel_run(run, body.force, body.reason, "local")
        .await?;
    info!(run.id = %run, "Cancelling run {run}");
    Ok((StatusCode::ACCEPTED, json(&state.engine.run_summary(run).await?)))
}

pub(crate) fn check_reason(reason: Option<&str>) -> ApiResult<()> {
    if reason.is_none_or(|reason| reason.len() <= REASON_BYTES_MAX) {
        return Ok(());
    }
    let detail = format!("a reason or comment has at most {REASON_BYTES_MAX} bytes");
    Err(ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "bad_reason",
        detail,
    ))
}

/// Why to pause.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseBody {
    /// Why, for those who ask later.
    reason: Option<String>,
}

/// Pause a run
///
/// Attempts that are out come to their end, nothing more starts until the run is resumed. Its timeout goes on counting.
#[utoipa::path(
    post, path = "/runs/{run}/pause", tag = "runs", params(("run" = String, Path, description = "`run_…`")), request_body = Option<PauseBody>,
    responses(
        (status = 202, description = "It is paused.", body = RunSummary),
        (status = 409, description = "Its work is over.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn pause(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(body): OptionalJson<PauseBody>,
) -> ApiResult<(StatusCode, Response)> {
    let run = run_id(&run)?;
    check_reason(body.reason.as_deref())?;
    state.engine.pause_run(run, body.reason, "local").await?;
    info!(run.id = %run, "Paused run {run}");
    Ok((StatusCode::ACCEPTED, json(&state.engine.run_summary(run).await?)))
}

/// Resume a run
#[utoipa::path(
    post, path = "/runs/{run}/resume", tag = "runs", params(("run" = String, Path, description = "`run_…`")),
    responses(
        (status = 202, description = "It goes on.", body = RunSummary),
        (status = 409, description = "It has ended.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn resume(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    OptionalJson(Nothing {}): OptionalJson<Nothing>,
) -> ApiResult<(StatusCode, Response)> {
    let run = run_id(&run)?;
    state.engine.resume_run(run, "local").await?;
    info!(run.id = %run, "Resumed run {run}");
    Ok((StatusCode::ACCEPTED, json(&state.engine.run_summary(run).await?)))
}

/// Calls that take no body, or an empty object.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventParams {
    /// Those after this one.
    after: Option<u64>,
    /// About so many, at most 500; 50 unless given. Only for JSON.
    limit: Option<usize>,
    /// As server-sent events, as with `Accept: text/event-stream`.
    #[serde(default, deserialize_with = "flag")]
    stream: bool,
}

/// A piece of a run's log of events.
#[derive(Serialize, ToSchema)]
pub(super) struct EventPage {
    /// The oldest first.
    items: Vec<Event>,
    /// Give it as `after` to get what follows; absent if there is nothing yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<u64>,
}

/// Read or follow the events of a run
///
/// As JSON, or as server-sent events that go on until the run has ended and its logs are flushed: `hello` at once, then `event`
/// with the event's number as `id`, `reset` with a snapshot if the position asked for is not there or too far behind, `end`.
#[utoipa::path(
    get, path = "/runs/{run}/events", tag = "runs",
    params(("run" = String, Path, description = "`run_…`"), EventParams, ("Last-Event-ID" = Option<String>, Header, description = "As `after`, for streams.")),
    responses((status = 200, description = "Events.", content((EventPage = "application/json"), (String = "text/event-stream"))))
)]
pub(super) async fn events(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(params): Query<EventParams>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let run = run_id(&run)?;
    let after = params.after.unwrap_or(0);
    if params.stream || wants_events(&headers) {
        let last = stream::last_event_id(&headers)?.map_or(Ok(0), |id| {
            id.parse()
                .map_err(|_| ApiError::bad_request("bad_position", format!("`{id}` is no event's number")))
        })?;
        let events = RunEvents::open(&state.engine, run, after.max(last)).await?;
        return stream::sse(&state, Box::new(events));
    }
    let wanted = limit(params.limit)?;
    let row = state.engine.run_row(run).await?;
    let mut items = state.engine.events(run, after, wanted).await?;
    items.iter_mut().for_each(stream::redact);
    let next_after = items
        .last()
        .map(|event| event.seq)
        .filter(|last| *last < row.last_seq);
    Ok(json(&EventPage { items, next_after }))
}
