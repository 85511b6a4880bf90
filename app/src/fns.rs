//! Server functions: doors to the [`crate::backend::Backend`], each a line or two. Those that write are the targets of plain
//! forms too, so they redirect to what they made.

pub mod board;
pub mod draft;
pub mod edit;
pub mod json;
#[cfg(feature = "ssr")]
pub(crate) mod once;

use std::collections::HashMap;

use flow::RunId;
use flow::view::{FlowDetail, FlowSummary, Page, RetryView, RunSummary};
use leptos::prelude::*;

use self::json::Json;
#[cfg(feature = "ssr")]
use self::once::once;
use crate::error::AppError;
use crate::model::{
    Comparison, LogFound, LogPage, Question, Reasons, RetryAsk, RunListQuery, RunLogPage, RunPage, ValueView,
};
use crate::timeline::history::ItemRows;

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
#[server(output = Json, prefix = "/fn", endpoint = "flows")]
pub async fn flows(text: Option<String>, cursor: Option<String>) -> Result<Page<FlowSummary>, AppError> {
    answer(backend()?.flows(text, cursor).await)
}

/// A flow, its newest version if none is named.
#[server(output = Json, prefix = "/fn", endpoint = "flow")]
pub async fn flow(id: String, version: Option<u32>) -> Result<FlowDetail, AppError> {
    answer(backend()?.flow(id, version).await)
}

/// The texts of a form with the check boxes that are off.
#[cfg(feature = "ssr")]
fn with_boxes(mut fields: HashMap<String, String>, boxes: Vec<String>) -> Vec<(String, String)> {
    for name in boxes {
        fields.entry(name).or_insert_with(|| "false".to_owned());
    }
    fields.into_iter().collect()
}

/// Starts a run and leads to it. A check box that is off is not sent at all, so every check box is also named in `boxes`.
#[server(output = Json, prefix = "/fn", endpoint = "start_run")]
pub async fn start_run(
    flow: String,
    #[server(default)] fields: HashMap<String, String>,
    #[server(default)] boxes: Vec<String>,
) -> Result<RunId, AppError> {
    let run = answer(backend()?.start_run(flow, with_boxes(fields, boxes)).await)?;
    leptos_axum::redirect(&format!("/runs/{run}"));
    Ok(run)
}

/// Runs, newest first.
#[server(output = Json, prefix = "/fn", endpoint = "runs")]
pub async fn runs(#[server(default)] query: RunListQuery) -> Result<Page<RunSummary>, AppError> {
    answer(backend()?.runs(query).await)
}

/// Everything the run page shows at first; of an earlier moment too, if one is asked for.
#[server(output = Json, prefix = "/fn", endpoint = "run")]
pub async fn run(run: String, #[server(default)] at: Option<u64>) -> Result<RunPage, AppError> {
    answer(backend()?.run(run_id(&run)?, at).await)
}

#[cfg(feature = "ssr")]
fn run_id(run: &str) -> Result<RunId, AppError> {
    run.parse()
        .map_err(|_| AppError::new(404, "unknown_run", format!("There is no run {run}.")))
}

/// What the items of a task did when.
#[server(output = Json, prefix = "/fn", endpoint = "times_of_items")]
pub async fn times_of_items(run: RunId, task: String) -> Result<ItemRows, AppError> {
    let asked = format!("items {run} {task}");
    once(asked, async { answer(backend()?.item_rows(run, task).await) }).await
}

/// Where two runs differ.
#[server(output = Json, prefix = "/fn", endpoint = "compare_runs")]
pub async fn compare_runs(a: String, b: String) -> Result<Comparison, AppError> {
    answer(backend()?.compare(run_id(&a)?, run_id(&b)?).await)
}

/// A task run's output (`true`) or input; `None` if it has none, as light tasks have no input: that is no error.
#[server(output = Json, prefix = "/fn", endpoint = "task_value")]
pub async fn task_value(run: RunId, task: String, output: bool) -> Result<Option<ValueView>, AppError> {
    let asked = format!("value {output} {run} {task}");
    let read = async {
        match backend()?.task_value(run, task, output).await {
            Err(error) if error.code == "no_value" => Ok(None),
            value => answer(value.map(Some)),
        }
    };
    once(asked, read).await
}

/// A piece of a task run's log, or of one attempt's: from a line on (`attempt:number`), else the end; as it was at a moment if one is given; with a list
/// of all groups of lines if that is wanted.
#[server(output = Json, prefix = "/fn", endpoint = "task_logs")]
pub async fn task_logs(
    run: RunId,
    task: String,
    attempt: Option<u32>,
    from: Option<String>,
    until: Option<flow::Timestamp>,
    #[server(default)] with_groups: bool,
) -> Result<LogPage, AppError> {
    let asked = format!("log {attempt:?} {from:?} {until:?} {with_groups} {run} {task}");
    let from = from.and_then(|from| crate::log::place(&from));
    let read = async {
        answer(
            backend()?
                .task_logs(run, task, attempt, from, until, with_groups)
                .await,
        )
    };
    once(asked, read).await
}

/// Lines of a run's log: before or after a place, else the end; as it was at a moment if one is given; only those that hold a text, or are
/// of a `stream`, if that is asked for.
#[server(output = Json, prefix = "/fn", endpoint = "run_logs")]
pub async fn run_logs(
    run: RunId,
    before: Option<String>,
    after: Option<String>,
    until: Option<flow::Timestamp>,
    #[server(default)] text: String,
    #[server(default)] stream: String,
) -> Result<RunLogPage, AppError> {
    use crate::log::needle::{Needle, Stream};
    let asked = format!("run log {before:?} {after:?} {until:?} {stream} {text:?} {run}");
    let needle = Needle::new(&text, Stream::of(&stream));
    let read = async { answer(backend()?.run_logs(run, (before, after), until, needle).await) };
    once(asked, read).await
}

/// Which lines of a task run's log, or of one attempt's, hold a text; of one `stream` if that is named.
#[server(output = Json, prefix = "/fn", endpoint = "find_in_log")]
pub async fn find_in_log(
    run: RunId,
    task: String,
    attempt: Option<u32>,
    #[server(default)] text: String,
    #[server(default)] stream: String,
) -> Result<LogFound, AppError> {
    use crate::log::needle::{Needle, Stream};
    let asked = format!("found {attempt:?} {stream} {text:?} {run} {task}");
    let read = async {
        match Needle::new(&text, Stream::of(&stream)) {
            Some(needle) => answer(backend()?.find_in_log(run, task, attempt, needle).await),
            None => Ok(LogFound::default()),
        }
    };
    once(asked, read).await
}

/// A field of a form that was left empty was not filled in.
#[cfg(feature = "ssr")]
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Cancels a run.
#[server(output = Json, prefix = "/fn", endpoint = "cancel_run")]
pub async fn cancel_run(
    run: RunId,
    #[server(default)] force: bool,
    #[server(default)] reason: Option<String>,
) -> Result<(), AppError> {
    answer(backend()?.cancel_run(run, force, filled(reason)).await)
}

/// Holds a run.
#[server(output = Json, prefix = "/fn", endpoint = "pause_run")]
pub async fn pause_run(run: RunId) -> Result<(), AppError> {
    answer(backend()?.pause_run(run, true).await)
}

/// Lets a held run go on.
#[server(output = Json, prefix = "/fn", endpoint = "resume_run")]
pub async fn resume_run(run: RunId) -> Result<(), AppError> {
    answer(backend()?.pause_run(run, false).await)
}

/// Says what a run made from another would do.
#[server(output = Json, prefix = "/fn", endpoint = "plan_retry")]
pub async fn plan_retry(ask: RetryAsk) -> Result<RetryView, AppError> {
    answer(backend()?.plan_retry(ask).await)
}

/// Makes a run from another and leads to it.
#[server(output = Json, prefix = "/fn", endpoint = "retry_run")]
pub async fn retry_run(
    run: RunId,
    #[server(default)] from: Option<String>,
    #[server(default)] inputs: Option<String>,
    #[server(default)] mark: Option<String>,
    #[server(default)] output: Option<String>,
) -> Result<RunId, AppError> {
    let ask = RetryAsk {
        run,
        from: filled(from),
        inputs: filled(inputs),
        mark: filled(mark),
        output: filled(output),
    };
    let made = answer(backend()?.retry_run(ask).await)?;
    leptos_axum::redirect(&format!("/runs/{made}"));
    Ok(made)
}

/// Why a run or its tasks are not running.
#[server(output = Json, prefix = "/fn", endpoint = "reasons")]
pub async fn ask_reasons(run: RunId) -> Result<Reasons, AppError> {
    once(format!("reasons {run}"), async {
        answer(backend()?.reasons(run).await)
    })
    .await
}

/// What an approval asks.
#[server(output = Json, prefix = "/fn", endpoint = "question")]
pub async fn ask_question(run: RunId, task: String) -> Result<Question, AppError> {
    answer(backend()?.question(run, task).await)
}

/// Says yes to an approval. Check boxes are named in `boxes` as in [`start_run`].
#[server(output = Json, prefix = "/fn", endpoint = "approve_task")]
pub async fn approve_task(
    run: RunId,
    task: String,
    #[server(default)] fields: HashMap<String, String>,
    #[server(default)] boxes: Vec<String>,
    #[server(default)] comment: Option<String>,
) -> Result<(), AppError> {
    let fields = with_boxes(fields, boxes);
    answer(backend()?.approve(run, task, fields, filled(comment)).await)
}

/// Says no to an approval.
#[server(output = Json, prefix = "/fn", endpoint = "reject_task")]
pub async fn reject_task(
    run: RunId,
    task: String,
    #[server(default)] comment: Option<String>,
) -> Result<(), AppError> {
    answer(backend()?.reject(run, task, filled(comment)).await)
}

/// Gives a signal.
#[server(output = Json, prefix = "/fn", endpoint = "signal_task")]
pub async fn signal_task(run: RunId, task: String, #[server(default)] value: String) -> Result<(), AppError> {
    answer(backend()?.signal(run, task, value).await)
}

/// Saves a flow document and leads to the flow.
#[server(output = Json, prefix = "/fn", endpoint = "save_flow")]
pub async fn save_flow(source: String) -> Result<String, AppError> {
    let id = answer(backend()?.save_flow(source).await)?;
    leptos_axum::redirect(&format!("/flows/{}", crate::format::url_part(&id)));
    Ok(id)
}

/// Keeps the theme in a cookie.
#[server(output = Json, prefix = "/fn", endpoint = "set_theme")]
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
