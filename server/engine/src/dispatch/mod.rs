//! Giving attempts to workers.
//!
//! [`Dispatch`] is the seam: work goes out, reports come in. A dispatch is a hint and the log is the truth, so submitting the
//! same attempt twice, or cancelling one that is over, is harmless. [`LocalPool`] does the work in this process.

mod attempt;
mod pool;
pub mod remote;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow::{AttemptToken, RunId, Timestamp};
use serde_json::Value;

use crate::store::lanes::LeaseRow;
use crate::task_type::TaskOutcome;

pub(crate) use attempt::exceeds;
pub use pool::{LocalPool, PoolOptions};
pub use remote::RemotePool;

/// An attempt to be made.
#[derive(Clone, Debug)]
pub struct Job {
    /// The run.
    pub run: RunId,
    /// The flow's id.
    pub flow: Arc<str>,
    /// What the run decided.
    pub dispatch: flow::run::command::Dispatch,
    /// Its arguments: `dispatch.input`, loaded if it was a blob, with references to secrets as they are.
    pub input: Arc<Value>,
}

impl Job {
    /// The task run's, so it is the same in all attempts.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.run, self.dispatch.path)
    }

    /// That a worker elsewhere has it, who showed this token.
    pub(crate) fn lease(&self, worker: &str, credential: &str) -> LeaseRow {
        let dispatch = &self.dispatch;
        LeaseRow {
            token: dispatch.token,
            run: self.run,
            task: dispatch.path.to_string(),
            attempt: dispatch.attempt,
            queue: dispatch.queue.to_string(),
            queue_key: dispatch.queue_key.as_deref().map(str::to_owned),
            worker: worker.to_owned(),
            credential: credential.to_owned(),
            at_most_once: dispatch.at_most_once,
            secrets: self.names_of_secrets(),
        }
    }

    /// The names of the secrets its arguments refer to.
    fn names_of_secrets(&self) -> Vec<String> {
        let names = self.dispatch.secrets.iter().map(|found| &*found.name);
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

/// What a worker has to say.
#[derive(Clone, Debug)]
pub enum Report {
    /// An attempt left the queue. If it is to be made at most once, its work begins after [`Dispatch::confirm_started`].
    Started {
        /// The run.
        run: RunId,
        /// The attempt.
        token: AttemptToken,
    },
    /// It ended.
    Ended {
        /// The run.
        run: RunId,
        /// The attempt.
        token: AttemptToken,
        /// How.
        outcome: TaskOutcome,
    },
    /// Its worker is gone with it.
    Lost {
        /// The run.
        run: RunId,
        /// The attempt.
        token: AttemptToken,
    },
    /// Somebody has become free: what was offered in vain may be offered again.
    Free,
    /// It had begun and was stopped for the shutdown, or had not and was recalled: its work is to be made again, and that is nobody's
    /// failure.
    HandedBack {
        /// The run.
        run: RunId,
        /// The attempt.
        token: AttemptToken,
        /// Whether it may not be made again.
        at_most_once: bool,
    },
}

/// Takes reports. It is called from any thread, also from inside [`Dispatch`]'s own calls, and must neither block nor fail.
pub type ReportTo = Arc<dyn Fn(Report) + Send + Sync>;

/// Work out, reports in. Jobs begin in the order in which they were submitted.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// Takes a job. One whose token is known already, or that comes after the shutdown, is ignored.
    fn submit(&self, job: Job);

    /// Takes a job if somebody is free to begin it, and gives it back if not. [`Report::Free`] tells when to try again.
    fn offer(&self, job: Job) -> Option<Job>;

    /// Who there is to make attempts of this type in this queue, none of whom is free.
    fn presence(&self, _queue: &str, _task_type: &str) -> Presence {
        Presence::Busy { workers: Vec::new() }
    }

    /// Asks an attempt to end, at once if `kill`. One still in the queue ends without having begun.
    fn cancel(&self, token: AttemptToken, kill: bool);

    /// Has an attempt back unless somebody has begun it: it is reported as handed back, also if nobody has heard of it.
    fn recall(&self, run: RunId, token: AttemptToken);

    /// The start of an attempt that is to be made at most once is durable: its work may begin.
    fn confirm_started(&self, token: AttemptToken);

    /// How much there is to do.
    fn load(&self) -> Load;

    /// Takes no more jobs and lets running ones finish for this long. Those left are stopped and reported as
    /// handed back; the ones in the queue are not reported at all. The next start gives both out again. Answers how many these were.
    async fn shutdown(&self, finish: Duration) -> usize;
}

/// Who there is to make attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Some, and they are at work.
    Busy {
        /// Some of their names.
        workers: Vec<String>,
    },
    /// Some of that queue, but they do not do that type.
    OtherTypes {
        /// When one that does was there last, or since when it is known that there is none.
        since: Timestamp,
    },
    /// None of that queue.
    None {
        /// When one was there last, if one has been since the start.
        since: Option<Timestamp>,
    },
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many attempts may be made at once.
    pub workers: usize,
    /// How many are made now.
    pub running: usize,
    /// How many wait for a worker.
    pub queued: usize,
    /// Threads whose attempt was given up because it did not end; they may still be at work.
    pub abandoned: usize,
}
