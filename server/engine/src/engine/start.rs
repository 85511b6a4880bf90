//! Starting runs and waiting for their end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::expr::{RunFacts, Scope};
use flow::gate::Permit;
use flow::run::{FollowedRun, Fork, NewRun, ParentRun};
use flow::validate::check_priority;
use flow::view::RunDetail;
use flow::{Problem, RunId};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::Engine;
use crate::chance;
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;
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

/// What else there may be to a start.
#[derive(Default)]
pub(super) struct Beginning {
    /// The task of another run that asks for it.
    pub(super) parent: Option<Box<ParentRun>>,
    /// What it takes from another run.
    pub(super) fork: Option<Box<Fork>>,
    /// The variables it starts with; as they are now if nothing is said.
    pub(super) vars: Option<Map<String, Value>>,
    /// The run whose end starts it.
    pub(super) follows: Option<Box<FollowedRun>>,
    /// Told once the run has ended.
    pub(super) ended: Option<oneshot::Sender<Arc<RunDetail>>>,
}

impl Engine {
    /// Starts a run; answers once its start is durable.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`], [`EngineError::Archived`], [`EngineError::Invalid`] for inputs that do not fit,
    /// [`EngineError::KeyReused`], [`EngineError::Overloaded`], [`EngineError::Unavailable`].
    pub async fn start_run(&self, start: StartRun) -> EngineResult<RunId> {
        self.begin(start, Beginning::default()).await
    }

    /// Starts a run for a task of another.
    ///
    /// # Errors
    /// As [`Engine::start_run`].
    pub(crate) async fn start_child_run(&self, start: StartRun, parent: ParentRun) -> EngineResult<RunId> {
        let parent = Some(Box::new(parent));
        self.begin(
            start,
            Beginning {
                parent,
                ..Beginning::default()
            },
        )
        .await
    }

    /// Starts a run because another has ended.
    ///
    /// # Errors
    /// As [`Engine::start_run`].
    pub(crate) async fn start_following(&self, start: StartRun, follows: FollowedRun) -> EngineResult<RunId> {
        let follows = Some(Box::new(follows));
        self.begin(
            start,
            Beginning {
                follows,
                ..Beginning::default()
            },
        )
        .await
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
        let beginning = Beginning {
            ended: Some(ended),
            ..Beginning::default()
        };
        let run = self.begin(start, beginning).await?;
        match tokio::time::timeout_at(deadline, end).await {
            Ok(Ok(detail)) => Ok((run, Some(detail))),
            // The run existed already, or left memory: ask for its end.
            Ok(Err(_)) => Ok((run, self.wait_until(run, deadline).await?)),
            Err(_) => Ok((run, None)),
        }
    }

    pub(super) async fn begin(&self, start: StartRun, beginning: Beginning) -> EngineResult<RunId> {
        let Beginning {
            parent,
            fork,
            vars,
            follows,
            ended,
        } = beginning;
        let parts = &self.parts;
        if let Some(Err(message)) = start.priority.map(check_priority) {
            let problem = Problem::error("bad_priority", message).at("priority");
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
        let vars = match vars {
            Some(vars) => vars,
            None => parts.variables.named_by(&compiled.program).await?,
        };
        let permit = permit_of(&compiled, &inputs, &vars)?;
        let inputs = self.keep(inputs).await?;
        let id = RunId::new(parts.shared.clock.now(), chance::word(&*parts.shared.chance));
        let version = compiled.version;
        if flow::trial::is_trial(version) {
            // Before there is a run of it: the document would go otherwise.
            let (store, now) = (&parts.shared.store, parts.shared.clock.now());
            store.note_trial_run(&start.flow, version, id, now).await?;
        }
        let new = NewRun {
            id,
            version,
            inputs,
            vars,
            labels: start.labels,
            trigger: start.trigger.into(),
            idempotency_key: key,
            parent,
            fork,
            permit,
            follows,
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

/// What a run needs before it begins.
fn permit_of(
    compiled: &Compiled,
    inputs: &Value,
    vars: &Map<String, Value>,
) -> EngineResult<Option<Box<Permit>>> {
    let Some(limit) = &compiled.doc().concurrency else {
        return Ok(None);
    };
    let bad = |message: String| {
        EngineError::Invalid(vec![
            Problem::error("bad_concurrency_key", message).at("concurrency.key"),
        ])
    };
    let key = match compiled.program.concurrency_key() {
        None => String::new(),
        Some(key) => {
            let mut scope = Scope::new(Arc::new(inputs.clone()), RunFacts::default());
            scope.vars(Arc::new(Value::Object(vars.clone())));
            match key.render(&compiled.program, &scope) {
                Ok(Value::String(text)) => text,
                Ok(other) => other.to_string(),
                Err(error) => return Err(bad(error.message)),
            }
        }
    };
    let max = flow::limits::CONCURRENCY_KEY_CHARS_MAX;
    if key.chars().count() > max {
        return Err(bad(format!(
            "the key by which runs share the limit has more than {max} characters"
        )));
    }
    Ok(Some(Box::new(Permit {
        key,
        limit: limit.limit,
        strategy: limit.strategy,
    })))
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
