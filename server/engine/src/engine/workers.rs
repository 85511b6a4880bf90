//! Workers in other processes, as their door calls the engine.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use flow::ids::is_slug;
use flow::run::{Command, TaskError};
use flow::validate::{TypeCatalog, check_schema};
use flow::{AttemptToken, Problem, RunId, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Engine;
use crate::chance::{self, SystemChance};
use crate::dispatch::Job;
use crate::dispatch::remote::{Beat, Claim, Taken, Wanted};
use crate::error::{EngineError, EngineResult};
use crate::reports;
use crate::secrets::fill_in;
use crate::secrets::mask::Masker;
#[cfg(test)]
use crate::shard::Planted;
use crate::store::LogStream;
use crate::store::lanes::{DeclaredType, WorkerTokenRow};
use crate::task_type::{LogSink, TaskOutcome};

/// Attempts given out in one call: more are asked for by another.
const LEASES_PER_CALL_MAX: usize = 100;

/// The longest wait of one call: shorter than what proxies cut off.
const LEASE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Queues and types that one worker may name.
const NAMES_PER_WORKER_MAX: usize = 100;

/// Declared types kept at all: a worker with a defect must not fill the database with them.
const DECLARED_MAX: usize = 2_000;

/// Bytes of one declared schema.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// Worker tokens kept at all.
const TOKENS_MAX: usize = 1_000;

/// Characters of a name, a title, a message of progress.
const TEXT_MAX: usize = 500;

/// A new worker token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkerToken {
    /// As lists show it.
    pub token: WorkerToken,
    /// What workers show; it is kept nowhere and cannot be told again.
    pub secret: String,
}

/// A worker token, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerToken {
    /// `wt_…`
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// The queues it is for.
    pub queues: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

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

impl Engine {
    /// Makes a worker token for queues. Its secret is told once.
    ///
    /// # Errors
    /// [`EngineError::Invalid`]; if it cannot be stored.
    pub async fn make_worker_token(&self, name: &str, queues: Vec<String>) -> EngineResult<NewWorkerToken> {
        let mut problems = Vec::new();
        check_text(&mut problems, "name", name);
        check_queues(&mut problems, &queues);
        refuse(problems)?;
        let store = &self.parts.shared.store;
        if store.worker_tokens().await?.len() >= TOKENS_MAX {
            return Err(EngineError::NotNow(format!(
                "there are {TOKENS_MAX} worker tokens, the most there may be; revoke some"
            )));
        }
        let secret = format!(
            "pwt_{:032x}{:032x}",
            chance::word(&SystemChance),
            chance::word(&SystemChance)
        );
        let row = WorkerTokenRow {
            id: format!("wt_{:016x}", chance::word(&SystemChance) as u64),
            hash: hash(&secret),
            name: name.to_owned(),
            queues,
            created_at: self.parts.shared.clock.now(),
        };
        store.put_worker_token(row.clone()).await?;
        info!("Made the worker token {} for {}", row.id, row.queues.join(", "));
        Ok(NewWorkerToken {
            token: shown(row),
            secret,
        })
    }

    /// All worker tokens, without their secrets.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn worker_tokens(&self) -> EngineResult<Vec<WorkerToken>> {
        let rows = self.parts.shared.store.worker_tokens().await?;
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Takes a worker token back: who has it is refused from now on, reports included. False if there is none of this id.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub async fn revoke_worker_token(&self, id: &str) -> EngineResult<bool> {
        Ok(self.parts.shared.store.revoke_worker_token(id).await?)
    }

    /// Forgets that workers of a queue do a type, for types that nobody does any more. False if none has declared it.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub async fn forget_declared_type(&self, queue: &str, key: &str) -> EngineResult<bool> {
        let is_gone = self.parts.shared.store.forget_type(queue, key).await?;
        self.parts.types.forget(queue, key);
        Ok(is_gone)
    }

    /// Gives attempts to a worker, waiting for some if there are none. What it can do is noted first.
    ///
    /// # Errors
    /// [`EngineError::Unauthorized`], [`EngineError::Forbidden`], [`EngineError::Invalid`]; if the store cannot be used.
    pub async fn lease(&self, secret: &str, call: LeaseCall) -> EngineResult<Vec<Leased>> {
        let row = self.worker_of(secret).await?;
        check_call(&call)?;
        if let Some(queue) = call.queues.iter().find(|queue| !row.queues.contains(queue)) {
            return Err(EngineError::Forbidden(format!(
                "this worker token is not for the queue {queue}; it is for {}",
                row.queues.join(", ")
            )));
        }
        self.declare(&call).await?;
        let wanted = Wanted {
            worker: call.worker.as_str().into(),
            credential: row.id.as_str().into(),
            queues: call.queues,
            types: call.types.into_iter().map(|offered| offered.key).collect(),
            n_max: call.n_max,
        };
        let taken = self
            .parts
            .remote
            .work_for(wanted, call.wait.min(LEASE_WAIT_MAX))
            .await;
        if taken.jobs.is_empty() {
            return Ok(Vec::new());
        }
        let (worker, credential, engine) = (call.worker, row.id, self.clone());
        let (answer, answered) = oneshot::channel();
        // From here on it is seen through although the caller may go away; then the attempts go back.
        tokio::spawn(async move {
            let leased = engine.begin_elsewhere(taken, &worker, &credential).await;
            if let Err(Ok(undelivered)) = answer.send(leased) {
                for lease in undelivered {
                    engine.parts.remote.hand_back(lease.token);
                }
            }
        });
        answered
            .await
            .unwrap_or_else(|_| Err(EngineError::Unavailable("the server is going down".to_owned())))
    }

    /// Makes durable that a worker has these attempts, and tells what it needs to know of them.
    async fn begin_elsewhere(
        &self,
        mut taken: Taken,
        worker: &str,
        credential: &str,
    ) -> EngineResult<Vec<Leased>> {
        let rows = taken.jobs.iter().map(|job| job.lease(worker, credential));
        self.parts.remote.note(rows.collect()).await?;
        let mut leased = Vec::with_capacity(taken.jobs.len());
        for job in std::mem::take(&mut taken.jobs) {
            let token = job.dispatch.token;
            let command = Command::AttemptStarted {
                token,
                worker: worker.into(),
            };
            let started = self.parts.router.command(job.run, command, "engine".into()).await;
            match started {
                Ok(()) => {
                    #[cfg(test)]
                    if self.parts.shared.planted == Planted::FreeLeases {
                        self.parts.queues.tell(crate::queues::Ask::Over(token));
                    }
                    leased.extend(self.leased(job).await);
                }
                Err(EngineError::StaleAttempt | EngineError::Finished(_) | EngineError::UnknownRun(_)) => {
                    self.over(token).await;
                }
                Err(error) => {
                    warn!(run.id = %job.run, "An attempt of {} could not be given to worker {worker}: {error}", job.run);
                    self.parts.remote.hand_back(token);
                }
            }
        }
        Ok(leased)
    }

    /// The attempt as its worker is told it, its secrets filled in. None if those cannot be had, which is its failure, or if it was
    /// cancelled meanwhile, which has been told.
    async fn leased(&self, job: Job) -> Option<Leased> {
        let token = job.dispatch.token;
        let (input, masker) = match self.fill_in(&job).await {
            Ok(filled) => filled,
            Err(error) => {
                let failed = TaskOutcome::Failed { error, output: None };
                self.end_unheard(job.run, token, failed).await;
                return None;
            }
        };
        self.parts.remote.begin(token, masker).then(|| Leased {
            token,
            run: job.run,
            flow: job.flow.to_string(),
            task: job.dispatch.path.to_string(),
            task_type: job.dispatch.task_type.to_string(),
            attempt: job.dispatch.attempt,
            queue: job.dispatch.queue.to_string(),
            idempotency_key: job.idempotency_key(),
            input,
            timeout: job.dispatch.timeout,
            lease: self.parts.remote.lease(),
        })
    }

    /// The arguments with the secrets they refer to, and what masks these. Nothing before this holds them.
    async fn fill_in(&self, job: &Job) -> Result<(Arc<Value>, Option<Masker>), TaskError> {
        let uses = &job.dispatch.secrets;
        if uses.is_empty() {
            return Ok((Arc::clone(&job.input), None));
        }
        let types = self.parts.types.all();
        let anything = Value::Bool(true);
        let schema = types.input_schema(&job.dispatch.task_type).unwrap_or(&anything);
        fill_in(&*self.parts.keeper, uses, schema, &job.input).await
    }

    /// Ends an attempt that its worker never hears of.
    async fn end_unheard(&self, run: RunId, token: AttemptToken, outcome: TaskOutcome) {
        let shared = &self.parts.shared;
        let now = shared.clock.now();
        let ended = reports::settle(&self.parts.router, &*shared.blobs, now, (run, token, outcome)).await;
        match ended {
            Err(error @ EngineError::Unavailable(_)) => {
                warn!(run.id = %run, "That an attempt of {run} cannot be made could not be stored: {error}");
                self.parts.remote.hand_back(token);
            }
            // Refused is only what is over by other means.
            Ok(()) | Err(_) => self.over(token).await,
        }
    }

    /// Renews a lease. The answer says whether the attempt is to end.
    ///
    /// # Errors
    /// [`EngineError::Unauthorized`], [`EngineError::Forbidden`] for another's attempt, [`EngineError::StaleAttempt`] if it is over,
    /// [`EngineError::Invalid`].
    pub async fn heartbeat(
        &self,
        secret: &str,
        token: AttemptToken,
        beat: Heartbeat,
    ) -> EngineResult<AttemptBeat> {
        let row = self.worker_of(secret).await?;
        let mut problems = Vec::new();
        if beat
            .progress
            .is_some_and(|progress| !(0.0..=1.0).contains(&progress))
        {
            problems.push(Problem::error("bad_progress", "`progress` is from 0 to 1").at("progress"));
        }
        if let Some(message) = &beat.message {
            check_text(&mut problems, "message", message);
        }
        refuse(problems)?;
        let progress = told_progress(&beat);
        let held = held(self.parts.remote.beat(token, &row.id, progress))?;
        write(&held, &beat.logs);
        Ok(AttemptBeat {
            is_cancelled: held.is_cancelled,
            lease: self.parts.remote.lease(),
        })
    }

    /// Takes a report; answers when it is durable. A second one changes nothing.
    ///
    /// # Errors
    /// As [`Engine::heartbeat`]; [`EngineError::Unavailable`] if it could not be made durable: the same may be said again.
    pub async fn report_attempt(
        &self,
        secret: &str,
        token: AttemptToken,
        report: AttemptReport,
    ) -> EngineResult<()> {
        let row = self.worker_of(secret).await?;
        #[cfg(test)]
        let token = match self.parts.shared.planted {
            Planted::StaleLeases => self.parts.remote.any_of(token, &row.id),
            _ => token,
        };
        let held = held(self.parts.remote.claim(token, &row.id))?;
        write(&held, &report.logs);
        let outcome = match &held.masker {
            Some(masker) => masker.outcome(report.outcome),
            None => report.outcome,
        };
        let outcome = match outcome {
            // What comes of a cancel is the cancel; what was done before it came is done.
            TaskOutcome::Failed { .. } | TaskOutcome::Snoozed(_) if held.is_cancelled => {
                TaskOutcome::Cancelled
            }
            outcome => outcome,
        };
        let shared = &self.parts.shared;
        let now = shared.clock.now();
        let settled = reports::settle(
            &self.parts.router,
            &*shared.blobs,
            now,
            (held.run, token, outcome),
        )
        .await;
        match settled {
            Ok(()) => {
                self.over(token).await;
                Ok(())
            }
            Err(EngineError::StaleAttempt | EngineError::Finished(_) | EngineError::UnknownRun(_)) => {
                self.over(token).await;
                Err(EngineError::StaleAttempt)
            }
            Err(error) => Err(error),
        }
    }

    /// A lease is over: its place in the queue is free.
    async fn over(&self, token: AttemptToken) {
        self.parts.queues.tell(crate::queues::Ask::Over(token));
        self.parts.remote.finish(token).await;
    }

    async fn worker_of(&self, secret: &str) -> EngineResult<WorkerTokenRow> {
        let row = self.parts.shared.store.worker_token(hash(secret)).await?;
        row.ok_or_else(|| {
            EngineError::Unauthorized(
                "there is no such worker token, or it was revoked; POST /api/v1/worker-tokens makes one"
                    .to_owned(),
            )
        })
    }

    async fn declare(&self, call: &LeaseCall) -> EngineResult<()> {
        let now = self.parts.shared.clock.now();
        let declared = call.queues.iter().flat_map(|queue| {
            call.types.iter().map(move |offered| DeclaredType {
                queue: queue.clone(),
                key: offered.key.clone(),
                title: offered.title.clone().unwrap_or_else(|| offered.key.clone()),
                summary: offered.summary.clone().unwrap_or_default(),
                input_schema: offered.input_schema.clone().unwrap_or(Value::Bool(true)),
                output_schema: offered.output_schema.clone().unwrap_or(Value::Bool(true)),
                declared_at: now,
            })
        });
        let new = self.parts.types.new_among(declared.collect());
        if new.is_empty() {
            return Ok(());
        }
        if self.parts.types.n_declared() + new.len() > DECLARED_MAX {
            return Err(EngineError::NotNow(format!(
                "{DECLARED_MAX} task types of workers are known, the most there may be; forget some"
            )));
        }
        self.parts.shared.store.declare_types(new.clone()).await?;
        for declared in &new {
            info!(
                "Worker {} of {} does {}",
                call.worker, declared.queue, declared.key
            );
        }
        self.parts.types.declare(new);
        Ok(())
    }
}

fn shown(row: WorkerTokenRow) -> WorkerToken {
    WorkerToken {
        id: row.id,
        name: row.name,
        queues: row.queues,
        created_at: row.created_at,
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn held(claim: Claim<Beat>) -> EngineResult<Beat> {
    match claim {
        Claim::Held(beat) => Ok(beat),
        Claim::Foreign => Err(EngineError::Forbidden(
            "the attempt was given to the holder of another worker token".to_owned(),
        )),
        Claim::Over => Err(EngineError::StaleAttempt),
    }
}

fn write(held: &Beat, lines: &[LogLine]) {
    for line in lines {
        let stream = if line.is_error {
            LogStream::Stderr
        } else {
            LogStream::Stdout
        };
        // No form of a secret has a line break in it, so each line can be masked by itself.
        let text = held
            .masker
            .as_ref()
            .map_or(Cow::Borrowed(&*line.text), |masker| masker.text(&line.text));
        held.log.write(stream, format!("{text}\n").as_bytes());
    }
}

fn told_progress(beat: &Heartbeat) -> Option<String> {
    let percent = beat.progress.map(|progress| format!("{:.0} %", progress * 100.0));
    let told: Vec<String> = percent.into_iter().chain(beat.message.clone()).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn refuse(problems: Vec<Problem>) -> EngineResult<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Invalid(problems))
    }
}

fn check_text(problems: &mut Vec<Problem>, field: &str, text: &str) {
    if text.trim().is_empty() || text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
        let message = format!("`{field}` is a text of one line, not empty, of at most {TEXT_MAX} characters");
        problems.push(Problem::error("bad_text", message).at(field));
    }
}

fn check_queues(problems: &mut Vec<Problem>, queues: &[String]) {
    if queues.is_empty() || queues.len() > NAMES_PER_WORKER_MAX {
        let message = format!("name from 1 to {NAMES_PER_WORKER_MAX} queues");
        problems.push(Problem::error("bad_queues", message).at("queues"));
    }
    for (at, queue) in queues.iter().enumerate().filter(|(_, queue)| !is_slug(queue)) {
        let shown: String = queue.chars().take(80).collect();
        let message = format!("`{}` cannot be a queue's name", shown.escape_debug());
        problems.push(Problem::error("bad_queue", message).at(format!("queues[{at}]")));
    }
}

fn check_call(call: &LeaseCall) -> EngineResult<()> {
    let mut problems = Vec::new();
    check_text(&mut problems, "worker", &call.worker);
    if call.worker == "local" {
        let message = "`local` is what this server's own workers are called";
        problems.push(Problem::error("bad_text", message).at("worker"));
    }
    check_queues(&mut problems, &call.queues);
    if !(1..=LEASES_PER_CALL_MAX).contains(&call.n_max) {
        let message = format!("`max` is from 1 to {LEASES_PER_CALL_MAX}");
        problems.push(Problem::error("bad_max", message).at("max"));
    }
    if call.types.is_empty() || call.types.len() > NAMES_PER_WORKER_MAX {
        let message = format!("name from 1 to {NAMES_PER_WORKER_MAX} task types");
        problems.push(Problem::error("bad_types", message).at("types"));
    }
    for (at, offered) in call.types.iter().enumerate() {
        check_type(&mut problems, &format!("types[{at}]"), offered);
    }
    refuse(problems)
}

fn check_type(problems: &mut Vec<Problem>, path: &str, offered: &OfferedType) {
    let is_key = offered.key.len() <= flow::limits::ID_BYTES_MAX && offered.key.split('.').all(is_slug);
    if !is_key {
        let message = "a type's key is words of lower case letters, digits, `-` and `_` with dots between them, at most 64 long";
        problems.push(Problem::error("bad_type", message).at(format!("{path}.key")));
    }
    for (field, text) in [("title", &offered.title), ("summary", &offered.summary)] {
        if let Some(text) = text {
            check_text(problems, &format!("{path}.{field}"), text);
        }
    }
    for (field, schema) in [
        ("input_schema", &offered.input_schema),
        ("output_schema", &offered.output_schema),
    ] {
        let Some(schema) = schema else { continue };
        let wrong = if crate::dispatch::exceeds(schema, SCHEMA_BYTES_MAX) {
            Some(format!("a schema has at most {} KiB", SCHEMA_BYTES_MAX / 1024))
        } else {
            check_schema(schema)
                .err()
                .map(|error| format!("this is no JSON Schema: {error}"))
        };
        if let Some(message) = wrong {
            problems.push(Problem::error("bad_schema", message).at(format!("{path}.{field}")));
        }
    }
}
