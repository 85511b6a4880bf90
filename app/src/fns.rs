//! Server functions: doors to the [`crate::backend::Backend`], each a line or two. Those that write are the targets of plain
//! forms too, so they redirect to what they made.

use std::collections::HashMap;

use flow::RunId;
use flow::view::{FlowDetail, FlowSummary, Page, RunSummary};
use leptos::prelude::*;

use crate::error::AppError;
use crate::model::{LogPage, RunListQuery, RunPage, ValueView};

#[cfg(feature = "ssr")]
fn backend() -> Result<crate::backend::SharedBackend, AppError> {
    use_context::<crate::backend::SharedBackend>().ok_or_else(|| {
        AppError::new(
            503,
            "unavailable",
            "The server is starting or stopping. Try again in a moment.",
        )
    })
}

/// Gives an error's status to the response, if that is a server function's: a page has a status of its own, and a plain form
/// is led back to its page.
#[cfg(feature = "ssr")]
fn answer<T>(result: Result<T, AppError>) -> Result<T, AppError> {
    use axum::http::header::ACCEPT;
    if let (Err(error), Some(request)) = (&result, use_context::<axum::http::request::Parts>()) {
        let accept = request
            .headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if request.uri.path().starts_with("/fn/") && !accept.contains("text/html") {
            crate::shell::set_status(error.status);
        }
    }
    result
}

/// Flows by id.
#[server(prefix = "/fn", endpoint = "flows")]
pub async fn flows(text: Option<String>, cursor: Option<String>) -> Result<Page<FlowSummary>, AppError> {
    answer(backend()?.flows(text, cursor).await)
}

/// A flow, its newest version if none is named.
#[server(prefix = "/fn", endpoint = "flow")]
pub async fn flow(id: String, version: Option<u32>) -> Result<FlowDetail, AppError> {
    answer(backend()?.flow(id, version).await)
}

/// Starts a run and leads to it. A check box that is off is not sent at all, so every check box is also named in `boxes`.
#[server(prefix = "/fn", endpoint = "start_run")]
pub async fn start_run(
    flow: String,
    #[server(default)] fields: HashMap<String, String>,
    #[server(default)] boxes: Vec<String>,
) -> Result<RunId, AppError> {
    let mut fields = fields;
    for name in boxes {
        fields.entry(name).or_insert_with(|| "false".to_owned());
    }
    let run = answer(backend()?.start_run(flow, fields.into_iter().collect()).await)?;
    leptos_axum::redirect(&format!("/runs/{run}"));
    Ok(run)
}

/// Runs, newest first.
#[server(prefix = "/fn", endpoint = "runs")]
pub async fn runs(#[server(default)] query: RunListQuery) -> Result<Page<RunSummary>, AppError> {
    answer(backend()?.runs(query).await)
}

/// Everything the run page shows at first.
#[server(prefix = "/fn", endpoint = "run")]
pub async fn run(run: String) -> Result<RunPage, AppError> {
    let id = run
        .parse()
        .map_err(|_| AppError::new(404, "unknown_run", format!("There is no run {run}.")))?;
    answer(backend()?.run(id).await)
}

/// A task run's output (`true`) or input; `None` if it has none, as light tasks have no input: that is no error.
#[server(prefix = "/fn", endpoint = "task_value")]
pub async fn task_value(run: RunId, task: String, output: bool) -> Result<Option<ValueView>, AppError> {
    match backend()?.task_value(run, task, output).await {
        Err(error) if error.code == "no_value" => Ok(None),
        value => answer(value.map(Some)),
    }
}

/// The last of a task run's log, up to a position if one is given.
#[server(prefix = "/fn", endpoint = "task_logs")]
pub async fn task_logs(run: RunId, task: String, until: Option<String>) -> Result<LogPage, AppError> {
    answer(backend()?.task_logs(run, task, until).await)
}

/// Cancels a run.
#[server(prefix = "/fn", endpoint = "cancel_run")]
pub async fn cancel_run(run: RunId, #[server(default)] force: bool) -> Result<(), AppError> {
    answer(backend()?.cancel_run(run, force).await)
}

/// Saves a flow document and leads to the flow.
#[server(prefix = "/fn", endpoint = "save_flow")]
pub async fn save_flow(source: String) -> Result<String, AppError> {
    let id = answer(backend()?.save_flow(source).await)?;
    leptos_axum::redirect(&format!("/flows/{}", crate::format::url_part(&id)));
    Ok(id)
}

/// Keeps the theme in a cookie.
#[server(prefix = "/fn", endpoint = "set_theme")]
pub async fn set_theme(theme: String) -> Result<(), AppError> {
    use axum::http::header::{HeaderValue, SET_COOKIE};
    let cookie = crate::theme::Theme::from_key(&theme).cookie();
    if let (Some(response), Ok(cookie)) = (
        use_context::<leptos_axum::ResponseOptions>(),
        HeaderValue::from_str(&cookie),
    ) {
        response.append_header(SET_COOKIE, cookie);
    }
    Ok(())
}
