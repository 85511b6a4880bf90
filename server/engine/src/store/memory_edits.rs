//! The part of [`MemoryStore`] about drafts, trials and what authors said of versions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flow::trial::TRIAL_FIRST;
use flow::{RunId, Timestamp};

use super::edits::{DRAFTS_MAX, DRAFTS_PER_OWNER_MAX, DraftRow, DraftSaved, EditStore, NewTrial};
use super::memory::MemoryStore;
use super::{Store, StoreResult, StoredVersion};

/// What is kept for the editor.
#[derive(Debug, Default)]
pub(super) struct Edits {
    drafts: BTreeMap<(String, String), DraftRow>,
    trials: BTreeMap<(String, u32), NewTrial>,
    trial_runs: BTreeMap<RunId, (String, u32, Timestamp)>,
    messages: BTreeMap<(String, u32), String>,
    names: BTreeMap<(String, u32), String>,
}

impl Edits {
    /// A document that is tried out, of a flow whose newest version is this.
    pub(super) fn trial(
        &self,
        flow: &str,
        version: u32,
        newest: Option<StoredVersion>,
    ) -> Option<StoredVersion> {
        let trial = self.trials.get(&(flow.to_owned(), version))?;
        Some(StoredVersion {
            flow: flow.to_owned(),
            version,
            newest: newest.as_ref().map_or(0, |newest| newest.newest),
            source: trial.source.clone(),
            format: trial.format.clone(),
            document: trial.document.clone(),
            created_at: trial.at,
            actor: trial.actor.clone(),
            archived: newest.is_some_and(|newest| newest.archived),
        })
    }

    /// Lets go what is over a limit: what was not saved for the longest time.
    fn shrink(&mut self, max: u32, is_counted: impl Fn(&DraftRow) -> bool) {
        let counted = self.drafts.values().filter(|draft| is_counted(draft));
        let mut counted: Vec<_> = counted
            .map(|draft| (draft.saved_at, draft.owner.clone(), draft.flow.clone()))
            .collect();
        counted.sort();
        let n_over = counted.len().saturating_sub(max as usize);
        for (_, owner, flow) in counted.into_iter().take(n_over) {
            self.drafts.remove(&(owner, flow));
        }
    }
}

#[async_trait]
impl EditStore for MemoryStore {
    async fn put_draft(&self, draft: DraftRow, after: Option<Timestamp>) -> StoreResult<DraftSaved> {
        let mut edits = self.edits.lock();
        let key = (draft.owner.clone(), draft.flow.clone());
        let before = edits.drafts.get(&key).map(|draft| draft.saved_at);
        if let Some(before) = before.filter(|before| Some(*before) != after) {
            return Ok(DraftSaved::Newer(before));
        }
        let saved_at = after_all(draft.saved_at, before);
        let owner = draft.owner.clone();
        edits.drafts.insert(key, DraftRow { saved_at, ..draft });
        edits.shrink(DRAFTS_PER_OWNER_MAX, |draft| draft.owner == owner);
        edits.shrink(DRAFTS_MAX, |_| true);
        Ok(DraftSaved::Kept(saved_at))
    }

    async fn draft(&self, owner: &str, flow: &str) -> StoreResult<Option<DraftRow>> {
        let key = (owner.to_owned(), flow.to_owned());
        Ok(self.edits.lock().drafts.get(&key).cloned())
    }

    async fn remove_draft(&self, owner: &str, flow: &str) -> StoreResult<bool> {
        let key = (owner.to_owned(), flow.to_owned());
        Ok(self.edits.lock().drafts.remove(&key).is_some())
    }

    async fn forget_drafts(&self, before: Timestamp) -> StoreResult<()> {
        self.edits
            .lock()
            .drafts
            .retain(|_, draft| draft.saved_at >= before);
        Ok(())
    }

    async fn put_trial(&self, trial: NewTrial) -> StoreResult<u32> {
        let mut edits = self.edits.lock();
        let of_flow = (trial.flow.clone(), 0)..=(trial.flow.clone(), u32::MAX);
        let newest = edits.trials.range(of_flow).next_back();
        let number = match newest {
            Some(((_, number), known)) if known.document == trial.document => return Ok(*number),
            Some(((_, number), _)) => number + 1,
            None => TRIAL_FIRST,
        };
        edits.trials.insert((trial.flow.clone(), number), trial);
        Ok(number)
    }

    async fn note_trial_run(&self, flow: &str, version: u32, run: RunId, at: Timestamp) -> StoreResult<()> {
        let noted = (flow.to_owned(), version, at);
        self.edits.lock().trial_runs.insert(run, noted);
        Ok(())
    }

    async fn forget_trials(&self, before: Timestamp) -> StoreResult<()> {
        let old = |(_, (.., at)): &(&RunId, &(String, u32, Timestamp))| *at < before;
        let runs: Vec<RunId> = {
            let edits = self.edits.lock();
            let runs = edits.trial_runs.iter().filter(old).map(|(run, _)| *run);
            runs.collect()
        };
        for run in runs {
            if self.run(run).await?.is_none() {
                self.edits.lock().trial_runs.remove(&run);
            }
        }
        let mut edits = self.edits.lock();
        let Edits {
            trials, trial_runs, ..
        } = &mut *edits;
        trials.retain(|(flow, version), trial| {
            let is_its = |(other, number, _): &(String, u32, Timestamp)| other == flow && number == version;
            trial.at >= before || trial_runs.values().any(is_its)
        });
        Ok(())
    }

    async fn put_message(&self, flow: &str, version: u32, message: &str) -> StoreResult<()> {
        let key = (flow.to_owned(), version);
        self.edits.lock().messages.insert(key, message.to_owned());
        Ok(())
    }

    async fn messages(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>> {
        let edits = self.edits.lock();
        let of_flow = edits.messages.iter().filter(|((of, _), _)| of == flow);
        Ok(of_flow
            .map(|((_, version), message)| (*version, message.clone()))
            .collect())
    }

    async fn name_version(&self, flow: &str, version: u32, name: Option<&str>) -> StoreResult<Option<u32>> {
        let key = (flow.to_owned(), version);
        let mut edits = self.edits.lock();
        let Some(name) = name else {
            edits.names.remove(&key);
            return Ok(None);
        };
        let is_other = |(of, other): &(&(String, u32), &String)| of.0 == flow && other.as_str() == name;
        let other = edits.names.iter().find(is_other).map(|(of, _)| of.1);
        if other.is_none() {
            edits.names.insert(key, name.to_owned());
        }
        Ok(other.filter(|other| *other != version))
    }

    async fn version_names(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>> {
        let edits = self.edits.lock();
        let of_flow = edits.names.iter().filter(|((of, _), _)| of == flow);
        Ok(of_flow
            .map(|((_, version), name)| (*version, name.clone()))
            .collect())
    }
}

/// A moment of saving that is after the one before, whatever the clock says.
pub(super) fn after_all(at: Timestamp, before: Option<Timestamp>) -> Timestamp {
    match before {
        Some(before) if at <= before => Timestamp::from_micros(before.as_micros() + 1),
        _ => at,
    }
}
