//! What is kept for the editor: drafts that nobody else sees, documents that are tried out, and what authors said of versions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flow::{RunId, Timestamp};

use super::StoreResult;

/// Bytes of a draft's text: as much as a document may have.
pub const DRAFT_BYTES_MAX: usize = flow::limits::DOCUMENT_BYTES_MAX;

/// Drafts of one owner. Of more, those go that were not saved for the longest time.
pub const DRAFTS_PER_OWNER_MAX: u32 = 50;

/// Drafts of all owners together, likewise: an owner is whoever says so until there is login.
pub const DRAFTS_MAX: u32 = 1_000;

/// Characters of an owner's name.
pub const OWNER_CHARS_MAX: usize = 64;

/// Characters of what an author says of a version.
pub const MESSAGE_CHARS_MAX: usize = 500;

/// Characters of the name of a version.
pub const VERSION_NAME_CHARS_MAX: usize = 60;

/// A draft as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRow {
    /// Whose it is.
    pub owner: String,
    /// The flow it is of; no text for one that has never been saved.
    pub flow: String,
    /// The version it was begun from; 0 if there was none.
    pub base: u32,
    /// The text.
    pub source: String,
    /// When it was saved. No two saves of a draft have the same: it also tells them apart.
    pub saved_at: Timestamp,
}

/// What became of a draft that was to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftSaved {
    /// It is kept, since then.
    Kept(Timestamp),
    /// Somebody else with the same name has saved it since; nothing was changed.
    Newer(Timestamp),
}

/// A document to be tried out.
#[derive(Clone, Debug)]
pub struct NewTrial {
    /// The flow's id; there need be no such flow yet.
    pub flow: String,
    /// The text.
    pub source: String,
    /// `yaml` or `json`.
    pub format: String,
    /// Its document as compact JSON.
    pub document: String,
    /// Now.
    pub at: Timestamp,
    /// Who tries it.
    pub actor: String,
}

/// What is kept for the editor.
#[async_trait]
pub trait EditStore: Send + Sync + 'static {
    /// Saves a draft, unless one is there that was saved at another moment than `after`. What is over the limits of number goes.
    async fn put_draft(&self, draft: DraftRow, after: Option<Timestamp>) -> StoreResult<DraftSaved>;

    /// The draft of an owner and flow.
    async fn draft(&self, owner: &str, flow: &str) -> StoreResult<Option<DraftRow>>;

    /// Removes it. False if there is none.
    async fn remove_draft(&self, owner: &str, flow: &str) -> StoreResult<bool>;

    /// Forgets drafts that were saved last before this.
    async fn forget_drafts(&self, before: Timestamp) -> StoreResult<()>;

    /// Keeps a document that is tried out and answers its number, from [`flow::trial::TRIAL_FIRST`] on. The same document as the newest of
    /// that flow keeps its number. [`Store::flow`](super::Store::flow) finds it by that; no list shows it.
    async fn put_trial(&self, trial: NewTrial) -> StoreResult<u32>;

    /// Notes that a run is about to begin with such a document, which stays as long as the run does.
    async fn note_trial_run(&self, flow: &str, version: u32, run: RunId, at: Timestamp) -> StoreResult<()>;

    /// Forgets such documents of which there is no run, if neither was noted since then.
    async fn forget_trials(&self, before: Timestamp) -> StoreResult<()>;

    /// Notes what its author says of a version.
    async fn put_message(&self, flow: &str, version: u32, message: &str) -> StoreResult<()>;

    /// What authors said of the versions of a flow.
    async fn messages(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>>;

    /// Gives a version a name in place of the one it had, or takes it away. If another version of the flow has that name, nothing changes
    /// and the answer is that version.
    async fn name_version(&self, flow: &str, version: u32, name: Option<&str>) -> StoreResult<Option<u32>>;

    /// The names of the versions of a flow that have one.
    async fn version_names(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>>;
}
