//! What expressions see of a run, and where the values they make go.

use std::sync::Arc;

use serde_json::Value;

use crate::expr::{self, Condition, Refs, RunFacts, Scope, TaskFacts, UpstreamCounts};
use crate::limits::OUTPUT_BYTES_MAX;
use crate::payload::{BlobRef, Payload, about_bytes};
use crate::plan::{PlanEdge, Role, Spot, Spread, TaskIx};
use crate::run::event::{EdgeVerdict, Ended, TaskError};
use crate::run::state::{Phase, TaskState};
use crate::view::TaskStatus;

use super::Decider;

/// A large value must be loaded first; which one stands in the decision's `needs_blobs`.
#[derive(Debug)]
pub(super) struct Missing;

impl Decider<'_, '_> {
    /// A task's arguments with their expressions evaluated, or why they could not be.
    pub(super) fn render_with(&mut self, spot: Spot) -> Result<Result<Value, TaskError>, Missing> {
        let program = self.program;
        let key = self.key(spot.task);
        let Some(task) = program.task(&key).filter(|task| !task.with.is_literal()) else {
            return Ok(Ok(Value::Object(self.plan.task(spot.task).doc.with.clone())));
        };
        let scope = self.scope_at(task.with.refs(), spot)?;
        Ok(task
            .with
            .render(program, &scope)
            .map_err(|error| TaskError::new("expression", error.message).permanent()))
    }

    /// What the edges out of a task say that an expression narrows and the outcome names: a word for it, and the kind of a failure that edges may name. `facts` are what is to become
    /// of the task, with its output if it is read.
    pub(super) fn judge_edges(
        &mut self,
        spot: Spot,
        (word, kind): (&str, Option<&str>),
        facts: impl FnOnce(&mut Self, bool) -> Result<TaskFacts, Missing>,
    ) -> Result<Vec<EdgeVerdict>, Missing> {
        let plan = Arc::clone(&self.plan);
        let ix = spot.task;
        // An item has no edges of its own.
        if spot.part.is_some() || !self.state.judges_edges_of(plan.task(ix).role) {
            return Ok(Vec::new());
        }
        let program = self.program;
        let downs = plan.task(ix).downs.iter().map(|&at| plan.edge(at));
        let narrowed: Vec<(&PlanEdge, &Condition)> = downs
            .filter(|edge| edge.has_when && edge.on.names(word, kind))
            .filter_map(|edge| {
                let task = program.task(&plan.task(edge.to).key)?;
                Some((edge, task.needs_when.get(edge.need as usize)?.as_ref()?))
            })
            .collect();
        if narrowed.is_empty() {
            return Ok(Vec::new());
        }
        let reads_output =
            |refs: &Refs| refs.any_task || refs.outputs.binary_search(&plan.task(ix).key).is_ok();
        let facts = facts(
            self,
            narrowed
                .iter()
                .any(|(_, condition)| reads_output(condition.refs())),
        )?;
        let mut verdicts = Vec::with_capacity(narrowed.len());
        for (edge, condition) in narrowed {
            let to = self.key(edge.to);
            let scope = self.scope_of(condition.refs(), Some(edge.to), Some((ix, &facts)))?;
            let (taken, error) = match condition.holds(program, &scope) {
                Ok(taken) => (taken, None),
                Err(error) => (false, Some(error.message.as_str().into())),
            };
            verdicts.push(EdgeVerdict {
                to,
                need: edge.need,
                taken,
                error,
            });
        }
        Ok(verdicts)
    }

    /// What an expression about a task run sees: for an item, that item too.
    pub(super) fn scope_at(&mut self, refs: &Refs, spot: Spot) -> Result<Scope, Missing> {
        let is_loop = self.plan.task(spot.task).spread == Some(Spread::Loop);
        let local = match spot.part.filter(|_| refs.item && !is_loop) {
            Some(part) => Some(self.item(spot.task, part)?),
            None => None,
        };
        let mut scope = self.scope_of(refs, Some(spot.task), None)?;
        if let (Some(part), Some(item)) = (spot.part, local) {
            scope.item(item, part);
        }
        if refs.now {
            scope.now(self.now.to_string());
        }
        if let Some(part) = spot.part.filter(|_| is_loop) {
            self.see_iteration(&mut scope, refs, spot.task, (part, part - 1))?;
        }
        Ok(scope)
    }

    /// What an expression of task `ix` (or of the flow's outputs) sees; `becoming` is a task that is about to settle.
    pub(super) fn scope_of(
        &mut self,
        refs: &Refs,
        ix: Option<TaskIx>,
        becoming: Option<(TaskIx, &TaskFacts)>,
    ) -> Result<Scope, Missing> {
        let inputs = if refs.inputs {
            let inputs = self.state.inputs().clone();
            self.load(&inputs)
        } else {
            Ok(Arc::new(Value::Null))
        };
        // All that is missing is asked for at once, or a task that refers to many large values would cost as many decisions.
        let mut is_missing = inputs.is_err();
        let inputs = inputs.unwrap_or_default();
        let mut scope = Scope::new(
            inputs,
            if refs.run {
                self.run_facts()
            } else {
                RunFacts::default()
            },
        );
        if !refs.vars.is_empty() {
            scope.vars(Arc::clone(self.state.vars()));
        }
        for (task, reads_output) in self.tasks_seen(refs, ix) {
            let facts = match becoming {
                Some((other, facts)) if other == task => Ok(facts.clone()),
                _ => self.facts_of(task, reads_output),
            };
            match facts {
                Ok(facts) => drop(scope.task(&self.plan.task(task).key, facts)),
                Err(Missing) => is_missing = true,
            }
        }
        if is_missing {
            return Err(Missing);
        }
        if let (true, Some(ix)) = (refs.upstream, ix) {
            scope.upstream(self.upstream_counts(ix));
        }
        Ok(scope)
    }

    /// The tasks an expression may look at, and whether it reads their outputs.
    fn tasks_seen(&self, refs: &Refs, ix: Option<TaskIx>) -> Vec<(TaskIx, bool)> {
        if !refs.any_task {
            let reads = |key: &Arc<str>| refs.outputs.binary_search(key).is_ok();
            return refs
                .tasks
                .iter()
                .filter_map(|key| Some((self.plan.find(key)?, reads(key))))
                .collect();
        }
        match ix {
            Some(ix) if self.plan.task(ix).role == Role::Main => {
                self.ancestors(ix).into_iter().map(|task| (task, true)).collect()
            }
            _ => self.plan.of_role(Role::Main).map(|task| (task, true)).collect(),
        }
    }

    fn ancestors(&self, ix: TaskIx) -> Vec<TaskIx> {
        let mut seen = vec![false; self.plan.tasks.len()];
        let mut found = Vec::new();
        let mut open = vec![ix];
        while let Some(task) = open.pop() {
            for &edge in &self.plan.task(task).ups {
                let from = self.plan.edge(edge).from;
                if !std::mem::replace(&mut seen[from as usize], true) {
                    found.push(from);
                    open.push(from);
                }
            }
        }
        found
    }

    fn facts_of(&mut self, ix: TaskIx, reads_output: bool) -> Result<TaskFacts, Missing> {
        let output = self.state.output(ix).filter(|_| reads_output).cloned();
        let output = output.map(|output| self.load(&output)).transpose()?;
        let task = self.state.task(ix);
        let mut facts = TaskFacts {
            output,
            state: task.state.status().key(),
            attempts: task.attempts.len().max(usize::from(task.started_at.is_some())) as u32,
            ..TaskFacts::default()
        };
        match &task.state {
            TaskState::Succeeded { case, exit_code, .. } => {
                facts.case = case.as_deref().map(str::to_owned);
                facts.exit_code = *exit_code;
            }
            TaskState::Failed { error, .. } => {
                facts.error = Some(error_facts(error));
                facts.exit_code = error.exit_code;
            }
            _ => {}
        }
        Ok(facts)
    }

    /// What expressions will know of a task that fails with this error.
    pub(super) fn facts_of_failure(
        &mut self,
        ix: TaskIx,
        error: &TaskError,
        output: Option<&Payload>,
    ) -> Result<TaskFacts, Missing> {
        let output = output.map(|output| self.load(output)).transpose()?;
        let attempts = self.state.task(ix).attempts.len().max(1) as u32;
        let error_fact = Some(error_facts(error));
        Ok(TaskFacts {
            output,
            state: "failed",
            error: error_fact,
            exit_code: error.exit_code,
            attempts,
            case: None,
        })
    }

    /// What expressions will know of a task that succeeds with this output.
    pub(super) fn facts_of_success(
        &mut self,
        ix: TaskIx,
        output: Option<&Payload>,
        case: Option<&str>,
        exit_code: Option<i32>,
    ) -> Result<TaskFacts, Missing> {
        let output = output.map(|output| self.load(output)).transpose()?;
        let attempts = self.state.task(ix).attempts.len().max(1) as u32;
        Ok(TaskFacts {
            output,
            state: "succeeded",
            error: None,
            exit_code,
            attempts,
            case: case.map(str::to_owned),
        })
    }

    fn upstream_counts(&self, ix: TaskIx) -> UpstreamCounts {
        let mut counts = UpstreamCounts::default();
        let mut upstreams: Vec<TaskIx> = self
            .plan
            .task(ix)
            .ups
            .iter()
            .map(|&edge| self.plan.edge(edge).from)
            .collect();
        upstreams.sort_unstable();
        upstreams.dedup();
        for from in upstreams {
            match self.state.task(from).state.status() {
                TaskStatus::Succeeded => counts.n_succeeded += 1,
                TaskStatus::Failed => counts.n_failed += 1,
                TaskStatus::Skipped => counts.n_skipped += 1,
                _ => {}
            }
        }
        counts
    }

    fn run_facts(&self) -> RunFacts {
        let data = &self.state.data;
        let (outcome, error) = match &data.phase {
            Phase::Ending { outcome, error, .. } => (
                Some(outcome.key()),
                error.as_ref().map(|error| error.message.to_string()),
            ),
            // Only the outputs are made now, and only if nothing has failed.
            Phase::Running if data.n_open[0] == 0 => (Some(Ended::Succeeded.key()), None),
            _ => (None, None),
        };
        RunFacts {
            id: data.id.to_string(),
            flow: data.flow.to_string(),
            version: data.version,
            started_at: data.started_at.unwrap_or(data.created_at).to_string(),
            labels: data
                .labels
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            outcome,
            error,
        }
    }

    /// The value itself; if it lies elsewhere and is not at hand, it is asked for.
    pub(super) fn load(&mut self, payload: &Payload) -> Result<Arc<Value>, Missing> {
        match payload {
            Payload::Inline(value) => Ok(Arc::clone(value)),
            Payload::Blob(blob) => self
                .made_here(blob)
                .or_else(|| self.blobs.get(blob))
                .ok_or_else(|| {
                    if !self.out.needs_blobs.contains(blob) {
                        self.out.needs_blobs.push(blob.clone());
                    }
                    Missing
                }),
        }
    }

    /// A large value this very decision made, which no store has yet.
    fn made_here(&self, blob: &BlobRef) -> Option<Arc<Value>> {
        let made = self.out.blobs.iter().find(|made| made.blob == *blob)?;
        serde_json::from_slice(&made.json).ok().map(Arc::new)
    }

    /// Keeps a value in place or, if it is large, as a blob.
    pub(super) fn store(&mut self, value: Value) -> Payload {
        self.light_bytes += about_bytes(&value);
        let (payload, blob) = Payload::keep(value);
        self.out.blobs.extend(blob);
        payload
    }

    /// The same for a task's output, which has a limit.
    pub(super) fn store_output(&mut self, value: Value) -> Result<Payload, TaskError> {
        match self.store(value) {
            Payload::Blob(blob) if blob.bytes > OUTPUT_BYTES_MAX as u64 => {
                self.out.blobs.retain(|made| made.blob != blob);
                Err(output_too_large(&blob))
            }
            payload => Ok(payload),
        }
    }
}

/// The failure of a task whose output is above the limit. Another attempt would give the same, so none follows.
pub(super) fn output_too_large(blob: &BlobRef) -> TaskError {
    let message = format!(
        "the output has {} bytes of JSON; at most {OUTPUT_BYTES_MAX} are kept",
        blob.bytes
    );
    TaskError::new("output_too_large", message).permanent()
}

fn error_facts(error: &TaskError) -> expr::TaskError {
    expr::TaskError {
        kind: error.kind.to_string(),
        message: error.message.to_string(),
    }
}
