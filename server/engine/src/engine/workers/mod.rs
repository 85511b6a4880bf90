//! Workers in other processes, as their door calls the engine.

mod calls;
mod checks;
mod tokens;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use flow::run::{Command, TaskError};
use flow::validate::{TypeCatalog, check_fit};
use flow::{AttemptToken, Problem, RunId};
use serde_json::Value;
use tokio::sync::oneshot;
use tracing::{info, warn};

use self::checks::{check_call, check_text, refuse};
use super::Engine;
use crate::dispatch::Job;
use crate::dispatch::remote::{Beat, Claim, Taken, Wanted};
use crate::error::{EngineError, EngineResult};
use crate::reports;
use crate::secrets::fill_in;
use crate::secrets::mask::Masker;
#[cfg(test)]
use crate::shard::Planted;
use crate::store::LogStream;
use crate::store::lanes::DeclaredType;
use crate::task_type::{LogSink, TaskOutcome};

pub use self::calls::{AttemptBeat, AttemptReport, Heartbeat, LeaseCall, Leased, LogLine, OfferedType};
pub use self::tokens::{NewWorkerToken, WorkerToken};

/// The longest wait of one call: shorter than what proxies cut off.
const LEASE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Declared types kept at all: a worker with a defect must not fill the database with them.
const DECLARED_MAX: usize = 2_000;

impl Engine {
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
                let failed = TaskOutcome::from(error);
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
        let types = self.parts.types.all();
        let anything = Value::Bool(true);
        let schema = types.input_schema(&job.dispatch.task_type).unwrap_or(&anything);
        if uses.is_empty() {
            // What expressions have made of the arguments nobody has seen before.
            check_fit(schema, &job.input).map_err(|misfit| {
                let message = format!("its arguments do not fit what its type takes: {misfit}");
                TaskError::new("input", message).permanent()
            })?;
            return Ok((Arc::clone(&job.input), None));
        }
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
            outcome => self.fitting(&held, outcome).await?,
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

    /// What was given, if it is what the type says it gives; the next tasks count on that.
    async fn fitting(&self, held: &Beat, outcome: TaskOutcome) -> EngineResult<TaskOutcome> {
        let TaskOutcome::Succeeded { output, .. } = &outcome else {
            return Ok(outcome);
        };
        let state = match self.state(held.run).await {
            Ok(state) => state,
            // Whoever settles the attempt will say so.
            Err(EngineError::UnknownRun(_)) => return Ok(outcome),
            Err(error) => return Err(error),
        };
        let types = self.parts.types.all();
        let spot = state.plan().spot(&held.task);
        let task_type = spot.map(|spot| &*state.plan().task(spot.task).doc.task_type);
        let schema = task_type
            .and_then(|task_type| types.info(task_type))
            .map(|info| &info.output_schema);
        Ok(match schema.map_or(Ok(()), |schema| check_fit(schema, output)) {
            Ok(()) => outcome,
            Err(misfit) => {
                let message = format!("what its worker gave does not fit what its type gives: {misfit}");
                TaskError::new("output", message).permanent().into()
            }
        })
    }

    /// A lease is over: its place in the queue is free.
    async fn over(&self, token: AttemptToken) {
        self.parts.queues.tell(crate::queues::Ask::Over(token));
        self.parts.remote.finish(token).await;
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
