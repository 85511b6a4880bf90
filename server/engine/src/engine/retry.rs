//! Runs made from others: what need not run again is taken from them, and what runs of other flows did for their tasks, likewise.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::plan::{Light, Plan};
use flow::run::event::ForkedFrom;
use flow::run::fork::{BadStart, ForkPlan, Forking, OldChildren};
use flow::run::{Fork, ParentRun, Reused, ReusedChild, RunState};
use flow::view::{RetryView, WillRunView};
use flow::{Payload, Problem, RunId};
use serde_json::{Map, Value};

use super::start::Beginning;
use super::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;
use crate::messages::child_key;

/// Children a plan of a retry looks into: a run may have as many as it has items.
const LOOKED_INTO_MAX: usize = 100;

/// Runs whose logs are read for the children of one that was made from others, which were made from others.
const EARLIER_MAX: usize = 100;

/// Task runs marked as succeeded at once.
const MARKED_MAX: usize = 1_000;

/// Events read at a time.
const EVENTS_PER_READ: usize = 1_000;

/// A run to be made from another.
#[derive(Clone, Debug)]
pub struct RetryRun {
    /// The other run; it has ended.
    pub run: RunId,
    /// The path of the task from which on all runs again; without one, what had not succeeded does. `task/inner` is a task of the run
    /// that `task` had waited for.
    pub from: Option<String>,
    /// What the new run is given; the same unless named.
    pub inputs: Option<Value>,
    /// Its version of the flow; the same unless named.
    pub version: Option<u32>,
    /// Task runs that do not run but count as succeeded, by path, with the outputs they are said to give.
    pub mark_succeeded: BTreeMap<String, Value>,
    /// On whose behalf.
    pub actor: String,
    /// A key by which it is made at most once.
    pub idempotency_key: Option<String>,
}

/// What is to be taken of a run that has ended.
struct Wanted<'a> {
    old: Arc<RunState>,
    from: Option<&'a str>,
    inputs: Option<Value>,
    version: Option<u32>,
    marked: Marked<'a>,
}

/// What task runs are said to give, and by whom.
#[derive(Clone, Copy, Default)]
struct Marked<'a> {
    outputs: Option<&'a BTreeMap<String, Value>>,
    actor: &'a str,
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
    /// Says which tasks would run again, and which would keep their results, inside of children too: there the list holds if they are
    /// given the same as before.
    ///
    /// # Errors
    /// As [`Engine::retry_run`].
    pub async fn plan_retry(&self, retry: &RetryRun) -> EngineResult<RetryView> {
        let prepared = self.prepare(self.wanted(retry).await?).await?;
        let mut view = RetryView {
            version: prepared.compiled.version,
            runs: Vec::new(),
            reused: Vec::new(),
            marked: retry.mark_succeeded.keys().cloned().collect(),
            n_not_looked_into: 0,
        };
        let mut n_left = LOOKED_INTO_MAX;
        self.list(&prepared, "", &mut n_left, &mut view).await?;
        Ok(view)
    }

    /// Starts a run that takes from another what holds there as well. The new run needs nothing of the old one, but for what its tasks'
    /// children take from old children; one that is gone by then is done whole.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::NotNow`] if it has not ended; [`EngineError::UnknownTask`] or
    /// [`EngineError::BadRequest`] if nothing can start from that task; else as [`Engine::start_run`].
    pub async fn retry_run(&self, retry: RetryRun) -> EngineResult<RunId> {
        let mut prepared = self.prepare(self.wanted(&retry).await?).await?;
        let start = StartRun {
            version: Some(prepared.compiled.version),
            inputs: std::mem::take(&mut prepared.inputs),
            labels: prepared.old.summary().labels,
            trigger: "retry".to_owned(),
            actor: retry.actor,
            idempotency_key: retry.idempotency_key,
            ..StartRun::of(prepared.old.flow())
        };
        let from = ForkedFrom {
            run: retry.run,
            task: retry.from.map(Into::into),
        };
        let beginning = self.beginning(from, prepared).await?;
        self.begin(start, beginning).await
    }

    /// Starts a run for a task of another, of this version and with these inputs, that takes from an old child what holds. Is that gone,
    /// or of another flow, or still at work, the run does all itself.
    ///
    /// # Errors
    /// As [`Engine::retry_run`].
    pub(crate) async fn start_child_fork(
        &self,
        start: StartRun,
        parent: ParentRun,
        from: ForkedFrom,
    ) -> EngineResult<RunId> {
        let old = match self.state(from.run).await {
            Ok(old) if old.is_finished() && **old.flow() == *start.flow => old,
            Ok(_) | Err(EngineError::UnknownRun(_)) => return self.start_child_run(start, parent).await,
            Err(error) => return Err(error),
        };
        let wanted = Wanted {
            old,
            from: from.task.as_deref(),
            inputs: Some(start.inputs.clone()),
            version: start.version,
            marked: Marked::default(),
        };
        let prepared = self.prepare(wanted).await?;
        let beginning = Beginning {
            parent: Some(Box::new(parent)),
            ..self.beginning(from, prepared).await?
        };
        self.begin(start, beginning).await
    }

    async fn beginning(&self, from: ForkedFrom, prepared: Prepared) -> EngineResult<Beginning> {
        let ForkPlan { reused, children, .. } = prepared.plan;
        for reused in &reused {
            self.put_again(&reused.output).await?;
        }
        let fork = Fork {
            from: Some(from),
            reused,
            children,
        };
        Ok(Beginning {
            fork: Some(Box::new(fork)),
            vars: Some(prepared.vars),
            ..Beginning::default()
        })
    }

    async fn wanted<'a>(&self, retry: &'a RetryRun) -> EngineResult<Wanted<'a>> {
        let old = self.state(retry.run).await?;
        if !old.is_finished() {
            return Err(EngineError::NotNow(format!(
                "run {} is still at work; wait for its end or cancel it first",
                retry.run
            )));
        }
        Ok(Wanted {
            old,
            from: retry.from.as_deref(),
            inputs: retry.inputs.clone(),
            version: retry.version,
            marked: Marked {
                outputs: Some(&retry.mark_succeeded),
                actor: &retry.actor,
            },
        })
    }

    async fn prepare(&self, wanted: Wanted<'_>) -> EngineResult<Prepared> {
        let Wanted {
            old,
            from,
            inputs,
            version,
            marked,
        } = wanted;
        let version = version.unwrap_or_else(|| old.summary().version);
        let compiled = self
            .parts
            .shared
            .flows
            .to_start(old.flow(), Some(version))
            .await?;
        let blobs = &*self.parts.shared.blobs;
        let old_inputs = crate::shard::read_payload(blobs, old.inputs()).await?;
        let inputs = inputs.unwrap_or_else(|| (*old_inputs).clone());
        let inputs = flow::inputs::resolve(compiled.doc(), inputs).map_err(EngineError::Invalid)?;
        let vars = self.parts.variables.named_by(&compiled.program).await?;
        let given = self.marked(marked, &compiled.plan, from).await?;
        let forking = Forking {
            old: &old,
            old_inputs: &old_inputs,
            children: &self.old_children(&old, &compiled.plan).await?,
            plan: &compiled.plan,
            program: &compiled.program,
            inputs: &inputs,
            vars: &vars,
            given: &given,
        };
        let mut plan = forking.plan(from).map_err(|error| match error {
            // Of a task that only the other version lacks, the sentence about the version says more.
            BadStart::NoSuchTask(task) if old.plan().spot(&task).is_none() => {
                EngineError::UnknownTask { run: old.id(), task }
            }
            other => EngineError::BadRequest(other.to_string()),
        })?;
        let mut children = Vec::with_capacity(plan.children.len());
        for child in plan.children {
            if self.can_be_taken_up(&child).await? {
                children.push(child);
            }
        }
        plan.children = children;
        Ok(Prepared {
            old,
            compiled,
            inputs,
            vars,
            plan,
        })
    }

    /// What is marked as succeeded, kept where large values are.
    async fn marked(&self, marked: Marked<'_>, plan: &Plan, from: Option<&str>) -> EngineResult<Vec<Reused>> {
        let Some(outputs) = marked.outputs else {
            return Ok(Vec::new());
        };
        if outputs.len() > MARKED_MAX {
            return Err(EngineError::BadRequest(format!(
                "{} task runs are marked as succeeded; at most {MARKED_MAX} can be at once",
                outputs.len()
            )));
        }
        let named: Vec<(&str, &Value)> = outputs
            .iter()
            .map(|(path, output)| (path.as_str(), output))
            .collect();
        Forking::check_given(plan, &named, from).map_err(|bad| {
            let field = format!("mark_succeeded.{}", bad.path());
            EngineError::Invalid(vec![Problem::error("bad_mark", bad.to_string()).at(field)])
        })?;
        let mut given = Vec::with_capacity(named.len());
        for (path, output) in named {
            given.push(Reused {
                given_by: Some(marked.actor.into()),
                ..Reused::given(plan, path, output, self.keep(output.clone()).await?)
            });
        }
        Ok(given)
    }

    /// The runs that the tasks of an old run waited for, if tasks of the new one may wait for such.
    async fn old_children(&self, old: &RunState, plan: &Plan) -> EngineResult<OldChildren> {
        let mut found = OldChildren::default();
        if plan.tasks.iter().all(|task| task.light != Some(Light::Subflow)) {
            return Ok(found);
        }
        self.read_children(old.id(), &mut found).await?;
        for _ in 0..EARLIER_MAX {
            let Some(run) = found.wants_earlier() else { break };
            let mut earlier = OldChildren::default();
            self.read_children(run, &mut earlier).await?;
            found.earlier(earlier);
        }
        Ok(found)
    }

    /// Reads the log of a run; there is none of one that is gone.
    async fn read_children(&self, run: RunId, found: &mut OldChildren) -> EngineResult<()> {
        let mut after = 0;
        loop {
            let events = self.events(run, after, EVENTS_PER_READ).await?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            events.iter().for_each(|event| found.read(event));
        }
        for (path, flow, attempt) in found.unheard_of() {
            let key = child_key(run, &path, attempt);
            if let Some((child, _)) = self.parts.shared.store.run_by_key(&flow, &key).await? {
                found.started(&path, child, self.run_summary(child).await?.version);
            }
        }
        Ok(())
    }

    /// Whether an old child is still there and has ended.
    ///
    /// # Errors
    /// If not and a task inside it was chosen to start from, or there is no such task.
    async fn can_be_taken_up(&self, child: &ReusedChild) -> EngineResult<bool> {
        let old = match self.run_summary(child.child).await {
            Ok(old) => Some(old),
            Err(EngineError::UnknownRun(_)) => None,
            Err(error) => return Err(error),
        };
        let can = old.as_ref().is_some_and(|old| old.state.is_final());
        if child.from.is_some() {
            let (path, run) = (&child.path, child.child);
            if old.is_none() {
                return Err(EngineError::BadRequest(format!(
                    "the run {run} that `{path}` had waited for is deleted; start from `{path}` itself"
                )));
            }
            if !can {
                return Err(EngineError::NotNow(format!(
                    "the run {run} that `{path}` had waited for is still at work; wait for its end or cancel it first"
                )));
            }
            self.look_into(child).await?;
        }
        Ok(can)
    }

    /// What a child would take up if it were given the same as the old one. None if it cannot be: it has to be given something else.
    async fn look_into(&self, child: &ReusedChild) -> EngineResult<Option<Prepared>> {
        let wanted = Wanted {
            old: self.state(child.child).await?,
            from: child.from.as_deref(),
            inputs: None,
            version: Some(child.version),
            marked: Marked::default(),
        };
        // A child may have children.
        match Box::pin(self.prepare(wanted)).await {
            Ok(prepared) => Ok(Some(prepared)),
            Err(EngineError::Invalid(_)) => Ok(None),
            Err(EngineError::BadRequest(why)) => {
                Err(EngineError::BadRequest(format!("in `{}`: {why}", child.path)))
            }
            Err(EngineError::NotNow(why)) => Err(EngineError::NotNow(format!("in `{}`: {why}", child.path))),
            Err(error) => Err(error),
        }
    }

    /// Lists what runs and what holds, and likewise inside the children.
    async fn list(
        &self,
        prepared: &Prepared,
        inside: &str,
        n_left: &mut usize,
        view: &mut RetryView,
    ) -> EngineResult<()> {
        let Prepared { compiled, plan, .. } = prepared;
        let is_marked =
            |task: &&Reused| inside.is_empty() && view.marked.iter().any(|path| **path == *task.path);
        let reused: Vec<String> = (plan.reused.iter())
            .filter(|task| !is_marked(task))
            .map(|task| format!("{inside}{}", task.path))
            .collect();
        view.reused.extend(reused);
        for task in &plan.runs {
            view.runs.push(WillRunView {
                task: format!("{inside}{}", task.path),
                why: task.why.to_string(),
                after: task.why.after().map(|after| format!("{inside}{after}")),
                n_items_reused: task.n_items_reused,
            });
            let ix = compiled.plan.find(&task.path);
            let is_its = |child: &&ReusedChild| compiled.plan.spot(&child.path).map(|spot| spot.task) == ix;
            for child in plan.children.iter().filter(is_its) {
                if *n_left == 0 {
                    view.n_not_looked_into += 1;
                    continue;
                }
                *n_left -= 1;
                if let Some(prepared) = self.look_into(child).await? {
                    let inside = format!("{inside}{}/", child.path);
                    Box::pin(self.list(&prepared, &inside, n_left, view)).await?;
                }
            }
        }
        Ok(())
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
