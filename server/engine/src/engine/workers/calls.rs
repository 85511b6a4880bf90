//! What workers say, and what they are told.

use std::sync::Arc;
use std::time::Duration;

use flow::{AttemptToken, RunId};
use serde_json::Value;

use crate::task_type::TaskOutcome;

/// A task type that a worker can do.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferedType {
    /// Its key, for example `video.encode`.
    pub key: String,
    /// Its name; the key if it is missing.
    pub title: Option<String>,
    /// What it does, in a sentence.
    pub summary: Option<String>,
    /// JSON Schema of `with`; anything goes if it is missing.
    pub input_schema: Option<Value>,
    /// JSON Schema of its output.
    pub output_schema: Option<Value>,
}

/// A worker asks for work.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaseCall {
    /// What it calls itself.
    pub worker: String,
    /// The queues it works for.
    pub queues: Vec<String>,
    /// What it can do.
    pub types: Vec<OfferedType>,
    /// How many attempts it takes at once.
    pub n_max: usize,
    /// How long it waits if there is nothing to do.
    pub wait: Duration,
}

/// An attempt for a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The attempt.
    pub token: AttemptToken,
    /// Its run.
    pub run: RunId,
    /// The flow's id.
    pub flow: String,
    /// The task run's path.
    pub task: String,
    /// Its type.
    pub task_type: String,
    /// From 1.
    pub attempt: u32,
    /// The queue.
    pub queue: String,
    /// The same in all attempts of the task run.
    pub idempotency_key: String,
    /// Its arguments.
    pub input: Arc<Value>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How long the worker may be silent.
    pub lease: Duration,
}

/// A line of an attempt's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Whether it is an error's.
    pub is_error: bool,
    /// The line.
    pub text: String,
}

/// A sign of life.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heartbeat {
    /// How far the work is, from 0 to 1.
    pub progress: Option<f64>,
    /// What it is at.
    pub message: Option<String>,
    /// Lines for the log.
    pub logs: Vec<LogLine>,
}

/// What a worker that gave a sign of life is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptBeat {
    /// Whether the attempt is to end.
    pub is_cancelled: bool,
    /// How long the worker may be silent from now on.
    pub lease: Duration,
}

/// How an attempt ended elsewhere.
#[derive(Clone, Debug)]
pub struct AttemptReport {
    /// How.
    pub outcome: TaskOutcome,
    /// The last lines for the log.
    pub logs: Vec<LogLine>,
}
