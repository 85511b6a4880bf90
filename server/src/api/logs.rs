//! Lines of a task run's log by their numbers, searches in it, and the logs of a whole run.

use app::log::group::without_mark;
use app::log::needle::{Needle, Stream};
use app::log::place;
use app::model::{LogFound, LogGroup, LogLine, LogPage, LogPart, RunLogLine};
use axum::extract::State;
use axum::response::Response;
use flow::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{json, limit_to};
use crate::extract::{Path, Query, run_id};
use crate::log_lines::Ask;
use crate::problem::{ApiError, ApiResult};
use crate::run_log;
use crate::state::ServerState;

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LinesParams {
    /// Only the lines of this attempt.
    attempt: Option<u32>,
    /// About a line: `2:120` is line 120 of the second attempt. The log's end unless given.
    from: Option<String>,
    /// As the log was at this moment.
    until: Option<Timestamp>,
    /// Whether to list the groups of lines too.
    #[serde(default)]
    groups: bool,
}

/// Lines of a log.
#[derive(Serialize, ToSchema)]
struct LinesView {
    /// Lines one after the other, about two hundred.
    lines: Vec<LineView>,
    /// How much the whole log is, attempt by attempt.
    parts: Vec<PartView>,
    /// How much it was at the moment that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_then: Vec<PartView>,
    /// The groups of the whole log, if they were asked for, at most 2,000 of each attempt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupView>,
    /// Give it as `after` of `…/logs` to get what is written behind all that was counted.
    next: Option<String>,
}

/// A line.
#[derive(Serialize, ToSchema)]
struct LineView {
    /// From 1.
    attempt: u32,
    /// Its number within the attempt, from 1.
    n: u64,
    /// When it was written.
    #[schema(value_type = String)]
    at: Timestamp,
    /// `stdout`, `stderr` or `engine`.
    stream: String,
    /// Its text, without the newline; may hold ANSI colour codes.
    text: String,
}

/// Lines from `::group::` to `::endgroup::`, to the next group, or to the attempt's end.
#[derive(Serialize, ToSchema)]
struct GroupView {
    /// From 1.
    attempt: u32,
    /// The number of its first line.
    n: u64,
    /// The number of its last line; absent as long as nothing has ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
    /// What its first line says behind `::group::`, cut if it is long; may hold ANSI colour codes.
    title: String,
}

/// What an attempt has written.
#[derive(Serialize, ToSchema)]
struct PartView {
    /// From 1.
    attempt: u32,
    /// Its lines.
    n_lines: u64,
}

impl From<LogPart> for PartView {
    fn from(LogPart { attempt, n_lines }: LogPart) -> Self {
        Self { attempt, n_lines }
    }
}

impl From<LogGroup> for GroupView {
    fn from(group: LogGroup) -> Self {
        let (attempt, n) = group.place();
        Self {
            attempt,
            n,
            last: group.last,
            title: without_mark(&group.line.text).to_owned(),
        }
    }
}

impl From<LogLine> for LineView {
    fn from(line: LogLine) -> Self {
        Self {
            attempt: line.attempt,
            n: line.n,
            at: line.at,
            stream: line.stream,
            text: line.text,
        }
    }
}

impl From<LogPage> for LinesView {
    fn from(page: LogPage) -> Self {
        let parts = |parts: Vec<LogPart>| parts.into_iter().map(PartView::from).collect();
        Self {
            lines: page.lines.into_iter().map(LineView::from).collect(),
            parts: parts(page.parts),
            by_then: parts(page.by_then),
            groups: page.groups.into_iter().map(GroupView::from).collect(),
            next: page.next,
        }
    }
}

/// Read lines of a task run's log by their numbers
#[utoipa::path(
    get, path = "/runs/{run}/tasks/{task}/logs/lines", tag = "tasks",
    params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path."), LinesParams),
    responses((status = 200, description = "Lines about the one that was asked for, and how many there are in all.", body = LinesView))
)]
pub(super) async fn lines(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(params): Query<LinesParams>,
) -> ApiResult<Response> {
    let from = match params.from.as_deref() {
        None => None,
        Some(text) => Some(place(text).ok_or_else(|| {
            ApiError::bad_request(
                "bad_line",
                format!("`{text}` is no line of a log; write `ATTEMPT:NUMBER`"),
            )
        })?),
    };
    let ask = Ask {
        attempt: params.attempt,
        from,
        until: params.until,
        with_groups: params.groups,
    };
    let page = state.shared.logs.page(run_id(&run)?, &task, ask).await?;
    Ok(json(&LinesView::from(page)))
}

/// The stream that is asked for.
fn stream(key: Option<&str>) -> ApiResult<Stream> {
    match key {
        None => Ok(Stream::All),
        Some(key) if Stream::ALL.iter().any(|stream| stream.key() == key) => Ok(Stream::of(key)),
        Some(key) => {
            let detail = format!("`{key}` is no stream of a log; these are: stdout, stderr, engine");
            Err(ApiError::bad_request("bad_stream", detail))
        }
    }
}

/// What is searched for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FindParams {
    /// Lines that hold this text, whatever its case; colour codes are no part of a line. All unless given.
    #[serde(default)]
    text: String,
    /// Lines of this stream: `stdout`, `stderr` or `engine`. Of all unless given.
    #[serde(rename = "in")]
    stream: Option<String>,
    /// Only the lines of this attempt.
    attempt: Option<u32>,
}

/// What was found.
#[derive(Serialize, ToSchema)]
struct FoundView {
    /// How many lines fit: all are counted.
    n_lines: u64,
    /// Where the first 10,000 are, as attempt and number.
    #[schema(value_type = Vec<Vec<u64>>)]
    places: Vec<(u32, u64)>,
}

/// Search a task run's log
#[utoipa::path(
    get, path = "/runs/{run}/tasks/{task}/logs/find", tag = "tasks",
    params(("run" = String, Path, description = "`run_…`"), ("task" = String, Path, description = "The task run's path."), FindParams),
    responses((status = 200, description = "Which lines fit.", body = FoundView))
)]
pub(super) async fn find(
    State(state): State<ServerState>,
    Path((run, task)): Path<(String, String)>,
    Query(params): Query<FindParams>,
) -> ApiResult<Response> {
    let needle = Needle::new(&params.text, stream(params.stream.as_deref())?)
        .ok_or_else(|| ApiError::bad_request("bad_query", "give `text`, `in` or both"))?;
    let found = state
        .shared
        .logs
        .find(run_id(&run)?, &task, params.attempt, &needle)
        .await?;
    let LogFound { n_lines, places } = found;
    Ok(json(&FoundView { n_lines, places }))
}

/// Which lines of a run.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RunLogParams {
    /// The lines right before this `place`. The end of the log unless `before` or `after` is given.
    before: Option<String>,
    /// The lines right behind this `place`.
    after: Option<String>,
    /// As the log was at this moment.
    until: Option<Timestamp>,
    /// Only lines that hold this text, whatever its case.
    #[serde(default)]
    text: String,
    /// Only lines of this stream: `stdout`, `stderr` or `engine`.
    #[serde(rename = "in")]
    stream: Option<String>,
    /// Lines, at most 1000; 400 unless given.
    limit: Option<usize>,
}

/// Lines of all task runs of a run.
#[derive(Serialize, ToSchema)]
struct RunLogView {
    /// In the order in which they were written: by time; of one instant by task run, attempt and number.
    lines: Vec<RunLineView>,
    /// Give it as `before` to get the lines before these. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Give it as `after` to get the lines behind these. Absent if there are none yet: ask again with the `place` of the last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// How many lines of the whole run fit, if `text` or `in` is given: all are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    n_lines: Option<u64>,
}

/// A line of a run's log.
#[derive(Serialize, ToSchema)]
struct RunLineView {
    /// The task run's path.
    task: String,
    /// From 1.
    attempt: u32,
    /// Its number within the attempt, from 1. Absent if counting would have taken too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    /// When it was written.
    #[schema(value_type = String)]
    at: Timestamp,
    /// `stdout`, `stderr` or `engine`.
    stream: String,
    /// Its text, without the newline; may hold ANSI colour codes.
    text: String,
    /// Its place among the lines of the run, for `before` and `after`.
    place: String,
}

/// Read the logs of all task runs of a run
///
/// As one, in the order in which their lines were written. A page is found by a pass over the run's logs; where there is something to
/// search for, over all of their text.
#[utoipa::path(
    get, path = "/runs/{run}/logs", tag = "runs",
    params(("run" = String, Path, description = "`run_…`"), RunLogParams),
    responses((status = 200, description = "Lines, oldest first.", body = RunLogView))
)]
pub(super) async fn of_run(
    State(state): State<ServerState>,
    Path(run): Path<String>,
    Query(params): Query<RunLogParams>,
) -> ApiResult<Response> {
    let ask = run_log::Ask {
        side: run_log::Side::of(params.before.as_deref(), params.after.as_deref())?,
        until: params.until,
        needle: Needle::new(&params.text, stream(params.stream.as_deref())?),
        limit: limit_to(params.limit, run_log::LINES, run_log::LINES_MAX)?,
    };
    let page = run_log::page(&state.engine, run_id(&run)?, &ask).await?;
    let place = |line: Option<&RunLogLine>| line.map(|line| line.place.clone());
    let view = RunLogView {
        before: place(page.lines.first().filter(|_| page.has_earlier)),
        after: place(page.lines.last().filter(|_| page.has_later)),
        n_lines: page.n_lines,
        lines: page.lines.into_iter().map(RunLineView::from).collect(),
    };
    Ok(json(&view))
}

impl From<RunLogLine> for RunLineView {
    fn from(RunLogLine { task, place, line }: RunLogLine) -> Self {
        Self {
            task,
            attempt: line.attempt,
            n: Some(line.n).filter(|n| *n > 0),
            at: line.at,
            stream: line.stream,
            text: line.text,
            place,
        }
    }
}
