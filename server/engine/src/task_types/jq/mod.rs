//! `transform` with a jq program.
//!
//! A jq program can run for ever, recurse without end or fill the memory, and cannot be interrupted from outside. So it runs in a
//! process of its own, this very program called with [`JQ_CHILD_ARGUMENT`], whose memory the system bounds and which is killed
//! when its time is over. A program that embeds the engine and offers no such process gets a thread instead: it is stopped
//! between outputs only, and its memory is not bounded.

mod child;
mod evaluate;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flow::limits;
use flow::run::event::TaskError;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};

pub use child::{JQ_CHILD_ARGUMENT, jq_child_main};

/// How long a program may run: one that transforms 16 MiB needs seconds.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes of a program; more is data.
const PROGRAM_BYTES_MAX: usize = 64 * 1024;

/// The stack of the thread a program runs on: recursion over a long list is ordinary in jq. Only what is used is ever mapped.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// `transform`, when it has a jq program.
pub(super) struct Transform {
    helper: Option<PathBuf>,
    time_max: Duration,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What the output is: any JSON with expressions.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "read by the decision step; a task that has it never comes here"
    )]
    value: Option<Value>,
    /// Or a jq program that makes the output from `input`: one output is the value, several are a list, none is null.
    #[serde(default)]
    jq: Option<String>,
    /// What the jq program reads.
    #[serde(default)]
    input: Value,
}

/// What a program is run with.
struct Work {
    program: String,
    /// JSON.
    input: Vec<u8>,
}

/// What became of it.
enum Ended {
    Value(Value),
    /// The program is at fault: another attempt cannot mend it.
    Wrong(String),
    /// Time or memory ran out.
    Limit(String),
    Cancelled,
}

impl Transform {
    pub(super) fn new(helper: Option<PathBuf>) -> Self {
        Self {
            helper,
            time_max: TIME_MAX,
        }
    }

    async fn evaluate(&self, ctx: &TaskContext) -> Result<TaskOutcome, TaskError> {
        let arguments: Arguments = ctx.input()?;
        let program = arguments
            .jq
            .ok_or_else(|| TaskError::new("input", "`jq` is missing").permanent())?;
        if program.len() > PROGRAM_BYTES_MAX {
            let message =
                format!("the jq program is longer than {PROGRAM_BYTES_MAX} bytes; give data by `input`");
            return Err(TaskError::new("input", message).permanent());
        }
        let work = Work {
            program,
            input: arguments.input.to_string().into_bytes(),
        };
        let ended = match &self.helper {
            Some(helper) => tokio::time::timeout(self.time_max, child::run(helper, ctx, work)).await,
            None => tokio::time::timeout(self.time_max, on_thread(ctx, work)).await,
        };
        Ok(match ended {
            Ok(Ended::Value(value)) => TaskOutcome::ok(value),
            Ok(Ended::Cancelled) => TaskOutcome::Cancelled,
            Ok(Ended::Wrong(message)) => return Err(TaskError::new("jq", message).permanent()),
            Ok(Ended::Limit(message)) => return Err(TaskError::new("jq_limit", message).permanent()),
            Err(_) => {
                let message = format!(
                    "the jq program did not end within {} seconds",
                    self.time_max.as_secs_f32()
                );
                return Err(TaskError::new("jq_limit", message).permanent());
            }
        })
    }
}

#[async_trait]
impl TaskType for Transform {
    fn info(&self) -> TaskTypeInfo {
        let mut info = TaskTypeInfo::new::<Arguments, Value>(
            "transform",
            "Transform",
            "Makes a value with expressions or a jq program.",
        )
        .shown_as("data", "braces");
        if let Some(schema) = info.input_schema.as_object_mut() {
            schema.insert(
                "oneOf".to_owned(),
                json!([{ "required": ["value"] }, { "required": ["jq"] }]),
            );
        }
        info
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        self.evaluate(ctx).await.unwrap_or_else(TaskOutcome::from)
    }
}

/// Tells the thread to stop when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn on_thread(ctx: &TaskContext, work: Work) -> Ended {
    let stop = StopOnDrop(Arc::default());
    let is_stopped = Arc::clone(&stop.0);
    let (done, ended) = oneshot::channel();
    let spawned = std::thread::Builder::new()
        .name("jq".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let ended = evaluate::evaluate(&work.program, &work.input, limits::OUTPUT_BYTES_MAX, &|| {
                is_stopped.load(Ordering::Relaxed)
            });
            // Nobody waits for a program that was given up.
            let _ = done.send(ended);
        });
    if let Err(error) = spawned {
        return Ended::Limit(format!("no thread could be started: {error}"));
    }
    tokio::select! {
        ended = ended => ended.map_or_else(|_| Ended::Wrong("the jq program made its interpreter panic".to_owned()), Ended::from),
        () = ctx.cancel.cancelled() => Ended::Cancelled,
    }
}

impl From<Result<Value, evaluate::Error>> for Ended {
    fn from(result: Result<Value, evaluate::Error>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(evaluate::Error::Wrong(message)) => Self::Wrong(message),
            Err(evaluate::Error::Limit(message)) => Self::Limit(message),
        }
    }
}
