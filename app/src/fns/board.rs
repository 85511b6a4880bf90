//! Server functions of the first page, the list of runs and commands to many of them.

use flow::RunId;
use flow::view::board::Window;
use leptos::prelude::*;

use super::json::Json;
#[cfg(feature = "ssr")]
use super::{answer, backend, filled};
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::model::board::BulkAsk;
use crate::model::board::{BulkPage, Completed, RunList, RunListAsk, Starters};

/// The first page as HTML: it has no parts that need code.
#[server(output = Json, prefix = "/fn", endpoint = "home")]
pub async fn home(window: Window) -> Result<String, AppError> {
    answer(
        backend()?
            .home(window)
            .await
            .map(|data| crate::board::home(&data)),
    )
}

/// A page of the list of runs.
#[server(output = Json, prefix = "/fn", endpoint = "run_list")]
pub async fn list_runs(#[server(default)] ask: RunListAsk) -> Result<RunList, AppError> {
    answer(backend()?.run_list(ask).await)
}

/// How a query could go on.
#[server(output = Json, prefix = "/fn", endpoint = "complete_query")]
pub async fn complete_query(
    #[server(default)] text: String,
    caret: usize,
) -> Result<Vec<Completed>, AppError> {
    answer(backend()?.complete(text, caret).await)
}

#[cfg(feature = "ssr")]
fn list_of(query: &str) -> String {
    format!("/runs?q={}", crate::format::url_part(query))
}

/// Saves a view and leads to it.
#[server(output = Json, prefix = "/fn", endpoint = "save_view")]
pub async fn save_view(
    #[server(default)] name: String,
    #[server(default)] query: String,
) -> Result<(), AppError> {
    answer(backend()?.save_view(name, query.clone()).await)?;
    leptos_axum::redirect(&list_of(&query));
    Ok(())
}

/// Removes a view.
#[server(output = Json, prefix = "/fn", endpoint = "remove_view")]
pub async fn remove_view(name: String) -> Result<(), AppError> {
    answer(backend()?.remove_view(name).await)?;
    leptos_axum::redirect("/runs");
    Ok(())
}

/// Chooses the runs of a command, and leads to where it can be looked at and begun.
#[server(output = Json, prefix = "/fn", endpoint = "prepare_bulk")]
pub async fn prepare_bulk(
    #[server(default)] command: String,
    #[server(default)] q: String,
    #[server(default)] is_all: bool,
    #[server(default)] runs: Vec<String>,
) -> Result<String, AppError> {
    let ask = BulkAsk {
        command,
        q,
        is_all,
        runs,
    };
    let id = answer(backend()?.prepare_bulk(ask).await)?;
    leptos_axum::redirect(&format!("/bulks/{id}"));
    Ok(id)
}

/// A command to many runs.
#[server(output = Json, prefix = "/fn", endpoint = "bulk")]
pub async fn bulk(id: String) -> Result<BulkPage, AppError> {
    answer(backend()?.bulk(id).await)
}

/// Begins a command to many runs.
#[server(output = Json, prefix = "/fn", endpoint = "begin_bulk")]
pub async fn begin_bulk(id: String, #[server(default)] confirm: Option<String>) -> Result<(), AppError> {
    answer(backend()?.begin_bulk(id, filled(confirm)).await)
}

/// A flow's tasks by its last runs as HTML: the whole grid, or the rows from one on.
#[server(output = Json, prefix = "/fn", endpoint = "flow_grid")]
pub async fn flow_grid(flow: String, from: Option<usize>) -> Result<String, AppError> {
    let view = answer(backend()?.grid(flow.clone(), from.unwrap_or(0)).await)?;
    Ok(match from {
        None => crate::board::grid(&view, &flow),
        Some(_) => crate::board::grid_chunk(&view),
    })
}

/// A flow's numbers as HTML.
#[server(output = Json, prefix = "/fn", endpoint = "flow_numbers")]
pub async fn flow_numbers(flow: String, window: Window) -> Result<String, AppError> {
    let view = answer(backend()?.flow_window(flow.clone(), window).await)?;
    let days = answer(backend()?.flow_days(flow.clone()).await)?;
    Ok(crate::board::window_panel(&view, &days, &flow))
}

/// What starts a flow by itself.
#[server(output = Json, prefix = "/fn", endpoint = "starters")]
pub async fn ask_starters(flow: String) -> Result<Starters, AppError> {
    answer(backend()?.starters(flow).await)
}

/// Holds a schedule, for a reason, or lets it go on.
#[server(output = Json, prefix = "/fn", endpoint = "hold_schedule")]
pub async fn hold_schedule(
    flow: String,
    name: String,
    is_held: bool,
    #[server(default)] reason: Option<String>,
) -> Result<(), AppError> {
    let reason = filled(reason);
    answer(backend()?.hold_schedule(flow, name, is_held, reason).await)
}

/// Starts a run as a schedule would, and leads to it.
#[server(output = Json, prefix = "/fn", endpoint = "run_schedule")]
pub async fn run_schedule(flow: String, name: String) -> Result<RunId, AppError> {
    let run = answer(backend()?.run_schedule(flow, name).await)?;
    leptos_axum::redirect(&format!("/runs/{run}"));
    Ok(run)
}
