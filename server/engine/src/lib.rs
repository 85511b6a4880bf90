//! Pointwork's durable execution: store, shards, dispatch, task types. It knows nothing of HTTP servers or pages.
//!
//! ```no_run
//! # async fn example() -> Result<(), engine::EngineError> {
//! let engine = engine::Engine::builder().data_dir("data").start().await?;
//! let run = engine.start_run(engine::StartRun::of("nightly-orders")).await?;
//! # Ok(()) }
//! ```
//!
//! [`Engine`] is the door · [`store`], [`dispatch`], [`TaskType`] and [`clock`] are the seams · `shard` is the loop that decides,
//! commits and acts · `messages` go from run to run · `reader` shows committed state.

mod board;
mod builder;
mod chance;
pub mod clock;
pub mod dispatch;
mod engine;
mod error;
mod flows;
#[cfg(any(test, feature = "testing"))]
pub mod fuzzing;
mod hub;
mod mail;
mod messages;
mod notify;
pub mod queues;
mod reader;
mod reports;
pub mod schedules;
pub mod secrets;
mod shard;
#[cfg(test)]
mod sim;
pub mod store;
pub mod task_logs;
pub mod task_type;
pub mod task_types;
mod upkeep;
pub mod webhooks;

pub use board::{BULK_CONFIRM_ABOVE, BULK_RUNS_MAX, BulkCommand, NewBulk};
pub use builder::EngineBuilder;
pub use engine::{
    Answer, AttemptBeat, AttemptReport, Draft, Engine, GivenFrom, GivenOutput, Heartbeat, LeaseCall, Leased,
    LogLine, Logs, NewWorkerToken, OfferedType, QueueView, RetryRun, SaveDraft, SaveFlow, Saved, StartRun,
    StartTrial, TrialStarted, WorkerToken,
};
pub use error::{EngineError, EngineResult};
pub use flow;
pub use queues::{KeyLimits, QueueLimits, Rate};
pub use shard::Counters;
pub use task_type::{LogSink, TaskContext, TaskOutcome, TaskType, TaskTypeInfo};
