//! What is kept of workers in other processes, of queues, and of results that hold again.

use async_trait::async_trait;
use flow::{AttemptToken, Payload, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreResult;

/// The right to ask for the work of some queues. The secret itself is shown once and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerTokenRow {
    /// Names it in lists: `wt_…`
    pub id: String,
    /// SHA-256 of the secret. The secret is 256 random bits, so nothing slower is needed.
    pub hash: [u8; 32],
    /// What its maker calls it.
    pub name: String,
    /// The queues it is for.
    pub queues: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A task type that workers of a queue have said they can do.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredType {
    /// The queue.
    pub queue: String,
    /// Its key.
    pub key: String,
    /// Its name.
    pub title: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// JSON Schema of `with`.
    pub input_schema: Value,
    /// JSON Schema of its output.
    pub output_schema: Value,
    /// When it was declared as it is.
    pub declared_at: Timestamp,
}

/// An attempt that a worker in another process has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRow {
    /// The attempt.
    pub token: AttemptToken,
    /// Its run.
    pub run: RunId,
    /// The task run's path.
    pub task: String,
    /// From 1.
    pub attempt: u32,
    /// The queue whose limits it counts for.
    pub queue: String,
    /// Whose share of the queue it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_key: Option<String>,
    /// Who has it.
    pub worker: String,
    /// The worker token it was asked for with: only who has that may report on it.
    pub credential: String,
    /// Whether its work may not be begun again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most_once: bool,
    /// The names of the secrets it was given: what its worker reports is masked, by the next server too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// A result of a task run that later, equal ones take.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptResult {
    /// What tells equal task runs: 64 hexadecimal digits.
    pub key: String,
    /// The run that made it.
    pub run: RunId,
    /// The task run's path there.
    pub task: String,
    /// What it gave.
    pub output: Payload,
    /// A process's exit code.
    pub exit_code: Option<i32>,
    /// When it was kept.
    pub at: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

/// Where this is kept; the same database as runs, and the same promises: each verb is one transaction.
#[async_trait]
pub trait LaneStore: Send + Sync + 'static {
    /// Keeps a worker token.
    async fn put_worker_token(&self, token: WorkerTokenRow) -> StoreResult<()>;

    /// The worker token whose secret has this hash. What is compared are hashes of random bits: how long it takes tells nothing of them.
    async fn worker_token(&self, hash: [u8; 32]) -> StoreResult<Option<WorkerTokenRow>>;

    /// All worker tokens, oldest first.
    async fn worker_tokens(&self) -> StoreResult<Vec<WorkerTokenRow>>;

    /// Takes a worker token back. False if there is none of this id.
    async fn revoke_worker_token(&self, id: &str) -> StoreResult<bool>;

    /// Notes what workers of a queue can do; what they said of the same type before is replaced.
    async fn declare_types(&self, types: Vec<DeclaredType>) -> StoreResult<()>;

    /// All declared types, by key and queue.
    async fn declared_types(&self) -> StoreResult<Vec<DeclaredType>>;

    /// Forgets a declared type of a queue. False if there is none.
    async fn forget_type(&self, queue: &str, key: &str) -> StoreResult<bool>;

    /// Notes who has these attempts; what was noted of them before is replaced.
    async fn put_leases(&self, leases: Vec<LeaseRow>) -> StoreResult<()>;

    /// All attempts that workers in other processes have.
    async fn leases(&self) -> StoreResult<Vec<LeaseRow>>;

    /// Nobody has these attempts any more.
    async fn drop_leases(&self, tokens: Vec<AttemptToken>) -> StoreResult<()>;

    /// What was set for each queue, as JSON, by name.
    async fn queues(&self) -> StoreResult<Vec<(String, String)>>;

    /// Sets what holds for a queue, or forgets what was set.
    async fn put_queue(&self, name: &str, limits: Option<String>) -> StoreResult<()>;

    /// Until when the rate of each queue and key is used up, as last noted.
    async fn rate_marks(&self) -> StoreResult<Vec<(String, Option<String>, Timestamp)>>;

    /// Notes until when the rate of a queue, or of a key of it, is used up.
    async fn mark_rate(&self, queue: &str, key: Option<&str>, until: Timestamp) -> StoreResult<()>;

    /// Keeps a result; an earlier one of the same key is replaced.
    async fn keep_result(&self, result: KeptResult) -> StoreResult<()>;

    /// The result under this key that holds at `now`.
    async fn kept_result(&self, key: &str, now: Timestamp) -> StoreResult<Option<KeptResult>>;

    /// Forgets about `limit` of the results that no longer hold, and marks of rates that are over, and answers how many.
    async fn forget_outdated(&self, now: Timestamp, limit: usize) -> StoreResult<u64>;
}
