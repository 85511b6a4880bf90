//! What the editor keeps is no part of the simulation: it goes through untouched.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flow::{RunId, Timestamp};

use super::super::world::block_on;
use super::GatedStore;
use crate::store::StoreResult;
use crate::store::edits::{DraftRow, DraftSaved, EditStore, NewTrial};

#[async_trait]
impl EditStore for GatedStore {
    async fn put_draft(&self, draft: DraftRow, after: Option<Timestamp>) -> StoreResult<DraftSaved> {
        block_on(self.store.put_draft(draft, after))
    }

    async fn draft(&self, owner: &str, flow: &str) -> StoreResult<Option<DraftRow>> {
        block_on(self.store.draft(owner, flow))
    }

    async fn remove_draft(&self, owner: &str, flow: &str) -> StoreResult<bool> {
        block_on(self.store.remove_draft(owner, flow))
    }

    async fn forget_drafts(&self, before: Timestamp) -> StoreResult<()> {
        block_on(self.store.forget_drafts(before))
    }

    async fn put_trial(&self, trial: NewTrial) -> StoreResult<u32> {
        block_on(self.store.put_trial(trial))
    }

    async fn note_trial_run(&self, flow: &str, version: u32, run: RunId, at: Timestamp) -> StoreResult<()> {
        block_on(self.store.note_trial_run(flow, version, run, at))
    }

    async fn forget_trials(&self, before: Timestamp) -> StoreResult<()> {
        block_on(self.store.forget_trials(before))
    }

    async fn put_message(&self, flow: &str, version: u32, message: &str) -> StoreResult<()> {
        block_on(self.store.put_message(flow, version, message))
    }

    async fn messages(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>> {
        block_on(self.store.messages(flow))
    }

    async fn name_version(&self, flow: &str, version: u32, name: Option<&str>) -> StoreResult<Option<u32>> {
        block_on(self.store.name_version(flow, version, name))
    }

    async fn version_names(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>> {
        block_on(self.store.version_names(flow))
    }
}
