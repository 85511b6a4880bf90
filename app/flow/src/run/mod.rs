//! The run state machine: commands are decided into events, events are applied to states.
//!
//! [`decide`] is the only maker of events and [`RunState::apply`] the only changer of states; live view, time travel, export,
//! simulation and recovery are all the same fold over the same log.

mod apply;
mod children;
pub mod command;
#[cfg(feature = "author")]
mod decide;
mod edges;
pub mod event;
pub mod explain;
#[cfg(feature = "author")]
pub mod fork;
mod moves;
mod parts;
mod project;
mod reused;
mod signals;
pub mod state;
mod statuses;
#[cfg(all(any(test, feature = "testing"), feature = "author"))]
pub mod testing;
#[cfg(all(test, feature = "author"))]
mod tests;
mod watched;

pub use apply::BadLog;
pub use children::Child;
#[cfg(feature = "author")]
pub use command::Decision;
pub use command::{
    ChildAttempt, Command, Dispatch, Effect, Fork, KeepResult, NewRun, Outcome, Rejected, Reused,
    ReusedChild, StartChild,
};
#[cfg(feature = "author")]
pub use decide::{BlobSource, Entropy, Env, create, decide};
pub use event::{CachedFrom, Event, EventKind, FollowedRun, ForkedFrom, ParentRun, TaskError};
pub use parts::Parts;
pub use project::role_key;
pub use state::{EdgeState, Phase, RunState, Snapshot, TaskRun, TaskState};
