//! Starting runs and waiting for their end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::run::NewRun;
use flow::view::RunDetail;
use flow::{Payload, RunId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::Engine;
use crate::error::{EngineError, EngineResult};
use crate::reports;
use crate::shard::{Accepted, Start};
use crate::store::Idempotency;

/// A run to be started.
#[derive(Clone, Debug)]
pub struct StartRun {
    /// The flow's id.
    pub flow: String,
    /// A version of it; the newest unless named.
    pub version: Option<u32>,
    /// What it is given: a JSON object, or null for nothing.
    pub inputs: Value,
    /// Labels beside the flow's own.
    pub labels: BTreeMap<String, String>,
    /// The same key finds the same run.
    pub idempotency_key: Option<String>,
    /// What starts it: `api`, `ui`, `cli` …
    pub trigger: String,
    /// How urgent it is, from -100 to 100; as the flow says unless given.
    pub priority: Option<i32>,
    /// On whose behalf.
    pub actor: String,
}

impl StartRun {
    /// The newest version of a flow, given nothing.
    #[must_use]
    pub fn of(flow: &str) -> Self {
        Self {
            flow: flow.to_owned(),
            version: None,
            inputs: Value::Null,
            labels: BTreeMap::new(),
            idempotency_key: None,
            trigger: "api".to_owned(),
            priority: None,
            actor: "local".to_owned(),
        }
    }
}

impl Engine {
    /// Starts a run; answers once its start is durable.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`], [`EngineError::Archived`], [`EngineError::Invalid`] for inputs that do not fit,
    /// [`EngineError::KeyReused`], [`EngineError::Overloaded`], [`EngineError::Unavailable`].
    pub async fn start_run(&self, start: StartRun) -> EngineResult<RunId> {
        self.begin(start, None).await
    }

    /// Starts a run and waits for its end, at most this long. `None` if it is still at work then.
    ///
    /// # Errors
    /// As [`Engine::start_run`].
    pub async fn start_and_wait(
        &self,
        start: StartRun,
        at_most: Duration,
    ) -> EngineResult<(RunId, Option<Arc<RunDetail>>)> {
        let deadline = tokio::time::Instant::now() + at_most;
        let (ended, end) = oneshot::channel();
        let run = self.begin(start, Some(ended)).await?;
        match tokio::time::timeout_at(deadline, end).await {
            Ok(Ok(detail)) => Ok((run, Some(detail))),
            // The run existed already, or left memory: ask for its end.
            Ok(Err(_)) => Ok((run, self.wait_until(run, deadline).await?)),
            Err(_) => Ok((run, None)),
        }
    }

    async fn begin(
        &self,
        start: StartRun,
        ended: Option<oneshot::Sender<Arc<RunDetail>>>,
    ) -> EngineResult<RunId> {
        let parts = &self.parts;
        let max = flow::limits::PRIORITY_MAX;
        if let Some(priority) = start.priority.filter(|priority| !(-max..=max).contains(priority)) {
            let message = format!("a priority is from -{max} to {max}, not {priority}");
            let problem = flow::Problem::error("bad_priority", message).at("priority");
            return Err(EngineError::Invalid(vec![problem]));
        }
        let compiled = parts.shared.flows.to_start(&start.flow, start.version).await?;
        let inputs = flow::inputs::resolve(compiled.doc(), start.inputs).map_err(EngineError::Invalid)?;
        let key = start.idempotency_key;
        let idempotency = key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            inputs_hash: hash(&inputs),
        });
        if let Some(wanted) = &idempotency
            && let Some((run, inputs_hash)) = parts.shared.store.run_by_key(&start.flow, &wanted.key).await?
        {
            return existing(run, inputs_hash, wanted);
        }
        let (inputs, blob) = Payload::keep(inputs);
        if let Some(new) = blob {
            parts
                .shared
                .blobs
                .put(
                    parts.shared.clock.now(),
                    vec![(new.blob, bytes::Bytes::from_owner(new.json))],
                )
                .await?;
        }
        let id = RunId::new(parts.shared.clock.now(), reports::random());
        let version = compiled.version;
        let new = NewRun {
            id,
            version,
            inputs,
            labels: start.labels,
            trigger: start.trigger.into(),
            idempotency_key: key,
            parent: None,
            fork: None,
            priority: start.priority,
        };
        let wanted = idempotency.clone();
        let actor = start.actor.into();
        let accepted = parts
            .router
            .start(|accepted| Start {
                compiled,
                new,
                actor,
                idempotency,
                accepted,
                ended,
            })
            .await?;
        match (accepted, wanted) {
            (Accepted::Existing { run, inputs_hash }, Some(wanted)) => existing(run, inputs_hash, &wanted),
            _ => Ok(id),
        }
    }

    /// Waits for a run's end, at most this long. `None` if it is still at work then.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`].
    pub async fn wait(&self, run: RunId, at_most: Duration) -> EngineResult<Option<Arc<RunDetail>>> {
        self.wait_until(run, tokio::time::Instant::now() + at_most).await
    }

    async fn wait_until(
        &self,
        run: RunId,
        deadline: tokio::time::Instant,
    ) -> EngineResult<Option<Arc<RunDetail>>> {
        let mut hints = self.watch_run(run);
        loop {
            // Register before looking, or an end in between is missed.
            hints.mark_unchanged();
            if self.run_summary(run).await?.state.is_final() {
                return Ok(Some(Arc::new(self.run(run).await?)));
            }
            if tokio::time::timeout_at(deadline, hints.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }
}

fn existing(run: RunId, inputs_hash: u64, wanted: &Idempotency) -> EngineResult<RunId> {
    if inputs_hash == wanted.inputs_hash {
        Ok(run)
    } else {
        Err(EngineError::KeyReused(run))
    }
}

fn hash(inputs: &Value) -> u64 {
    // Kept in the database, so it must be the same in every build for ever.
    let digest = Sha256::digest(inputs.to_string().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first) >> 1
}
