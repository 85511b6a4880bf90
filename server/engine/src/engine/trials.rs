//! Documents that are tried out before they are saved, and what recorded runs say about them.
//!
//! A trial is a run like any other, of a version that no list shows. It starts nothing else and nobody is told of its failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::parse::Format;
use flow::run::Fork;
use flow::simulate::replay::{Recorded, Replayed, replay};
use flow::trial::{self, Scope};
use flow::view::RunSummary;
use flow::{FlowDoc, Problem, RunId, Severity, TaskIx};
use serde_json::Value;

use super::start::Beginning;
use super::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::store::RunFilter;
use crate::store::edits::NewTrial;

/// Runs that a document is held against at once.
const REPLAYED_MAX: usize = 50;

/// Newest runs of a flow among which one is looked for that has ended.
const LOOKED_AT_MAX: usize = 50;

/// A document to be tried out.
#[derive(Clone, Debug)]
pub struct StartTrial {
    /// Its text.
    pub source: Vec<u8>,
    /// What it is written in.
    pub format: Format,
    /// What the run is given: a JSON object, or null for nothing.
    pub inputs: Value,
    /// How much of it runs.
    pub scope: Scope,
    /// Whether results of earlier runs of the flow are taken that still hold, of trials too. Where one task runs alone they need not
    /// hold: it is given what those before it gave last.
    pub is_reusing: bool,
    /// Outputs that tasks give instead of running, beside and before those the document pins.
    pub outputs: BTreeMap<String, Value>,
    /// On whose behalf.
    pub actor: String,
}

/// A trial that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialStarted {
    /// Its run.
    pub run: RunId,
    /// Tasks whose results were taken from earlier runs.
    pub reused: Vec<String>,
    /// Tasks before the one that runs alone of which nothing is known: they give null.
    pub unknown: Vec<String>,
}

impl Engine {
    /// Starts a run of a document that is not saved.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with all problems of the document and the inputs; else as [`Engine::start_run`].
    pub async fn start_trial(&self, start: StartTrial) -> EngineResult<TrialStarted> {
        let StartTrial {
            source,
            format,
            scope,
            actor,
            ..
        } = &start;
        let doc = self.right(source.clone(), *format).await?;
        let store = &self.parts.shared.store;
        let newest = store.flow(&doc.flow, None).await?;
        if newest.is_some_and(|newest| newest.archived) {
            return Err(EngineError::Archived(doc.flow));
        }
        let part = trial::cut(&doc, scope).ok_or_else(|| no_such_task(scope))?;
        let document = serde_json::to_string(&part)
            .map_err(|error| EngineError::BadRequest(format!("the document cannot be written: {error}")))?;
        let new = NewTrial {
            flow: doc.flow.clone(),
            source: flow::parse::to_yaml(&part),
            format: Format::Yaml.key().to_owned(),
            document,
            at: self.clock().now(),
            actor: actor.clone(),
        };
        let version = store.put_trial(new).await?;
        let compiled = self.parts.shared.flows.to_start(&doc.flow, Some(version)).await?;
        let inputs =
            flow::inputs::resolve(compiled.doc(), start.inputs.clone()).map_err(EngineError::Invalid)?;
        let given = self.trial_results(&start, &compiled, &inputs).await?;
        let fork = Fork {
            from: None,
            reused: given.reused,
            children: Vec::new(),
        };
        let beginning = Beginning {
            fork: Some(Box::new(fork)),
            ..Beginning::default()
        };
        let run = StartRun {
            version: Some(version),
            inputs,
            trigger: "editor".to_owned(),
            actor: start.actor,
            ..StartRun::of(&doc.flow)
        };
        Ok(TrialStarted {
            run: self.begin(run, beginning).await?,
            reused: given.of_runs,
            unknown: given.unknown,
        })
    }

    /// The document, if nothing is wrong with it.
    pub(super) async fn right(&self, source: Vec<u8>, format: Format) -> EngineResult<FlowDoc> {
        let (_, checked) = self.check(source, format).await?;
        let is_right = checked
            .problems
            .iter()
            .all(|problem| problem.severity != Severity::Error);
        match checked.doc.filter(|_| is_right) {
            Some(doc) => Ok(doc),
            None => Err(EngineError::Invalid(checked.problems)),
        }
    }

    /// The newest run of a flow that has ended, with what it was given and what its tasks gave.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn last_recorded(&self, flow: &str) -> EngineResult<Option<(RunSummary, Recorded)>> {
        let ended = self.ended_runs(flow, 1).await?;
        match ended.into_iter().next() {
            Some(run) => Ok(Some((run.clone(), self.recorded(run.id).await?))),
            None => Ok(None),
        }
    }

    /// Holds a document against the newest runs of its flow that have ended: what each would have done.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if the document is not right; if the store cannot be read.
    pub async fn replay_runs(
        &self,
        source: Vec<u8>,
        format: Format,
        n: usize,
    ) -> EngineResult<Vec<(RunSummary, Result<Replayed, String>)>> {
        let doc = Arc::new(self.right(source, format).await?);
        let mut all = Vec::new();
        for run in self.ended_runs(&doc.flow, n.min(REPLAYED_MAX)).await? {
            let recorded = self.recorded(run.id).await?;
            let doc = Arc::clone(&doc);
            let replayed = self
                .parts
                .shared
                .runtime
                .spawn_blocking(move || replay(&doc, &recorded))
                .await
                .map_err(|error| {
                    EngineError::Unavailable(format!("{} could not be replayed: {error}", run.id))
                })?;
            all.push((run, replayed));
        }
        Ok(all)
    }

    /// The newest runs of saved versions that have ended: what was tried out says nothing of what people rely on.
    async fn ended_runs(&self, flow: &str, n: usize) -> EngineResult<Vec<RunSummary>> {
        let runs = self.newest_runs(flow, LOOKED_AT_MAX.max(n)).await?;
        let ended = runs
            .into_iter()
            .filter(|run| run.state.is_final() && !trial::is_trial(run.version));
        Ok(ended.take(n).collect())
    }

    /// The newest runs of a flow, trials among them.
    pub(super) async fn newest_runs(&self, flow: &str, n: usize) -> EngineResult<Vec<RunSummary>> {
        let filter = RunFilter {
            flow: Some(flow.to_owned()),
            ..RunFilter::default()
        };
        Ok(self.runs(&filter, None, n).await?.items)
    }

    async fn recorded(&self, run: RunId) -> EngineResult<Recorded> {
        let state = self.state(run).await?;
        let blobs = &*self.parts.shared.blobs;
        let inputs = crate::shard::read_payload(blobs, state.inputs()).await?;
        let mut outputs: BTreeMap<TaskIx, Value> = BTreeMap::new();
        for ix in 0..state.tasks().len() as TaskIx {
            if let Some(output) = state.output(ix) {
                let value = crate::shard::read_payload(blobs, output).await?;
                outputs.insert(ix, Value::clone(&value));
            }
        }
        Ok(Recorded::of(&state, Value::clone(&inputs), &outputs))
    }
}

pub(super) fn no_such_task(scope: &Scope) -> EngineError {
    let task = scope.task().unwrap_or_default();
    let message = format!("there is no task `{task}` to run; only the tasks of `tasks` run by themselves");
    EngineError::Invalid(vec![Problem::error("unknown_task", message).at("task")])
}
