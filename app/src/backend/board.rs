//! The part of the port about the first page, the list of runs and commands to many of them.

use async_trait::async_trait;
use flow::RunId;
use flow::view::board::{GridView, PointView, Window, WindowView};

use crate::board::HomeData;
use crate::error::AppError;
use crate::model::board::{BulkAsk, BulkPage, Completed, RunList, RunListAsk, Starters};

/// What these pages can ask for and do.
#[async_trait]
pub trait BoardBackend: Send + Sync + 'static {
    /// Everything the first page shows.
    async fn home(&self, window: Window) -> Result<HomeData, AppError>;

    /// A page of the list of runs.
    async fn run_list(&self, ask: RunListAsk) -> Result<RunList, AppError>;

    /// How a query could go on.
    async fn complete(&self, text: String, caret: usize) -> Result<Vec<Completed>, AppError>;

    /// Saves a view.
    async fn save_view(&self, name: String, query: String) -> Result<(), AppError>;

    /// Removes a view.
    async fn remove_view(&self, name: String) -> Result<(), AppError>;

    /// Chooses the runs of a command; answers its id.
    async fn prepare_bulk(&self, ask: BulkAsk) -> Result<String, AppError>;

    /// A command to many runs.
    async fn bulk(&self, id: String) -> Result<BulkPage, AppError>;

    /// Begins it.
    async fn begin_bulk(&self, id: String, confirm: Option<String>) -> Result<(), AppError>;

    /// The last runs of a flow by its tasks, from one of them on.
    async fn grid(&self, flow: String, from: usize) -> Result<GridView, AppError>;

    /// Statistics of a flow.
    async fn flow_window(&self, flow: String, window: Window) -> Result<WindowView, AppError>;

    /// Its runs by day.
    async fn flow_days(&self, flow: String) -> Result<Vec<PointView>, AppError>;

    /// What starts a flow by itself.
    async fn starters(&self, flow: String) -> Result<Starters, AppError>;

    /// Holds a schedule, for a reason, or lets it go on.
    async fn hold_schedule(
        &self,
        flow: String,
        name: String,
        is_held: bool,
        reason: Option<String>,
    ) -> Result<(), AppError>;

    /// Starts a run as a schedule would.
    async fn run_schedule(&self, flow: String, name: String) -> Result<RunId, AppError>;
}
