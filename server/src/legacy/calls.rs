//! The predecessors' calls.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::store::RunFilter;
use engine::{Engine, EngineError, StartRun};
use flow::RunId;
use flow::legacy::{LegacyNames, Translated, flow_id, translate};
use flow::view::RunSummary;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{self, Created, Execution, ExecutionTask, FlowEntry, FlowsSummary, Info};
use crate::api::{ApiError, ApiResult, AppState};

/// How long `execute-sync` waits: a flow of theirs that takes longer is answered as still running.
const SYNC_WAIT: Duration = Duration::from_secs(600);

/// Flows listed in one answer: the predecessor knew no pages.
const FLOWS_LISTED_MAX: usize = 1_000;

/// The calls that are theirs alone. `GET /`, `/flows` and `/flows/summary` are shared with the pages.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(execute))
        .routes(routes!(execute_sync))
        .routes(routes!(status))
        .routes(routes!(task_result))
}

/// What can be called here.
pub fn api_info() -> Info {
    Info {
        name: "Pointwork",
        version: env!("CARGO_PKG_VERSION"),
        documentation: "/docs",
        endpoints: BTreeMap::from([
            ("GET /", "this page; the dashboard if text/html is asked for"),
            ("GET /health", "health check"),
            ("POST /flow/create", "store a flow document"),
            ("POST /flow/execute", "store a flow document and start it"),
            ("POST /flow/execute-sync", "store a flow document, run it and answer with its results"),
            ("GET /flow/{id}/status", "status of an execution, or of a flow's newest one"),
            ("GET /flow/{id}/tasks/{name}/result", "result of one task"),
            ("GET /flows", "stored flows"),
            ("GET /flows/summary", "statistics"),
            ("/api/v1", "the whole API; see /docs"),
        ]),
    }
}

/// Store a flow document.
#[utoipa::path(post, path = "/flow/create", tag = "predecessors", request_body = serde_json::Value,
    responses((status = 201, body = Created), (status = 422, description = "Everything wrong with the document")))]
async fn create(State(state): State<AppState>, body: Bytes) -> ApiResult<Response> {
    let translated = store(&state.engine, &body).await?;
    let answer = Created {
        name: translated.doc.title().to_owned(),
        tasks: translated.doc.tasks.len(),
        message: format!("Flow {} created", translated.names.flow),
        flow_id: translated.names.flow,
        warnings: translated.warnings,
    };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Store a flow document and start it.
#[utoipa::path(post, path = "/flow/execute", tag = "predecessors", request_body = serde_json::Value,
    responses((status = 202, description = "execution_id and status"), (status = 422, description = "Everything wrong with the document")))]
async fn execute(State(state): State<AppState>, body: Bytes) -> ApiResult<Response> {
    let translated = store(&state.engine, &body).await?;
    let run = state.engine.start_run(start_of(&translated)).await?;
    let answer = json!({
        "execution_id": run,
        "flow_id": translated.names.flow,
        "status": "RUNNING",
        "message": "Flow execution started",
        "status_url": format!("/flow/{run}/status"),
        "warnings": translated.warnings,
    });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Store a flow document, run it and answer with its results.
#[utoipa::path(post, path = "/flow/execute-sync", tag = "predecessors", request_body = serde_json::Value,
    responses((status = 200, body = Execution), (status = 422, description = "Everything wrong with the document")))]
async fn execute_sync(State(state): State<AppState>, body: Bytes) -> ApiResult<Json<Execution>> {
    let engine = &state.engine;
    let translated = store(engine, &body).await?;
    let (run, ended) = engine.start_and_wait(start_of(&translated), SYNC_WAIT).await?;
    let execution = match ended {
        Some(run) => answers::execution(engine, &run, translated.warnings).await?,
        None => answers::execution(engine, &engine.run(run).await?, translated.warnings).await?,
    };
    Ok(Json(execution))
}

/// Status of an execution, or of a flow's newest one.
#[utoipa::path(get, path = "/flow/{id}/status", tag = "predecessors", params(("id" = String, Path, description = "An execution's or a flow's id")),
    responses((status = 200, body = Execution), (status = 404)))]
async fn status(State(state): State<AppState>, Path(id): Path<String>) -> ApiResult<Json<Execution>> {
    let run = find_run(&state.engine, &id).await?;
    let detail = state.engine.run(run).await?;
    Ok(Json(answers::execution(&state.engine, &detail, Vec::new()).await?))
}

/// Result of one task.
#[utoipa::path(get, path = "/flow/{id}/tasks/{name}/result", tag = "predecessors",
    params(("id" = String, Path, description = "An execution's or a flow's id"), ("name" = String, Path, description = "The task's name")),
    responses((status = 200, body = ExecutionTask), (status = 404)))]
async fn task_result(State(state): State<AppState>, Path((id, name)): Path<(String, String)>) -> ApiResult<Json<ExecutionTask>> {
    let run = find_run(&state.engine, &id).await?;
    let names = answers::names_of(&state.engine, run).await?;
    let path = names.as_ref().and_then(|names| names.id(&name)).unwrap_or(&name);
    let task = state.engine.task(run, path).await?;
    Ok(Json(answers::task_result(&state.engine, run, &task, &names).await?))
}

/// Stored flows.
///
/// # Errors
/// If the store cannot be read.
pub async fn flow_list(engine: &Engine) -> ApiResult<Vec<FlowEntry>> {
    let flows = engine.flows(None, None, FLOWS_LISTED_MAX).await?;
    let mut entries = Vec::with_capacity(flows.items.len());
    for flow in flows.items {
        let doc = engine.flow(&flow.id, None).await?.document;
        let last = flow.latest_runs.first();
        entries.push(FlowEntry {
            flow_id: LegacyNames::of(&doc).map_or(flow.id, |names| names.flow),
            name: flow.name,
            description: flow.description,
            task_count: flow.n_tasks,
            updated_at: flow.updated_at,
            last_execution_id: last.map(|run| run.id),
            last_status: last.map(|run| answers::run_word(run.state)),
        });
    }
    Ok(entries)
}

/// Statistics over all runs.
///
/// # Errors
/// If the store cannot be read.
pub async fn flows_summary(engine: &Engine) -> ApiResult<FlowsSummary> {
    let stats = engine.stats(None).await?;
    let mut by_status: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (state, count) in &stats.runs {
        if let Some(state) = flow::view::RunStatus::from_key(state) {
            *by_status.entry(answers::run_word(state)).or_default() += count;
        }
    }
    let count = |word: &str| by_status.get(word).copied().unwrap_or(0);
    let n_finished = count("SUCCESS") + count("FAILURE") + count("CANCELLED");
    let secs = |millis: u64| millis as f64 / 1000.0;
    Ok(FlowsSummary {
        total_flows: n_flows(engine).await?,
        total_executions: by_status.values().sum(),
        success_rate: (n_finished > 0).then(|| count("SUCCESS") as f64 / n_finished as f64),
        average_duration: (stats.n_finished > 0).then(|| secs(stats.duration_ms_sum) / stats.n_finished as f64),
        min_duration: stats.duration_ms_min.map(secs),
        max_duration: stats.duration_ms_max.map(secs),
        by_status,
    })
}

async fn n_flows(engine: &Engine) -> ApiResult<usize> {
    let (mut n, mut cursor) = (0, None);
    loop {
        let page = engine.flows(None, cursor.as_deref(), FLOWS_LISTED_MAX).await?;
        n += page.items.len();
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(n);
        }
    }
}

async fn store(engine: &Engine, body: &[u8]) -> ApiResult<Translated> {
    let mut translated = translate(body, engine.types()).map_err(EngineError::Invalid)?;
    let saved = engine.save_document(&translated.doc, "local").await?;
    for warning in saved.warnings {
        if !translated.warnings.contains(&warning) {
            translated.warnings.push(warning);
        }
    }
    Ok(translated)
}

fn start_of(translated: &Translated) -> StartRun {
    StartRun { trigger: "flow-manager".to_owned(), ..StartRun::of(&translated.doc.flow) }
}

/// The run an id means: an execution's own, or the newest of a flow, by its original id or ours.
async fn find_run(engine: &Engine, id: &str) -> ApiResult<RunId> {
    if let Ok(run) = id.parse() {
        return Ok(run);
    }
    for flow in [flow_id(id), id.to_owned()] {
        let filter = RunFilter { flow: Some(flow), ..RunFilter::default() };
        let newest: Option<RunSummary> = engine.runs(&filter, None, 1).await?.items.into_iter().next();
        if let Some(run) = newest {
            return Ok(run.id);
        }
    }
    Err(ApiError::not_found(format!("there is no execution {id}, and no flow {id} that has ever run")))
}
