//! The part of the port about drafts, versions, and documents that are tried out.

use async_trait::async_trait;

use crate::error::AppError;
use crate::fns::edit::Saved;
use crate::model::edit::{
    DraftAsk, DraftKept, DraftView, GivenView, HistoryPage, LastView, PublishAsk, RecordedView, ReplayRow,
    TrialAsk, TrialView,
};

/// What the editor can ask for and do.
#[async_trait]
pub trait EditBackend: Send + Sync + 'static {
    /// A name for a browser that has none yet.
    fn new_owner(&self) -> String;

    /// The draft of an owner and flow.
    async fn draft(&self, owner: String, flow: Option<String>) -> Result<Option<DraftView>, AppError>;

    /// Saves a draft.
    async fn save_draft(&self, owner: String, ask: DraftAsk) -> Result<DraftKept, AppError>;

    /// Discards a draft.
    async fn discard_draft(&self, owner: String, flow: Option<String>) -> Result<(), AppError>;

    /// Saves a document as a version.
    async fn publish(&self, ask: PublishAsk) -> Result<Saved, AppError>;

    /// The history of a flow with two versions side by side: those named, or the two newest.
    async fn history(
        &self,
        flow: String,
        from: Option<u32>,
        to: Option<u32>,
    ) -> Result<HistoryPage, AppError>;

    /// Gives a version a name, or takes it away.
    async fn name_version(&self, flow: String, version: u32, name: Option<String>) -> Result<(), AppError>;

    /// Saves an old version again as the newest.
    async fn restore(&self, flow: String, version: u32) -> Result<u32, AppError>;

    /// Tries a document out.
    async fn start_trial(&self, ask: TrialAsk) -> Result<TrialView, AppError>;

    /// What the tasks would give that the one reads which is to run alone.
    async fn trial_outputs(&self, ask: TrialAsk) -> Result<Vec<GivenView>, AppError>;

    /// The newest run in which a task did something itself.
    async fn last_of_task(&self, flow: String, task: String) -> Result<Option<LastView>, AppError>;

    /// What a flow's tasks did in the last run that ended.
    async fn recorded(&self, flow: String) -> Result<Option<RecordedView>, AppError>;

    /// What the last runs would have done with a document.
    async fn replay(&self, source: String, n: usize) -> Result<Vec<ReplayRow>, AppError>;
}
