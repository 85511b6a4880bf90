//! The port through which server functions reach the engine; the server crate implements it. It exists so that the app
//! cannot see the server: REST handlers and server functions end in the same engine calls.

pub mod board;
pub mod edit;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use flow::view::{FlowDetail, FlowSummary, Page, RetryView, RunSummary, TaskTypeView};
use flow::{RunId, Timestamp};

use crate::error::AppError;
use crate::log::needle::Needle;
use crate::model::{
    Comparison, LogFound, LogPage, Question, Reasons, RetryAsk, RunListQuery, RunLogPage, RunPage, ValueView,
};
use crate::timeline::history::ItemRows;

/// What pages can ask for and do.
#[async_trait]
pub trait Backend: board::BoardBackend + edit::EditBackend {
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

    /// Everything the run page shows at first, and the moment after the event `at`.
    async fn run(&self, run: RunId, at: Option<u64>) -> Result<RunPage, AppError>;

    /// What the items of a task did when.
    async fn item_rows(&self, run: RunId, task: String) -> Result<ItemRows, AppError>;

    /// Where two runs differ.
    async fn compare(&self, a: RunId, b: RunId) -> Result<Comparison, AppError>;

    /// A task run's output (`true`) or input, cut if it is large.
    async fn task_value(&self, run: RunId, path: String, output: bool) -> Result<ValueView, AppError>;

    /// A piece of a task run's log, or of one attempt's: from a line of an attempt on, else the end; as it was at a moment if one is given;
    /// with a list of all groups of lines if that is wanted.
    async fn task_logs(
        &self,
        run: RunId,
        path: String,
        attempt: Option<u32>,
        from: Option<(u32, u64)>,
        until: Option<Timestamp>,
        with_groups: bool,
    ) -> Result<LogPage, AppError>;

    /// Lines of a run's log: before or after a place, else the end; as it was at a moment if one is given; only those that fit if there is
    /// something to fit.
    async fn run_logs(
        &self,
        run: RunId,
        side: (Option<String>, Option<String>),
        until: Option<Timestamp>,
        needle: Option<Needle>,
    ) -> Result<RunLogPage, AppError>;

    /// Which lines of a task run's log, or of one attempt's, hold what is searched for.
    async fn find_in_log(
        &self,
        run: RunId,
        path: String,
        attempt: Option<u32>,
        needle: Needle,
    ) -> Result<LogFound, AppError>;

    /// Cancels a run; `force` kills at once and leaves out undo, finally and `on_failure`.
    async fn cancel_run(&self, run: RunId, force: bool, reason: Option<String>) -> Result<(), AppError>;

    /// Holds a run (`true`), or lets it go on.
    async fn pause_run(&self, run: RunId, paused: bool) -> Result<(), AppError>;

    /// Says what a run made from another would do.
    async fn plan_retry(&self, ask: RetryAsk) -> Result<RetryView, AppError>;

    /// Makes a run from another.
    async fn retry_run(&self, ask: RetryAsk) -> Result<RunId, AppError>;

    /// Why a run or its tasks are not running.
    async fn reasons(&self, run: RunId) -> Result<Reasons, AppError>;

    /// What an approval asks.
    async fn question(&self, run: RunId, path: String) -> Result<Question, AppError>;

    /// Says yes to an approval. `fields` are the texts of its form.
    async fn approve(
        &self,
        run: RunId,
        path: String,
        fields: Vec<(String, String)>,
        comment: Option<String>,
    ) -> Result<(), AppError>;

    /// Says no to an approval.
    async fn reject(&self, run: RunId, path: String, comment: Option<String>) -> Result<(), AppError>;

    /// Gives a signal, a value as JSON; no text is null.
    async fn signal(&self, run: RunId, path: String, value: String) -> Result<(), AppError>;

    /// Runs by state, over all flows.
    async fn run_counts(&self) -> Result<BTreeMap<String, u64>, AppError>;

    /// All task types.
    async fn task_types(&self) -> Result<Vec<TaskTypeView>, AppError>;

    /// Saves a flow document (YAML or JSON) as a new flow or a new version of one; answers its id. All problems come back in the error.
    async fn save_flow(&self, source: String) -> Result<String, AppError>;
}

/// The backend as it is handed to server functions by context.
pub type SharedBackend = Arc<dyn Backend>;
