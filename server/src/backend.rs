//! The web app's port to the engine: the same calls as the API makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::AppError;
use app::backend::{Backend, SharedBackend};
use app::model::{LogPage, RunListQuery, RunPage, ValueView};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::store::RunFilter;
use engine::{Engine, EngineError, SaveFlow, StartRun};
use flow::parse::Format;
use flow::view::{FlowDetail, FlowSummary, Page, RunStatus, RunSummary, TaskTypeView};
use flow::{RunId, limits};
use leptos::prelude::provide_context;

use crate::accept::content_type;
use crate::api::LIST_DEFAULT;
use crate::extract::{read_body, unsupported};
use crate::problem::{ApiError, ApiResult};
use crate::site;
use crate::state::ServerState;
use crate::stream::logs;

/// Bytes of a value shown on a page; the whole can be downloaded.
const VALUE_BYTES_SHOWN: usize = 64 * 1024;

/// Bytes of log in one answer.
const LOG_BYTES: usize = 256 * 1024;

/// Whoever uses the pages, until there is login.
const ACTOR: &str = "local";

/// The pages and files of the web app.
pub(crate) fn pages(state: &ServerState) -> Router {
    let backend = shared(state);
    site::router(move || provide_context(Arc::clone(&backend))).with_state(())
}

/// What pages call and forms are sent to.
pub(crate) fn server_functions(state: &ServerState) -> Router<ServerState> {
    let backend = shared(state);
    Router::new().route(
        "/fn/{*name}",
        post(move |request| answer(Arc::clone(&backend), request)),
    )
}

fn shared(state: &ServerState) -> SharedBackend {
    Arc::new(EngineBackend {
        engine: state.engine.clone(),
    })
}

/// The body is read here, where its size and the time it takes are bounded.
async fn answer(backend: SharedBackend, request: Request) -> ApiResult<Response> {
    let kind = content_type(request.headers());
    if !matches!(
        kind.as_str(),
        "application/x-www-form-urlencoded" | "application/json"
    ) {
        return Err(unsupported(&kind, "a form"));
    }
    let (parts, body) = request.into_parts();
    let whole = read_body(
        Request::from_parts(parts.clone(), body),
        3 * limits::DOCUMENT_BYTES_MAX,
    )
    .await?;
    let request = Request::from_parts(parts, Body::from(whole));
    let provide = move || provide_context(Arc::clone(&backend));
    Ok(leptos_axum::handle_server_fns_with_context(provide, request)
        .await
        .into_response())
}

struct EngineBackend {
    engine: Engine,
}

fn told(error: EngineError) -> AppError {
    ApiError::from(error).into()
}

#[async_trait]
impl Backend for EngineBackend {
    async fn flows(
        &self,
        text: Option<String>,
        cursor: Option<String>,
    ) -> Result<Page<FlowSummary>, AppError> {
        let flows = self
            .engine
            .flows(text.as_deref(), cursor.as_deref(), LIST_DEFAULT)
            .await;
        Ok(flows.map_err(ApiError::from)?)
    }

    async fn flow(&self, id: String, version: Option<u32>) -> Result<FlowDetail, AppError> {
        self.engine.flow(&id, version).await.map_err(told)
    }

    async fn start_run(&self, flow: String, fields: Vec<(String, String)>) -> Result<RunId, AppError> {
        let document = self.engine.flow(&flow, None).await.map_err(told)?.document;
        let inputs = flow::inputs::from_form(&document, &fields)
            .map_err(|problems| told(EngineError::Invalid(problems)))?;
        let start = StartRun {
            inputs,
            trigger: "ui".to_owned(),
            ..StartRun::of(&flow)
        };
        self.engine.start_run(start).await.map_err(told)
    }

    async fn runs(&self, query: RunListQuery) -> Result<Page<RunSummary>, AppError> {
        let states = query
            .states
            .iter()
            .filter_map(|state| RunStatus::from_key(state))
            .collect();
        let filter = RunFilter {
            flow: query.flow,
            states,
            text: query.text,
            ..RunFilter::default()
        };
        Ok(self
            .engine
            .runs(&filter, query.cursor.as_deref(), LIST_DEFAULT)
            .await
            .map_err(ApiError::from)?)
    }

    async fn run(&self, run: RunId) -> Result<RunPage, AppError> {
        let state = self.engine.state(run).await.map_err(told)?;
        let stats = self.engine.stats(Some(state.flow())).await.map_err(told)?;
        Ok(RunPage {
            detail: state.detail(limits::TASK_RUNS_LISTED_MAX),
            document: (*state.plan().doc).clone(),
            snapshot: state.viewer_snapshot(),
            server_now: self.engine.clock().now(),
            usual_ms: stats.duration_ms_sum.checked_div(stats.n_finished),
        })
    }

    async fn task_value(&self, run: RunId, path: String, output: bool) -> Result<ValueView, AppError> {
        let value = match output {
            true => self.engine.task_output(run, &path).await,
            false => self.engine.task_input(run, &path).await,
        };
        let Some(value) = value.map_err(told)? else {
            let what = if output { "output" } else { "input" };
            return Err(ApiError::not_found("no_value", format!("{path} has no {what} yet")).into());
        };
        Ok(shown(&value))
    }

    async fn task_logs(&self, run: RunId, path: String, after: Option<String>) -> Result<LogPage, AppError> {
        let after = logs::position(after.as_deref())?;
        let logs = self
            .engine
            .task_logs(run, &path, after, LOG_BYTES)
            .await
            .map_err(told)?;
        Ok(logs::page(&logs))
    }

    async fn cancel_run(&self, run: RunId, force: bool) -> Result<(), AppError> {
        self.engine
            .cancel_run(run, force, None, ACTOR)
            .await
            .map_err(told)
    }

    async fn run_counts(&self) -> Result<BTreeMap<String, u64>, AppError> {
        Ok(self.engine.stats(None).await.map_err(told)?.runs)
    }

    async fn task_types(&self) -> Result<Vec<TaskTypeView>, AppError> {
        Ok(self.engine.task_types())
    }

    async fn save_flow(&self, source: String) -> Result<String, AppError> {
        let format = Format::guess(source.as_bytes());
        let save = SaveFlow {
            source: source.into_bytes(),
            format,
            id: None,
            expected: None,
            actor: ACTOR.to_owned(),
        };
        Ok(self.engine.save_flow(save).await.map_err(told)?.id)
    }
}

fn shown(value: &serde_json::Value) -> ValueView {
    // Writing a value fails only if its keys are no texts, which JSON's always are.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    let bytes = value.to_string().len() as u64;
    let cut = text.len() > VALUE_BYTES_SHOWN;
    text.truncate(text.floor_char_boundary(VALUE_BYTES_SHOWN));
    ValueView { text, bytes, cut }
}
