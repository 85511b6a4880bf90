//! The port through which server functions reach the engine; the server crate implements it. It exists so that the app
//! cannot see the server: REST handlers and server functions end in the same engine calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use flow::RunId;
use flow::view::{FlowDetail, FlowSummary, Page, RunSummary, TaskTypeView};

use crate::error::AppError;
use crate::model::{LogPage, RunListQuery, RunPage, ValueView};

/// What pages can ask for and do.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Flows by id.
    async fn flows(
        &self,
        text: Option<String>,
        cursor: Option<String>,
    ) -> Result<Page<FlowSummary>, AppError>;

    /// A flow; its newest version if none is named.
    async fn flow(&self, id: String, version: Option<u32>) -> Result<FlowDetail, AppError>;

    /// Starts a run. `fields` are the texts of a form, by input name; they are read by the inputs' types.
    async fn start_run(&self, flow: String, fields: Vec<(String, String)>) -> Result<RunId, AppError>;

    /// Runs, newest first.
    async fn runs(&self, query: RunListQuery) -> Result<Page<RunSummary>, AppError>;

    /// Everything the run page shows at first.
    async fn run(&self, run: RunId) -> Result<RunPage, AppError>;

    /// A task run's output (`true`) or input, cut if it is large.
    async fn task_value(&self, run: RunId, path: String, output: bool) -> Result<ValueView, AppError>;

    /// The last of a task run's log, up to a position if one is given.
    async fn task_logs(&self, run: RunId, path: String, until: Option<String>) -> Result<LogPage, AppError>;

    /// Cancels a run; `force` kills at once and leaves out undo, finally and `on_failure`.
    async fn cancel_run(&self, run: RunId, force: bool) -> Result<(), AppError>;

    /// Runs by state, over all flows.
    async fn run_counts(&self) -> Result<BTreeMap<String, u64>, AppError>;

    /// All task types.
    async fn task_types(&self) -> Result<Vec<TaskTypeView>, AppError>;

    /// Saves a flow document (YAML or JSON) as a new flow or a new version of one; answers its id. All problems come back in the error.
    async fn save_flow(&self, source: String) -> Result<String, AppError>;
}

/// The backend as it is handed to server functions by context.
pub type SharedBackend = Arc<dyn Backend>;
