//! Tasks that are made more than once: over a list, or until a condition.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_default;
use crate::limits;
use crate::time::HumanDuration;

/// Runs a task once for each item of a list. Its `with`, and a `when` that says `item`, see `item` and `item_index` (from 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForEachDoc {
    /// The list, or an expression that gives it.
    pub items: Value,
    /// How many items may be at work at once: 16 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// What a failed item means for the others and for the task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_item_failure: OnItemFailure,
}

impl ForEachDoc {
    /// How many items may be at work at once.
    #[must_use]
    pub fn n_parallel(&self) -> usize {
        self.max_parallel
            .unwrap_or(limits::PARALLEL_ITEMS)
            .clamp(1, limits::PARALLEL_ITEMS_MAX) as usize
    }

    /// How many of `n` items may fail before the rest are stopped.
    #[must_use]
    pub fn n_before_stop(&self, n: u32) -> u32 {
        match &self.on_item_failure {
            OnItemFailure::Word(ItemFailureWord::FailFast) => 0,
            OnItemFailure::Word(ItemFailureWord::Continue) => n,
            OnItemFailure::Tolerate(share) => share.of(n),
        }
    }

    /// How many of `n` items may fail and the task still succeeds.
    #[must_use]
    pub fn n_tolerated(&self, n: u32) -> u32 {
        match &self.on_item_failure {
            OnItemFailure::Word(_) => 0,
            OnItemFailure::Tolerate(share) => share.of(n),
        }
    }
}

/// Runs a task again and again until a condition holds. Its `with` and `until` see `iteration` (from 1) and `last`, the output of
/// the iteration before, or of the one that has just ended; what the last one gives is the task's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoopDoc {
    /// Judged after each iteration that succeeded: true ends the loop.
    pub until: String,
    /// How many iterations at most: 100 unless given. With the condition still false after them, the task fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
    /// How long to wait between two iterations; no worker is held meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<HumanDuration>,
}

impl LoopDoc {
    /// How many iterations at most.
    #[must_use]
    pub fn n_most(&self) -> u32 {
        self.max_iterations
            .unwrap_or(limits::ITERATIONS)
            .clamp(1, limits::ITERATIONS_MAX)
    }
}

/// What a failed item means for the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "fail_fast, continue, or {tolerate: 10%}")]
pub enum OnItemFailure {
    /// In a word.
    Word(ItemFailureWord),
    /// As the share of items that may fail.
    Tolerate(TolerateDoc),
}

impl Default for OnItemFailure {
    fn default() -> Self {
        Self::Word(ItemFailureWord::FailFast)
    }
}

/// What a failed item means for the others, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemFailureWord {
    /// No item is started any more, those at work are cancelled and the task fails.
    FailFast,
    /// All items run; the task fails if any failed.
    Continue,
}

/// The share of items that may fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TolerateDoc {
    /// A share such as `10%`: the task succeeds if no more fail, and ends as with `fail_fast` as soon as more do.
    pub tolerate: String,
}

impl TolerateDoc {
    /// The share in percent; `None` if it is not written as one.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let number: f64 = self.tolerate.strip_suffix('%')?.trim_end().parse().ok()?;
        (0.0..=100.0).contains(&number).then_some(number)
    }

    /// That share of `n`, rounded down.
    fn of(&self, n: u32) -> u32 {
        (f64::from(n) * self.percent().unwrap_or(0.0) / 100.0).floor() as u32
    }
}
