//! The states of many items: a byte each in memory, runs of equal ones in JSON.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::ITEMS_MAX;
use crate::view::TaskStatus;

/// The state of each item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statuses(Vec<TaskStatus>);

impl Statuses {
    /// `n` items that have not begun.
    pub(super) fn blocked(n: u32) -> Self {
        Self(vec![TaskStatus::Blocked; n as usize])
    }

    pub(super) fn push(&mut self, status: TaskStatus) {
        self.0.push(status);
    }

    pub(super) fn get(&self, part: u32) -> Option<TaskStatus> {
        self.0.get(part as usize).copied()
    }

    pub(super) fn set(&mut self, part: u32, status: TaskStatus) {
        if let Some(place) = self.0.get_mut(part as usize) {
            *place = status;
        }
    }
}

impl Serialize for Statuses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0
                .chunk_by(|one, next| one == next)
                .map(|run| (run[0], run.len() as u32)),
        )
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let runs: Vec<(TaskStatus, u32)> = Vec::deserialize(deserializer)?;
        let mut all = Vec::new();
        for (status, n) in runs {
            if all.len() + n as usize > ITEMS_MAX {
                return Err(D::Error::custom("more items than a task may have"));
            }
            all.resize(all.len() + n as usize, status);
        }
        Ok(Self(all))
    }
}
