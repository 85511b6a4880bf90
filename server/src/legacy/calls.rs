//! The predecessors' calls.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::store::RunFilter;
use engine::{Engine, EngineError, StartRun};
use flow::legacy::{LegacyNames, Translated, flow_id, translate};
use flow::parse::Format;
use flow::view::{FlowSummary, RunStatus};
use flow::{Problem, RunId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{Created, Execution, FlowEntry, FlowsSummary, Started, TaskResult};
use super::execution::{self, run_word};
use crate::extract::{Document, Path, unsupported};
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// How long `execute-sync` waits: a flow of theirs that takes longer is answered as still running.
const SYNC_WAIT: Duration = Duration::from_secs(600);

/// Flows listed in one answer: the predecessor knew no pages.
const FLOWS_LISTED_MAX: usize = 1_000;

/// Bytes of the digest, as hexadecimal digits, that `flow_id` appends to ids that could not be kept.
const DIGEST_DIGITS: usize = 10;

/// All of them but `/` and `/health`, which are the API's own as well. At `/flows` and `/flows/summary` browsers get pages
/// instead, before it comes here.
pub(crate) fn router() -> OpenApiRouter<ServerState> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(execute))
        .routes(routes!(execute_sync))
        .routes(routes!(status))
        .routes(routes!(task_result))
        .routes(routes!(flows))
        .routes(routes!(summary))
}

/// Store a flow document.
#[utoipa::path(post, path = "/flow/create", tag = "predecessors", request_body = serde_json::Value,
    responses((status = 201, body = Created), (status = 422, description = "Everything wrong with the document")))]
async fn create(
    State(state): State<ServerState>,
    document: Document,
) -> ApiResult<(StatusCode, Json<Created>)> {
    let stored = store(&state.engine, &document).await?;
    let answer = Created {
        name: stored.translated.doc.title().to_owned(),
        status: "CREATED",
        task_count: stored.translated.doc.tasks.len(),
        version: stored.version,
        message: format!("Flow {} created", stored.translated.names.flow),
        flow_id: stored.translated.names.flow,
        warnings: stored.warnings,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Store a flow document and start it.
#[utoipa::path(post, path = "/flow/execute", tag = "predecessors", request_body = serde_json::Value,
    responses((status = 202, body = Started), (status = 422, description = "Everything wrong with the document")))]
async fn execute(
    State(state): State<ServerState>,
    document: Document,
) -> ApiResult<(StatusCode, Json<Started>)> {
    let stored = store(&state.engine, &document).await?;
    let run = state.engine.start_run(stored.start()).await?;
    let answer = Started {
        execution_id: run,
        flow_id: stored.translated.names.flow,
        status: "RUNNING",
        message: "Flow execution started".to_owned(),
        status_url: format!("/flow/{run}/status"),
        warnings: stored.warnings,
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Store a flow document, run it and answer with its results.
#[utoipa::path(post, path = "/flow/execute-sync", tag = "predecessors", request_body = serde_json::Value,
    responses((status = 200, body = Execution), (status = 422, description = "Everything wrong with the document")))]
async fn execute_sync(State(state): State<ServerState>, document: Document) -> ApiResult<Json<Execution>> {
    let stored = store(&state.engine, &document).await?;
    let (run, _) = state.engine.start_and_wait(stored.start(), SYNC_WAIT).await?;
    Ok(Json(
        execution::execution(&state.engine, run, stored.warnings).await?,
    ))
}

/// Status of an execution, or of a flow's newest one.
#[utoipa::path(get, path = "/flow/{id}/status", tag = "predecessors",
    params(("id" = String, Path, description = "An execution's or a flow's id")),
    responses((status = 200, body = Execution), (status = 404, description = "There is none")))]
async fn status(State(state): State<ServerState>, Path(id): Path<String>) -> ApiResult<Json<Execution>> {
    let run = find_run(&state.engine, &id).await?;
    Ok(Json(execution::execution(&state.engine, run, Vec::new()).await?))
}

/// Result of one task.
#[utoipa::path(get, path = "/flow/{id}/tasks/{name}/result", tag = "predecessors",
    params(("id" = String, Path, description = "An execution's or a flow's id"),
        ("name" = String, Path, description = "The task's name")),
    responses((status = 200, body = TaskResult), (status = 404, description = "There is none")))]
async fn task_result(
    State(state): State<ServerState>,
    Path((id, name)): Path<(String, String)>,
) -> ApiResult<Json<TaskResult>> {
    let run = find_run(&state.engine, &id).await?;
    Ok(Json(execution::task_result(&state.engine, run, &name).await?))
}

/// Stored flows, at most 1,000; `/api/v1/flows` lists all, page by page.
#[utoipa::path(get, path = "/flows", tag = "predecessors", responses((status = 200, body = Vec<FlowEntry>)))]
async fn flows(State(state): State<ServerState>) -> ApiResult<Json<Vec<FlowEntry>>> {
    let flows = state.engine.flows(None, None, FLOWS_LISTED_MAX).await?;
    let mut entries = Vec::with_capacity(flows.items.len());
    for flow in flows.items {
        entries.push(entry(&state.engine, flow).await?);
    }
    Ok(Json(entries))
}

async fn entry(engine: &Engine, flow: FlowSummary) -> ApiResult<FlowEntry> {
    // Most ids are what their documents said; only for the others the document is read.
    let original = if may_be_made(&flow.id) {
        LegacyNames::of(&engine.flow(&flow.id, None).await?.document).map(|names| names.flow)
    } else {
        None
    };
    let last = flow.latest_runs.first();
    Ok(FlowEntry {
        flow_id: original.unwrap_or(flow.id),
        name: flow.name,
        description: flow.description,
        task_count: flow.n_tasks,
        updated_at: flow.updated_at,
        last_execution_id: last.map(|run| run.id),
        last_status: last.map(|run| run_word(run.state)),
    })
}

/// Whether `flow_id` may have made this id from one that could not be kept.
fn may_be_made(id: &str) -> bool {
    id.rsplit_once('-').is_some_and(|(_, tail)| {
        tail.len() == DIGEST_DIGITS
            && tail
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Statistics over all runs.
#[utoipa::path(get, path = "/flows/summary", tag = "predecessors",
    responses((status = 200, body = FlowsSummary)))]
async fn summary(State(state): State<ServerState>) -> ApiResult<Json<FlowsSummary>> {
    let stats = state.engine.stats(None).await?;
    let mut by_status: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (word, count) in &stats.runs {
        if let Some(status) = RunStatus::from_key(word) {
            *by_status.entry(run_word(status)).or_default() += count;
        }
    }
    let count = |word: &str| by_status.get(word).copied().unwrap_or(0);
    let n_finished = count("SUCCESS") + count("FAILURE") + count("CANCELLED");
    let secs = |millis: u64| millis as f64 / 1000.0;
    Ok(Json(FlowsSummary {
        total_flows: state.engine.count_flows().await?,
        total_executions: by_status.values().sum(),
        success_rate: (n_finished > 0).then(|| count("SUCCESS") as f64 / n_finished as f64),
        average_duration: (stats.n_finished > 0)
            .then(|| secs(stats.duration_ms_sum) / stats.n_finished as f64),
        min_duration: stats.duration_ms_min.map(secs),
        max_duration: stats.duration_ms_max.map(secs),
        by_status,
    }))
}

/// A document of theirs, saved as a flow.
struct Stored {
    translated: Translated,
    /// The version it was saved as.
    version: u32,
    /// What its author would want to know.
    warnings: Vec<Problem>,
}

impl Stored {
    fn start(&self) -> StartRun {
        StartRun {
            // This very document, also if somebody saves another under the same id meanwhile.
            version: Some(self.version),
            trigger: "flow-manager".to_owned(),
            ..StartRun::of(&self.translated.doc.flow)
        }
    }
}

async fn store(engine: &Engine, document: &Document) -> ApiResult<Stored> {
    if document.format != Format::Json {
        return Err(unsupported("YAML", "application/json"));
    }
    let mut translated = translate(&document.source, &*engine.types()).map_err(EngineError::Invalid)?;
    let saved = engine.save_document(&translated.doc, "local").await?;
    // The translation has validated the flow and told of what it found at its place in the document.
    let warnings = std::mem::take(&mut translated.warnings);
    Ok(Stored {
        translated,
        version: saved.version,
        warnings,
    })
}

/// The run an id means: an execution's own, or the newest of a flow, by the id its document gave it or by ours.
async fn find_run(engine: &Engine, id: &str) -> ApiResult<RunId> {
    if let Ok(run) = id.parse() {
        return Ok(run);
    }
    let made = flow_id(id);
    for flow in [made.as_str(), id]
        .into_iter()
        .take(if made == id { 1 } else { 2 })
    {
        let filter = RunFilter {
            flow: Some(flow.to_owned()),
            ..RunFilter::default()
        };
        if let Some(newest) = engine.runs(&filter, None, 1).await?.items.first() {
            return Ok(newest.id);
        }
    }
    let shown: String = id.chars().take(80).collect();
    Err(ApiError::not_found(
        "unknown_execution",
        format!("there is no execution `{shown}`, and no flow `{shown}` that has ever run"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_were_made_are_recognized() {
        for odd in ["My Flow", "日本", "summary", "a b", &"x".repeat(200)] {
            assert!(may_be_made(&flow_id(odd)), "{odd}");
        }
        for kept in ["hello", "data_processing_flow", "order-checks", "a-0123456789abc"] {
            assert!(!may_be_made(kept), "{kept}");
        }
    }
}
