//! What a task does: the trait, and what an attempt is given.
//!
//! Adding a type to one's own program is an implementation of [`TaskType`] and one line: `engine.task_type(MyTask)`.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow::RunId;
use flow::run::event::TaskError;
use flow::secrets::SecretUse;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::secrets::mask::Masker;
use crate::store::LogStream;

/// What palette, forms and validation know of a task type.
#[derive(Clone, Debug)]
pub struct TaskTypeInfo {
    /// Its key, for example `http.request`.
    pub key: String,
    /// Its name.
    pub title: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// `control`, `data`, `io`, or a word of its author's.
    pub category: String,
    /// Name of its icon.
    pub icon: String,
    /// JSON Schema of `with`.
    pub input_schema: Value,
    /// JSON Schema of its output.
    pub output_schema: Value,
    /// Whether `run` blocks its thread: it then gets one of its own.
    pub blocking: bool,
}

impl TaskTypeInfo {
    /// A type whose arguments are an `I` and whose output is an `O`.
    #[must_use]
    pub fn new<I: JsonSchema, O: JsonSchema>(key: &str, title: &str, summary: &str) -> Self {
        Self {
            key: key.to_owned(),
            title: title.to_owned(),
            summary: summary.to_owned(),
            category: "custom".to_owned(),
            icon: "box".to_owned(),
            input_schema: schemars::schema_for!(I).to_value(),
            output_schema: schemars::schema_for!(O).to_value(),
            blocking: false,
        }
    }

    /// The same, in this category and with this icon.
    #[must_use]
    pub fn shown_as(mut self, category: &str, icon: &str) -> Self {
        category.clone_into(&mut self.category);
        icon.clone_into(&mut self.icon);
        self
    }

    /// The same, but `run` blocks its thread.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.blocking = true;
        self
    }
}

/// How an attempt ended: a closed list. What the engine makes of it is decided by the run's own retry and edges.
#[derive(Clone, Debug)]
pub enum TaskOutcome {
    /// The work is done.
    Succeeded {
        /// What it gave.
        output: Value,
        /// A process's exit code.
        exit_code: Option<i32>,
    },
    /// It is not; [`TaskError::permanent`] if another attempt cannot mend it.
    Failed {
        /// Why.
        error: TaskError,
        /// What it gave all the same.
        output: Option<Value>,
        /// How long to wait at least before another attempt, if who was called asks for that.
        retry_after: Option<Duration>,
    },
    /// It was asked to stop and did.
    Cancelled,
    /// Call again after this pause; no worker is held meanwhile.
    Snoozed(Duration),
}

impl TaskOutcome {
    /// The work is done.
    #[must_use]
    pub fn ok(output: impl Into<Value>) -> Self {
        Self::Succeeded {
            output: output.into(),
            exit_code: None,
        }
    }

    /// It is not.
    #[must_use]
    pub fn failed(kind: &str, message: impl Into<Arc<str>>) -> Self {
        TaskError::new(kind, message).into()
    }
}

impl From<TaskError> for TaskOutcome {
    fn from(error: TaskError) -> Self {
        Self::Failed {
            error,
            output: None,
            retry_after: None,
        }
    }
}

/// Takes an attempt's log lines. Never blocks and never fails: past the limit of the attempt, lines in the middle are left out.
pub trait LogSink: Send + Sync {
    /// Bytes as they came from a stream; whole lines are cut out of them. What is not UTF-8 is replaced.
    fn write(&self, stream: LogStream, bytes: &[u8]);
}

/// What an attempt is given.
pub struct TaskContext {
    /// The run.
    pub run: RunId,
    /// The flow's id.
    pub flow: Arc<str>,
    /// The task run's path.
    pub task: Arc<str>,
    /// From 1.
    pub attempt: u32,
    /// The same in all attempts of the task run: give it to whatever must not act twice.
    pub idempotency_key: String,
    /// The arguments, their expressions evaluated and secrets put in.
    pub input: Arc<Value>,
    /// Where in the arguments the values of secrets stand: what goes to others than it is meant for must leave them out.
    pub secrets: Arc<[SecretUse]>,
    /// What takes those values out of a text.
    pub masker: Option<Masker>,
    /// Cancelled when the attempt shall end by itself (a cancel or its timeout).
    pub cancel: CancellationToken,
    /// Cancelled when it shall end at once.
    pub kill: CancellationToken,
    /// The attempt's log.
    pub log: Arc<dyn LogSink>,
    /// The data folder; files a task writes go below `files/` in it.
    pub data_dir: PathBuf,
    /// Identifies this data folder in the environment of child processes, so that survivors of a crash can be found.
    pub instance: Arc<str>,
    /// How long after the first attempt began this one was given out.
    pub since_first: Duration,
}

impl TaskContext {
    /// The arguments as a type. The error names the field.
    ///
    /// # Errors
    /// If they do not fit: a permanent failure of kind `input`.
    pub fn input<I: DeserializeOwned>(&self) -> Result<I, TaskError> {
        serde_json::from_value(Value::clone(&self.input)).map_err(|error| {
            TaskError::new("input", format!("the arguments do not fit: {error}")).permanent()
        })
    }

    /// A text without the values of secrets. Log, error and output are masked anyway; a text that is cut to a length must be before
    /// that, or the half of a secret that is left is not recognised.
    #[must_use]
    pub fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.masker {
            Some(masker) => masker.text(text),
            None => Cow::Borrowed(text),
        }
    }

    /// Writes a line into the attempt's log.
    pub fn info(&self, line: &str) {
        self.log.write(LogStream::Stdout, format!("{line}\n").as_bytes());
    }
}

/// What a task does.
#[async_trait]
pub trait TaskType: Send + Sync + 'static {
    /// What palette, forms and validation know of it.
    fn info(&self) -> TaskTypeInfo;

    /// Does the work of one attempt. A panic is a failure of kind `panic`. After `cancel` it has
    /// [`flow::limits::TERMINATION_GRACE_MS`] to come to an end; then it is dropped.
    async fn run(&self, ctx: &TaskContext) -> TaskOutcome;
}
