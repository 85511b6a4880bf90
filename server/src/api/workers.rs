//! The door of workers in other processes and languages: ask for work, give signs of life, report.
//!
//! Every call shows a worker token, on loopback too: who asks for the work of a queue is given what its tasks are given.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use engine::{AttemptReport, Heartbeat, LeaseCall, Leased, LogLine, OfferedType, TaskOutcome, WorkerToken};
use flow::run::TaskError;
use flow::{AttemptToken, HumanDuration, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::json;
use crate::extract::{Json, LargeJson, NoParams, Path, Query};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// Lines of log in one call.
const LINES_MAX: usize = 10_000;

/// How long a worker's call waits for work unless it says otherwise.
const WAIT_DEFAULT: HumanDuration = HumanDuration::from_millis(30_000);

/// A worker token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTokenBody {
    /// What it is called in lists.
    name: String,
    /// The queues whose work may be asked for with it.
    queues: Vec<String>,
}

/// A worker token in a list; its secret is kept nowhere.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenView {
    /// `wt_…`
    id: String,
    /// What it is called.
    name: String,
    /// The queues whose work may be asked for with it.
    queues: Vec<String>,
    /// When it was made.
    #[schema(value_type = String)]
    created_at: Timestamp,
}

/// A worker token that has just been made.
#[derive(Serialize, ToSchema)]
pub(super) struct NewTokenView {
    /// As lists show it.
    #[serde(flatten)]
    token: TokenView,
    /// `pwt_…`: what workers show, as `Authorization: Bearer pwt_…`. It is told this once.
    secret: String,
}

/// All worker tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// Oldest first.
    items: Vec<TokenView>,
}

impl From<WorkerToken> for TokenView {
    fn from(token: WorkerToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            queues: token.queues,
            created_at: token.created_at,
        }
    }
}

/// Make a worker token
#[utoipa::path(post, path = "/worker-tokens", tag = "workers", request_body = NewTokenBody, responses((status = 201, description = "It is made; its secret is told only here.", body = NewTokenView), (status = 422, description = "All that is wrong with it.", body = crate::problem::ProblemDetails)))]
pub(super) async fn make_token(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
    Json(body): Json<NewTokenBody>,
) -> ApiResult<(StatusCode, Response)> {
    let made = state.engine.make_worker_token(&body.name, body.queues).await?;
    let view = NewTokenView {
        token: made.token.into(),
        secret: made.secret,
    };
    Ok((StatusCode::CREATED, json(&view)))
}

/// List the worker tokens
#[utoipa::path(get, path = "/worker-tokens", tag = "workers", responses((status = 200, description = "All, without their secrets.", body = Tokens)))]
pub(super) async fn list_tokens(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<Response> {
    let tokens = state.engine.worker_tokens().await?;
    let items = tokens.into_iter().map(TokenView::from).collect();
    Ok(json(&Tokens { items }))
}

/// Revoke a worker token
///
/// Workers that show it are refused from now on; what they have in hand is lost after a while and tried again.
#[utoipa::path(delete, path = "/worker-tokens/{id}", tag = "workers", params(("id" = String, Path, description = "`wt_…`")), responses((status = 204, description = "It is gone.")))]
pub(super) async fn revoke_token(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    if state.engine.revoke_worker_token(&id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found(
            "unknown_token",
            "there is no worker token of this id",
        ))
    }
}

/// Forget a worker's task type
///
/// Flows can no longer name it, unless workers of another queue do it too or declare it again.
#[utoipa::path(delete, path = "/queues/{queue}/types/{type}", tag = "workers", params(("queue" = String, Path, description = "The queue."), ("type" = String, Path, description = "The type's key.")), responses((status = 204, description = "It is forgotten.")))]
pub(super) async fn forget_type(
    State(state): State<ServerState>,
    Path((queue, key)): Path<(String, String)>,
    Query(NoParams {}): Query<NoParams>,
) -> ApiResult<StatusCode> {
    if state.engine.forget_declared_type(&queue, &key).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let detail = format!("no worker of the queue {queue} has declared {key}");
        Err(ApiError::not_found("unknown_type", detail))
    }
}

/// A task type that a worker can do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfferedTypeBody {
    /// Its key, for example `video.encode`.
    key: String,
    /// Its name.
    title: Option<String>,
    /// What it does, in a sentence.
    summary: Option<String>,
    /// JSON Schema of the arguments; flows are checked against it. Anything goes if it is missing.
    #[schema(value_type = Option<Object>)]
    input_schema: Option<Value>,
    /// JSON Schema of the output.
    #[schema(value_type = Option<Object>)]
    output_schema: Option<Value>,
}

/// A worker asks for work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaseBody {
    /// What it calls itself; one name for each process.
    worker: String,
    /// The queues it works for; its token must be for them.
    queues: Vec<String>,
    /// What it can do.
    types: Vec<OfferedTypeBody>,
    /// How many attempts it takes now, from 1 to 100; 1 unless given.
    max: Option<usize>,
    /// How long the answer may wait for work, at most `60s`; `30s` unless given.
    #[schema(value_type = Option<String>)]
    wait: Option<HumanDuration>,
}

/// Attempts for a worker.
#[derive(Serialize, ToSchema)]
pub(super) struct Leases {
    /// None if there was no work for as long as it waited.
    leases: Vec<LeaseView>,
}

/// An attempt that the worker has from now on.
#[derive(Serialize, ToSchema)]
pub(super) struct LeaseView {
    /// `att_…`: names the attempt in what the worker says of it, and is a secret.
    token: AttemptToken,
    /// `run_…`
    run: RunId,
    /// The flow's id.
    flow: String,
    /// The path of the task run.
    task: String,
    /// The task type's key.
    #[serde(rename = "type")]
    task_type: String,
    /// From 1.
    attempt: u32,
    /// The queue.
    queue: String,
    /// The same in all attempts of the task run: give it to whatever must not act twice.
    idempotency_key: String,
    /// The arguments.
    #[schema(value_type = Object)]
    input: Value,
    /// How long the attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    /// How long the worker may be silent: past it the attempt is taken for lost. A heartbeat each third of it is a good measure.
    lease_ms: u64,
}

impl From<Leased> for LeaseView {
    fn from(leased: Leased) -> Self {
        Self {
            token: leased.token,
            run: leased.run,
            flow: leased.flow,
            task: leased.task,
            task_type: leased.task_type,
            attempt: leased.attempt,
            queue: leased.queue,
            idempotency_key: leased.idempotency_key,
            input: Value::clone(&leased.input),
            timeout_ms: leased.timeout.map(millis),
            lease_ms: millis(leased.lease),
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Ask for work
///
/// Waits until there is some. What the worker can do is noted with its schemas, so that flows may name it.
#[utoipa::path(post, path = "/workers/lease", tag = "workers", params(("Authorization" = String, Header, description = "`Bearer pwt_…`")), request_body = LeaseBody, responses((status = 200, description = "Attempts, or none.", body = Leases), (status = 401, description = "No worker token, or not a good one.", body = crate::problem::ProblemDetails), (status = 403, description = "It is not for that queue.", body = crate::problem::ProblemDetails)))]
pub(super) async fn lease(
    State(state): State<ServerState>,
    Query(NoParams {}): Query<NoParams>,
    headers: HeaderMap,
    Json(body): Json<LeaseBody>,
) -> ApiResult<Response> {
    let secret = bearer(&headers)?;
    let types = body.types.into_iter().map(|offered| OfferedType {
        key: offered.key,
        title: offered.title,
        summary: offered.summary,
        input_schema: offered.input_schema,
        output_schema: offered.output_schema,
    });
    let call = LeaseCall {
        worker: body.worker,
        queues: body.queues,
        types: types.collect(),
        n_max: body.max.unwrap_or(1),
        wait: body.wait.unwrap_or(WAIT_DEFAULT).as_duration(),
    };
    let leases = tokio::select! {
        leases = state.engine.lease(secret, call) => leases?,
        () = state.shared.stopping.wait() => {
            return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server is going down"));
        }
    };
    let leases = leases.into_iter().map(LeaseView::from).collect();
    Ok(json(&Leases { leases }))
}

/// A line of an attempt's log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    /// `stdout` or `stderr`; `stdout` unless given.
    #[serde(default)]
    stream: Stream,
    /// The line.
    text: String,
}

/// Where a line belongs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    /// An ordinary line.
    #[default]
    Stdout,
    /// An error's.
    Stderr,
}

fn lines(lines: Vec<LineBody>) -> ApiResult<Vec<LogLine>> {
    if lines.len() > LINES_MAX {
        let detail = format!("at most {LINES_MAX} lines of log come at once");
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many_lines",
            detail,
        ));
    }
    let lines = lines.into_iter().map(|line| LogLine {
        is_error: line.stream == Stream::Stderr,
        text: line.text,
    });
    Ok(lines.collect())
}

/// A sign of life.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BeatBody {
    /// How far the work is, from 0 to 1.
    progress: Option<f64>,
    /// What it is at.
    message: Option<String>,
    /// Lines for its log.
    #[serde(default)]
    logs: Vec<LineBody>,
}

/// What a worker is told that gave a sign of life.
#[derive(Serialize, ToSchema)]
pub(super) struct BeatView {
    /// Whether the attempt is to end: report it as `cancelled`, soon.
    cancelled: bool,
    /// How long the worker may be silent from now on.
    lease_ms: u64,
}

/// Give a sign of life
///
/// Keeps an attempt, and learns whether it is to end.
#[utoipa::path(post, path = "/attempts/{token}/heartbeat", tag = "workers", params(("token" = String, Path, description = "The attempt: `att_…`"), ("Authorization" = String, Header, description = "`Bearer pwt_…`")), request_body = BeatBody, responses((status = 200, description = "It goes on, or is to end.", body = BeatView), (status = 403, description = "Another worker token's attempt.", body = crate::problem::ProblemDetails), (status = 409, description = "The attempt is over: stop working on it.", body = crate::problem::ProblemDetails)))]
pub(super) async fn heartbeat(
    State(state): State<ServerState>,
    Path(token): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    headers: HeaderMap,
    Json(body): Json<BeatBody>,
) -> ApiResult<Response> {
    let (secret, token) = (bearer(&headers)?, attempt(&token)?);
    let beat = Heartbeat {
        progress: body.progress,
        message: body.message,
        logs: lines(body.logs)?,
    };
    let told = state.engine.heartbeat(secret, token, beat).await?;
    Ok(json(&BeatView {
        cancelled: told.is_cancelled,
        lease_ms: millis(told.lease),
    }))
}

/// How an attempt ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, tag = "outcome", rename_all = "snake_case")]
pub(super) enum ReportBody {
    /// The work is done.
    Succeeded {
        /// What it gave.
        #[serde(default)]
        #[schema(value_type = Object)]
        output: Value,
        /// The last lines for its log.
        #[serde(default)]
        logs: Vec<LineBody>,
    },
    /// It is not.
    Failed {
        /// Why.
        error: ErrorBody,
        /// What it gave all the same.
        #[schema(value_type = Option<Object>)]
        output: Option<Value>,
        /// How long to wait at least before another attempt, such as `30s`.
        #[schema(value_type = Option<String>)]
        retry_after: Option<HumanDuration>,
        /// The last lines for its log.
        #[serde(default)]
        logs: Vec<LineBody>,
    },
    /// It was asked to end and did.
    Cancelled {
        /// The last lines for its log.
        #[serde(default)]
        logs: Vec<LineBody>,
    },
}

/// Why an attempt failed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorBody {
    /// A stable name for the kind, such as `timeout`; `failed` unless given.
    kind: Option<String>,
    /// What happened, as a sentence.
    message: String,
    /// Whether another attempt cannot mend it.
    #[serde(default, rename = "final")]
    is_final: bool,
}

/// Characters of a failure's kind and message.
const KIND_MAX: usize = 64;
const MESSAGE_MAX: usize = 10_000;

fn failure(error: ErrorBody) -> ApiResult<TaskError> {
    let kind = error.kind.unwrap_or_else(|| "failed".to_owned());
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if kind.is_empty() || kind.len() > KIND_MAX || !kind.chars().all(is_word) {
        let detail =
            format!("`error.kind` is a word of lower case letters, digits and `_`, at most {KIND_MAX} long");
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_kind",
            detail,
        ));
    }
    let message: String = error.message.chars().take(MESSAGE_MAX).collect();
    let failure = TaskError::new(&kind, message);
    Ok(if error.is_final {
        failure.permanent()
    } else {
        failure
    })
}

/// Report an attempt
///
/// Answered when it is durable. Of what is said more than once, late or by another, nothing is taken: 409 and 403. After any other
/// answer than these and 2xx the same may be said again.
#[utoipa::path(post, path = "/attempts/{token}/report", tag = "workers", params(("token" = String, Path, description = "The attempt: `att_…`"), ("Authorization" = String, Header, description = "`Bearer pwt_…`")), request_body = ReportBody, responses((status = 204, description = "It is kept."), (status = 403, description = "Another worker token's attempt.", body = crate::problem::ProblemDetails), (status = 409, description = "The attempt is over already; nothing was changed.", body = crate::problem::ProblemDetails), (status = 422, description = "What is wrong with it.", body = crate::problem::ProblemDetails)))]
pub(super) async fn report(
    State(state): State<ServerState>,
    Path(token): Path<String>,
    Query(NoParams {}): Query<NoParams>,
    headers: HeaderMap,
    LargeJson(body): LargeJson<ReportBody>,
) -> ApiResult<StatusCode> {
    let (secret, token) = (bearer(&headers)?, attempt(&token)?);
    let (outcome, logs) = match body {
        ReportBody::Succeeded { output, logs } => (TaskOutcome::ok(output), logs),
        ReportBody::Failed {
            error,
            output,
            retry_after,
            logs,
        } => {
            let outcome = TaskOutcome::Failed {
                error: failure(error)?,
                output,
                retry_after: retry_after.map(HumanDuration::as_duration),
            };
            (outcome, logs)
        }
        ReportBody::Cancelled { logs } => (TaskOutcome::Cancelled, logs),
    };
    let report = AttemptReport {
        outcome,
        logs: lines(logs)?,
    };
    state.engine.report_attempt(secret, token, report).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The worker token that a request shows.
fn bearer(headers: &HeaderMap) -> ApiResult<&str> {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    shown.map(str::trim).ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "workers show a worker token, as `Authorization: Bearer pwt_…`; POST /api/v1/worker-tokens makes one",
        )
    })
}

fn attempt(text: &str) -> ApiResult<AttemptToken> {
    text.parse().map_err(|_| {
        ApiError::not_found(
            "unknown_attempt",
            "an attempt's token is `att_` and 26 letters and digits",
        )
    })
}
