//! Why the engine did not do as asked.

use flow::{Problem, RunId};

use crate::store::StoreError;

/// Why the engine did not do as asked: what happened, where, what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// No flow of that id, or no such version of it.
    #[error("there is no flow {0}")]
    UnknownFlow(String),
    /// No run of that id.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// The run has no task run of that path.
    #[error("run {run} has no task {task}")]
    UnknownTask {
        /// The run.
        run: RunId,
        /// The path.
        task: String,
    },
    /// The flow's newest version has no schedule of that name.
    #[error("flow {flow} has no schedule {name}")]
    UnknownSchedule {
        /// The flow.
        flow: String,
        /// The name.
        name: String,
    },
    /// The flow's newest version has no webhook of that name, or there is no such flow.
    #[error("flow {flow} has no webhook {name}")]
    UnknownWebhook {
        /// The flow.
        flow: String,
        /// The name.
        name: String,
    },
    /// No secret of that name.
    #[error("there is no secret {0}")]
    UnknownSecret(String),
    /// No variable of that name.
    #[error("there is no variable {0}")]
    UnknownVariable(String),
    /// No view of that name.
    #[error("there is no view {0}")]
    UnknownView(String),
    /// No command to many runs of that id, or it has been forgotten.
    #[error("there is no command {0}; those that are done are forgotten after a week")]
    UnknownBulk(String),
    /// The flow takes no new runs.
    #[error("flow {0} is archived and takes no new runs; save it again to bring it back")]
    Archived(String),
    /// The document or the inputs are not right; all problems are told.
    #[error("{}", summary_of(.0))]
    Invalid(Vec<Problem>),
    /// Somebody saved another version since.
    #[error("flow {flow} is at version {current}, not {expected}: load it again and repeat the change")]
    VersionConflict {
        /// The flow.
        flow: String,
        /// What the caller edited.
        expected: u32,
        /// What is newest.
        current: u32,
    },
    /// The run has ended already.
    #[error("run {0} is finished; nothing can change it any more")]
    Finished(RunId),
    /// The key belongs to a run with other inputs.
    #[error("the idempotency key belongs to {0}, which was started with other inputs")]
    KeyReused(RunId),
    /// More is asked than can be taken in.
    #[error("the engine has {0} starts in hand; try again in a moment")]
    Overloaded(usize),
    /// The report is about an attempt that is over, or that there never was.
    #[error("the attempt is over, or there never was one of this token; nothing was changed")]
    StaleAttempt,
    /// Nobody is known who asks like this.
    #[error("{0}")]
    Unauthorized(String),
    /// Who asks is known, and may not.
    #[error("{0}")]
    Forbidden(String),
    /// The database cannot be used right now, or the server is going down.
    #[error("{0}")]
    Unavailable(String),
    /// What is asked does not fit the state of the run.
    #[error("{0}")]
    NotNow(String),
    /// An answer that does not fit its form; all that is wrong with it is told.
    #[error("the answer does not fit the form: {}", .0.join("; "))]
    BadAnswer(Vec<String>),
    /// A position in a list that no page of it gave.
    #[error("{0}")]
    BadCursor(String),
    /// A filter or position that is not one.
    #[error("{0}")]
    BadRequest(String),
}

/// What lies behind an error, from what is next to it to what is behind all.
pub(crate) fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}

impl EngineError {
    /// Whether the same may be asked again later with another answer, as nothing is wrong with what was asked.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Overloaded(_) | Self::Unavailable(_))
    }

    pub(crate) fn bad_cursor(cursor: &str) -> Self {
        Self::BadCursor(StoreError::BadCursor(cursor.to_owned()).to_string())
    }
}

fn summary_of(problems: &[Problem]) -> String {
    match problems {
        [] => "the document has problems".to_owned(),
        [one] => one.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::VersionConflict { expected, current } => Self::VersionConflict {
                flow: String::new(),
                expected,
                current,
            },
            StoreError::BadCursor(cursor) => Self::bad_cursor(&cursor),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// The engine's answer.
pub type EngineResult<T> = Result<T, EngineError>;
