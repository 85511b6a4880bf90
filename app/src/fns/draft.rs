//! Doors for what the editor keeps and tries out. Asks that hold documents come as JSON texts: forms do not nest.

use leptos::prelude::*;

use super::edit::Saved;
use super::json::Json;
#[cfg(feature = "ssr")]
use super::{answer, backend};
use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::model::edit::{DraftAsk, PublishAsk, TrialAsk};
use crate::model::edit::{
    DraftKept, DraftView, GivenView, HistoryPage, LastView, RecordedView, ReplayRow, TrialView,
};

/// The cookie by which drafts are a browser's own, until there is login.
#[cfg(feature = "ssr")]
const BROWSER: &str = "browser";

/// The name of the browser that asks; a new one is given a name.
#[cfg(feature = "ssr")]
fn owner(backend: &crate::backend::SharedBackend) -> String {
    use axum::http::header::{COOKIE, HeaderValue, SET_COOKIE};
    let parts = use_context::<axum::http::request::Parts>();
    let cookies = parts
        .iter()
        .flat_map(|parts| parts.headers.get_all(COOKIE))
        .filter_map(|value| value.to_str().ok());
    let known = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, value)| *name == BROWSER && is_owner(value));
    if let Some((_, value)) = known {
        return value.to_owned();
    }
    let name = backend.new_owner();
    let cookie = format!("{BROWSER}={name}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    if let (Some(response), Ok(cookie)) = (
        use_context::<leptos_axum::ResponseOptions>(),
        HeaderValue::from_str(&cookie),
    ) {
        response.append_header(SET_COOKIE, cookie);
    }
    name
}

#[cfg(feature = "ssr")]
fn is_owner(value: &str) -> bool {
    value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(feature = "ssr")]
fn read<T: serde::de::DeserializeOwned>(ask: &str) -> Result<T, AppError> {
    serde_json::from_str(ask).map_err(|error| {
        AppError::new(
            400,
            "bad_request",
            format!("The request was not understood: {error}"),
        )
    })
}

/// The draft of a flow in this browser, or of one that has never been saved.
#[server(output = Json, prefix = "/fn", endpoint = "open_draft")]
pub async fn open_draft(flow: Option<String>) -> Result<Option<DraftView>, AppError> {
    let backend = backend()?;
    let owner = owner(&backend);
    answer(backend.draft(owner, flow).await)
}

/// Saves a draft: a [`DraftAsk`](crate::model::edit::DraftAsk).
#[server(output = Json, prefix = "/fn", endpoint = "save_draft")]
pub async fn save_draft(ask: String) -> Result<DraftKept, AppError> {
    let backend = backend()?;
    let owner = owner(&backend);
    let ask: DraftAsk = answer(read(&ask))?;
    answer(backend.save_draft(owner, ask).await)
}

/// Discards a draft.
#[server(output = Json, prefix = "/fn", endpoint = "discard_draft")]
pub async fn discard_draft(flow: Option<String>) -> Result<(), AppError> {
    let backend = backend()?;
    let owner = owner(&backend);
    answer(backend.discard_draft(owner, flow).await)
}

/// Saves a document as a version: a [`PublishAsk`](crate::model::edit::PublishAsk).
#[server(output = Json, prefix = "/fn", endpoint = "publish")]
pub async fn publish(ask: String) -> Result<Saved, AppError> {
    let ask: PublishAsk = answer(read(&ask))?;
    answer(backend()?.publish(ask).await)
}

/// The history of a flow.
#[server(output = Json, prefix = "/fn", endpoint = "history")]
pub async fn history(flow: String, from: Option<u32>, to: Option<u32>) -> Result<HistoryPage, AppError> {
    answer(backend()?.history(flow, from, to).await)
}

/// Saves an old version again as the newest, and leads to the flow's history.
#[server(output = Json, prefix = "/fn", endpoint = "restore_version")]
pub async fn restore_version(flow: String, version: u32) -> Result<u32, AppError> {
    let newest = answer(backend()?.restore(flow.clone(), version).await)?;
    let flow = crate::format::url_part(&flow);
    leptos_axum::redirect(&format!("/flows/{flow}/versions?from={version}&to={newest}"));
    Ok(newest)
}

/// Gives a version the name by which it is remembered, or takes it away if it is empty, and leads to the flow's history.
#[server(output = Json, prefix = "/fn", endpoint = "name_version")]
pub async fn name_version(flow: String, version: u32, name: String) -> Result<(), AppError> {
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    answer(backend()?.name_version(flow.clone(), version, name).await)?;
    let flow = crate::format::url_part(&flow);
    let before = version.saturating_sub(1);
    leptos_axum::redirect(&format!("/flows/{flow}/versions?from={before}&to={version}"));
    Ok(())
}

/// Tries a document out: a [`TrialAsk`](crate::model::edit::TrialAsk).
#[server(output = Json, prefix = "/fn", endpoint = "start_trial")]
pub async fn start_trial(ask: String) -> Result<TrialView, AppError> {
    let ask: TrialAsk = answer(read(&ask))?;
    answer(backend()?.start_trial(ask).await)
}

/// What the tasks would give that the one reads which is to run alone, in a [`TrialAsk`](crate::model::edit::TrialAsk).
#[server(output = Json, prefix = "/fn", endpoint = "trial_outputs")]
pub async fn trial_outputs(ask: String) -> Result<Vec<GivenView>, AppError> {
    let ask: TrialAsk = answer(read(&ask))?;
    answer(backend()?.trial_outputs(ask).await)
}

/// The newest run of a flow in which a task did something itself.
#[server(output = Json, prefix = "/fn", endpoint = "last_of_task")]
pub async fn last_of_task(flow: String, task: String) -> Result<Option<LastView>, AppError> {
    answer(backend()?.last_of_task(flow, task).await)
}

/// What a flow's tasks did in the last run that ended.
#[server(output = Json, prefix = "/fn", endpoint = "recorded")]
pub async fn recorded(flow: String) -> Result<Option<RecordedView>, AppError> {
    answer(backend()?.recorded(flow).await)
}

/// What the last runs would have done with a document.
#[server(output = Json, prefix = "/fn", endpoint = "replay_runs")]
pub async fn replay_runs(source: String, n: usize) -> Result<Vec<ReplayRow>, AppError> {
    answer(backend()?.replay(source, n).await)
}
