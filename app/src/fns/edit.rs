//! Doors for the flow editor.

use flow::Problem;
use flow::view::TaskTypeView;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::Json;
#[cfg(feature = "ssr")]
use super::{answer, backend};
use crate::error::AppError;

/// Everything the editor begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Editing {
    /// The flow's id; none for one that is not there yet.
    pub flow: Option<String>,
    /// The version that is edited; 0 for a new flow.
    pub version: u32,
    /// The document as its author wrote it.
    pub source: String,
    /// The flow's name.
    pub name: String,
    /// The document, read, for the drawing that the server writes. It does not travel: a live editor reads the text.
    #[cfg(feature = "ssr")]
    #[serde(skip)]
    pub document: Option<flow::FlowDoc>,
    /// What tasks can do.
    pub types: Vec<TaskTypeView>,
    /// JSON Schema of a task, apart from what its type says; that of the flow around it stands in `x-flow`.
    pub task_schema: Value,
    /// What is wrong with the document.
    pub problems: Vec<Problem>,
}

/// A version that was saved from the editor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The flow's id.
    pub flow: String,
    /// Its newest version.
    pub version: u32,
    /// What its author would want to know.
    pub warnings: Vec<Problem>,
}

/// A flow to be edited, in its newest version or the one that is named; without one the beginnings of a new flow.
#[server(output = Json, prefix = "/fn", endpoint = "open_editor")]
pub async fn open_editor(flow: Option<String>, version: Option<u32>) -> Result<Editing, AppError> {
    let backend = backend()?;
    let types = answer(backend.task_types().await)?;
    let task_schema = flow::schema::task_schema();
    if let Some(id) = flow {
        let detail = answer(backend.flow(id, version).await)?;
        return Ok(Editing {
            flow: Some(detail.summary.id),
            version: detail.shown_version,
            name: detail.document.title().to_owned(),
            document: Some(detail.document),
            problems: problems_of(&detail.source, &types),
            source: detail.source,
            types,
            task_schema,
        });
    }
    let source = beginnings(&*backend).await;
    let parsed = flow::parse::parse(source.as_bytes(), flow::parse::Format::Yaml);
    let document = parsed
        .map_err(|_| AppError::new(500, "internal", "The example cannot be read."))?
        .doc;
    Ok(Editing {
        flow: None,
        version: 0,
        name: document.title().to_owned(),
        document: Some(document),
        problems: problems_of(&source, &types),
        source,
        types,
        task_schema,
    })
}

/// The beginnings of a new flow, whose id no other flow has.
#[cfg(feature = "ssr")]
async fn beginnings(backend: &dyn crate::backend::Backend) -> String {
    use crate::pages::flow_new::{EXAMPLE, EXAMPLE_ID};
    const TRIES: usize = 50;
    for n in 1..=TRIES {
        let id = match n {
            1 => EXAMPLE_ID.to_owned(),
            n => format!("{EXAMPLE_ID}-{n}"),
        };
        if backend.flow(id.clone(), None).await.is_err() {
            return EXAMPLE.replacen(EXAMPLE_ID, &id, 1);
        }
    }
    // Whoever has so many is told when it is published.
    EXAMPLE.to_owned()
}

/// What is wrong with a document, as its editor would find it.
#[cfg(feature = "ssr")]
fn problems_of(source: &str, types: &[TaskTypeView]) -> Vec<Problem> {
    let text = source.as_bytes();
    flow::validate::check(
        text,
        flow::parse::Format::guess(text),
        &editor::session::Catalog(types),
    )
    .problems
}

/// Saves a document as a new flow or a new version of one, and stays where one is.
#[server(output = Json, prefix = "/fn", endpoint = "save_version")]
pub async fn save_version(source: String) -> Result<Saved, AppError> {
    let backend = backend()?;
    let flow = answer(backend.save_flow(source).await)?;
    let detail = answer(backend.flow(flow.clone(), None).await)?;
    Ok(Saved {
        flow,
        version: detail.summary.version,
        warnings: detail.warnings,
    })
}
