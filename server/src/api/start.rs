//! Starting a run.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::StartRun;
use flow::view::RunDetail;
use flow::{HumanDuration, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::json;
use crate::extract::{OptionalJson, Path, Query};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// How long a caller may wait for a run's end: proxies cut what is silent for longer.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Bytes of an idempotency key: it stands in an index.
const KEY_BYTES_MAX: usize = 256;

/// Labels of a run, and bytes of one's name and value: they stand in every list.
const LABELS_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 256;

/// What a run is started with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartBody {
    /// The flow's inputs by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    inputs: Value,
    /// The same key finds the same run; with other inputs it is refused. The header `Idempotency-Key` does the same.
    idempotency_key: Option<String>,
    /// Labels beside the flow's own.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// A version of the flow; the newest unless named.
    version: Option<u32>,
    /// How urgent it is, from -100 to 100; as the flow says unless given.
    priority: Option<i32>,
}

/// How to answer.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StartParams {
    /// Wait for the run's end for so long, for example `30s`, at most `5m`.
    #[param(value_type = Option<String>)]
    wait: Option<HumanDuration>,
}

/// A run that was accepted.
#[derive(Serialize, ToSchema)]
pub(super) struct Started {
    /// `run_…`
    run_id: RunId,
}

/// Start a run
///
/// The answer comes when the start is durable: an acknowledged run survives a crash of the server.
#[utoipa::path(
    post, path = "/flows/{flow}/runs", tag = "runs",
    params(
        ("flow" = String, Path, description = "The flow's id."),
        StartParams,
        ("Idempotency-Key" = Option<String>, Header, description = "As `idempotency_key` in the body."),
    ),
    request_body = Option<StartBody>,
    responses(
        (status = 202, description = "It is accepted (and with `wait`: still at work).", body = Started, headers(("location" = String, description = "The run's address."))),
        (status = 200, description = "With `wait`: it has ended.", body = RunDetail),
        (status = 409, description = "The key belongs to a run with other inputs, or the flow is archived.", body = crate::problem::ProblemDetails),
        (status = 422, description = "All that is wrong with the inputs.", body = crate::problem::ProblemDetails),
    )
)]
pub(super) async fn start(
    State(state): State<ServerState>,
    Path(flow): Path<String>,
    Query(params): Query<StartParams>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<StartBody>,
) -> ApiResult<Response> {
    let start = start_of(flow, &headers, body)?;
    let Some(wait) = params.wait else {
        return Ok(accepted(state.engine.start_run(start).await?));
    };
    let wait = wait.as_duration();
    if wait > WAIT_MAX {
        return Err(ApiError::bad_request(
            "bad_query",
            format!("`wait` may be at most {} s", WAIT_MAX.as_secs()),
        ));
    }
    let ended = match started_and_ended(&state, start, wait).await? {
        (run, None) => return Ok(accepted(run)),
        (_, Some(ended)) => ended,
    };
    let location = address(ended.summary.id);
    Ok(([(header::CONTENT_LOCATION, location)], json(&*ended)).into_response())
}

/// A server that goes down cannot wait: what is accepted by then goes on at its next start.
pub(super) async fn started_and_ended(
    state: &ServerState,
    start: StartRun,
    wait: Duration,
) -> ApiResult<(RunId, Option<std::sync::Arc<RunDetail>>)> {
    tokio::select! {
        answer = state.engine.start_and_wait(start, wait) => Ok(answer?),
        () = state.shared.stopping.wait() => {
            let detail = "the server is going down; give an idempotency key to learn later whether the run was accepted";
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail))
        }
    }
}

fn start_of(flow: String, headers: &HeaderMap, body: StartBody) -> ApiResult<StartRun> {
    let header = headers.get("idempotency-key").map(|key| {
        key.to_str()
            .map(str::to_owned)
            .map_err(|_| ApiError::bad_request("bad_key", "`Idempotency-Key` must be ASCII"))
    });
    let idempotency_key = match (header.transpose()?, body.idempotency_key) {
        (Some(header), Some(body)) if header != body => {
            return Err(ApiError::bad_request(
                "bad_key",
                "header and body give different idempotency keys; give one",
            ));
        }
        (header, body) => header.or(body),
    };
    if let Some(key) = &idempotency_key
        && !(1..=KEY_BYTES_MAX).contains(&key.len())
    {
        return Err(ApiError::bad_request(
            "bad_key",
            format!("an idempotency key has from 1 to {KEY_BYTES_MAX} bytes"),
        ));
    }
    let is_long = |text: &String| text.len() > LABEL_BYTES_MAX;
    if body.labels.len() > LABELS_MAX
        || body
            .labels
            .iter()
            .any(|(name, value)| name.is_empty() || is_long(name) || is_long(value))
    {
        let detail = format!(
            "a run has at most {LABELS_MAX} labels, with names and values of at most {LABEL_BYTES_MAX} bytes"
        );
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_labels",
            detail,
        ));
    }
    Ok(StartRun {
        version: body.version,
        priority: body.priority,
        inputs: body.inputs,
        labels: body.labels,
        idempotency_key,
        ..StartRun::of(&flow)
    })
}

pub(super) fn accepted(run_id: RunId) -> Response {
    (
        StatusCode::ACCEPTED,
        [(header::LOCATION, address(run_id))],
        json(&Started { run_id }),
    )
        .into_response()
}

fn address(run: RunId) -> String {
    format!("/api/v1/runs/{run}")
}
