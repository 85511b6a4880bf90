//! What tasks of a trial give without running: what is pinned or said for it, and of earlier runs what holds.
//!
//! Of each task the newest run decides that says something of it; runs in which its result was only given say nothing. A result is
//! taken if its task and what that reads are the same, and everything before it gives here what it gave there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flow::expr::Program;
use flow::plan::Role;
use flow::run::fork::{ForkPlan, Forking, OldChildren, Why};
use flow::run::{Reused, RunState};
use flow::trial::{self, Scope};
use flow::view::{RunSummary, TaskRunView, TaskStatus};
use flow::{Payload, Plan, RunId, TaskIx};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::trials::no_such_task;
use super::{Engine, StartTrial};
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;

/// Newest runs of a flow of which results are taken.
const REUSED_FROM_MAX: usize = 20;

/// What tasks of a trial give without running.
#[derive(Default)]
pub(super) struct TrialResults {
    pub(super) reused: Vec<Reused>,
    /// Tasks whose results are of earlier runs.
    pub(super) of_runs: Vec<String>,
    /// Tasks of which nothing is known.
    pub(super) unknown: Vec<String>,
}

/// Where the output is from that a task gives without running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenFrom {
    /// The document pins it.
    Pin,
    /// It gave this in an earlier run.
    Run(RunId),
    /// Nothing is known of it: it gives null.
    Nowhere,
}

/// What a task before the one that runs alone gives.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenOutput {
    /// The task.
    pub task: String,
    /// What it gives.
    pub output: Value,
    /// Where that is from.
    pub from: GivenFrom,
}

impl Engine {
    /// What the tasks would give that the one reads which is to run alone, the nearest last.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with the problems of the document, or if no such task runs by itself.
    pub async fn trial_outputs(&self, start: &StartTrial) -> EngineResult<Vec<GivenOutput>> {
        let doc = self.right(start.source.clone(), start.format).await?;
        let target = start.scope.task().unwrap_or_default();
        let before = trial::before(&doc, target).ok_or_else(|| no_such_task(&start.scope))?;
        let (program, _) = Program::compile(&doc);
        let reads = |task: &String| {
            program.task(target).is_some_and(|program| {
                let refs = &program.work_refs;
                refs.any_task || refs.outputs.binary_search(&task.as_str().into()).is_ok()
            })
        };
        let read: Vec<String> = before.into_iter().filter(reads).collect();
        let recorded = match start.is_reusing {
            true => {
                let open = read.iter().filter(|task| !doc.pins.contains_key(*task));
                self.newest_outputs(&doc.flow, open.cloned().collect()).await?
            }
            false => BTreeMap::new(),
        };
        let blobs = &*self.parts.shared.blobs;
        let mut given = Vec::new();
        for task in read {
            let (output, from) = match (doc.pins.get(&task), recorded.get(&task)) {
                (Some(pin), _) => (pin.clone(), GivenFrom::Pin),
                (None, Some((run, output))) => {
                    let output = crate::shard::read_payload(blobs, output).await?;
                    (Value::clone(&output), GivenFrom::Run(*run))
                }
                (None, None) => (Value::Null, GivenFrom::Nowhere),
            };
            given.push(GivenOutput { task, output, from });
        }
        Ok(given)
    }

    /// The newest run of a flow in which a task did something itself, with what it did.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn last_of_task(
        &self,
        flow: &str,
        task: &str,
    ) -> EngineResult<Option<(RunSummary, TaskRunView)>> {
        for run in self.newest_runs(flow, REUSED_FROM_MAX).await? {
            let state = self.state(run.id).await?;
            let Some(ix) = state.plan().find(task) else {
                continue;
            };
            let view = state.task_view(ix);
            if !view.is_reused && view.ready_at.is_some() && view.state != TaskStatus::Blocked {
                return Ok(Some((run, view)));
            }
        }
        Ok(None)
    }

    pub(super) async fn trial_results(
        &self,
        start: &StartTrial,
        compiled: &Compiled,
        inputs: &Value,
    ) -> EngineResult<TrialResults> {
        let plan = &compiled.plan;
        let target = start.scope.task();
        let mut given: FxHashMap<TaskIx, Reused> = FxHashMap::default();
        let pins = compiled.doc().pins.iter();
        for (task, output) in pins.chain(start.outputs.iter()) {
            let Some(ix) = plan.find(task).filter(|&ix| plan.task(ix).role == Role::Main) else {
                continue;
            };
            if Some(task.as_str()) != target {
                let kept = self.keep(output.clone()).await?;
                let by = Some(start.actor.as_str().into());
                let given_by = |reused| Reused {
                    given_by: by,
                    ..reused
                };
                given.insert(ix, given_by(Reused::given(plan, task, output, kept)));
            }
        }
        let mut results = TrialResults::default();
        match &start.scope {
            Scope::One(target) => {
                self.recorded_results(start, plan, target, &given, &mut results)
                    .await?
            }
            scope if start.is_reusing => {
                let mut holding = Holding::new(plan, scope.task(), &given);
                self.look_back(&mut holding, compiled, inputs).await?;
                results.reused = holding.taken();
            }
            _ => {}
        }
        for reused in &results.reused {
            self.put_again(&reused.output).await?;
            if reused.given_by.as_deref() != Some(trial::UNKNOWN) {
                results.of_runs.push(reused.path.to_string());
            }
        }
        results.reused.extend(given.into_values());
        Ok(results)
    }

    /// What the tasks gave before the one that runs alone, whether or not it holds.
    async fn recorded_results(
        &self,
        start: &StartTrial,
        plan: &Plan,
        target: &str,
        given: &FxHashMap<TaskIx, Reused>,
        results: &mut TrialResults,
    ) -> EngineResult<()> {
        let open = plan.of_role(Role::Main).filter(|ix| !given.contains_key(ix));
        let open = open.map(|ix| plan.task(ix).key.to_string());
        let open: BTreeSet<String> = open.filter(|key| key != target).collect();
        let mut recorded = match start.is_reusing {
            true => self.newest_outputs(&plan.doc.flow, open.clone()).await?,
            false => BTreeMap::new(),
        };
        for task in open {
            let (output, by) = match recorded.remove(&task) {
                Some((_, output)) => (output, trial::RECORDED),
                None => {
                    results.unknown.push(task.clone());
                    (Payload::null(), trial::UNKNOWN)
                }
            };
            results.reused.push(Reused {
                path: task.into(),
                output,
                case: None,
                exit_code: None,
                given_by: Some(by.into()),
            });
        }
        Ok(())
    }

    /// What tasks gave in the newest runs that have ended and in which they succeeded, and that was not only given.
    async fn newest_outputs(
        &self,
        flow: &str,
        mut open: BTreeSet<String>,
    ) -> EngineResult<BTreeMap<String, (RunId, Payload)>> {
        let mut found = BTreeMap::new();
        for run in self.newest_runs(flow, REUSED_FROM_MAX).await? {
            if open.is_empty() {
                break;
            }
            if !run.state.is_final() {
                continue;
            }
            let old = self.state(run.id).await?;
            open.retain(|task| {
                let is_own = |&ix: &TaskIx| {
                    old.task(ix).state.status() == TaskStatus::Succeeded && !is_only_given(&old, ix)
                };
                let ix = old.plan().find(task).filter(is_own);
                let Some(output) = ix.and_then(|ix| old.output(ix)) else {
                    return true;
                };
                found.insert(task.clone(), (run.id, output.clone()));
                false
            });
        }
        Ok(found)
    }

    /// Looks at runs that have ended, the newest first, until all is settled.
    async fn look_back(
        &self,
        holding: &mut Holding<'_>,
        compiled: &Compiled,
        inputs: &Value,
    ) -> EngineResult<()> {
        let vars = self.parts.variables.named_by(&compiled.program).await?;
        let blobs = &*self.parts.shared.blobs;
        for run in self.newest_runs(&compiled.doc().flow, REUSED_FROM_MAX).await? {
            if holding.is_settled() {
                break;
            }
            if !run.state.is_final() {
                continue;
            }
            let old = self.state(run.id).await?;
            let old_inputs = crate::shard::read_payload(blobs, old.inputs()).await?;
            let forking = Forking {
                old: &old,
                old_inputs: &old_inputs,
                children: &OldChildren::default(),
                plan: &compiled.plan,
                program: &compiled.program,
                inputs,
                vars: &vars,
                given: &[],
            };
            let fork = forking
                .plan(None)
                .map_err(|error| EngineError::BadRequest(error.to_string()))?;
            holding.look_at(&old, fork);
        }
        Ok(())
    }
}

/// Whether a trial's task did not run, and what it gave says nothing of what it would give.
fn is_only_given(old: &RunState, ix: TaskIx) -> bool {
    trial::is_trial(old.version()) && old.given_by(ix.into()).is_some()
}

/// What becomes of a task of the trial.
enum Fate {
    /// It gives this without running.
    Gives(Reused, Gives),
    /// It is skipped, as it was.
    Skipped,
    /// It runs.
    Runs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    Said,
    Held,
}

/// What holds of runs that are looked at one after the other.
struct Holding<'h> {
    plan: &'h Plan,
    order: Vec<TaskIx>,
    fates: FxHashMap<TaskIx, Fate>,
}

impl<'h> Holding<'h> {
    fn new(plan: &'h Plan, target: Option<&str>, given: &FxHashMap<TaskIx, Reused>) -> Self {
        let said = given
            .iter()
            .map(|(&ix, reused)| (ix, Fate::Gives(reused.clone(), Gives::Said)));
        let mut fates: FxHashMap<TaskIx, Fate> = said.collect();
        if let Some(target) = target.and_then(|target| plan.find(target)) {
            fates.insert(target, Fate::Runs);
        }
        Self {
            plan,
            order: plan.upstreams_first(|role| role == Role::Main),
            fates,
        }
    }

    fn is_settled(&self) -> bool {
        self.order.iter().all(|ix| self.fates.contains_key(ix))
    }

    /// Takes what holds of a run, of tasks that no newer one has settled.
    fn look_at(&mut self, old: &RunState, fork: ForkPlan) {
        let why: FxHashMap<Arc<str>, Why> = fork.runs.into_iter().map(|run| (run.path, run.why)).collect();
        let held = fork
            .reused
            .into_iter()
            .map(|reused| (Arc::clone(&reused.path), reused));
        let mut held: FxHashMap<Arc<str>, Reused> = held.collect();
        // Those that do here what they did there, as does everything before them.
        let mut same: FxHashSet<TaskIx> = FxHashSet::default();
        for &ix in &self.order {
            let task = self.plan.task(ix);
            let mut ups = task.ups.iter().map(|&edge| self.plan.edge(edge).from);
            let there = old.plan().find(&task.key);
            let is_after_same = ups.clone().all(|up| same.contains(&up));
            if !self.fates.contains_key(&ix) {
                let is_given = there.is_some_and(|there| is_only_given(old, there));
                let fate = match (held.remove(&task.key), why.get(&task.key)) {
                    _ if ups.any(|up| matches!(self.fates.get(&up), Some(Fate::Runs))) => Some(Fate::Runs),
                    _ if !is_after_same || is_given => None,
                    (Some(reused), _) => Some(Fate::Gives(reused, Gives::Held)),
                    // It was the same and did not succeed: what it gave before that is no news of it.
                    (None, Some(Why::NotSucceeded(TaskStatus::Failed) | Why::Undone)) => Some(Fate::Runs),
                    (None, Some(_)) => None,
                    (None, None) => Some(Fate::Skipped),
                };
                match fate {
                    Some(fate) => drop(self.fates.insert(ix, fate)),
                    None => continue,
                }
            }
            let is_same = match (self.fates.get(&ix), there) {
                (Some(Fate::Gives(reused, _)), Some(there)) => {
                    old.task(there).state.status() == TaskStatus::Succeeded
                        && old.output(there) == Some(&reused.output)
                }
                (Some(Fate::Skipped), Some(there)) => old.task(there).state.status() == TaskStatus::Skipped,
                _ => false,
            };
            if is_same && is_after_same {
                same.insert(ix);
            }
        }
    }

    /// The results that are taken, in the order of the plan.
    fn taken(mut self) -> Vec<Reused> {
        let order = std::mem::take(&mut self.order);
        let taken = order.into_iter().filter_map(|ix| match self.fates.remove(&ix) {
            Some(Fate::Gives(reused, Gives::Held)) => Some(reused),
            _ => None,
        });
        taken.collect()
    }
}
