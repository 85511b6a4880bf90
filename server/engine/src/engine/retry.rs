//! Runs made from others: what need not run again is taken from them.

use std::sync::Arc;

use flow::run::event::ForkedFrom;
use flow::run::fork::{BadStart, ForkPlan, Forking};
use flow::run::{Fork, RunState};
use flow::view::{RetryView, WillRunView};
use flow::{Payload, RunId};
use serde_json::{Map, Value};

use super::start::Beginning;
use super::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;

/// A run to be made from another.
#[derive(Clone, Debug)]
pub struct RetryRun {
    /// The other run; it has ended.
    pub run: RunId,
    /// The path of the task from which on all runs again; without one, what had not succeeded does.
    pub from: Option<String>,
    /// What the new run is given; the same unless named.
    pub inputs: Option<Value>,
    /// Its version of the flow; the same unless named.
    pub version: Option<u32>,
    /// On whose behalf.
    pub actor: String,
}

/// What is needed to make it.
struct Prepared {
    old: Arc<RunState>,
    compiled: Arc<Compiled>,
    inputs: Value,
    vars: Map<String, Value>,
    plan: ForkPlan,
}

impl Engine {
    /// Says which tasks would run again, and which would keep their results.
    ///
    /// # Errors
    /// As [`Engine::retry_run`].
    pub async fn plan_retry(&self, retry: &RetryRun) -> EngineResult<RetryView> {
        let Prepared { compiled, plan, .. } = self.prepare(retry).await?;
        Ok(RetryView {
            version: compiled.version,
            runs: plan
                .runs
                .iter()
                .map(|task| WillRunView {
                    task: task.path.to_string(),
                    why: task.why.to_string(),
                    n_items_reused: task.n_items_reused,
                })
                .collect(),
            reused: plan.reused.iter().map(|task| task.path.to_string()).collect(),
        })
    }

    /// Starts a run that takes from another what holds there as well. The new run needs nothing of the old one.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::NotNow`] if it has not ended; [`EngineError::BadRequest`] if nothing can start from
    /// that task; else as [`Engine::start_run`].
    pub async fn retry_run(&self, retry: RetryRun) -> EngineResult<RunId> {
        let Prepared {
            old,
            compiled,
            inputs,
            vars,
            plan,
        } = self.prepare(&retry).await?;
        for reused in &plan.reused {
            self.put_again(&reused.output).await?;
        }
        let fork = Fork {
            from: ForkedFrom {
                run: retry.run,
                task: retry.from.map(Into::into),
            },
            reused: plan.reused,
        };
        let start = StartRun {
            version: Some(compiled.version),
            inputs,
            labels: old.summary().labels,
            trigger: "retry".to_owned(),
            actor: retry.actor,
            ..StartRun::of(old.flow())
        };
        let beginning = Beginning {
            fork: Some(Box::new(fork)),
            vars: Some(vars),
            ..Beginning::default()
        };
        self.begin(start, beginning).await
    }

    async fn prepare(&self, retry: &RetryRun) -> EngineResult<Prepared> {
        let old = self.state(retry.run).await?;
        if !old.is_finished() {
            return Err(EngineError::NotNow(format!(
                "run {} is still at work; wait for its end or cancel it first",
                retry.run
            )));
        }
        let version = retry.version.unwrap_or_else(|| old.summary().version);
        let compiled = self
            .parts
            .shared
            .flows
            .to_start(old.flow(), Some(version))
            .await?;
        let blobs = &*self.parts.shared.blobs;
        let old_inputs = crate::shard::read_payload(blobs, old.inputs()).await?;
        let inputs = match &retry.inputs {
            Some(given) => given.clone(),
            None => (*old_inputs).clone(),
        };
        let inputs = flow::inputs::resolve(compiled.doc(), inputs).map_err(EngineError::Invalid)?;
        let vars = self.parts.variables.named_by(&compiled.program).await?;
        let forking = Forking {
            old: &old,
            old_inputs: &old_inputs,
            plan: &compiled.plan,
            program: &compiled.program,
            inputs: &inputs,
            vars: &vars,
        };
        let plan = forking.plan(retry.from.as_deref()).map_err(|error| match error {
            BadStart::NoSuchTask(task) => EngineError::UnknownTask { run: retry.run, task },
            other => EngineError::BadRequest(other.to_string()),
        })?;
        Ok(Prepared {
            old,
            compiled,
            inputs,
            vars,
            plan,
        })
    }

    /// Puts a large value again for the run that will name it: the one that had put it may be gone by then.
    pub(crate) async fn put_again(&self, payload: &Payload) -> EngineResult<()> {
        let Payload::Blob(blob) = payload else {
            return Ok(());
        };
        let shared = &self.parts.shared;
        let bytes = shared.blobs.get(blob).await?.ok_or_else(|| {
            EngineError::Unavailable(format!(
                "the value {} is missing from the blob store",
                blob.sha256
            ))
        })?;
        Ok(shared
            .blobs
            .put(shared.clock.now(), vec![(blob.clone(), bytes)])
            .await?)
    }
}
