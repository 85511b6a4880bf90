//! Limits on runs at work at once: who holds their places and who waits, and flows that start when others end.

use std::sync::Arc;

use flow::gate::Gate;
use flow::{RunId, Timestamp};

use super::{MessageId, OutboxRow};

/// A gate as it is kept. It is empty if nobody has come to it yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GateRow {
    /// Rises with each change; 0 if it is not kept.
    pub rev: u64,
    /// Who has its places and who waits.
    pub gate: Gate,
}

/// What a gate decided, to be written in one transaction.
#[derive(Clone, Debug)]
pub struct GateDecision {
    /// Which gate.
    pub id: u128,
    /// What it was before.
    pub before: u64,
    /// What it is from now on: greater.
    pub rev: u64,
    /// Who has its places and who waits.
    pub gate: Gate,
    /// When.
    pub at: Timestamp,
    /// What it tells runs.
    pub messages: Vec<OutboxRow>,
    /// The message it is the answer to.
    pub takes: MessageId,
}

/// A flow that starts when runs of another end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Follower {
    /// The other flow.
    pub followed: Arc<str>,
    /// The flow that starts.
    pub flow: Arc<str>,
    /// By its name in that flow's document.
    pub name: Arc<str>,
    /// What came of the last end that was to start it.
    pub last: Option<FollowMark>,
}

/// What came of the end of a run that was to start another flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FollowMark {
    /// When it was dealt with.
    pub at: Timestamp,
    /// The run that had ended.
    pub after: RunId,
    /// The run it started, or why it started none.
    pub came: Result<RunId, String>,
}
