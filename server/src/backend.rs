//! The web app's port to the engine: the same calls as the API makes.

mod answers;
mod board;
mod edit;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use app::AppError;
use app::backend::{Backend, SharedBackend};
use app::log::needle::Needle;
use app::model::{
    Comparison, LogFound, LogPage, Question, Reasons, RetryAsk, RunListQuery, RunLogPage, RunPage, ValueView,
};
use app::posted::Posted;
use app::timeline::history::ItemRows;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::store::RunFilter;
use engine::{Engine, EngineError, SaveFlow, StartRun};
use flow::parse::Format;
use flow::view::{FlowDetail, FlowSummary, Page, RetryView, RunStatus, RunSummary, TaskTypeView};
use flow::{RunId, Timestamp, limits};
use leptos::prelude::provide_context;
use tower::ServiceExt;

use crate::accept::content_type;
use crate::api::{LIST_DEFAULT, check_reason};
use crate::extract::{read_body, unsupported};
use crate::log_lines::{Ask, LogLines};
use crate::problem::{ApiError, ApiResult};
use crate::run_log;
use crate::schema;
use crate::site;
use crate::state::ServerState;

/// What a form's content says of itself.
pub(crate) const FORM_TYPE: &str = "application/x-www-form-urlencoded";

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
        logs: state.shared.logs.clone(),
        engine: state.engine.clone(),
    })
}

/// The body is read here, where its size and the time it takes are bounded.
async fn answer(backend: SharedBackend, request: Request) -> ApiResult<Response> {
    let kind = content_type(request.headers());
    if !matches!(kind.as_str(), FORM_TYPE | "application/json") {
        return Err(unsupported(&kind, "a form"));
    }
    let (parts, body) = request.into_parts();
    let whole = read_body(
        Request::from_parts(parts.clone(), body),
        3 * limits::DOCUMENT_BYTES_MAX,
    )
    .await?;
    let request = Request::from_parts(parts, Body::from(whole));
    let mut response = carried_out(backend, request).await;
    // Leptos leads back to an address with an empty query, `…?`, where there was none.
    if let Some(location) = response.headers().get(header::LOCATION)
        && let Some(clean) = location.to_str().ok().and_then(|to| to.strip_suffix('?'))
        && let Ok(clean) = HeaderValue::from_str(clean)
    {
        response.headers_mut().insert(header::LOCATION, clean);
    }
    Ok(response)
}

async fn carried_out(backend: SharedBackend, request: Request) -> Response {
    let provide = move || provide_context(Arc::clone(&backend));
    leptos_axum::handle_server_fns_with_context(provide, request)
        .await
        .into_response()
}

/// The field by which a form that is sent to its own page says which server function it is for: the name of its button.
const FORM: &str = "form";

/// A form sent without scripts to the page it stands on. If it cannot be carried out, the page is the answer, with the error and
/// with what was typed.
pub(crate) async fn form_of_page(
    state: &ServerState,
    pages: Router,
    request: Request,
) -> ApiResult<Response> {
    let (parts, body) = request.into_parts();
    let whole = read_body(
        Request::from_parts(parts.clone(), body),
        3 * limits::DOCUMENT_BYTES_MAX,
    )
    .await?;
    let fields: Vec<(String, String)> = serde_html_form::from_bytes(&whole).map_err(|error| {
        ApiError::bad_request("bad_form", format!("the form was not understood: {error}"))
    })?;
    let form = fields.iter().find(|(name, _)| name == FORM);
    let Some(form) = form.map(|(_, form)| form.clone()).filter(|form| is_name(form)) else {
        let detail = "a form sent to a page names what it is for in its field `form`";
        return Err(ApiError::bad_request("bad_form", detail));
    };
    let mut call = Request::new(Body::from(whole));
    *call.method_mut() = Method::POST;
    *call.headers_mut() = parts.headers.clone();
    // What went wrong is wanted as data, not as an address to go to.
    call.headers_mut()
        .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    *call.uri_mut() = format!("/fn/{form}")
        .parse()
        .map_err(|_| ApiError::bad_request("bad_form", format!("there is no form `{form}`")))?;
    let done = carried_out(shared(state), call).await;
    if done.status().is_success() {
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let to = done.headers().get(header::LOCATION).cloned();
        let to = to.or_else(|| HeaderValue::from_str(here).ok());
        return Ok((
            StatusCode::SEE_OTHER,
            [(header::LOCATION, to.unwrap_or(HeaderValue::from_static("/")))],
        )
            .into_response());
    }
    let status = done.status();
    let error = refusal(done).await;
    let mut page = Request::new(Body::empty());
    *page.uri_mut() = parts.uri;
    *page.headers_mut() = parts.headers;
    page.headers_mut().remove(header::CONTENT_LENGTH);
    page.headers_mut().remove(header::CONTENT_TYPE);
    page.extensions_mut().insert(Posted { form, fields, error });
    let answer: Result<Response, std::convert::Infallible> = pages.oneshot(page).await;
    let mut answer = answer.into_response();
    if answer.status() == StatusCode::OK {
        *answer.status_mut() = status;
    }
    Ok(answer)
}

fn is_name(form: &str) -> bool {
    !form.is_empty() && form.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The error a server function answered with.
async fn refusal(response: Response) -> AppError {
    const BYTES_MAX: usize = 4 * 1024 * 1024;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), BYTES_MAX).await;
    let error = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
    error.unwrap_or_else(|| AppError::new(status.as_u16(), "refused", "The form could not be carried out."))
}

struct EngineBackend {
    logs: LogLines,
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

    async fn run(&self, run: RunId, at: Option<u64>) -> Result<RunPage, AppError> {
        runs::page(&self.engine, run, at).await
    }

    async fn item_rows(&self, run: RunId, task: String) -> Result<ItemRows, AppError> {
        runs::item_rows(&self.engine, run, &task).await
    }

    async fn compare(&self, a: RunId, b: RunId) -> Result<Comparison, AppError> {
        runs::compared(&self.engine, a, b).await
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
        let mut view = ValueView::of(&value);
        let schema = self.engine.value_schema(run, &path, output).await.map_err(told)?;
        view.schema = schema.as_ref().map(schema::rows).unwrap_or_default();
        if output {
            view.used_by = self.engine.readers_of(run, &path).await.map_err(told)?;
        }
        Ok(view)
    }

    async fn task_logs(
        &self,
        run: RunId,
        path: String,
        attempt: Option<u32>,
        from: Option<(u32, u64)>,
        until: Option<Timestamp>,
        with_groups: bool,
    ) -> Result<LogPage, AppError> {
        let ask = Ask {
            attempt,
            from,
            until,
            with_groups,
        };
        Ok(self.logs.page(run, &path, ask).await?)
    }

    async fn run_logs(
        &self,
        run: RunId,
        (before, after): (Option<String>, Option<String>),
        until: Option<Timestamp>,
        needle: Option<Needle>,
    ) -> Result<RunLogPage, AppError> {
        let ask = run_log::Ask {
            side: run_log::Side::of(before.as_deref(), after.as_deref())?,
            until,
            needle,
            limit: run_log::LINES,
        };
        Ok(run_log::page(&self.engine, run, &ask).await?)
    }

    async fn find_in_log(
        &self,
        run: RunId,
        path: String,
        attempt: Option<u32>,
        needle: Needle,
    ) -> Result<LogFound, AppError> {
        Ok(self.logs.find(run, &path, attempt, &needle).await?)
    }

    async fn cancel_run(&self, run: RunId, force: bool, reason: Option<String>) -> Result<(), AppError> {
        check_reason(reason.as_deref())?;
        self.engine
            .cancel_run(run, force, reason, ACTOR)
            .await
            .map_err(told)
    }

    async fn pause_run(&self, run: RunId, paused: bool) -> Result<(), AppError> {
        let done = match paused {
            true => self.engine.pause_run(run, None, ACTOR).await,
            false => self.engine.resume_run(run, ACTOR).await,
        };
        done.map_err(told)
    }

    async fn plan_retry(&self, ask: RetryAsk) -> Result<RetryView, AppError> {
        self.engine.plan_retry(&answers::retry(ask)?).await.map_err(told)
    }

    async fn retry_run(&self, ask: RetryAsk) -> Result<RunId, AppError> {
        self.engine.retry_run(answers::retry(ask)?).await.map_err(told)
    }

    async fn reasons(&self, run: RunId) -> Result<Reasons, AppError> {
        let queued = self.engine.queued(run).await.map_err(told)?;
        let items = self.engine.explain(run).await.map_err(told)?;
        Ok(Reasons { queued, items })
    }

    async fn question(&self, run: RunId, path: String) -> Result<Question, AppError> {
        answers::question(&self.engine, run, &path).await
    }

    async fn approve(
        &self,
        run: RunId,
        path: String,
        fields: Vec<(String, String)>,
        comment: Option<String>,
    ) -> Result<(), AppError> {
        answers::approve(&self.engine, run, &path, &fields, comment).await
    }

    async fn reject(&self, run: RunId, path: String, comment: Option<String>) -> Result<(), AppError> {
        answers::reject(&self.engine, run, &path, comment).await
    }

    async fn signal(&self, run: RunId, path: String, value: String) -> Result<(), AppError> {
        answers::signal(&self.engine, run, &path, &value).await
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
