//! Documents that are tried out before they are saved, and what recorded runs say about them.
//!
//! A trial is a run like any other, of a version that no list shows. It starts nothing else and nobody is told of its failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flow::parse::Format;
use flow::plan::Role;
use flow::run::fork::{Forking, OldChildren};
use flow::run::{Fork, Reused, RunState};
use flow::simulate::replay::{Recorded, Replayed, replay};
use flow::trial::{self, Scope};
use flow::view::RunSummary;
use flow::{Problem, RunId, Severity, TaskIx};
use serde_json::Value;

use super::start::Beginning;
use super::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;
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
    /// A run of the same flow that has ended, of which what holds is taken.
    pub reuse: Option<RunId>,
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
    /// Tasks whose results were taken from the other run.
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
        let (_, checked) = self.check(source.clone(), *format).await?;
        let Some(doc) = checked.doc.filter(|_| {
            checked
                .problems
                .iter()
                .all(|problem| problem.severity != Severity::Error)
        }) else {
            return Err(EngineError::Invalid(checked.problems));
        };
        let store = &self.parts.shared.store;
        let newest = store.flow(&doc.flow, None).await?;
        if newest.is_some_and(|newest| newest.archived) {
            return Err(EngineError::Archived(doc.flow));
        }
        let part = trial::cut(&doc, scope).ok_or_else(|| {
            let task = scope.task().unwrap_or_default();
            let message =
                format!("there is no task `{task}` to run; only the tasks of `tasks` run by themselves");
            EngineError::Invalid(vec![Problem::error("unknown_task", message).at("task")])
        })?;
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
        let given = self.given(&start, &compiled, &inputs).await?;
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
            reused: given.of_run,
            unknown: given.unknown,
        })
    }

    /// What tasks give without running: what is pinned, and of the other run what holds.
    async fn given(&self, start: &StartTrial, compiled: &Compiled, inputs: &Value) -> EngineResult<Given> {
        let plan = &compiled.plan;
        let target = start.scope.task();
        let mut pinned: BTreeMap<&str, &Value> = BTreeMap::new();
        let pins = compiled.doc().pins.iter();
        for (task, output) in pins.chain(start.outputs.iter()) {
            let is_main = plan.find(task).is_some_and(|ix| plan.task(ix).role == Role::Main);
            if is_main && Some(task.as_str()) != target {
                pinned.insert(task, output);
            }
        }
        let mut given = Given::default();
        let old = match start.reuse {
            Some(run) => Some(self.old_run(run, compiled).await?),
            None => None,
        };
        let alone = matches!(start.scope, Scope::One(_));
        let mut taken = match &old {
            Some(old) if alone => recorded(old, plan),
            Some(old) => self.holding(old, compiled, inputs, target).await?,
            None => Vec::new(),
        };
        let tainted = after(plan, pinned.keys().copied());
        taken.retain(|reused| {
            let task = plan.find(&reused.path);
            let is_target = target.is_some_and(|target| *reused.path == *target);
            let is_known = task.is_some_and(|ix| alone || !tainted.contains(&ix));
            is_known && !is_target && !pinned.contains_key(&*reused.path)
        });
        for reused in &taken {
            self.put_again(&reused.output).await?;
            given.of_run.push(reused.path.to_string());
        }
        if alone {
            let known =
                |key: &str| pinned.contains_key(key) || taken.iter().any(|reused| *reused.path == *key);
            let before = plan.of_role(Role::Main).map(|ix| plan.task(ix).key.to_string());
            let unknown = before.filter(|key| Some(key.as_str()) != target && !known(key));
            given.unknown = unknown.collect();
        }
        for (task, output) in pinned {
            let kept = self.keep(output.clone()).await?;
            taken.push(Reused::given(plan, task, output, kept));
        }
        for task in &given.unknown {
            taken.push(Reused::given(plan, task, &Value::Null, flow::Payload::null()));
        }
        given.reused = taken;
        Ok(given)
    }

    async fn old_run(&self, run: RunId, compiled: &Compiled) -> EngineResult<Arc<RunState>> {
        let old = self.state(run).await?;
        if !old.is_finished() || **old.flow() != *compiled.doc().flow {
            return Err(EngineError::NotNow(format!(
                "results can be taken from a run of the same flow that has ended; {run} is none"
            )));
        }
        Ok(old)
    }

    /// Results of another run that hold, up to the task that runs.
    async fn holding(
        &self,
        old: &RunState,
        compiled: &Compiled,
        inputs: &Value,
        target: Option<&str>,
    ) -> EngineResult<Vec<Reused>> {
        let blobs = &*self.parts.shared.blobs;
        let old_inputs = crate::shard::read_payload(blobs, old.inputs()).await?;
        let vars = self.parts.variables.named_by(&compiled.program).await?;
        let forking = Forking {
            old,
            old_inputs: &old_inputs,
            children: &OldChildren::default(),
            plan: &compiled.plan,
            program: &compiled.program,
            inputs,
            vars: &vars,
            given: &[],
        };
        let plan = forking
            .plan(target)
            .or_else(|_| forking.plan(None))
            .map_err(|error| EngineError::BadRequest(error.to_string()))?;
        // Whole results only: what stands behind is decided anew.
        let is_whole = |reused: &Reused| compiled.plan.find(&reused.path).is_some();
        Ok(plan.reused.into_iter().filter(is_whole).collect())
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
        let (_, checked) = self.check(source, format).await?;
        let is_right = checked
            .problems
            .iter()
            .all(|problem| problem.severity != Severity::Error);
        let Some(doc) = checked.doc.filter(|_| is_right) else {
            return Err(EngineError::Invalid(checked.problems));
        };
        let doc = Arc::new(doc);
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
        let filter = RunFilter {
            flow: Some(flow.to_owned()),
            ..RunFilter::default()
        };
        let runs = self.runs(&filter, None, LOOKED_AT_MAX.max(n)).await?.items;
        let ended = runs
            .into_iter()
            .filter(|run| run.state.is_final() && !trial::is_trial(run.version));
        Ok(ended.take(n).collect())
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

/// What tasks of a trial give without running.
#[derive(Default)]
struct Given {
    reused: Vec<Reused>,
    of_run: Vec<String>,
    unknown: Vec<String>,
}

/// Everything that tasks of a plan gave in another run, whether or not it holds.
fn recorded(old: &RunState, plan: &flow::Plan) -> Vec<Reused> {
    let tasks = plan.of_role(Role::Main).filter_map(|ix| {
        let key = &plan.task(ix).key;
        let output = old.output(old.plan().find(key)?)?;
        Some(Reused {
            path: Arc::clone(key),
            output: output.clone(),
            case: None,
            exit_code: None,
            given_by: None,
        })
    });
    tasks.collect()
}

/// The tasks that come after some.
fn after<'t>(plan: &flow::Plan, tasks: impl Iterator<Item = &'t str>) -> BTreeSet<TaskIx> {
    let mut found = BTreeSet::new();
    let mut open: Vec<TaskIx> = tasks.filter_map(|task| plan.find(task)).collect();
    while let Some(ix) = open.pop() {
        for &edge in &plan.task(ix).downs {
            let to = plan.edge(edge).to;
            if found.insert(to) {
                open.push(to);
            }
        }
    }
    found
}
