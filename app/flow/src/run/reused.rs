//! Results of another run that hold in this one as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::payload::Payload;
use crate::plan::{Spot, TaskIx};
use crate::run::state::RunState;

/// What a run took from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ReusedResults {
    /// Those of tasks; none once they have settled by it.
    tasks: BTreeMap<TaskIx, Option<ReusedResult>>,
    /// Those of items whose list is not made yet.
    items: BTreeMap<TaskIx, BTreeMap<u32, Payload>>,
    /// Who gave those that no run did, by path.
    #[serde(default)]
    givers: BTreeMap<Arc<str>, Arc<str>>,
}

/// What a task gave in another run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ReusedResult {
    pub(super) output: Payload,
    pub(super) case: Option<Arc<str>>,
    pub(super) exit_code: Option<i32>,
}

impl RunState {
    /// Whether a task's result is that of another run.
    #[must_use]
    pub fn is_reused(&self, ix: TaskIx) -> bool {
        let reused = self.data.reused.as_ref();
        reused.is_some_and(|reused| reused.tasks.contains_key(&ix))
    }

    /// Who marked a task or item as succeeded, if that is how it came to be.
    #[must_use]
    pub fn given_by(&self, spot: Spot) -> Option<&Arc<str>> {
        let givers = &self.data.reused.as_ref()?.givers;
        (!givers.is_empty())
            .then(|| givers.get(&self.plan.path(spot)))
            .flatten()
    }

    #[cfg(feature = "author")]
    pub(super) fn result_to_reuse(&self, ix: TaskIx) -> Option<&ReusedResult> {
        self.data.reused.as_ref()?.tasks.get(&ix)?.as_ref()
    }

    pub(super) fn keep_reused(&mut self, spot: Spot, result: ReusedResult, given_by: Option<Arc<str>>) {
        let path = self.plan.path(spot);
        let reused = self.data.reused.get_or_insert_default();
        if let Some(given_by) = given_by {
            reused.givers.insert(path, given_by);
        }
        match spot.part {
            None => drop(reused.tasks.insert(spot.task, Some(result))),
            Some(part) => {
                let items = reused.items.entry(spot.task).or_default();
                items.insert(part, result.output);
            }
        }
    }

    /// The results of items, now that their list is made.
    pub(super) fn take_reused_items(&mut self, ix: TaskIx) -> BTreeMap<u32, Payload> {
        let reused = self.data.reused.as_mut();
        reused
            .and_then(|reused| reused.items.remove(&ix))
            .unwrap_or_default()
    }

    /// The result stands in the task's state now.
    pub(super) fn has_reused(&mut self, ix: TaskIx) {
        if let Some(reused) = &mut self.data.reused
            && let Some(result) = reused.tasks.get_mut(&ix)
        {
            *result = None;
        }
    }
}
